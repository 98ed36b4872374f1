"""Speed as ratios of two contestants measured in one run: ``python benchmarks/speed``."""
