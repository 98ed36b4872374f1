"""Inspect the keypoints of a file, and report what is suspicious about them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from posezoo.poses.checks import swapped_axes_fraction, upside_down_fraction
from posezoo.poses.mixing import clips_of, extents, moved, people_in_turn, strangers
from posezoo.poses.plausibility import Plausibility, plausibility
from posezoo.poses.posedata import PoseData
from posezoo.poses.sides import exchanged_frames, sides_agreement

# If people are smaller than this, in px from crown to sole, the coordinates are not pixels.
_LEAST_EXTENT_PX = 8.0
# See `sides_agreement`.
_LEAST_AGREEING = 0.33
# A detector confuses the sides of real people in a frame or two of a hundred; prediction says nothing of so few.
_MOST_EXCHANGED = 0.03
# VideoPose3D's normalised screen coordinates: x from -1 to 1, y by the same scale.
_SCREEN = 1.2
# Of the pose's extent from one frame to the next: who runs moves by 0.05 at 25 frames a second, and pictures of different
# people, which are no frames, are further apart than their extent.
_MOST_JITTER, _PICTURES = 0.15, 0.6
_ORDINALS = ("second", "third", "fourth", "fifth", "sixth")
_MOST_MISSING, _MOST_STATIC, _MOST_OUTSIDE, _LOW_CONFIDENCE = 0.2, 0.1, 0.2, 0.3


@dataclass(frozen=True)
class Finding:
    """One finding: something suspicious about keypoints.

    Attributes:
        name: ``layout``, ``jitter``, ``people in turn``, ``another person``, ``units``, ``outside``, ``axes``,
            ``upside down``, ``sides``, ``sides in single frames``, ``missing``, ``confidence``, ``static`` or
            ``duplicates``.
        text: one sentence, what was seen and what to do.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Inspection:
    """Report of an inspection of keypoints.

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
        deviation: how far the median pose is from people's proportions, in standard deviations; NaN where too little is
            known; see :func:`posezoo.poses.plausibility.plausibility`.
        jitter: how far joints move from one frame to the next, in the median and over the pose's extent; NaN without
            consecutive frames.
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
    deviation: float
    jitter: float
    findings: tuple[Finding, ...]


def inspect_keypoints(data: PoseData) -> Inspection:
    """Inspect keypoints that :func:`posezoo.data.read_keypoints` returned; at least one joint must be known."""
    poses, skeleton = data.keypoints_2d, data.skeleton
    unknown = np.isnan(poses).any(-1)
    known = poses[~unknown]
    low, high = known.min(0), known.max(0)
    shares = unknown.mean(0)
    upside_down = upside_down_fraction(data)
    # With y up, the order of feet and heads is reversed.
    upright = poses * np.asarray([1, -1], dtype=poses.dtype) if upside_down > 0.5 else poses
    agree, votes = sides_agreement(upright, skeleton)
    exchanged = exchanged_frames(poses, skeleton, data.sequence, data.frame)
    static, duplicates = _repetitions(data)
    confidence = None
    if data.confidence is not None:
        values = data.confidence[~unknown]
        confidence = (float(values.min()), float(np.median(values)), float(values.max()))
    units = _units(poses, low, high)
    body = plausibility(poses, skeleton)
    jitter = _jitter(data)
    findings = [
        *_about_body(body, jitter, data),
        *_about_people(data),
        *_about_coordinates(data, units, low, high),
        # Poses that are no person in this layout cannot be checked for the head's direction or the sides.
        *(_about_orientation(upside_down, agree, votes, exchanged, data) if body.is_person else []),
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
        deviation=body.deviation,
        jitter=jitter,
        findings=tuple(Finding(name, text) for name, text in findings),
    )


def _units(poses: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    filled = np.where(np.isnan(poses), -np.inf, poses).max(1), np.where(np.isnan(poses), np.inf, poses).min(1)
    extent = (filled[0] - filled[1]).max(-1)
    if float(np.median(extent[np.isfinite(extent)])) >= _LEAST_EXTENT_PX:
        return "pixels"
    if low.min() >= -0.5 and high.max() <= 2 and low.min() + high.max() > 0.5:
        return "fractions"
    return "normalised"


def _is_screen(poses: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Return whether coordinates around 0 are VideoPose3D's: x from -1 to 1, y by the same scale. Centred ones are not."""
    centred = np.abs(np.nanmean(poses, axis=1)).max() < 1e-3 or (np.abs(poses) < 1e-6).all(-1).all(0).any()
    return bool(np.abs([low, high]).max() <= _SCREEN and not centred)


