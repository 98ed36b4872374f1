"""Test whether cameras and keypoints fit each other, in other orders and conventions too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.cameras import Camera
from posezoo.geometry.triangulation import triangulate
from posezoo.skeletons import Skeleton

GOOD = 0.03
"""Median reprojection error, in shares of the person's height in the picture, up to which views and cameras fit. Detectors
err by 0.005 to 0.013, and a calibration that is off by a degree adds 0.02 or so."""
SUSPECT = 0.02
"""The same above which views are said to disagree, though they may be right."""
FITTED = 0.015
"""The same of views that nothing is wrong with: only what brings others down to this is claimed to be what is wrong."""
ALIKE, _ALIKE_BY = 1.3, 0.002
"""Errors that differ by less than the factor or by less than the sum may as well be equal: noise decides between them."""
_MUCH_BETTER = 0.3
_MOST_ORDERS = 5  # cameras, up to which all orders are tried
FACTORS = (0.5, 2.0, 1 / 3, 3.0, 2 / 3, 1.5)
"""By which pictures of another size than the calibration differ from it."""
_UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
_LEG_MM = (400.0, 1300.0)


@dataclass(frozen=True)
class RigFit:
    """The cameras that fit the keypoints best.

    Attributes:
        cameras: in the order of the views.
        order: which of the given cameras each is.
        inverted: whether R and t were taken as camera-to-world.
        placed: whether t was taken as the camera's place in the world.
        error: median reprojection error, in shares of the person's height in the picture; infinite where no point is had.
        given_error: the same of the cameras as they were given.
        given: the cameras as they were given.
        alike: of cameras left as they are, the changes that fit much better, and equally well: nothing tells which is right.
    """

    cameras: tuple[Camera, ...]
    order: tuple[int, ...]
    inverted: bool
    error: float
    given_error: float
    placed: bool = False
    given: tuple[Camera, ...] = ()
    alike: tuple[RigFit, ...] = ()

    @property
    def changed(self) -> str:
        """The difference from the cameras as given, in words; empty where there is none."""
        parts = ["R and t are taken as camera-to-world"] if self.inverted else []
        parts += ["t is taken as the camera's place"] if self.placed else []
        if self.order != tuple(range(len(self.order))):
            names = [camera.name or f"camera {number + 1}" for camera, number in zip(self.cameras, self.order, strict=True)]
            parts.append(f"the views are of {', '.join(names)}, in this order")
        return " and ".join(parts)


def fit_rig(cameras: Sequence[Camera], misfit: Callable[[Sequence[Camera]], float], as_given: bool = False) -> RigFit:
    """Find the order and the convention of cameras that fit best, if they do not fit as given.

    Args:
        cameras: as a file has them.
        misfit: of cameras in the order of the views, such as :func:`reprojection_share` of what was seen.
        as_given: whether to measure the error alone, and to change nothing.

    Returns:
        the cameras as given where their error is below :data:`GOOD`, nothing else is much better, or several changes are
        that fit alike.

    Example:
        >>> from posezoo.geometry import h36m_cameras
        >>> first, second = (replace(camera, distortion=None) for camera in h36m_cameras("S9")[:2])
        >>> body = torch.tensor([[0.0, 0, 0], [0, 0, 1700], [300, 0, 900]], dtype=torch.float64)
        >>> seen = torch.stack([camera.project(body) for camera in (first, second)])[:, None]
        >>> fit_rig((second, first), lambda cameras: reprojection_share(seen, cameras)).order
        (1, 0)
    """
    given = misfit(cameras)
    unchanged = RigFit(tuple(cameras), tuple(range(len(cameras))), False, given, given, given=tuple(cameras))
    if given <= GOOD or as_given:
        return unchanged
    tried = [
        replace(other, error=misfit(other.cameras), given_error=given, given=tuple(cameras)) for other in _others(cameras)
    ]
    found = min(tried, key=lambda fit: fit.error, default=unchanged)
    most = min(2 * GOOD, _MUCH_BETTER * given)
    if found.error > most:
        return unchanged
    alike = [fit for fit in tried if fit.error <= min(most, max(ALIKE * found.error, found.error + _ALIKE_BY))]
    # In an even ring every order that goes round the same way gives the same picture of a turned world.
    return found if len(alike) == 1 else replace(unchanged, alike=tuple(alike))


def other_orders(cameras: Sequence[Camera]) -> list[RigFit]:
    """Return the cameras in all other orders, of many only in the reverse; without errors."""
    return list(_others(cameras, (None,)))


def _others(cameras: Sequence[Camera], conventions: Sequence[Callable[[Camera], Camera] | None] = ()) -> Iterator[RigFit]:
    """Yield the cameras in other orders, inverted, and placed at t."""
    count = len(cameras)
    identity = tuple(range(count))
    orders = list(itertools.permutations(identity)) if count <= _MOST_ORDERS else [identity, identity[::-1]]
    for taken in conventions or (None, invert, place):
        turned = list(cameras) if taken is None else [taken(camera) for camera in cameras]
        for order in orders:
            if taken is not None or order != identity:
                chosen = tuple(turned[number] for number in order)
                yield RigFit(chosen, order, taken is invert, float("inf"), float("inf"), taken is place)


def invert(camera: Camera) -> Camera:
    """Return the camera with its pose inverted, for R and t that a file gives as camera-to-world."""
    return replace(camera, R=camera.R.T, t=-camera.R.T @ camera.t)


def place(camera: Camera) -> Camera:
    """Return the camera that stands at its t, for files that give the place of a camera as t."""
    return replace(camera, t=-camera.R @ camera.t)


def reprojection_share(keypoints: Float[Tensor, "V T J 2"], cameras: Sequence[Camera]) -> float:
    """Return the median reprojection error as a share of the person's height in the picture.

    Joints that two or more views see and that define no point count as infinitely far off, in all these views; so do joints
    of which one view says a place that its lens cannot show.

    Raises:
        InputError: no joint is seen by two views at once.
    """
    share, counted = _shares(keypoints, cameras)
    return float(share[counted].median())


def worst_share(keypoints: Float[Tensor, "V T J 2"], cameras: Sequence[Camera]) -> float:
    """Return what :func:`reprojection_share` does of the view that is furthest off.

    Of many views, the median of all joints hides one of which nothing fits.

    Raises:
        InputError: no joint is seen by two views at once.
    """
    share, counted = _shares(keypoints, cameras)
    return max(float(own[which].median()) for own, which in zip(share, counted, strict=True) if bool(which.any()))


def _shares(
    keypoints: Float[Tensor, "V T J 2"], cameras: Sequence[Camera]
) -> tuple[Float[Tensor, "V T J"], Bool[Tensor, "V T J"]]:
    """Return reprojection errors in shares of the person's height, infinite where there is no point, and which count."""
    pixels = torch.as_tensor(keypoints, dtype=torch.float64)
    seen = torch.isfinite(pixels).all(-1)
    both = seen.sum(0) >= 2
    if not bool(both.any()):
        raise InputError("no joint is seen by two views in the same frame; are these the frames of one recording?")
    error = triangulate(pixels.movedim(0, 1), cameras, details=True).reprojection_px.movedim(1, 0)
    height = torch.where(seen, pixels[..., 1], torch.nan)
    extent = height.nan_to_num(nan=-torch.inf).amax(-1) - height.nan_to_num(nan=torch.inf).amin(-1)
    share = error / extent.clamp_min(1.0)[..., None]
    undefined = (torch.isnan(share) & seen).any(0)
    return torch.where(undefined, torch.inf, share), seen & both


