"""The supervised baseline of Martinez et al. 2017."""

from posezoo.deprecation import deprecated_names
from posezoo.papers.martinez.module import Martinez

__all__ = ["Martinez"]

__getattr__ = deprecated_names(__name__, {"MartinezDataModule": "posezoo.data.LiftingDataModule"})
