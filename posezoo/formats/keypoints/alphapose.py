"""AlphaPose: its results list, which is COCO's with names for pictures, and its `cmu` and `open` forms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from posezoo.formats.keypoints.clips import Clips
from posezoo.formats.keypoints.coco import is_coco_results, read_people
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.openpose import read_frames
from posezoo.formats.keypoints.people import identity_of

# x, y, c of Halpe-136 and COCO-WholeBody begin with those of Halpe-26 and COCO-17; faces and hands follow.
_WHOLE_BODY = {3 * 136: 3 * 26, 3 * 133: 3 * 17}


def is_alphapose(content: Content) -> bool:
    """Return whether this is a results list with pictures by name, or with boxes and identities of AlphaPose."""
    if not is_coco_results(content):
        return False
    first = content.value[0]
    return isinstance(first.get("image_id"), str) or not {"box", "idx"}.isdisjoint(first)


def read_alphapose(content: Content) -> Clips:
    """Read results of AlphaPose.

    ``frame`` is the number in the picture's name, ``trial`` what stands before it, ``subject`` the ``idx`` where tracked.

    Of whole bodies, 136 or 133 joints, the first 26 or 17 are read.
    """
    entries: list[Mapping[str, object]] = []
    for entry in content.value:
        if isinstance(entry, Mapping):
            keypoints = entry.get("keypoints")
            if isinstance(keypoints, list):
                keypoints = keypoints[: _WHOLE_BODY.get(len(keypoints))]
            entries.append({**entry, "keypoints": keypoints, "idx": identity_of(entry.get("idx"))})
    return read_people(entries, {}, content.path)


def is_alphapose_frames(content: Content) -> bool:
    """Return whether this is ``{"0.jpg": {"bodies": [{"joints": [...]}]}}``, also with ``people``; or one such frame."""
    value = content.value
    if not isinstance(value, Mapping) or content.kind not in ("json", "pickle"):
        return False
    first = next(iter(value.values()), None)
    return "bodies" in value or (isinstance(first, Mapping) and not {"bodies", "people"}.isdisjoint(first))


def read_alphapose_frames(content: Content) -> Clips:
    """Read frames as :func:`posezoo.formats.keypoints.openpose.read_frames` does, the pictures being the files."""
    if "bodies" in content.value:
        return read_frames([(content.path, content.value)], content.path)
    return read_frames([(content.path / Path(str(name)).name, frame) for name, frame in content.value.items()], content.path)
