"""The version of PoseZoo."""

__version__ = "0.1.0"
