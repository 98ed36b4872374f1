"""Tell whether keypoints are people, by the proportions of bodies as cameras see them, and which layout fits best."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Num

from posezoo.poses.missing import missing_joints
from posezoo.skeletons import SKELETONS, Skeleton

# What is measured, in units of the pose's size (the root mean square distance of the twelve joints of the limbs from their
# mean), with mean and standard deviation over people: MPII's with all joints, motion capture (CMU, Bandai-Namco) seen by
# Human3.6M's cameras, and procedural people, a third each. Their median distance from these is 0.4 to 1 standard
# deviations; another layout's joints are 1.6 to 2.6 away.
_MEASURES = {
    ("shoulder", "elbow"): (0.60, 0.19),
    ("elbow", "wrist"): (0.48, 0.16),
    ("hip", "knee"): (0.90, 0.17),
    ("knee", "ankle"): (0.89, 0.19),
    ("shoulder", "hip"): (1.07, 0.18),
}
_WHOLE = {
    ("left_shoulder", "right_shoulder"): (0.58, 0.25),
    ("left_hip", "right_hip"): (0.37, 0.16),
    ("head", "shoulders"): (0.60, 0.22),
    ("head", "hips"): (1.63, 0.35),
    ("head", "ankles"): (3.20, 0.41),
    ("shoulders", "ankles"): (2.66, 0.32),
}
_LIMBS = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
_HEAD = ("nose", "head_top", "left_eye", "right_eye", "left_ear", "right_ear")
# The largest deviation that counts, and the fewest measures that decide.
_FARTHEST, _LEAST_MEASURES = 4.0, 8
# Deviations of the median pose: above the first it is no person, below the second another layout is good.
_IMPLAUSIBLE, _GOOD = 1.5, 1.2
# Another order of the joints that comes so many times nearer to people is the right one. On recordings, photographs and
# detections of right order the other orders that are tried come no nearer than 1.15 times as far. Fewer poses tell, and none
# is tried where the given order is as near as this.
_NEARER, _ORDER_POSES, _NEAR = 1.2, 64, 0.5
# Fewer poses than the first decide nothing, and more than the second are not needed.
_LEAST_POSES, _MOST_POSES = 8, 256


@dataclass(frozen=True)
class Plausibility:
    """How keypoints fit a body.

    Attributes:
        deviation: of the median pose from people's proportions, in standard deviations; NaN where too little is known.
        layout: the named layout of as many joints that fits far better, None where none does.
        order: another order of the joints of the assumed layout that fits far better, in words, None where none does.
    """

    deviation: float
    layout: str | None
    order: str | None = None

    @property
    def is_person(self) -> bool:
        """Whether the keypoints can be people."""
        return self.layout is None and self.order is None and not self.deviation > _IMPLAUSIBLE

    def sentence(self, skeleton: Skeleton) -> str:
        """Return a sentence on what is wrong and what to do."""
        hint = "check the order of the joints (skeleton=) and of the axes (x before y)"
        if self.order is not None:
            hint = f"with {self.order} they do; check the order of the joints"
        if self.layout is not None:
            hint = f"they fit {self.layout}: name it (skeleton={self.layout!r})"
        found = "several of them lie in one point"
        if np.isfinite(self.deviation):
            found = (
                f"limbs are {self.deviation:.1f} standard deviations from people's proportions in the median pose (up to "
                f"{_IMPLAUSIBLE} is usual)"
            )
        return f"as {skeleton.name} the joints do not make a person: {found}; {hint}."


def plausibility(keypoints: Num[np.ndarray, "N J 2"], skeleton: Skeleton) -> Plausibility:
    """Return how well poses fit people's proportions in a layout, and which other layout or order of joints fits far better.

    Whether left and right are exchanged, or elbows and wrists, proportions do not tell.

    Args:
        keypoints: pixels, or anything proportional to them, as they came: placeholders of missing joints are found here.
        skeleton: the layout that is assumed.

    Example:
        >>> from posezoo.data import load_dataset
        >>> walk = load_dataset("procedural")[:50]
        >>> plausibility(walk.keypoints_2d, walk.skeleton).is_person
        True
        >>> from posezoo.skeletons import get_skeleton
        >>> wrong = plausibility(walk.keypoints_2d, get_skeleton("coco17"))
        >>> wrong.is_person, wrong.layout
        (False, 'h36m17')
    """
    if len(keypoints) < _LEAST_POSES:
        return Plausibility(float("nan"), None)
    some = _spread(keypoints)
    here, lacking = _deviation(some, skeleton)
    order = _better_order(some[:: -(-len(some) // _ORDER_POSES)], skeleton) if here > _NEAR else None
    if not here > _GOOD and lacking < 0.1 and order is None:
        return Plausibility(here, None)
    # Of layouts that differ little but in names, return the first, which is the most common.
    others = {
        name: _deviation(some, layout)
        for name, layout in SKELETONS.items()
        if len(layout) == len(skeleton) and layout.joints != skeleton.joints
    }
    better = [
        name for name, (other, gone) in others.items() if other < _GOOD and (not here <= 1.6 * other or gone < lacking - 0.1)
    ]
    return Plausibility(here, min(better, key=lambda name: round(others[name][0], 1)) if better else None, order)


def _spread(keypoints: np.ndarray) -> np.ndarray:
    """Return poses that are spread evenly, as many as are needed, in double precision."""
    rows = np.linspace(0, len(keypoints) - 1, min(len(keypoints), _MOST_POSES)).astype(int)
    return keypoints[rows].astype(np.float64)


def _better_order(poses: np.ndarray, skeleton: Skeleton) -> str | None:
    """Return the order of joints that is nearest to people, in words, where it is far nearer than the given one.

    Layouts that alternate left and right still look like people when all joints move by one place: a limb begins at one side
    and ends at the other.
    """
    known = np.where(missing_joints(poses, skeleton)[..., None], np.nan, poses)
    orders = {"": np.arange(len(skeleton)), **_orders(skeleton)}
    off = _off(np.concatenate([known[:, order] for order in orders.values()]), skeleton).reshape(len(orders), -1)
    fits = dict(zip(orders, np.nan_to_num(_median(off), nan=np.inf).tolist(), strict=True))
    given, best = fits.pop(""), min(fits, key=lambda words: fits[words])
    return best if fits[best] < _GOOD and _NEARER * fits[best] < given else None


def _orders(skeleton: Skeleton) -> dict[str, np.ndarray]:
    """Return other orders of a layout's joints that files were seen in, by what is done to them, in words."""
    joints = np.arange(len(skeleton))
    orders = {
        "every joint one place further to the back": np.roll(joints, 1),
        "every joint one place further to the front": np.roll(joints, -1),
    }
    for one, other in (("knee", "ankle"), ("hip", "knee"), ("shoulder", "elbow")):
        exchanged = joints.copy()
        for side in ("left", "right"):
            pair = [f"{side}_{one}", f"{side}_{other}"]
            if set(pair) <= set(skeleton.joints):
                first, second = map(skeleton.index, pair)
                exchanged[[first, second]] = second, first
        orders[f"{one}s and {other}s exchanged"] = exchanged
    return orders


