"""Detectron2, as VideoPose3D's ``infer_video_d2.py`` saves it: ``boxes``, ``segments``, ``keypoints``, ``metadata``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, numeric, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.people import Frame, Person, gather


def is_detectron2(content: Content) -> bool:
    """Return whether an archive has ``boxes`` and ``keypoints`` of every frame, by class."""
    return content.kind == "npz" and {"boxes", "keypoints", "metadata"} <= content.keys()


def read_detectron2(content: Content) -> Clips:
    """Read the people (class 1) of every frame: rows x, y, logit, probability of 17 joints. They are not tracked."""
    path, value = content.path, content.value
    metadata = value["metadata"]
    size = None
    if isinstance(metadata, Mapping) and {"w", "h"} <= set(metadata):
        size = picture_size([metadata["w"], metadata["h"]], path)
    frames = []
    for order, classes in enumerate(np.asarray(value["keypoints"], dtype=object)):
        people = _people(classes, order, content)
        frames.append(Frame(tuple(Person(pose[:2].T.tolist(), pose[3].tolist()) for pose in people), order, "", size))
    clips = gather(frames, path, "Detectron2", implied=("coco17",))
    return clips


def _people(classes: object, order: int, content: Content) -> np.ndarray:
    """Return (people, 4, J) of one frame; no people where nobody was found."""
    listed = list(classes) if isinstance(classes, list | np.ndarray) else []
    people = numeric(listed[1], f"keypoints of frame {order}", content.path) if len(listed) > 1 else np.zeros(0)
    if people.size and (people.ndim != 3 or people.shape[1] != 4):
        raise InputError(
            f"{content.path}: the keypoints of frame {order} have shape {people.shape}; expected (people, 4, joints): "
            "x, y, logit, probability, as infer_video_d2.py writes them."
        )
    return people if people.size else np.zeros((0, 4, 0))
