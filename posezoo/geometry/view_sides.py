"""Find views that are mirrored, or whose left and right are exchanged, and tell it in words."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from posezoo.errors import InputError
from posezoo.geometry.cameras import Camera
from posezoo.geometry.rig_fit import ALIKE, FITTED, reprojection_share
from posezoo.geometry.triangulation import triangulate
from posezoo.skeletons import Skeleton

Kind = Literal["mirrored", "exchanged", "mirrored and exchanged", "scaled", "shifted", "slow"]

_SIDES_BETTER = 0.75
"""Share of the error that remains of a view's mirror image: 1.4 and more on right views, 0.04 to 0.7 on mirrored ones."""
_SIDES_FIT = 0.02  # two views may nearly fit by chance where it is the size of pictures that is wrong
_SIDES_SURE, _SEVERAL_SURE = 0.6, 0.5
"""The same where the mirror image is what the view should be, of one view and of several. The keypoints of another person
may fit as well as 0.65 by chance."""
_MOST_SETS = 4  # views, up to which several are turned at once
_SAMPLE = 40  # frames that are compared

BENDS_BACKWARDS = (
    "knees bend backwards and the nose is behind the neck: left and right are exchanged in all views, or the views "
    "and cameras are mirrored; see which joints the keypoints call left."
)
_TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
_LEGS = ("left_knee", "right_knee", "left_ankle", "right_ankle")
_LEAST_BEND = 0.02
"""Share of the trunk's length: less says nothing. People who walk bend their knees by 0.1 on the average of time."""

Keypoints = Float[np.ndarray, "V T J 2"]


