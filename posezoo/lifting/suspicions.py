"""Say what is suspicious about 2D keypoints: another layout, y up, y before x, another size, fractions of the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Num

from posezoo.poses.checks import swapped_axes_fraction
from posezoo.poses.missing import convert_found, missing_joints
from posezoo.poses.plausibility import plausibility
from posezoo.skeletons import Skeleton

ENOUGH = 8
"""Statistics of fewer poses say nothing about a file."""

Suspicions = Mapping[str, str]
"""Sentences by what they are about: ``layout``, ``axes``, ``upside down``, ``outside`` or ``units``."""


def of_view(
    keypoints: Num[np.ndarray, "N J 2"],
    source: Skeleton,
    target: Skeleton,
    size: tuple[float | int, float | int] | None = None,
) -> Suspicions:
    """Return what is suspicious about the keypoints of one view, in which many joints may be missing.

    Args:
        keypoints: px, as they came: placeholders of missing joints are found here.
        source: their layout.
        target: the model's.
        size: (width, height) of the pictures in px, where it is known.
    """
    body = plausibility(keypoints, source) if len(keypoints) >= ENOUGH else None
    if body is not None and not body.is_person:
        return {"layout": body.sentence(source)}
    values = np.where(missing_joints(keypoints, source)[..., None], np.nan, keypoints)
    values = convert_found(values, source, target).keypoints
    values = values[np.isfinite(values).all(-1).sum(-1) * 2 >= len(target)]
    largest = float(np.abs(values).max(initial=0.0, where=np.isfinite(values)))
    return of_coordinates(values, source, target, largest, size) if len(values) else {}


def of_views(views: Sequence[Suspicions], fit: bool) -> list[tuple[int, str]]:
    """Return what is suspicious about views, with the number of the view.

    A camera that hangs upside down, and is calibrated so, sees heads below feet: where the views fit the cameras, that is
    suspicious only if all of them do.

    Args:
        views: what :func:`of_view` says of each.
        fit: whether the views fit the cameras as they are given.
    """
    hanging = fit and not all("upside down" in found for found in views)
    return [
        (view, sentence)
        for view, found in enumerate(views)
        for name, sentence in found.items()
        if not (hanging and name == "upside down")
    ]


def of_coordinates(
    values: Num[np.ndarray, "N J 2"],
    source: Skeleton,
    skeleton: Skeleton,
    largest: float,
    image_size: tuple[float | int, float | int] | None,
) -> Suspicions:
    """Return what is suspicious about coordinates; NaN, where a joint is missing, compares as False with everything.

    Takes a few microseconds, because ``predict`` calls it for single poses too.

    Args:
        values: px, in the model's layout.
        source: the layout they came in.
        skeleton: the model's layout.
        largest: the largest coordinate.
        image_size: (width, height) in px, where it is known.
    """
    found: dict[str, str] = {}
    if {"head_top", "left_ankle", "right_ankle"} <= set(skeleton.joints):
        head, left, right = (values[:, skeleton.joints.index(j)] for j in ("head_top", "left_ankle", "right_ankle"))
        share = float(np.count_nonzero(head[:, 1] > np.maximum(left[:, 1], right[:, 1]))) / len(values)
        lying = swapped_axes_fraction(values, skeleton) if len(values) >= ENOUGH else 0.0
        if lying > 0.8:
            found["axes"] = (
                f"people lie on their side in {lying:.0%} of the poses, head toward smaller x: unless they do, y stands "
                "before x; exchange the two."
            )
        elif share > 0.5:
            # Of few poses nothing tells whether the order of their joints is another.
            order = "" if len(values) >= ENOUGH else f", and are these joints those of {source.name} (skeleton=)?"
            found["upside down"] = (
                f"heads are below feet in {share:.0%} of the poses: keypoints need y down; with y up, pass height - y"
                f"{order or '.'}"
            )
    if image_size is not None and np.count_nonzero(values[:, skeleton.root] > image_size) > len(values):
        found["outside"] = (
            f"most people lie outside an image of {image_size[0]:g} x {image_size[1]:g}: are these width and height?"
        )
    # Screen coordinates (-1 to 1, one scale for both axes) are lifted as they are.
    if largest <= 1.5 and np.count_nonzero(values < 0) < 0.05 * values.size:
        does_so = ", as read_keypoints(image_size=(width, height)) does"
        size = does_so if image_size is None else f" ({image_size[0]:g} and {image_size[1]:g})"
        found["units"] = (
            "all keypoints lie within 0..1, as fractions of the image do: expected pixels; multiply by the image's width "
            f"and height{size}."
        )
    return found