def fitting_factor(keypoints: Float[Tensor, "V T J 2"], cameras: Sequence[Camera]) -> float | None:
    """Return the factor by which pixels must be multiplied to fit the cameras, such as 2 for a video of half the size.

    None where no such factor makes them fit.
    """
    errors = {factor: reprojection_share(torch.as_tensor(keypoints) * factor, cameras) for factor in FACTORS}
    best = min(errors, key=errors.__getitem__)
    return best if errors[best] <= FITTED else None


def leg_length(world: Float[np.ndarray, "T J 3"], skeleton: Skeleton) -> float:
    """Return the median length of people's legs, thigh and shin, in the unit of the poses.

    It is NaN where no leg is whole, and for layouts without legs.
    """
    names = [[f"{side}_{joint}" for joint in ("hip", "knee", "ankle")] for side in ("left", "right")]
    if not {name for chain in names for name in chain} <= set(skeleton.joints):
        return float("nan")
    chains = [[skeleton.index(name) for name in chain] for chain in names]
    legs = np.stack([np.linalg.norm(np.diff(world[:, joints], axis=1), axis=-1).sum(1) for joints in chains])
    return float(np.nanmedian(legs)) if np.isfinite(legs).any() else float("nan")


def likely_unit(leg_mm: float, unit: str = "mm") -> str | None:
    """Return the likely unit of a calibration, by the length of people's legs; None where the given unit is right.

    Args:
        leg_mm: thigh and shin, with the calibration read in ``unit``.
        unit: ``mm``, ``cm`` or ``m``.

    Returns:
        another unit that makes a leg 0.4 to 1.3 m long; ``unknown`` where none does.

    Example:
        >>> likely_unit(0.85), likely_unit(850.0), likely_unit(3000.0)
        ('m', None, 'unknown')
    """
    if _LEG_MM[0] <= leg_mm <= _LEG_MM[1] or not np.isfinite(leg_mm):
        return None
    raw = leg_mm / _UNITS_MM[unit]
    fitting = [name for name, size in _UNITS_MM.items() if _LEG_MM[0] <= raw * size <= _LEG_MM[1]]
    return fitting[0] if fitting else "unknown"
