"""Triangulate the keypoints of several calibrated cameras, and measure how well each view agrees with a pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry import Camera, triangulate
from posezoo.geometry.double import to_double
from posezoo.geometry.robust import reproject, trusted
from posezoo.papers.cvugcn.rig import Rig

_AGREE = 6.0  # a view within this many typical errors agrees with a point
_LEAST_PX = 2.0


@dataclass(frozen=True)
class Views:
    """Synchronised keypoints of one person.

    Attributes:
        pixels: (T, V, J, 2) without distortion; NaN where a joint was not seen.
        trust: (T, V, J) confidences, where known.
        cameras: V of them.
    """

    pixels: Float[Tensor, "T V J 2"]
    trust: Float[Tensor, "T V J"] | None
    cameras: list[Camera]

    @property
    def projections(self) -> Float[Tensor, "V 3 4"]:
        """K [R | t] in double precision."""
        return Rig.of_cameras(self.cameras, self.pixels.device).projections


class Agreement(NamedTuple):
    """How well views agree with poses, see :func:`measure`; both (V, T, J)."""

    reprojection_px: Tensor
    used: Tensor


def triangulate_views(views: Views, limit: float | str | None) -> Float[Tensor, "T J 3"]:
    """Triangulate in the world's frame, mm; NaN where there is no point.

    Args:
        views: what was seen.
        limit: px within which views agree on a point, see :func:`posezoo.geometry.triangulate`; ``auto`` finds of three or
            more views how far they usually are off and trusts each by it (:func:`posezoo.geometry.robust.trusted`); None
            trusts all.
    """
    pixels, P = to_double(views.pixels), views.projections
    weights = None if views.trust is None else to_double(views.trust)
    if limit == "auto":
        if len(views.cameras) > 2:
            weights = trusted(pixels, P, weights)
        limit = None
    return triangulate(pixels, P, weights, max_reprojection_px=limit).to(views.pixels)  # type: ignore[arg-type]


def measure(world: Float[Tensor, "T J 3"], views: Views, limit: float | str | None) -> Agreement:
    """Compare poses with what each view saw.

    Args:
        world: poses in the world's frame, mm.
        views: what was seen.
        limit: as in :func:`triangulate_views`.

    Returns:
        distance in px between keypoint and pose, NaN where either is missing; and which views the pose was made from: those
        that saw the joint and, of three or more, are not too far off to count.
    """
    seen = reproject(to_double(world), views.projections)
    error = (seen[..., :2] / seen[..., 2:] - views.pixels.to(seen.device)).norm(dim=-1).to(world)
    used = torch.isfinite(error)
    if len(views.cameras) > 2 and limit is not None:
        usual = (
            torch.nan_to_num(error.nanmedian(), nan=_LEAST_PX).clamp_min(_LEAST_PX) * _AGREE if limit == "auto" else limit
        )
        used &= error <= usual
    return Agreement(error.movedim(1, 0), used.movedim(1, 0))
