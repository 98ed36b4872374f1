"""COCO's annotations, and its results list, which most detectors write (Detectron2, MMPose)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, group, numeric, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.names import are_joints, frame_of

IMPLIED = ("coco17", "coco23", "halpe26", "wholebody133", "halpe136")

# Scores go a little beyond 1; what goes further are logits.
_MOST_SCORE = 1.5
_DOUBTFUL = 1e-3


def is_coco(content: Content) -> bool:
    """``{"annotations": [...]}``."""
    return isinstance(content.value, Mapping) and isinstance(content.value.get("annotations"), list)


def is_coco_results(content: Content) -> bool:
    """``[{"image_id": ..., "keypoints": [...]}, ...]``."""
    value = content.value
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and "keypoints" in value[0]


def read_coco(content: Content) -> Clips:
    """``frame`` is the image id or the number in its name, ``trial`` the file or what stands before that number,
    ``subject`` the track or the person's number in the picture.

    Annotations without any labelled joint (boxes and crowds) hold no pose and are left out. The names of the joints,
    where ``categories`` have them, tell the layout.
    """
    images = {image["id"]: image for image in _mappings(content.value.get("images", [])) if _hashable(image.get("id"))}
    entries = _mappings(content.value["annotations"])
    return read_people(entries, images, content.path, _joint_names(content.value.get("categories"), entries, content.path))


def read_coco_results(content: Content) -> Clips:
    """As :func:`read_coco`; scores outside 0 to 1 (Detectron2's logits) are clipped."""
    return read_people(_mappings(content.value), {}, content.path)


def _mappings(entries: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _hashable(key: Any) -> bool:
    return isinstance(key, str | int)


def _joint_names(categories: Any, entries: list[Mapping[str, Any]], path: Path) -> tuple[str, ...]:
    """The names of the joints as the categories of the entries have them; none where they are no joints' names."""
    used = {entry.get("category_id") for entry in entries if entry.get("keypoints") and _hashable(entry.get("category_id"))}
    named = {
        tuple(map(str, category["keypoints"]))
        for category in _mappings(categories)
        if isinstance(category.get("keypoints"), list) and category["keypoints"] and category.get("id") in used
    }
    if len(named) > 1:
        raise InputError(f"{path} holds people of {len(named)} categories with other joints; keep one category's.")
    names = named.pop() if named else ()
    return names if names and are_joints(names) else ()


def read_people(
    entries: list[Mapping[str, Any]], images: dict[Any, Mapping[str, Any]], path: Path, names: tuple[str, ...] = ()
) -> Clips:
    """One entry a person, ``images`` by their id, ``names`` of the joints where the file has them."""
    entries = [entry for entry in entries if entry.get("keypoints")]
    if not entries:
        raise InputError(f"{path} is COCO JSON without any keypoints; expected annotations of people with `keypoints`.")
    keypoints = numeric([entry["keypoints"] for entry in entries], "keypoints", path)
    if keypoints.ndim == 2 and keypoints.shape[1] % 3 == 0:
        keypoints = keypoints.reshape(len(keypoints), -1, 3)
    if keypoints.ndim != 3 or keypoints.shape[-1] not in (2, 3):
        raise InputError(
            f"{path}: keypoints of a person are {keypoints.shape[1:]} numbers; expected x, y, v of every joint."
        )
    keypoints = keypoints.astype(np.float64)
    if keypoints.shape[-1] == 3 and not np.isin(keypoints[..., 2], (0, 1, 2)).all():
        # Below 0 a logit is a doubtful joint; of scores from 0 to 1 it is none.
        least = _DOUBTFUL if np.nanmax(keypoints[..., 2]) > _MOST_SCORE else 0
        keypoints[..., 2] = np.where(keypoints[..., 2] < 0, least, keypoints[..., 2].clip(0, 1))
    posed = (np.nan_to_num(keypoints, nan=0) != 0).any((1, 2))
    keypoints, entries = keypoints[posed], [entry for entry, keep in zip(entries, posed, strict=True) if keep]
    images_of = [_name(entry.get("image_id", index)) for index, entry in enumerate(entries)]
    sizes = {name: _size(images.get(name), path) for name in dict.fromkeys(images_of)}
    videos, frames = _frames(images_of, path)
    sequence, sequences = group(videos, _people(entries, images_of), [sizes[name] for name in images_of])
    return Clips(keypoints, sequence, frames, sequences, implied=IMPLIED, names=names)


def _name(image: Any) -> str | int:
    return image if _hashable(image) else str(image)


def _size(image: Mapping[str, Any] | None, path: Path) -> tuple[int, int] | None:
    if not image or not image.get("width") or not image.get("height"):
        return None
    return picture_size([image["width"], image["height"]], path)


def _people(entries: list[Mapping[str, Any]], names: list[str | int]) -> list[str]:
    """Track ids where there are, else the person's number within the picture."""
    seen: Counter[str | int] = Counter()
    people = []
    for entry, name in zip(entries, names, strict=True):
        track = entry.get("track_id", entry.get("idx"))
        people.append(str(track) if _hashable(track) else str(seen[name]))
        seen[name] += 1
    return people


def _frames(names: list[str | int], path: Path) -> tuple[list[str], np.ndarray]:
    """Video and number: image ids, or what their names hold; else the place in the order of their appearance."""
    if all(isinstance(name, int) and 0 <= name < 2**31 for name in names):
        return [path.stem] * len(names), np.asarray(names, dtype=np.int32)
    found = [frame_of(Path(str(name)).stem) for name in names]
    numbers = [number for _, number in found if number is not None]
    if len(numbers) == len(names):
        return [video or path.stem for video, _ in found], np.asarray(numbers, dtype=np.int32)
    order = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return [path.stem] * len(names), np.asarray([order[name] for name in names], dtype=np.int32)
