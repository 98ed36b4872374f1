"""Qualisys Track Manager's calibration, ``.qca.txt`` or ``.xml``: sub-pixels of 1/64, millimetres, y of the camera up."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.reading import reading

_SUBPIXELS = 64.0
# In OpenCV's order: k1 k2 p1 p2 k3.
_LENS = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2", "radialDistortion3")
_MARKER_CAMERAS = ("fov_video", "fov_video_max")
# The camera's y points up and its z backward; here y points down and z forward.
_TURN = np.diag([1.0, -1.0, -1.0])


def cameras_node(root: Element) -> Element | None:
    """Return the element that holds the cameras, None where the file is no calibration by Qualisys."""
    calibration = root if root.tag == "calibration" else root.find(".//calibration")
    cameras = None if calibration is None else calibration.find("cameras")
    return cameras if cameras is not None and cameras.find("camera/transform") is not None else None


def read_qualisys(path: Path, cameras: Element) -> list[dict[str, object]]:
    """Return the cameras that take video; all where none says so.

    Lengths of the sensor, among them the distortion coefficients, are in sub-pixels; what is read agrees with Pose2Sim's
    own conversion of its demonstration's file.
    """
    entries = []
    for number, node in enumerate(cameras.findall("camera")):
        with reading(path, "Qualisys' calibration"):
            transform, lens = node.find("transform"), node.find("intrinsic")
            if transform is None or lens is None:
                raise CorruptFileError(f"{path}: camera {number + 1} has no transform or no intrinsic.")
            rotation = np.array([[float(transform.get(f"r{i}{j}", "nan")) for j in "123"] for i in "123"])
            center = np.array([float(transform.get(axis, "nan")) for axis in "xyz"])
            R = _TURN @ rotation
            value = {key: float(lens.get(key, "0")) for key in lens.keys() if key not in ("type",)}  # noqa: SIM118
            seen = next((found for tag in _MARKER_CAMERAS if (found := node.find(tag)) is not None), None)
            left, top, right, bottom = (
                float(seen.get(edge, "0")) if seen is not None else 0.0 for edge in ("left", "top", "right", "bottom")
            )
            K = [
                [value["focalLengthU"] / _SUBPIXELS, 0.0, value["centerPointU"] / _SUBPIXELS - left],
                [0.0, value["focalLengthV"] / _SUBPIXELS, value["centerPointV"] / _SUBPIXELS - top],
                [0.0, 0.0, 1.0],
            ]
            further = [key for key in value if ("Distortion" in key or key == "skew") and key not in _LENS and value[key]]
            if further:
                raise InputError(
                    f"{path}: camera {number + 1} has {further[0]} {value[further[0]]:g}; expected no distortion but "
                    f"{', '.join(_LENS)}: undistort its pictures, or its keypoints, first."
                )
            entry: dict[str, object] = {
                "name": node.get("serial", str(number + 1)),
                "K": K,
                "R": R,
                "t": -R @ center,
                "distortion": [value.get(name, 0.0) / _SUBPIXELS for name in _LENS],
            }
            if seen is not None:
                entry["image_size"] = [int(right - left + 1), int(bottom - top + 1)]
            entries.append((str(node.get("model", "")), entry))
    video = [entry for model, entry in entries if "video" in model.lower()]
    return video or [entry for _, entry in entries]
