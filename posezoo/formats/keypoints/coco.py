"""COCO's annotations, and its results list, which most detectors write (Detectron2, MMPose)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, numeric, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.depth import refuse_3d
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.framing import DETECTIONS, is_one_person
from posezoo.formats.keypoints.names import are_joints
from posezoo.formats.keypoints.people import NUMBERS, Person, identity_of, in_columns, number_of

IMPLIED = ("coco17", "coco23", "halpe26", "wholebody133", "halpe136")

# Scores exceed 1 a little; larger values are logits.
_MOST_SCORE = 1.5
_DOUBTFUL = 1e-3
_VIDEOS = ("video_id", "vid_id", "video_name", "video", "seq_name")


def is_coco(content: Content) -> bool:
    """Return whether this is ``{"annotations": [...]}``."""
    return isinstance(content.value, Mapping) and isinstance(content.value.get("annotations"), list)


def is_coco_results(content: Content) -> bool:
    """Return whether this is ``[{"image_id": ..., "keypoints": [...]}, ...]``."""
    value = content.value
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and "keypoints" in value[0]


def read_coco(content: Content) -> Clips:
    """Read annotations of COCO's form.

    ``frame`` is the image id or the number in its name, ``trial`` the file or what stands before that number, ``subject``
    the track or the person's number in the picture.

    Annotations without any labelled joint (boxes and crowds) hold no pose and are left out. The names of the joints,
    where ``categories`` have them, tell the layout.
    """
    images = {image["id"]: image for image in _mappings(content.value.get("images", [])) if _hashable(image.get("id"))}
    entries = _mappings(content.value["annotations"])
    return read_people(entries, images, content.path, _joint_names(content.value.get("categories"), entries, content.path))


def read_coco_results(content: Content) -> Clips:
    """Read results as :func:`read_coco`; scores outside 0 to 1 (Detectron2's logits) are clipped."""
    return read_people(_mappings(content.value), {}, content.path)


def _mappings(entries: object) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _hashable(key: object) -> bool:
    return isinstance(key, str | int)


def _joint_names(categories: object, entries: list[Mapping[str, object]], path: Path) -> tuple[str, ...]:
    """Return the joints' names as the categories of the entries have them; none where they name no joints."""
    used = {entry.get("category_id") for entry in entries if entry.get("keypoints") and _hashable(entry.get("category_id"))}
    named = {
        tuple(map(str, category["keypoints"]))
        for category in _mappings(categories)
        if isinstance(category.get("keypoints"), list)
        and category["keypoints"]
        and _hashable(category.get("id"))
        and category["id"] in used
    }
    if len(named) > 1:
        raise InputError(f"{path} holds people of {len(named)} categories with other joints; keep one category's.")
    names = named.pop() if named else ()
    return names if names and are_joints(names) else ()


def read_people(
    entries: list[Mapping[str, object]],
    images: Mapping[object, Mapping[str, object]],
    path: Path,
    names: tuple[str, ...] = (),
) -> Clips:
    """Read one person an entry, ``images`` by their id, ``names`` of the joints where the file has them."""
    entries = [entry for entry in entries if entry.get("keypoints")]
    if not entries:
        raise InputError(f"{path} is COCO JSON without any keypoints; expected annotations of people with `keypoints`.")
    keypoints = numeric([entry["keypoints"] for entry in entries], "keypoints", path)
    keypoints = in_columns(keypoints, len(names))
    if keypoints.ndim != 3 or keypoints.shape[-1] not in (2, 3):
        raise InputError(
            f"{path}: keypoints of a person are {keypoints.shape[1:]} numbers; expected x, y, v of every joint."
        )
    keypoints = keypoints.astype(np.float64)
    if keypoints.shape[-1] == 3 and not np.isin(keypoints[..., 2], (0, 1, 2)).all():
        refuse_3d(keypoints, path)
        # Below 0 a logit is a doubtful joint; of scores from 0 to 1 it is none.
        least = _DOUBTFUL if np.nanmax(keypoints[..., 2]) > _MOST_SCORE else 0
        keypoints[..., 2] = np.where(keypoints[..., 2] < 0, least, keypoints[..., 2].clip(0, 1))
    posed = (np.nan_to_num(keypoints, nan=0) != 0).any((1, 2))
    keypoints, entries = keypoints[posed], [entry for entry, keep in zip(entries, posed, strict=True) if keep]
    images_of = [_image(entry) for entry in entries]
    if not any(images_of):
        entries, images_of = _without_pictures(entries, keypoints)
    pictures = [images.get(name, {}) for name in images_of]
    videos, frames = _frames(entries, images_of, pictures, path)
    sizes = {name: _size(images.get(name), path) for name in dict.fromkeys(images_of)}
    tracks = [_track(entry) for entry in entries]
    identified = all(track is not None for track in tracks)
    people = [track if identified and track is not None else "" for track in tracks]
    if not identified:
        people = _places(videos, frames)
    sequence, sequences = group(videos, people, [sizes[name] for name in images_of])
    return Clips(keypoints, sequence, frames, sequences, implied=IMPLIED, names=names, identified=identified)


def _image(entry: Mapping[str, Any]) -> str | int:
    """Return the picture of an entry, by id or name; else its frame."""
    for key in ("image_id", *NUMBERS, "image_name", "file_name"):
        if entry.get(key) is not None:
            return entry[key] if _hashable(entry[key]) else str(entry[key])
    return 0


def _without_pictures(
    entries: list[Mapping[str, object]], keypoints: np.ndarray
) -> tuple[list[Mapping[str, object]], list[str | int]]:
    """Return entries that say no picture and no frame with the frames that their tracks or their boxes tell, and these.

    They are the people of one picture, unless a track comes again or each box overlaps the next.
    """
    tracks, frame, present = [_track(entry) for entry in entries], 0, set[str]()
    frames: list[str | int] = [0] * len(entries)
    if all(track is not None for track in tracks):
        for order, track in enumerate(tracks):
            if track in present:
                frame, present = frame + 1, set()
            present.add(str(track))
            frames[order] = frame
    elif is_one_person([Person(pose[:, :2]) for pose in keypoints], DETECTIONS):
        frames = list(range(len(entries)))
    return [{**entry, "frame": number} for entry, number in zip(entries, frames, strict=True)], frames


def _track(entry: Mapping[str, object]) -> str | None:
    """Return the person's identity, under whichever name it stands."""
    found = (identity_of(entry.get(key)) for key in ("track_id", "idx", "instance_id", "person_id", "tracking_id"))
    return next((identity for identity in found if identity is not None), None)


def _places(videos: list[str], frames: np.ndarray) -> list[str]:
    """Return each person's place in the list of a frame."""
    seen: Counter[tuple[str, int]] = Counter()
    places = []
    for frame in zip(videos, frames.tolist(), strict=True):
        places.append(str(seen[frame]))
        seen[frame] += 1
    return places


def _size(image: Mapping[str, object] | None, path: Path) -> tuple[int, int] | None:
    if not image or not image.get("width") or not image.get("height"):
        return None
    return picture_size([image["width"], image["height"]], path)


def _frames(
    entries: list[Mapping[str, object]], names: list[str | int], pictures: list[Mapping[str, object]], path: Path
) -> tuple[list[str], np.ndarray]:
    """Return video and number: what entries or pictures state, image ids, or what names hold; else the place in the file."""
    files = [
        Path(str(picture.get("file_name", name)).replace("\\", "/")) for name, picture in zip(names, pictures, strict=True)
    ]
    stated = [
        next((value[key] for value in about for key in _VIDEOS if _hashable(value.get(key))), None)
        for about in zip(entries, pictures, strict=True)
    ]
    # Pictures in several folders belong to several recordings.
    folders = [file.parent.as_posix() for file in files]
    folders = folders if len(set(folders)) > 1 else [""] * len(files)
    by_name = frames_of([file.stem for file in files])
    videos = [
        str(video) if video is not None else folder if folder not in ("", ".") else ""
        for video, folder in zip(stated, folders, strict=True)
    ]
    numbers: list[int | None] = [
        next((number for value in about if (number := number_of(value)) is not None), None)
        for about in zip(entries, pictures, strict=True)
    ]
    if any(number is None for number in numbers):
        if any(videos) and all(number is not None for _, number in by_name):
            numbers = [number for _, number in by_name]  # ids continue from one recording to the next
        elif all(isinstance(name, int) and 0 <= name < 2**31 for name in names):
            numbers = [int(name) for name in names]
        elif all(number is not None for _, number in by_name):
            numbers = [number for _, number in by_name]
            videos = [video or before for video, (before, _) in zip(videos, by_name, strict=True)]
        else:
            order = {name: index for index, name in enumerate(dict.fromkeys(names))}
            numbers = [order[name] for name in names]
    return [video or path.stem for video in videos], frame_numbers(numbers, len(names), path)
