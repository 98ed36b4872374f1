"""The supervised baseline of Martinez et al. 2017."""

from posezoo.papers.martinez.datamodule import MartinezDataModule
from posezoo.papers.martinez.module import Martinez

__all__ = ["Martinez", "MartinezDataModule"]
