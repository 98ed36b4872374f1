"""Define defaults of this package and of the command line, without importing anything."""

MAX_GAP = 10
"""Frames over which unknown joints are interpolated."""

MAX_FPS = 1000
"""More frames per second than any camera of people has."""
