"""What the functions of this package and the command line take where nothing else is asked; imports nothing."""

MAX_GAP = 10
"""Frames over which unknown joints are interpolated."""
