"""The papers: one folder each, read top to bottom. Papers never import each other."""
