"""Kinetics-skeleton (Yan et al. 2018, ST-GCN): one JSON file a clip, OpenPose's 18 joints, fractions of the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, looks_normalised, numeric
from posezoo.formats.keypoints.containers import Content


def is_kinetics(content: Content) -> bool:
    """Return whether this is ``{"data": [{"frame_index": 1, "skeleton": [...]}], "label": ...}``."""
    frames = content.value.get("data") if isinstance(content.value, Mapping) else None
    return isinstance(frames, list) and any(isinstance(frame, Mapping) and "skeleton" in frame for frame in frames[:1])


def read_kinetics(content: Content) -> Clips:
    """Read a clip.

    ``action`` is the label, ``subject`` the person's place in a frame (they are not tracked), (0, 0) is unknown.

    The videos were brought to 30 frames a second; the picture's size, which the file lacks, is the video's own.
    """
    path = content.path
    poses: list[object] = []
    scores: list[object] = []
    numbers: list[object] = []
    people: list[int] = []
    for order, frame in enumerate(content.value["data"]):
        listed = frame.get("skeleton") if isinstance(frame, Mapping) else None
        if not isinstance(listed, list):
            raise InputError(f"{path}: frame {order} is no frame of Kinetics-skeleton; expected `frame_index`, `skeleton`.")
        for place, person in enumerate(listed):
            if not isinstance(person, Mapping) or "pose" not in person:
                raise InputError(f"{path}: a person of frame {order} lacks `pose`; expected x, y of 18 joints, and `score`.")
            poses.append(person["pose"])
            scores.append(person.get("score"))
            numbers.append(frame.get("frame_index", order))
            people.append(place)
    if not poses:
        raise InputError(f"{path} holds no people ({len(content.value['data'])} frames of Kinetics-skeleton, all empty).")
    flat = numeric(poses, "poses", path)
    if flat.ndim != 2 or flat.shape[1] % 2:
        raise InputError(f"{path}: the pose of a person has shape {flat.shape[1:]}; expected x, y of every joint.")
    keypoints = flat.astype(np.float64).reshape(len(flat), -1, 2)
    keypoints[(keypoints == 0).all(-1)] = np.nan
    confidence = None if all(score is None for score in scores) else numeric(scores, "scores", path)
    sequence, sequences = group([path.stem] * len(poses), people, fps=30.0)
    label = content.value.get("label")
    return Clips(
        keypoints=keypoints,
        sequence=sequence,
        frame=frame_numbers(numbers, len(poses), path),
        sequences=tuple(replace(clip, action=label if isinstance(label, str) else "") for clip in sequences),
        confidence=confidence,
        implied=("openpose18",),
        normalised=looks_normalised(keypoints),
        identified=False,
    )
