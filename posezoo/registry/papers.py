"""The papers of the zoo: where their classes are, what to cite, and how settings become a model."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import CorruptFileError, UnknownNameError

if TYPE_CHECKING:
    from posezoo.lifting import ZooModule


@dataclass(frozen=True)
class Paper:
    """A paper of the zoo: where its classes are, and what to cite.

    Attributes:
        module, datamodule: class names in ``posezoo.papers.<name>``.
        default: the tag that the bare name stands for.
        title, authors, venue, year: the citation.
        supervision: what its training needs, in words.
        unsupervised: whether it learns from 2D keypoints alone, and so can be fine-tuned on them.
    """

    module: str
    datamodule: str
    default: str
    title: str
    authors: str
    venue: str
    year: int
    supervision: str
    unsupervised: bool = False


PAPERS: dict[str, Paper] = {
    "cvugcn": Paper(
        "CVUGCN", "CVUGCNDataModule", "cmu",
        "Weakly-supervised Cross-view 3D Human Pose Estimation",
        "Hua, Li, Zhang, Ding, Liu", "arXiv", 2021, "2D annotations of two calibrated cameras",
    ),
    "geoselfsup": Paper(
        "GeoSelfSup", "GeoSelfSupDataModule", "cmu",
        "Unsupervised 3D Pose Estimation with Geometric Self-Supervision",
        "Chen, Tyagi, Agrawal, Drover, MV, Stojanov, Rehg", "CVPR", 2019, "2D keypoints only", True,
    ),
    "georep": Paper(
        "GeoRep", "GeoRepDataModule", "cmu",
        "Weakly-Supervised Discovery of Geometry-Aware Representation for 3D Human Pose Estimation",
        "Chen, Lin, Liu, Qian, Wang, Lin", "CVPR", 2019, "2D keypoints of several cameras, a few 3D labels",
    ),
    "hg3d": Paper(
        "HG3D", "HG3DDataModule", "render_small",
        "Towards 3D Human Pose Estimation in the Wild: a Weakly-supervised Approach",
        "Zhou, Huang, Sun, Xue, Wei", "ICCV", 2017, "pictures with 3D labels, pictures with 2D labels",
    ),
    "integral": Paper(
        "Integral", "IntegralDataModule", "render_small",
        "Integral Human Pose Regression",
        "Sun, Xiao, Wei, Liang, Wei", "ECCV", 2018, "pictures with 3D labels, pictures with 2D labels",
    ),
    "martinez": Paper(
        "Martinez", "MartinezDataModule", "cmu",
        "A simple yet effective baseline for 3d human pose estimation",
        "Martinez, Hossain, Romero, Little", "ICCV", 2017, "3D labels",
    ),
    "svma": Paper(
        "SVMA", "SVMADataModule", "cmu",
        "SVMA: A GAN-based model for Monocular 3D Human Pose Estimation",
        "Deng, Sun, Zhu", "arXiv", 2021, "2D keypoints only", True,
    ),
}  # fmt: skip
"""Adding a paper is one entry here."""


def paper_class(paper: str, kind: str = "module") -> Any:
    """The LightningModule (or with ``kind="datamodule"`` the DataModule) class of a paper.

    Raises:
        UnknownNameError: no such paper.
    """
    if paper not in PAPERS:
        raise UnknownNameError.of("paper", paper, PAPERS)
    return getattr(importlib.import_module(f"posezoo.papers.{paper}"), getattr(PAPERS[paper], kind))


def build(paper: str, settings: dict[str, Any], source: Path | str = "settings") -> ZooModule:
    """An untrained model of a paper.

    Raises:
        UnknownNameError: no such paper.
        CorruptFileError: settings that its constructor does not take.
    """
    try:
        return paper_class(paper)(**settings)
    except TypeError as error:
        raise CorruptFileError(f"{source}: {paper} does not take these settings ({error}).") from error