@dataclass(frozen=True)
class ViewFault:
    """What makes a view fit the others.

    Attributes:
        view: which; of several, the first.
        kind: what it seems to be.
        error, given_error: :func:`reprojection_share` with that mended, and as given.
        amount: the factor of a view that is ``scaled``; by how many frames a ``shifted`` one is late; how many frames of the
            others a frame of a ``slow`` one lasts.
        views: all that are as ``view`` is.
    """

    view: int
    kind: Kind
    error: float
    given_error: float
    amount: float = 1.0
    views: tuple[int, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether the views fit as well as right ones do, and much better than as they were given."""
        enough = _SIDES_SURE if len(self.views) <= 1 else _SEVERAL_SURE
        return self.error <= min(FITTED, enough * self.given_error)


def fault_of_sides(
    keypoints: Keypoints, cameras: Sequence[Camera], mirror: Sequence[int], widths: Sequence[float]
) -> ViewFault | None:
    """Return the view whose mirror image, or whose sides exchanged, fit the others much better; None where none does.

    Args:
        keypoints: px; NaN where a joint was not seen.
        cameras: one a view.
        mirror: the joint of the other side of each.
        widths: of each view's pictures, px.
    """
    return next(iter(faults_of_sides(keypoints, cameras, mirror, widths)), None)


def faults_of_sides(
    keypoints: Keypoints, cameras: Sequence[Camera], mirror: Sequence[int], widths: Sequence[float]
) -> list[ViewFault]:
    """Return what :func:`fault_of_sides` does and what else fits as well, the best first.

    Of up to four views, half of them and all of them are tried together too. Exchanging the sides of half of the views or
    of the other half comes to the same error, and so does mirroring all with and without exchanging their sides;
    :func:`sides_of_body` may tell. Exchanging all leaves the error as it is, and is not tried.

    Args:
        keypoints, cameras, mirror, widths: as in :func:`fault_of_sides`.
    """
    some, count = some_frames(keypoints), len(cameras)
    given = reprojection_share(torch.from_numpy(some), cameras)
    sets: list[tuple[int, ...]] = [(view,) for view in range(count)]
    if count <= _MOST_SETS:
        sets += [chosen for size in range(2, count // 2 + 1) for chosen in itertools.combinations(range(count), size)]
        sets.append(tuple(range(count)))
    tried = [fault for views in sets for fault in turned(some, cameras, views, mirror, widths, given)]
    best = min(tried, key=by_error)
    if best.error > min(_SIDES_FIT, _SIDES_BETTER * given) or (len(best.views) > 1 and not best.sure):
        return []
    alike = (fault for fault in tried if fault.error <= ALIKE * best.error and len(fault.views) == len(best.views))
    return sorted(alike, key=by_error)


def mended(
    keypoints: Keypoints, fault: ViewFault, mirror: Sequence[int], widths: Sequence[float]
) -> Float[np.ndarray, "V T J 2"]:
    """Return keypoints of which the views are turned that a fault of their sides says are.

    Args:
        keypoints, mirror, widths: as in :func:`fault_of_sides`.
        fault: what is to be mended.
    """
    changed = keypoints.copy()
    for view in fault.views:
        own = keypoints[view]
        own = own * [-1, 1] + [widths[view], 0] if "mirrored" in fault.kind else own
        changed[view] = own[:, list(mirror)] if "exchanged" in fault.kind else own
    return changed


def likely_faults(
    faults: Sequence[ViewFault],
    keypoints: Keypoints,
    cameras: Sequence[Camera],
    skeleton: Skeleton,
    widths: Sequence[float],
) -> list[ViewFault]:
    """Return, of faults that fit alike, those by which bodies bend as their left and right say; all where none does.

    Args:
        faults: as :func:`faults_of_sides` gives them.
        keypoints, cameras, widths: as in :func:`fault_of_sides`.
        skeleton: their layout.
    """
    if len(faults) < 2:
        return list(faults)
    some = some_frames(keypoints)
    right = []
    for fault in faults:
        turned = torch.from_numpy(mended(some, fault, skeleton.mirror, widths)).movedim(0, 1)
        if sides_of_body(triangulate(turned, cameras).numpy(), skeleton) > 0:
            right.append(fault)
    return right or list(faults)


def sentence_of_sides(faults: Sequence[ViewFault], names: Sequence[str], order: str = "") -> str:
    """Return in words which views fit the others only mirrored or exchanged, and what is to be done.

    Args:
        faults: that fit alike, the best first.
        names: of the views.
        order: what else fits as well, in words.
    """
    best = faults[0]
    of_all = len(best.views) == len(names)
    kinds = list(dict.fromkeys(fault.kind for fault in faults))
    sets = [_listed([names[view] for view in fault.views]) for fault in faults]
    which = (", or " if len(best.views) > 1 else " or ").join(dict.fromkeys(sets))
    several = len(best.views) > 1
    others = "each other" if of_all else "the others" if several else "the other views" if len(names) > 2 else "the other"
    if len(names) == 2 and len(set(sets)) == 1 and not of_all:
        others = "the other views"
    words = " or ".join(in_words(kind, several) for kind in kinds) + (f", or if {order}" if order else "")
    mend = "mend the order of the files, or the pictures" if order else f"mend {'those files' if several else 'that file'}"
    return (
        f"{which} {'fit' if several else 'fits'} {others} only {words}: {best.error:.1%} of the person's height off "
        f"instead of {share_in_words(best.given_error)}; {mend}."
    )


def _listed(names: Sequence[str]) -> str:
    """Return names as a list in words: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def in_words(kind: Kind, several: bool = False) -> str:
    """Return what must be done to views of a fault of their sides."""
    picture = "their pictures" if several else "its picture"
    return {
        "mirrored": f"with {picture} mirrored (x from the right edge)",
        "exchanged": "with left and right exchanged",
        "mirrored and exchanged": f"with {picture} mirrored (ffmpeg -vf hflip) and left and right exchanged",
    }[kind]


def share_in_words(error: float) -> str:
    """Return an error in shares of the person's height."""
    return f"{error:.1%}" if np.isfinite(error) else "behind the cameras"


def sides_of_body(world: Float[np.ndarray, "T J 3"], skeleton: Skeleton) -> int:
    """Return 1 where bodies bend as their names of left and right say, -1 where all of it is the other way, else 0.

    Left and right, and the way from hips to shoulders, say which way a body faces. Knees bend to there, nose and toes
    point to there.

    Args:
        world: poses in a frame that is not mirrored; NaN where unknown.
        skeleton: their layout; without hips, shoulders, legs and nose nothing is said.
    """
    if not {*_TRUNK, *_LEGS, "nose"} <= set(skeleton.joints):
        return 0
    at = {name: world[:, number] for number, name in enumerate(skeleton.joints)}
    hips, shoulders = ((at[f"left_{part}"] + at[f"right_{part}"]) / 2 for part in ("hip", "shoulder"))
    across = at["left_hip"] - at["right_hip"] + at["left_shoulder"] - at["right_shoulder"]
    forward = np.cross(across, shoulders - hips)
    ears = (at["left_ear"] + at["right_ear"]) / 2 if {"left_ear", "right_ear"} <= set(at) else shoulders
    parts = [at["nose"] - ears]
    for side in ("left", "right"):
        parts.append(at[f"{side}_knee"] - (at[f"{side}_hip"] + at[f"{side}_ankle"]) / 2)
        parts += [
            at[f"{side}_{toe}"] - at[f"{side}_heel"]
            for toe in ("big_toe", "foot_index")
            if {f"{side}_{toe}", f"{side}_heel"} <= set(at)
        ]
    size = np.linalg.norm(shoulders - hips, axis=-1) * np.linalg.norm(forward, axis=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of joints that are never known
        votes = np.array([np.nanmedian((part * forward).sum(-1) / size) for part in parts])
    if not (np.abs(votes) >= _LEAST_BEND).all():
        return 0
    return 1 if (votes > 0).all() else -1 if (votes < 0).all() else 0


def turned(
    some: Keypoints,
    cameras: Sequence[Camera],
    views: tuple[int, ...],
    mirror: Sequence[int],
    widths: Sequence[float],
    given: float,
) -> Iterator[ViewFault]:
    """Yield views with their pictures mirrored, their sides exchanged, and both."""
    kinds: tuple[Kind, ...] = ("mirrored", "exchanged", "mirrored and exchanged")
    for kind in kinds:
        if kind == "exchanged" and len(views) == len(cameras):
            continue
        fault = ViewFault(views[0], kind, float("inf"), given, views=views)
        yield replace(fault, error=share_of_some(mended(some, fault, mirror, widths), cameras))


def by_error(fault: ViewFault) -> float:
    """Return the error of a fault, to sort by."""
    return fault.error


def share_of_some(keypoints: Keypoints, cameras: Sequence[Camera]) -> float:
    """Return the reprojection error of some frames; infinite where no joint is seen by two views."""
    try:
        return reprojection_share(torch.from_numpy(some_frames(keypoints)), cameras)
    except InputError:
        return float("inf")


def some_frames(keypoints: Keypoints) -> Float[np.ndarray, "V S J 2"]:
    """Return frames that are spread evenly, in double precision."""
    count = keypoints.shape[1]
    rows = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int))
    return keypoints[:, rows].astype(np.float64)
