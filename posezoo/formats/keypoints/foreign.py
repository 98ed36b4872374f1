"""Recognise files that hold no 2D keypoints, and say what they are and what to do."""

from __future__ import annotations

from pathlib import Path

_CHECKPOINT = "a PyTorch checkpoint, weights and no keypoints; run its own program on the video and give what that writes"
_WORKBOOK = "an Excel workbook; save the sheet as CSV"
_VIDEO = "a video; posezoo predict finds its people first (--detector), posezoo data check needs their keypoints"
_PICTURE = "a picture; find its people first, or give it to a model of pictures (posezoo predict hg3d {path})"
_PAGE = "a web page, not the file that it shows; download the file itself"
_MARKERS = "3D motion, which needs no lifting; score what predict wrote against it: posezoo eval poses.npz --truth {path}"
_BVH = "3D motion, which needs no lifting; in Python posezoo.data.read_bvh reads it"
_SCENE = "a 3D scene, no keypoints; export its motion as BVH, which posezoo.data.read_bvh reads"
_ARCHIVE = "an archive; unpack it and give the keypoints inside"
_SETTINGS = "a text of settings, no keypoints; expected what a detector writes, such as .json, .csv or .npz"
_HEADS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook or another Office file; save the sheet as CSV"),
    (b"%PDF", "a PDF document; expected keypoints"),
    (b"\x89PNG", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"PAR1", "a Parquet table; write it as CSV (pandas: to_csv)"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first (gunzip)"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself; fetch it: git lfs pull"),
    (b"HIERARCHY", _BVH),
    (b"PathFileType", _MARKERS),
    (b"Kaydara FBX", _SCENE),
    (b"Rar!", _ARCHIVE),
    (b"7z\xbc\xaf", _ARCHIVE),
    (b"ARROW1", "an Arrow (Feather) table; write it as CSV (pandas: to_csv)"),
    (b"SQLite format 3", "a database of SQLite; export the table of keypoints as CSV"),
    (b"<!DOCTYPE html", _PAGE),
    (b"<html", _PAGE),
)
_ENDINGS = {
    **dict.fromkeys((".pth", ".pt", ".ckpt", ".bin", ".safetensors"), _CHECKPOINT),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), _WORKBOOK),
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v"), _VIDEO),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".bmp", ".webp"), _PICTURE),
    ".bvh": _BVH,
    **dict.fromkeys((".trc", ".c3d"), _MARKERS),
    **dict.fromkeys((".fbx", ".usd", ".usdz", ".glb", ".gltf", ".blend"), _SCENE),
    **dict.fromkeys((".mot", ".sto", ".osim"), "OpenSim's, no keypoints; give the 2D keypoints that it was made from"),
    **dict.fromkeys((".tar", ".tgz", ".zip"), _ARCHIVE),
    **dict.fromkeys((".toml", ".yaml", ".yml", ".ini", ".cfg", ".py"), _SETTINGS),
    ".task": "a model of MediaPipe, no keypoints; find people with it: --detector mediapipe --detector-model {path}",
    ".onnx": "a network, no keypoints; expected what a detector writes",
}


def foreign(path: Path, head: bytes) -> str | None:
    """Return what a file without keypoints is and what to do, as one sentence; None where it may hold some."""
    what = next((what for magic, what in _HEADS if head.startswith(magic)), None)
    if what is None and head[4:8] == b"ftyp":
        what = _VIDEO
    # Archives that begin as NumPy's do are recognised when they are opened.
    if what is None and not head.startswith((b"PK", b"\x93NUMPY", b"\x89HDF", b"\x80", b"{", b"[")):
        what = _ENDINGS.get(path.suffix.lower())
    if what is None and path.suffix.lower() in (".toml", ".ini", ".cfg"):  # whose sections begin as lists of JSON do
        what = _SETTINGS
    return None if what is None else f"{path} is {what.format(path=path)}."
