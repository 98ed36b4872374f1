"""VideoPose3D's 2D archives: ``positions_2d.item()[subject][action]`` is a list of (N, J, 2), one a camera."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, numeric, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.videopose3d import cameras, layout_of
from posezoo.geometry.cameras import h36m_cameras, h36m_subjects
from posezoo.poses.posedata import Sequence


def is_videopose3d(content: Content) -> bool:
    """Return whether this is an archive with ``positions_2d``."""
    return "positions_2d" in content.keys()  # noqa: SIM118  (Content is no mapping)


def read_videopose3d(content: Content) -> Clips:
    """Read one clip a camera; picture sizes from the archive's metadata, or Human3.6M's where its subjects are."""
    path, value = content.path, content.value
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    found = list(cameras(value, path, InputError))
    subjects = {subject for subject, _, _ in found}
    arrays: list[np.ndarray] = []
    sequences: list[Sequence] = []
    for subject, action, views in found:
        for view, values in enumerate(views):
            if values is None:
                continue
            keypoints = numeric(values, f"{subject}, {action}, camera {view}", path)
            if keypoints.ndim != 3 or (arrays and keypoints.shape[1:] != arrays[0].shape[1:]):
                wanted = arrays[0].shape[1:] if arrays else ("J", 2)
                raise InputError(
                    f"{path}: {subject}, {action}, camera {view} has shape {keypoints.shape}; expected (N, *{wanted})."
                )
            arrays.append(keypoints)
            sequences.append(_sequence(subject, action, view, len(views), metadata, subjects, path))
    if not arrays:
        raise InputError(f"{path}: positions_2d is empty; expected subjects, actions and one array a camera.")
    lengths = [len(array) for array in arrays]
    return Clips(
        np.concatenate(arrays),
        np.repeat(np.arange(len(arrays)), lengths),
        np.concatenate([np.arange(length) for length in lengths]),
        tuple(sequences),
        stated=layout_of(arrays[0].shape[1], metadata, path.stem),
    )


def _sequence(
    subject: str,
    action: str,
    view: int,
    views: int,
    metadata: Mapping[str, object],
    subjects: set[str],
    path: Path,
) -> Sequence:
    size: tuple[int, int] | None = None
    fps: float | None = None
    videos = metadata.get("video_metadata")
    video = videos.get(subject) if isinstance(videos, Mapping) else None
    if isinstance(video, Mapping) and "w" in video and "h" in video:
        size = picture_size([video["w"], video["h"]], path)
        fps = float(video["fps"]) if isinstance(video.get("fps"), int | float) else None
    elif subjects <= set(h36m_subjects()) and views == len(h36m := h36m_cameras("S1")):
        size, fps = h36m[view].image_size, 50.0
    elif metadata.get("layout_name") == "humaneva15":
        size, fps = (640, 480), 60.0
    return Sequence(subject=subject, action=action, view=view, image_size=size, fps=fps)
