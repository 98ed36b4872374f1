"""Find joints that were not found, in any of the ways in which files and arrays mark them."""

from __future__ import annotations

import itertools
import warnings
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Num

from posezoo.skeletons import Conversion, Skeleton, convert

OPENPIFPAF = (0.0, -3.0)
"""Where OpenPifPaf writes a joint that it did not find."""
# The twelve joints of the limbs, no two of which lie in exactly one point of a picture.
_LIMB_PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_HEAD_PARTS = ("nose", "eye", "eye_inner", "eye_outer", "ear", "mouth", "head_top", "chin", "face", "head")
_TRUNK_PARTS = (
    "pelvis", "spine", "spine_base", "spine2", "spine3", "spine4", "thorax", "upper_neck", "collar", "clavicle",
)  # fmt: skip
# Coordinates on a grid (whole pixels, cells of a heatmap) coincide by chance: there so many joints must share a point,
# or the same two in so many poses.
_SHARING_ON_GRID, _REPEATED_ON_GRID = 4, 3
# So many times the mean coordinate is no person's place, and so many times the other joints' distance from their middle is
# no limb's: 9999 and 65535 stand there for nothing.
_FAR, _FAR_OFF = 4, 12
# Pairwise comparisons of J joints are made for so many pairs at a time.
_PAIRS_AT_ONCE = 2**24


def missing_joints(
    keypoints: Num[np.ndarray, "N J 2"],
    skeleton: Skeleton,
    confidence: Num[np.ndarray, "N J"] | None = None,
    image_sizes: Num[np.ndarray, "#N 2"] | None = None,
) -> Bool[np.ndarray, "N J"]:
    """Return which joints were not found.

    A joint is missing where one of its coordinates is NaN, where its confidence is 0 while other joints have one, and
    where it lies at a placeholder: (0, 0), as Ultralytics writes it; (-1, -1), (-100, -100) and alike; OpenPifPaf's
    (0, -3); a point beside the picture, or far from the person, that comes again exactly; and any point that joints share
    which cannot lie in one point (a wrist and a knee). Confidences that are all 0 say nothing.

    The middle of poses that were centred is no placeholder: a joint at (0, 0) in every pose, between the others.

    Args:
        keypoints: pixels, or fractions of a picture.
        skeleton: the layout of the joints.
        confidence: 0 or less where a joint is missing; NaN counts as 0.
        image_sizes: (width, height) of each pose's picture, NaN where unknown.

    Example:
        >>> from posezoo.skeletons import get_skeleton
        >>> pose = np.random.default_rng(0).uniform(50, 90, (1, 17, 2))
        >>> pose[0, 9] = 0
        >>> np.flatnonzero(missing_joints(pose, get_skeleton("coco17"))).tolist()
        [9]
    """
    keypoints = _wide(keypoints)
    if is_complete(keypoints, confidence, image_sizes):
        return np.zeros(keypoints.shape[:2], bool)
    missing: np.ndarray = np.isnan(keypoints).any(-1)
    if confidence is not None:
        with np.errstate(invalid="ignore"):
            trusted = confidence > 0
        if trusted.any():
            missing |= ~trusted
    missing |= _placeholders(keypoints, missing)
    # Infinite values are not placeholders; the caller refuses them.
    unfit = missing | np.isinf(keypoints).any(-1)
    missing |= _outside(keypoints, unfit, image_sizes)
    missing |= _shared(keypoints, skeleton, unfit | missing)
    return missing


def convert_found(
    keypoints: Num[np.ndarray, "*N J 2"],
    source: Skeleton,
    target: Skeleton,
    confidence: Num[np.ndarray, "*N J"] | None = None,
) -> Conversion:
    """Convert keypoints that were found in pictures, see :func:`posezoo.skeletons.convert`.

    A nose that was not found stands between the ears, where both were.

    Args:
        keypoints: NaN where a joint was not found; left as they are.
        source, target: the layouts.
        confidence: carried along.
    """
    return convert(nose_between_ears(keypoints, source), source, target, confidence)


