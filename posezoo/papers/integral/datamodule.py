"""Data of Sun et al. 2018: each batch half pictures with 3D labels, half pictures with 2D labels alone."""

from __future__ import annotations

from posezoo.data.pictures import PicturesDataModule


class IntegralDataModule(PicturesDataModule):
    """See :class:`posezoo.data.pictures.PicturesDataModule`; the paper's are Human3.6M and MPII."""
