"""Write and read the files of predictions: ``.npz`` and ``.json`` with the same content."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from posezoo.files.reading import check_size
from posezoo.skeletons import SKELETONS, Skeleton

FORMAT = "posezoo-prediction/1"
ARRAYS = ("pose_3d", "keypoints_2d", "confidence", "filled", "reprojection_px", "view_count")
"""Fields with a value for each joint."""
LABELS = ("frame_number", "person", "video", "time_s", "picture", "doubtful")
"""Fields with a value for each pose."""


def _npz(description: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> bytes:
    stored = {name: np.asarray(value) for name, value in description.items() if value is not None}
    stored["approximated"] = np.asarray(json.dumps(description["approximated"]))
    for name in ("missing", "notes"):
        stored[name] = np.asarray(description[name], dtype=str)
    stream = io.BytesIO()
    np.savez_compressed(stream, **stored, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _json(description: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> bytes:
    # Nested lists of no poses lack the number of joints.
    value: dict[str, object] = {**description, "shape": list(arrays["pose_3d"].shape)}
    for name in ARRAYS:
        array = arrays.get(name)
        if array is not None and not (finite := np.isfinite(array)).all():
            array = array.astype(object)
            array[~finite] = None
        value[name] = None if array is None else array.tolist()
    for name in LABELS:
        value[name] = arrays[name].tolist() if name in arrays else None
    return (json.dumps(value, allow_nan=False) + "\n").encode()


WRITERS: dict[str, Callable[[Mapping[str, object], Mapping[str, np.ndarray]], bytes]] = {".npz": _npz, ".json": _json}
"""Functions from a prediction's description in plain types and its arrays to the bytes of a file, by its ending."""


def fields_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of :class:`posezoo.poses.prediction.Prediction` from the content of either kind of file."""
    name = str(value["skeleton"])
    skeleton = Skeleton(name, tuple(map(str, value["joints"])), tuple(int(parent) for parent in value["parents"]))
    approximated = value["approximated"]
    if not isinstance(approximated, Mapping):
        approximated = json.loads(str(approximated))
    arrays: dict[str, Any] = {key: np.asarray(value[key], dtype=np.float32) for key in ARRAYS if value.get(key) is not None}
    if arrays["pose_3d"].size == 0 and "shape" in value:
        batch = tuple(value["shape"])[:-1]
        ends = {"pose_3d": (3,), "keypoints_2d": (2,)}
        arrays = {key: array.reshape((*batch, *ends.get(key, ()))) for key, array in arrays.items()}
    if "filled" in arrays:
        arrays["filled"] = arrays["filled"] > 0.5
    if "view_count" in arrays:
        arrays["view_count"] = np.nan_to_num(arrays["view_count"]).clip(0, 2**15).astype(np.int64)
    kinds: dict[str, Any] = {
        "frame_number": np.int64,
        "person": str,
        "video": str,
        "time_s": np.float64,
        "picture": str,
        "doubtful": bool,
    }
    # An array of texts reserves the longest text's size for each.
    for name_of in ("person", "video", "picture"):
        if isinstance(texts := value.get(name_of), list):
            check_size(4 * max((len(str(text)) for text in texts), default=0) * len(texts), f"{name_of} of a prediction")
    labels = {key: np.asarray(value[key], dtype=kind) for key, kind in kinds.items() if value.get(key) is not None}
    size, rate = value.get("image_size"), value.get("fps")
    return {
        **arrays,
        **labels,
        "skeleton": SKELETONS[name] if SKELETONS.get(name) == skeleton else skeleton,
        "image_size": None if size is None else tuple(int(edge) for edge in size),
        "fps": None if rate is None else float(rate),
        "approximated": {str(joint): str(words) for joint, words in approximated.items()},
        "missing": tuple(map(str, value["missing"])),
        "notes": tuple(map(str, value["notes"])),
        **{key: str(value[key]) for key in ("unit", "frame", "model")},
    }
