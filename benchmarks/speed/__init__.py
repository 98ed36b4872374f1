"""Measure speed as ratios of two contestants in one run: ``python benchmarks/speed``."""
