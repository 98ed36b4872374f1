"""What a file's keypoints are like, and what is suspicious about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posezoo.poses.checks import upside_down_fraction
from posezoo.poses.posedata import PoseData
from posezoo.poses.sides import exchanged_frames, sides_agreement

# A person of fewer pixels than this, crown to sole, is none: the coordinates are of another kind.
_LEAST_EXTENT_PX = 8.0
# See `sides_agreement`.
_LEAST_AGREEING = 0.33
_MOST_MISSING, _MOST_STATIC, _MOST_OUTSIDE, _LOW_CONFIDENCE = 0.2, 0.1, 0.2, 0.3


@dataclass(frozen=True)
class Finding:
    """One suspicion.

    Attributes:
        name: ``units``, ``upside down``, ``sides``, ``sides in single frames``, ``missing``, ``confidence``, ``outside``,
            ``static`` or ``duplicates``.
        text: one sentence, what was seen and what to do.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Inspection:
    """What keypoints are like.

    Attributes:
        skeleton: name of the layout.
        joints: how many joints a pose has.
        poses, frames, sequences, people: how many; people are told apart by name.
        image_sizes: (width, height) of the pictures where known, each once.
        units: ``pixels``, ``fractions`` (0 to 1 of the picture) or ``normalised`` (around 0).
        x, y: least and greatest coordinate.
        missing: the share of poses that lack a joint, by joint, where any does.
        confidence: least, median and greatest of the known joints; None where the file has none.
        upside_down: the share of poses whose head is below their feet.
        sides_agree: the share of votes for the sides as they are named; NaN where too few poses tell.
        side_votes: how many poses do; see :func:`posezoo.poses.sides.sides_agreement`.
        exchanged: how often a person's sides change places from one frame to the next.
        static: the share of poses that equal the frame before.
        duplicates: poses that equal another one elsewhere.
        findings: what is suspicious.
    """

    skeleton: str
    joints: int
    poses: int
    frames: int
    sequences: int
    people: int
    image_sizes: tuple[tuple[int, int], ...]
    units: str
    x: tuple[float, float]
    y: tuple[float, float]
    missing: dict[str, float]
    confidence: tuple[float, float, float] | None
    upside_down: float
    sides_agree: float
    side_votes: int
    exchanged: int
    static: float
    duplicates: int
    findings: tuple[Finding, ...]


def inspect_keypoints(data: PoseData) -> Inspection:
    """Look at keypoints as :func:`posezoo.data.read_keypoints` gives them; at least one joint is known."""
    poses, skeleton = data.keypoints_2d, data.skeleton
    unknown = np.isnan(poses).any(-1)
    known = poses[~unknown]
    low, high = known.min(0), known.max(0)
    shares = unknown.mean(0)
    upside_down = upside_down_fraction(data)
    # With y up, what is higher on the ground is lower in the numbers.
    upright = poses * np.asarray([1, -1], dtype=poses.dtype) if upside_down > 0.5 else poses
    agree, votes = sides_agreement(upright, skeleton)
    exchanged = exchanged_frames(poses, skeleton, data.sequence, data.frame)
    static, duplicates = _repetitions(data)
    confidence = None
    if data.confidence is not None:
        values = data.confidence[~unknown]
        confidence = (float(values.min()), float(np.median(values)), float(values.max()))
    units = _units(poses, low, high)
    findings = [
        *_about_coordinates(data, units, low, high),
        *_about_orientation(upside_down, agree, votes, exchanged, data),
        *_about_joints(skeleton.joints, shares, confidence),
        *_about_repetitions(static, duplicates, len(data)),
    ]
    return Inspection(
        skeleton=skeleton.name,
        joints=len(skeleton),
        poses=len(data),
        frames=len({*zip([data.sequences[index].trial for index in data.sequence], data.frame.tolist(), strict=True)}),
        sequences=len(np.unique(data.sequence)),
        people=len({data.sequences[index].subject for index in data.sequence}),
        image_sizes=tuple(sorted({clip.image_size for clip in data.sequences if clip.image_size})),
        units=units,
        x=(float(low[0]), float(high[0])),
        y=(float(low[1]), float(high[1])),
        missing={joint: float(share) for joint, share in zip(skeleton.joints, shares, strict=True) if share},
        confidence=confidence,
        upside_down=upside_down,
        sides_agree=agree,
        side_votes=votes,
        exchanged=len(exchanged),
        static=static,
        duplicates=duplicates,
        findings=tuple(Finding(name, text) for name, text in findings),
    )


