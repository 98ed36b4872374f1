"""State the facts of Human3.6M: subjects, actions, numbers of frames. Ionescu et al., TPAMI 2014."""

from __future__ import annotations

import re

SUBJECTS = {"train": ("S1", "S5", "S6", "S7", "S8"), "val": ("S8",), "test": ("S9", "S11")}
"""Subjects by split. ``val`` is one of the training subjects, so that nothing is chosen on S9 and S11."""

LABELLED = tuple(dict.fromkeys((*SUBJECTS["train"], *SUBJECTS["test"])))
"""The subjects whose labels are public."""

CAMERAS = ("54138969", "55011271", "58860488", "60457274")

ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases", "Sitting", "SittingDown",
    "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether",
)  # fmt: skip
NUMBERED_ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting", "SittingDown", "Smoking",
    "Photo", "Waiting", "Walking", "WalkDog", "WalkTogether",
)  # fmt: skip
"""Actions in the order of the dataset's own tools, which number them from 2; 1 means all."""

_ALSO = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}

FRAMES = {("S1",): 62_094, ("S5",): 99_079, ("S6",): 62_466, ("S7", "S8"): 166_299, ("S9", "S11"): 135_836}
"""Of each camera, as counted in the literature: 1,559,752 and 543,344 poses of four cameras. The last without S11's first
Directions, whose video and detections are damaged."""

WITHOUT = ("S11", "Directions", "")
"""The recording that is not counted."""

RECORDINGS = 30
"""The number of recordings of each subject, two of each action."""

FPS = 50.0


def parse_action(stem: str) -> tuple[str, str] | None:
    """Return action and trial of a file's or key's whole name; None where the name has neither.

    Example:
        >>> parse_action("SittingDown 2"), parse_action("WalkingDog"), parse_action("Walking_1"), parse_action("_ALL 1")
        (('SittingDown', '2'), ('WalkDog', ''), ('Walking', '1'), None)
    """
    named = re.fullmatch(r"([A-Za-z]+)(?:[ _](\d+))?", stem)
    if named is None:
        return None
    action = _ALSO.get(named[1], named[1])
    return (action, named[2] or "") if action in ACTIONS else None


def spellings(action: str) -> tuple[str, ...]:
    """Return the names under which files hold an action, its own first."""
    return (action, *(other for other, name in _ALSO.items() if name == action))