def nose_between_ears(keypoints: Num[np.ndarray, "*N J 2"], skeleton: Skeleton) -> Num[np.ndarray, "*N J 2"]:
    """Return keypoints in which a nose that was not found stands between the ears, where both were.

    Detectors do not find the nose of a person who is seen from behind. On real video such poses are lifted better so than
    left out.

    Args:
        keypoints: NaN where a joint was not found; left as they are.
        skeleton: the layout; without nose and ears nothing is changed.

    Example:
        >>> from posezoo.skeletons import get_skeleton
        >>> pose = np.arange(34.0).reshape(1, 17, 2)
        >>> pose[0, 0] = np.nan
        >>> nose_between_ears(pose, get_skeleton("coco17"))[0, 0].tolist()
        [7.0, 8.0]
    """
    if not {"nose", "left_ear", "right_ear"} <= set(skeleton.joints):
        return keypoints
    nose, *ears = (skeleton.index(joint) for joint in ("nose", "left_ear", "right_ear"))
    lost = np.isnan(keypoints[..., nose, :]).any(-1)
    if not lost.any():
        return keypoints
    result = keypoints.copy()
    result[..., nose, :][lost] = keypoints[..., ears, :].mean(-2)[lost]
    return result


def is_complete(
    keypoints: Num[np.ndarray, "N J 2"],
    confidence: Num[np.ndarray, "N J"] | None = None,
    image_sizes: Num[np.ndarray, "#N 2"] | None = None,
) -> bool:
    """Return whether no joint can be missing, in a few microseconds, because ``predict`` calls it for single poses.

    Nothing is NaN, 0, negative, far off or beside the picture, nor are two joints of a pose at the same x; False says
    nothing.
    """
    keypoints = _wide(keypoints)
    if not keypoints.size or not keypoints.min() > 0:
        return False
    largest = keypoints.max()
    if largest * keypoints.size > _FAR * keypoints.sum() or (image_sizes is not None and not largest <= image_sizes.min()):
        return False
    x = np.sort(keypoints[..., 0], axis=1)
    return not (x[:, 1:] == x[:, :-1]).any() and (confidence is None or bool(confidence.min() > 0))


def _wide(keypoints: Num[np.ndarray, "N J 2"]) -> Num[np.ndarray, "N J 2"]:
    """Return keypoints in a type in which their sums do not overflow."""
    return keypoints if keypoints.dtype.kind == "f" and keypoints.dtype.itemsize >= 4 else keypoints.astype(np.float64)


