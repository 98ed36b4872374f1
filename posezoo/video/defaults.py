"""Define defaults of this package and of the command line, without importing anything."""

MAX_GAP = 10
"""Frames over which unknown joints are interpolated."""
