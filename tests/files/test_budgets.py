"""Test the limits on what a file may cost: bytes, joints, and regular files only."""

import os
import pickle
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest

from posezoo.data import read_bvh, read_keypoints
from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError


def header(shape):
    import io

    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(10**9, 17, 2), (10**9, 0, 2), (10**9, 17, 0), (0, 10**9, 2)])
@pytest.mark.parametrize("ending", ["npy", "npz", "h5"])
def test_arrays_that_claim_more_than_is_there(tmp_path, shape, ending):
    path = tmp_path / f"a.{ending}"
    if ending == "npy":
        path.write_bytes(header(shape))
    elif ending == "npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("keypoints.npy", header(shape))
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("keypoints", shape, "f4", chunks=None if 0 in shape else True)
    with pytest.raises(CorruptFileError, match=r"set POSEZOO_MAX_BYTES to more|declares shape"):
        read_keypoints(path, "coco17")


def test_the_budget_is_the_users(tmp_path, monkeypatch):
    keypoints = np.random.default_rng(0).uniform(1, 900, (100, 17, 2))
    np.save(tmp_path / "a.npy", keypoints)
    monkeypatch.setenv("POSEZOO_MAX_BYTES", "1000")
    with pytest.raises(CorruptFileError, match="at most 1,000 are read"):
        read_keypoints(tmp_path / "a.npy", "coco17")
    monkeypatch.setenv("POSEZOO_MAX_BYTES", "1000000")
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.npy", "coco17").keypoints_2d, keypoints, rtol=1e-6)
    monkeypatch.setenv("POSEZOO_MAX_BYTES", "much")
    with pytest.raises(InputError, match="expected a whole number of bytes"):
        read_keypoints(tmp_path / "a.npy", "coco17")


def test_bombs(tmp_path, monkeypatch):
    monkeypatch.setenv("POSEZOO_MAX_BYTES", str(2**22))
    packed = zlib.compress(b"\0" * 2**20)
    head = b"MATLAB 5.0 MAT-file".ljust(124, b" ") + struct.pack("<H", 0x100) + b"IM"
    (tmp_path / "a.mat").write_bytes(head + (struct.pack("<II", 15, len(packed)) + packed) * 8)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"{number}.npy", header((2**18,)) + bytes(2**20))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["keypoints"] = np.ones((3, 17, 2))
        file.create_dataset("video", (3,), h5py.string_dtype())[:] = ["a" * 2**20] * 3
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([[["x"] * 10] * 1000] * 1000))
    for ending in ("mat", "npz", "h5", "pkl"):
        with pytest.raises(CorruptFileError, match=r"POSEZOO_MAX_BYTES|unrolls to far more"):
            read_keypoints(tmp_path / f"a.{ending}", "coco17")


def test_nothing_is_followed_out_of_a_file(tmp_path):
    os.mkfifo(tmp_path / "fifo.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("inner")["keypoints"] = h5py.ExternalLink(str(tmp_path / "fifo.h5"), "/x")
        file["keypoints"] = h5py.SoftLink("/inner/keypoints")
    with pytest.raises(PoseZooError):
        read_keypoints(tmp_path / "a.h5")


@pytest.mark.parametrize("read", [read_keypoints, read_bvh])
def test_only_regular_files_are_opened(tmp_path, read):
    os.mkfifo(tmp_path / "fifo.json")
    for path, error, words in (
        (tmp_path / "fifo.json", InputError, "is a FIFO; expected a regular file"),
        ("/dev/zero", InputError, "is a device"),
        (tmp_path / ("a" * 5000), PoseZooError, "check the path|is not there"),
        (os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json"), PoseZooError, "not UTF-8|is not there"),
        (tmp_path / "a.json" / "b.json", MissingFileError, "is not there"),
    ):
        with pytest.raises(error, match=words) as caught:
            read(path)
        assert "\n" not in str(caught.value)


def bvh(path, frame_time="0.03", depth=0, ends=0):
    turns = "CHANNELS 3 Zrotation Xrotation Yrotation\n"
    lines = [f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\n{turns}"]
    lines += [f"JOINT j{joint}\n{{\nOFFSET 0 1 0\n{turns}" for joint in range(depth)]
    lines += ["End Site\n{\nOFFSET 0 1 0\n}\n"] * ends + ["}\n"] * (depth + 1)
    lines += [f"MOTION\nFrames: 1\nFrame Time: {frame_time}\n", " ".join(["0"] * 3 * (depth + 1)), "\n"]
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("frame_time", ["inf", "nan", "1e-9", "1e9", "0", "-1"])
def test_frame_times_that_no_clip_has(tmp_path, frame_time):
    with pytest.raises(CorruptFileError, match="frame time"):
        read_bvh(bvh(tmp_path / "a.bvh", frame_time))


def test_joints_that_no_body_has(tmp_path):
    for settings in ({"depth": 5000}, {"ends": 60000}):
        with pytest.raises(CorruptFileError, match="more than 1000 joints and end sites"):
            read_bvh(bvh(tmp_path / "a.bvh", **settings))


def test_nesting_without_end(tmp_path):
    (tmp_path / "a.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(CorruptFileError, match="nests too deep"):
        read_keypoints(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0", "is an old Excel workbook"),
        ("a.pth", b"something", "is a PyTorch checkpoint"),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "is a video; posezoo predict finds its people first"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "is a picture"),
        ("a.bvh", b"HIERARCHY\n", "is 3D motion, which needs no lifting"),
        ("a.json.gz", b"\x1f\x8b\x08", "is compressed by gzip; unpack it first"),
        ("a.npz", b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        ("a.xyz", b"something", "is of no known kind .it begins with 'something'."),
    ],
)
def test_other_files_are_named(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_keypoints(path)


def test_xml_has_a_budget_of_elements(tmp_path, monkeypatch):
    from posezoo.files.xml import load_xml

    path = tmp_path / "a.xml"
    path.write_text("<a>" + "<b/>" * 20000 + "</a>")
    assert len(load_xml(path)) == 20000
    monkeypatch.setenv("POSEZOO_MAX_BYTES", "1000000")
    with pytest.raises(CorruptFileError, match="POSEZOO_MAX_BYTES"):
        load_xml(path)
