"""How published tables become runs, runs become results, and results become reports. The door is ``reproduce.py``."""
