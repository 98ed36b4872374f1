"""Synthetic people: an articulated body, its motions, and pictures of it."""
