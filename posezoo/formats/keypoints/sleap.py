"""SLEAP: its analysis HDF5, and its own ``.slp`` projects, which are HDF5 as well; read by h5py alone.

sleap-io reads both, too, but brings imageio, av, pandas, scikit-image and others (some 300 MB) for what takes a page here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.hdf5 import open_hdf5, read_attributes, read_dataset
from posezoo.files.reading import reading
from posezoo.formats.keypoints.clips import Clips, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.people import Frame, Person, gather

# The axes of ``tracks``: SLEAP's own and sleap-io's "matlab" preset, sleap-io's "standard" one, and the transposed first.
_ORDERS = (("track", "xy", "node", "frame"), ("frame", "track", "node", "xy"), ("frame", "node", "xy", "track"))
_PREDICTED = 1


def is_sleap(content: Content) -> bool:
    """Return whether the file is SLEAP's analysis: ``tracks`` and ``node_names``."""
    return content.kind == "hdf5" and {"tracks", "node_names"} <= content.keys()


def read_sleap(content: Content) -> Clips:
    """Read tracks as people, node names as joints; a track has no row in frames that it does not occupy."""
    path, value = content.path, content.value
    names = _texts(value["node_names"])
    people = _texts(value["track_names"]) if "track_names" in content.keys() else ()  # noqa: SIM118
    tracks, order = np.asarray(value["tracks"]), None
    if tracks.ndim == 4 and tracks.dtype.kind in "fiu":
        # People who were not tracked have no names.
        wanted = {"xy": 2, "node": len(names), **({"track": len(people)} if people else {})}
        sizes = {axes: dict(zip(axes, tracks.shape, strict=True)) for axes in _ORDERS}
        order = next((axes for axes, size in sizes.items() if wanted.items() <= size.items()), None)
    if order is None:
        raise InputError(
            f"{path}: tracks have shape {tracks.shape}; expected SLEAP's (tracks, 2, {len(names)} nodes, frames)."
        )
    points = tracks.transpose([order.index(axis) for axis in ("frame", "track", "node", "xy")])
    scores = None
    if "point_scores" in content.keys():  # noqa: SIM118  (Content is no mapping)
        values = np.asarray(value["point_scores"])
        axes = [axis for axis in order if axis != "xy"]
        if values.ndim == 3:
            values = values.transpose([axes.index(axis) for axis in ("frame", "track", "node")])
        # Points set by hand have no score, which is NaN.
        scores = values if values.shape == points.shape[:3] and np.isfinite(values).any() else None
    people = people if len(people) == points.shape[1] else tuple(map(str, range(points.shape[1])))
    frames = []
    for number, frame in enumerate(points):
        present = [
            Person(pose, None if scores is None else scores[number, track], people[track])
            for track, pose in enumerate(frame)
            if np.isfinite(pose).any()
        ]
        frames.append(Frame(tuple(present), number))
    return gather(frames, path, "SLEAP", names=names)


def is_slp(content: Content) -> bool:
    """Return whether the file is a project of SLEAP."""
    return content.kind == "hdf5" and {"frames", "instances", "points", "pred_points"} <= content.keys()


def read_slp(content: Content) -> Clips:
    """Read the instances of a project: what was set by hand in a frame, else what was predicted there."""
    path = content.path
    with open_hdf5(path) as file:
        about, version = _metadata(file, path)
        tables = {name: read_dataset(file, name, records=True) for name in ("frames", "instances", "points", "pred_points")}
        tracks = [json.loads(text) for text in _texts(read_dataset(file, "tracks_json"))] if "tracks_json" in file else []
        videos = [json.loads(text) for text in _texts(read_dataset(file, "videos_json"))] if "videos_json" in file else []
    with reading(path, "a project of SLEAP"):
        names = _nodes(about)
        instances = tables["instances"]
        frames = []
        for frame in tables["frames"]:
            rows = instances[int(frame["instance_id_start"]) : int(frame["instance_id_end"])]
            by_hand = rows[rows["instance_type"] != _PREDICTED]
            people = [_person(row, tables, tracks, len(names), version) for row in (by_hand if len(by_hand) else rows)]
            video, size = _video(videos, int(frame["video"]), path)
            frames.append(Frame(tuple(people), int(frame["frame_idx"]), video, size))
    return gather(frames, path, "SLEAP", names=names)


def _metadata(file: h5py.File, path: Path) -> tuple[dict[str, object], float]:
    """Return what a project says of itself, and the version of its form."""
    group = file.get("metadata")
    stated = read_attributes(group) if isinstance(group, h5py.Group) else {}
    with reading(path, "a project of SLEAP"):
        text = stated["json"]
        return json.loads(text if isinstance(text, str) else bytes(text)), float(stated.get("format_id", 1.2))


def _nodes(about: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the first skeleton's nodes, in the order of the points."""
    if not about.get("skeletons"):
        raise CorruptFileError("it has no skeleton")
    order = [node["id"] for node in about["skeletons"][0]["nodes"]]
    nodes = about["nodes"]
    return tuple(str(nodes[index]["name"] if isinstance(nodes[index], dict) else nodes[index]) for index in order)


def _person(row: np.void, tables: dict[str, np.ndarray], tracks: list[Any], joints: int, version: float) -> Person:
    """Return one instance; points that were not placed are NaN, or not visible."""
    predicted = row["instance_type"] == _PREDICTED
    points = tables["pred_points" if predicted else "points"][int(row["point_id_start"]) : int(row["point_id_end"])]
    if len(points) != joints:
        raise CorruptFileError(f"an instance has {len(points)} points, the skeleton {joints} nodes")
    # Before version 1.1 the middle of the first pixel was (0.5, 0.5).
    xy = np.stack([points["x"], points["y"]], -1) - (0.5 if version < 1.1 else 0.0)
    xy[~points["visible"].astype(bool)] = np.nan
    scores = points["score"] if predicted else np.where(np.isfinite(xy[:, 0]), 1.0, 0.0)
    track = int(row["track"])
    name = str(tracks[track][1] if isinstance(tracks[track], list) else track) if 0 <= track < len(tracks) else None
    return Person(xy, scores, name)


def _video(videos: list[object], index: int, path: Path) -> tuple[str, tuple[int, int] | None]:
    """Return the name and the picture size of a video."""
    about = videos[index] if index < len(videos) else {}
    backend = about.get("backend", about) if isinstance(about, dict) else {}
    shape = backend.get("shape")
    size = picture_size([shape[2], shape[1]], path) if isinstance(shape, list) and len(shape) == 4 else None
    name = Path(str(backend.get("filename", "")).replace("\\", "/")).stem
    return name if len(videos) > 1 else "", size


def _texts(values: object) -> tuple[str, ...]:
    """Return text of whatever kind HDF5 has it in."""
    listed = np.asarray(values).reshape(-1).tolist()
    return tuple(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in listed)