def best_layout(keypoints: Num[np.ndarray, "N J 2"], names: Iterable[str]) -> str | None:
    """Return which of the named layouts poses fit best, None where none is a good one."""
    some = _spread(keypoints)
    fits = {name: _deviation(some, SKELETONS[name])[0] for name in names}
    good = [name for name, deviation in fits.items() if deviation < _GOOD]
    return min(good, key=lambda name: round(fits[name], 1)) if good else None


def proportions(keypoints: Num[np.ndarray, "N J 2"], skeleton: Skeleton) -> float:
    """Return how far the median pose is from people's proportions, in standard deviations; NaN where too little is known."""
    if len(keypoints) < _LEAST_POSES:
        return float("nan")
    some = _spread(keypoints)
    return _deviation(some, skeleton)[0]


def layout_of_3d(poses: Num[np.ndarray, "N J 3"], skeleton: Skeleton) -> str | None:
    """Return the named layout that 3D poses fit far better than the one that is assumed, None where none does.

    The poses are looked at along each of their axes, since one of them may be the vertical. In the right layout one view at
    least is a person's (0.4 to 0.9 standard deviations), while in another one with as many joints none is (1.9 or more).

    Args:
        poses: in any unit and frame.
        skeleton: the layout that is assumed.

    Example:
        >>> from posezoo.data import load_dataset
        >>> from posezoo.skeletons import get_skeleton
        >>> walk = load_dataset("procedural")[:50]
        >>> layout_of_3d(walk.pose_3d, walk.skeleton), layout_of_3d(walk.pose_3d, get_skeleton("coco17"))
        (None, 'h36m17')
    """
    seen = [plausibility(poses[..., axes], skeleton) for axes in ([0, 1], [0, 2], [1, 2])]
    if any(view.is_person for view in seen):
        return None
    return next((view.layout for view in seen if view.layout is not None), None)


def _deviation(poses: np.ndarray, skeleton: Skeleton) -> tuple[float, float]:
    """Return the median pose's deviation from people's proportions, and the share of this layout's missing joints."""
    missing = missing_joints(poses, skeleton)
    lacking = float(missing.mean())
    if not set(_LIMBS) <= set(skeleton.joints):
        return float("nan"), lacking
    known = np.where(missing[..., None], np.nan, poses)
    return float(_median(_off(known, skeleton))), lacking


def _median(off: np.ndarray) -> np.ndarray:
    """Return the median of deviations along the last axis; NaN where none is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(off, axis=-1))


def _off(known: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return (N,) deviations of poses from people's proportions; NaN where too little is known.

    Args:
        known: (N, J, 2), NaN where a joint is missing.
        skeleton: a layout with the limbs.
    """
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        limbs = known[:, [skeleton.index(joint) for joint in _LIMBS]]
        size = np.sqrt(np.nanmean(np.square(limbs - np.nanmean(limbs, axis=1, keepdims=True)).sum(-1), axis=1))
        head = [skeleton.index(joint) for joint in _HEAD if joint in skeleton.joints]
        points = dict(zip(_LIMBS, limbs.swapaxes(0, 1), strict=True))
        points["head"] = np.nanmean(known[:, head], axis=1) if head else np.full((len(known), 2), np.nan)
        for part in ("shoulder", "hip", "ankle"):
            points[f"{part}s"] = (points[f"left_{part}"] + points[f"right_{part}"]) / 2
        pairs = {
            (f"{side}_{one}", f"{side}_{other}"): usual
            for side in ("left", "right")
            for (one, other), usual in _MEASURES.items()
        }
        off = [
            np.abs(np.linalg.norm(points[one] - points[other], axis=-1) / size - mean) / deviation
            for (one, other), (mean, deviation) in (pairs | _WHOLE).items()
        ]
        measured = np.minimum(np.stack(off, 1), _FARTHEST)
        measured[np.isfinite(measured).sum(1) < _LEAST_MEASURES] = np.nan
        return np.nanmean(measured, axis=1)
