"""MPII's annotations where others hold them: the original ``.mat``, JSON of simple-baselines or pytorch-pose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from posezoo.formats.keypoints.clips import Clips, group
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.mpii import people_of_json, people_of_mat


def is_mpii(content: Content) -> bool:
    """Return whether this is a structure ``RELEASE``, or a list of people with MPII's joints."""
    value = content.value
    if content.kind == "mat":
        return isinstance(value.get("RELEASE"), Mapping) and "img_train" in value["RELEASE"]
    first = value[0] if content.kind == "json" and isinstance(value, list) and value else None
    return isinstance(first, Mapping) and ({"joints", "joints_vis"} <= set(first) or "joint_self" in first)


def read_mpii_people(content: Content) -> Clips:
    """Read everybody with joints, each a clip: ``trial`` is the picture, ``subject`` the person in it.

    See :func:`posezoo.data.mpii.annotations.read_mpii` for one split alone, and for the people's scales.
    """
    people = (people_of_mat if content.kind == "mat" else people_of_json)(content.path)
    sequence, sequences = group([person.image for person in people], [person.person for person in people])
    keypoints = np.stack([person.part for person in people])
    return Clips(keypoints, sequence, np.arange(len(people)), sequences, implied=("mpii16",))