def _jitter(data: PoseData) -> float:
    """Return the median step of joints from a frame to the next, over the pose's extent."""
    order = np.lexsort((data.frame, data.sequence))
    poses = data.keypoints_2d[order]
    next_to = (np.diff(data.frame[order]) == 1) & (np.diff(data.sequence[order]) == 0)
    if not next_to.any():
        return float("nan")
    share = moved(poses)[next_to] / np.maximum(extents(poses)[1:][next_to], 1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where no joint is known twice
        return float(np.nanmedian(share))


def _repetitions(data: PoseData) -> tuple[float, int]:
    """Return the share of poses that equal the frame before, and how many others equal a pose elsewhere."""
    rows = np.nan_to_num(data.keypoints_2d, nan=-1).reshape(len(data), -1)
    order = np.lexsort((data.frame, data.sequence))
    same = (rows[order][1:] == rows[order][:-1]).all(1) & (data.sequence[order][1:] == data.sequence[order][:-1])
    distinct = len({row.tobytes() for row in rows})
    return float(same.sum() / len(data)), max(0, len(data) - distinct - int(same.sum()))


def _about_body(body: Plausibility, jitter: float, data: PoseData) -> list[tuple[str, str]]:
    findings = []
    if not body.is_person:
        findings.append(("layout", body.sentence(data.skeleton)))
    if _MOST_JITTER < jitter < _PICTURES and not people_in_turn(data):
        text = (
            f"joints move by {jitter:.0%} of the pose's extent from one frame to the next: the frames are not in order, "
            "people are mixed, or the axis that counts frames is another."
        )
        findings.append(("jitter", text))
    return findings


def _about_people(data: PoseData) -> list[tuple[str, str]]:
    findings = []
    count = people_in_turn(data)
    if count:
        text = (
            f"poses of {count} people, or cameras, take turns: each row lies near the {_ORDINALS[count - 2]} row after "
            "it and far from the next; say whose each is (person), or give arrays of (frames, people, joints, 2)."
        )
        findings.append(("people in turn", text))
    away = [rows[[first, last]] for rows in clips_of(data) for first, last in strangers(data.keypoints_2d[rows])]
    if away:
        spans = [f"{data.frame[first]} to {data.frame[last]}" for first, last in away]
        text = (
            f"poses jump away and come back (frames {', '.join(spans[:3])}{' and others' if len(spans) > 3 else ''}): "
            "they are another person's, or the detector's error; leave those frames out, or name their person."
        )
        findings.append(("another person", text))
    return findings


def _about_coordinates(data: PoseData, units: str, low: np.ndarray, high: np.ndarray) -> list[tuple[str, str]]:
    reach = f"x from {low[0]:.4g} to {high[0]:.4g}, y from {low[1]:.4g} to {high[1]:.4g}"
    if units == "fractions":
        size = next((clip.image_size for clip in data.sequences if clip.image_size), None)
        by = "its width and y by its height (image_size=(width, height) does so)"
        if size:
            by = f"its width ({size[0]}) and y by its height ({size[1]})"
        return [("units", f"{reach} are fractions of the picture, not pixels; multiply x by {by}.")]
    if units == "normalised" and _is_screen(data.keypoints_2d, low, high):
        return []  # one scale for both axes: a lifter takes them as they are
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
    swapped = swapped_axes_fraction(data.keypoints_2d, data.skeleton)
    if swapped > 0.8:
        text = (
            f"{swapped:.0%} of the poses lie on their side, head toward smaller x: unless people lie there, y stands before "
            "x; exchange the two columns."
        )
        findings.append(("axes", text))
    elif upside_down > 0.5:
        text = f"{upside_down:.0%} of the poses have the head below the feet: y points up; replace y by height - y."
        findings.append(("upside down", text))
    return [*findings, *_about_sides(agree, votes, exchanged, data)]


def suspicious_sides(data: PoseData) -> str | None:
    """Return a sentence where left and right look exchanged, in all poses or in more than a few frames; else None.

    Nothing is said of poses that stand on their heads or are no people, of which prediction warns anyway. It takes a few
    microseconds a pose, so that prediction can afford it.
    """
    if upside_down_fraction(data) > 0.5 or not plausibility(data.keypoints_2d, data.skeleton).is_person:
        return None
    agree, votes = sides_agreement(data.keypoints_2d, data.skeleton)
    exchanged = exchanged_frames(data.keypoints_2d, data.skeleton, data.sequence, data.frame)
    few = len(exchanged) <= _MOST_EXCHANGED * len(data)
    return next((text for _, text in _about_sides(agree, votes, exchanged[:0] if few else exchanged, data)), None)


def _about_sides(agree: float, votes: int, exchanged: np.ndarray, data: PoseData) -> list[tuple[str, str]]:
    findings = []
    if agree < _LEAST_AGREEING:
        text = (
            f"left and right look exchanged (at most {agree:.0%} of {votes} telling poses agree); check the layout's order "
            "(skeleton=), and whether the pictures were mirrored."
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
            f"joints are missing often ({', '.join(often[:6])}); take geoselfsup, which fills them in, fill the gaps of a "
            "clip (posezoo.video.lift), or leave such poses out (incomplete='nan')."
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
