"""Turn published tables into runs, runs into results, and results into reports; ``reproduce.py`` is the command."""