def _placeholders(points: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return (N, J) points that programs write for a joint that they did not find."""
    x, y = points[..., 0], points[..., 1]
    with np.errstate(invalid="ignore"):
        found: np.ndarray = (x == y) & (x <= 0)
    if found.any():
        found &= x == np.floor(x)
        zero = found & (x == 0)
        if zero.any():
            found &= ~(zero & _is_centre(points, zero, missing))
    found |= (x == OPENPIFPAF[0]) & (y == OPENPIFPAF[1])
    return found


def _is_centre(points: np.ndarray, zero: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return (J,) joints that are the origin of centred poses: at zero wherever known, with the others around them."""
    others = np.where((zero | missing)[..., None], np.nan, points)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanmin(others, axis=1), np.nanmax(others, axis=1)
    around = ((low < 0) & (high > 0)).all(-1)
    always = (zero | missing).all(0) & zero.any(0)
    return always & bool(around.mean() > 0.5) if len(around) else always


def _outside(points: np.ndarray, missing: np.ndarray, sizes: np.ndarray | None) -> np.ndarray:
    """Return (N, J) points beside the picture, or far off, that come again: in several joints, or in poses that differ."""
    result = np.zeros_like(missing)
    with np.errstate(invalid="ignore"):
        beyond = points < 0 if sizes is None else (points < 0) | (points > np.asarray(sizes)[..., None, :])
    beyond |= _far(points, missing)[..., None]
    beyond &= ~missing[..., None]
    rows, joints = np.nonzero(beyond.any(-1))
    # Centred poses lie around the origin, not beside the picture.
    if not len(rows) or ((points < 0).mean((0, 1)) > 0.1).all():
        return result
    places, which = np.unique(points[rows, joints], axis=0, return_inverse=True)
    which = which.reshape(-1)
    different_joints = _distinct(which, joints, len(places)) > 1
    poses = np.unique(np.nan_to_num(points[rows]).reshape(len(rows), -1), axis=0, return_inverse=True)[1].reshape(-1)
    different_poses = _distinct(which, poses, len(places)) > 1
    if _on_grid(points, missing):  # rounded coordinates repeat by chance, but hardly those of a far corner
        corner = np.bincount(which, beyond[rows, joints].all(-1), minlength=len(places)) > 0
        several = (different_joints | (different_poses & corner)) & (np.bincount(which) >= _REPEATED_ON_GRID)
    else:
        several = different_joints | different_poses
    result[rows, joints] = several[which]
    return result


def _far(points: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return (N, J) points that are many times as far from the middle of their pose as half of its joints are."""
    result = np.zeros_like(missing)
    known = np.where(missing[..., None], np.nan, points)
    largest = np.fmax.reduce(np.abs(known), axis=(1, 2), initial=0.0)
    with np.errstate(invalid="ignore"):
        suspect = largest > _FAR * np.nanmean(np.abs(known)) if largest.any() else np.zeros(len(points), bool)
    rows = np.flatnonzero(suspect)
    if len(rows):
        some = known[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            away = np.linalg.norm(some - np.nanmedian(some, axis=1, keepdims=True), axis=-1)
            result[rows] = away > _FAR_OFF * np.nanmedian(away, axis=1, keepdims=True)
    return result


def _distinct(groups: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Return (count,) how many different values each group has."""
    return np.bincount(np.unique(np.stack([groups, values]), axis=1)[0], minlength=count)


def _shared(points: np.ndarray, skeleton: Skeleton, missing: np.ndarray) -> np.ndarray:
    """Return (N, J) joints in exactly one point with others that cannot be there."""
    result = np.zeros_like(missing)
    x = np.sort(np.where(missing, np.nan, points[..., 0]), axis=1)
    suspects = np.flatnonzero((x[:, 1:] == x[:, :-1]).any(1))
    if not len(suspects):
        return result
    apart, on_grid = _apart(skeleton), _on_grid(points, missing)
    step = max(1, _PAIRS_AT_ONCE // len(skeleton) ** 2)
    for start in range(0, len(suspects), step):
        rows = suspects[start : start + step]
        here = np.where(missing[rows][..., None], np.nan, points[rows])
        same = (here[:, :, None] == here[:, None]).all(-1)
        sure = (same & apart[int(on_grid)]).sum(-1) >= (_SHARING_ON_GRID - 1 if on_grid else 1)
        # Other joints at that point are missing as well.
        result[rows] = (same & sure[:, None]).any(-1)
        if on_grid:
            result[rows] |= _again_and_again(here, (same & apart[0]).any(-1))
    return result


def _again_and_again(points: np.ndarray, paired: np.ndarray) -> np.ndarray:
    """Return (N, J) paired joints whose point recurs in several poses: a program puts there what it misses."""
    result = np.zeros_like(paired)
    rows, joints = np.nonzero(paired)
    if len(rows):
        _, which, counts = np.unique(points[rows, joints], axis=0, return_inverse=True, return_counts=True)
        result[rows, joints] = (counts >= 2 * _REPEATED_ON_GRID)[which.reshape(-1)]
    return result


def _on_grid(points: np.ndarray, missing: np.ndarray) -> bool:
    """Return whether coordinates are rounded: whole numbers, or joints of a pose often have one x or y without the other."""
    known = np.where(missing[..., None], np.nan, points)[:4096]
    if (known == np.floor(known))[~np.isnan(known)].all():
        return True
    together = np.ascontiguousarray(known, np.float64).view(np.complex128)[..., 0]
    return _repeated(known[..., 0]) + _repeated(known[..., 1]) > 2 * _repeated(together)


def _repeated(values: np.ndarray) -> int:
    """Return how often a row has a value that it has already."""
    order = np.sort(values, axis=1)
    return int((order[:, 1:] == order[:, :-1]).sum())


@lru_cache(maxsize=64)
def _apart(skeleton: Skeleton) -> np.ndarray:
    """Return (2, J, J) pairs of joints that cannot lie in exactly one point, as far as their names say.

    Of the second, neighbours and left and right are left out: on a grid they do share points.
    """
    regions = [_region(joint) for joint in skeleton.joints]
    limb = [_part(joint) in _LIMB_PARTS for joint in skeleton.joints]
    pairs = itertools.permutations(range(len(skeleton)), 2)
    result = np.zeros((2, len(skeleton), len(skeleton)), bool)
    for one, other in pairs:
        known = regions[one] is not None and regions[other] is not None
        result[:, one, other] = known and (regions[one] != regions[other] or (limb[one] and limb[other]))
        if other == skeleton.mirror[one] or skeleton.parents[one] == other or skeleton.parents[other] == one:
            result[1, one, other] = False
    return result


def _part(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")


def _region(joint: str) -> str | None:
    """Return head, trunk, or one of the four limbs; None for a joint of an unknown name."""
    part, side = _part(joint), joint.partition("_")[0]
    if part in _HEAD_PARTS or part.startswith("face"):
        return "head"
    if part in _TRUNK_PARTS:
        return "trunk"
    if side not in ("left", "right"):
        return None
    if part in ("hip", "knee", "ankle", "foot", "foot_index", "heel") or part.endswith("toe"):
        return f"{side} leg"
    return f"{side} arm"
