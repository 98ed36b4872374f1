"""Tell the layout of keypoints without names, by who says it and by their number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.poses.plausibility import best_layout
from posezoo.skeletons import SKELETONS, Skeleton, get_skeleton

# The named layout with the fewest joints has so many.
_FEWEST = min(map(len, SKELETONS.values()))


def layout_of(
    keypoints: np.ndarray, wanted: str | Skeleton | None, stated: Skeleton | None, implied: Iterable[str], path: Path
) -> Skeleton:
    """Return the caller's layout, else the file's, else the format's, else the only one with that many joints.

    Args:
        keypoints: (N, J, 2 or 3) px.
        wanted: what the caller names.
        stated: what the file names.
        implied: layouts that the format is used with.
        path: for messages.

    Raises:
        InputError: caller and file disagree, another number of joints, or none or several layouts have as many.
    """
    count = keypoints.shape[1]
    argument = None if wanted is None else get_skeleton(wanted)
    if argument and stated and argument.joints != stated.joints:
        raise InputError(
            f"{path} says that its skeleton is {stated.name}, which skeleton={argument.name!r} contradicts; leave that out."
        )
    for layout in (argument, stated):
        if layout and len(layout) != count:
            who = f" (skeleton={layout.name!r})" if layout is argument else ", which the file names,"
            raise InputError(f"{path} holds {count} joints a pose; {layout.name}{who} has {len(layout)}.")
        if layout:
            return layout
    usual = [name for name in implied if len(SKELETONS[name]) == count]
    fitting = usual or [name for name in SKELETONS if len(SKELETONS[name]) == count]
    if len(fitting) != 1:
        if not fitting:
            raise InputError(_of_no_layout(count, path))
        found, example = f"as {', '.join(sorted(fitting))} do", sorted(fitting)[0]
        best = best_layout(keypoints[..., :2], fitting)
        if best is not None:
            found, example = f"{found}, and fits {best} best", best
        raise InputError(f"{path} holds {count} joints a pose, {found}; name the right one (skeleton={example!r}).")
    return SKELETONS[fitting[0]]


def _of_no_layout(count: int, path: Path) -> str:
    """Return what to do with a number of joints that no named layout has."""
    found = f"{path} holds {count} joint{'s' * (count != 1)} a pose, as no named skeleton does"
    if count < _FEWEST:
        return f"{found}; expected a person's {_FEWEST} or more (boxes and single points cannot be lifted)."
    near = min(SKELETONS.values(), key=lambda layout: abs(len(layout) - count))
    return (
        f"{found}, the nearest being {near.name} with {len(near)}; cut out the joints of one, or give their names "
        "(`joints` and `parents`, see posezoo data schema)."
    )