def _units(poses: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    filled = np.where(np.isnan(poses), -np.inf, poses).max(1), np.where(np.isnan(poses), np.inf, poses).min(1)
    extent = (filled[0] - filled[1]).max(-1)
    if float(np.median(extent[np.isfinite(extent)])) >= _LEAST_EXTENT_PX:
        return "pixels"
    return "fractions" if low.min() >= -0.5 and high.max() <= 2 and low.min() + high.max() > 0.5 else "normalised"


def _repetitions(data: PoseData) -> tuple[float, int]:
    """The share of poses that equal the frame before, and how many others equal a pose elsewhere."""
    rows = np.nan_to_num(data.keypoints_2d, nan=-1).reshape(len(data), -1)
    order = np.lexsort((data.frame, data.sequence))
    same = (rows[order][1:] == rows[order][:-1]).all(1) & (data.sequence[order][1:] == data.sequence[order][:-1])
    distinct = len({row.tobytes() for row in rows})
    return float(same.sum() / len(data)), max(0, len(data) - distinct - int(same.sum()))


def _about_coordinates(data: PoseData, units: str, low: np.ndarray, high: np.ndarray) -> list[tuple[str, str]]:
    reach = f"x from {low[0]:.4g} to {high[0]:.4g}, y from {low[1]:.4g} to {high[1]:.4g}"
    if units == "fractions":
        return [("units", f"{reach} are fractions of the picture, not pixels; multiply x by its width and y by its height.")]
    if units == "normalised":
        return [("units", f"{reach} are not pixels; undo the normalisation (often by width / 2, after adding 1).")]
    sizes = np.asarray([clip.image_size or (np.inf, np.inf) for clip in data.sequences])[data.sequence][:, None]
    known = ~np.isnan(data.keypoints_2d).any(-1)
    outside = ((data.keypoints_2d > sizes) | (data.keypoints_2d < 0)).any(-1)[known].mean()
    if np.isfinite(sizes).any() and outside > _MOST_OUTSIDE:
        return [("outside", f"{outside:.0%} of the joints lie outside the picture; check its size (width, then height).")]
    return []


def _about_orientation(
    upside_down: float, agree: float, votes: int, exchanged: np.ndarray, data: PoseData
) -> list[tuple[str, str]]:
    findings = []
    if upside_down > 0.5:
        text = f"{upside_down:.0%} of the poses have the head below the feet: y points up; replace y by height - y."
        findings.append(("upside down", text))
    if agree < _LEAST_AGREEING:
        text = (
            f"left and right look exchanged (at most {agree:.0%} of {votes} telling poses agree); check the layout's order "
            "(--skeleton), and whether the pictures were mirrored."
        )
        findings.append(("sides", text))
    if len(exchanged) > 1:
        first = ", ".join(str(frame) for frame in data.frame[exchanged[:3]])
        text = (
            f"left and right change places between frames {len(exchanged)} times (first at frames {first}); "
            "the detector confused them: leave such frames out, or change them back."
        )
        findings.append(("sides in single frames", text))
    return findings


def _about_joints(
    joints: tuple[str, ...], shares: np.ndarray, confidence: tuple[float, float, float] | None
) -> list[tuple[str, str]]:
    findings = []
    often = [f"{joint} {share:.0%}" for joint, share in zip(joints, shares, strict=True) if share > _MOST_MISSING]
    if often:
        text = (
            f"joints are missing often ({', '.join(often[:6])}); such poses are filled in or left out (--skip-incomplete)."
        )
        findings.append(("missing", text))
    if confidence is not None and confidence[1] < _LOW_CONFIDENCE:
        text = f"half of the confidences are below {confidence[1]:.2f}; leave out the people whom the detector hardly saw."
        findings.append(("confidence", text))
    return findings


def _about_repetitions(static: float, duplicates: int, count: int) -> list[tuple[str, str]]:
    findings = []
    if static > _MOST_STATIC:
        text = f"{static:.0%} of the poses equal the frame before; the tracker stood still or frames are doubled: drop them."
        findings.append(("static", text))
    if duplicates > 0.01 * count:
        text = f"{duplicates} poses stand in the file more than once; drop the copies before training on it."
        findings.append(("duplicates", text))
    return findings
