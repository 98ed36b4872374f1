"""Calibration files as the programs of the field write them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.data import read_cameras
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.geometry import Camera, h36m_cameras

CAMERAS = h36m_cameras("S9")


def assert_same(found: tuple[Camera, ...], expected: tuple[Camera, ...], atol: float = 1e-6) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for name in ("K", "R", "t", "distortion"):
            torch.testing.assert_close(
                torch.as_tensor(getattr(one, name)).double(), getattr(other, name).double(), atol=atol, rtol=0
            )


def rvec(camera: Camera) -> np.ndarray:
    return Rotation.from_matrix(camera.R.numpy()).as_rotvec()


def opencv_file(path: Path, **values: object) -> None:
    """Written by OpenCV itself."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in values.items():
        storage.write(name, value)
    storage.release()


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("m", 1e-3)])
def test_anipose_and_pose2sim_toml(tmp_path, unit, factor):
    lines = []
    for index, camera in enumerate(CAMERAS):
        lines += [
            f"[cam_{index}]", f'name = "{camera.name}"', "size = [1000.0, 1002.0]", "fisheye = false",
            f"matrix = {camera.K.tolist()}", f"distortions = {camera.distortion.tolist()}",
            f"rotation = {rvec(camera).tolist()}", f"translation = {(camera.t * factor).tolist()}", "",
        ]  # fmt: skip
    path = tmp_path / "calibration.toml"
    path.write_text("\n".join([*lines, "[metadata]", "adjusted = false", "error = 0.0"]))
    found = read_cameras(path, unit=unit)
    assert_same(found, CAMERAS)
    assert [camera.name for camera in found] == [camera.name for camera in CAMERAS]
    assert found[0].image_size == (1000, 1002)


def test_toml_without_distortion_and_with_four_coefficients(tmp_path):
    path = tmp_path / "c.toml"
    text = "[a]\nmatrix=[[1.0,0.0,0.0],[0.0,1.0,0.0],[0.0,0.0,1.0]]\nrotation=[0.0,0.0,0.0]\ntranslation=[1.0,2.0,3.0]\n"
    path.write_text(text + "distortions=[0.1,0.2,0.3,0.4]\n" + text.replace("[a]", "[b]"))
    first, second = read_cameras(path)
    assert first.distortion.tolist() == [0.1, 0.2, 0.3, 0.4, 0.0]
    assert second.distortion is None


@pytest.mark.parametrize("layout", ["list", "mapping", "panoptic"])
def test_json(tmp_path, layout):
    entries = [
        {"name": c.name, "K": c.K.tolist(), "R": c.R.tolist(), "t": c.t.tolist(), "distortion": c.distortion.tolist()}
        for c in CAMERAS
    ]
    if layout == "panoptic":  # its own names, translations in centimetres and as columns
        for entry, camera in zip(entries, CAMERAS, strict=True):
            entry["distCoef"] = entry.pop("distortion")
            entry["t"] = (camera.t[:, None] / 10).tolist()
            entry["resolution"] = [1920, 1080]
    content = {"mapping": {e.pop("name"): e for e in entries}} if layout == "mapping" else {}
    content = content.get("mapping", {"cameras": entries} if layout == "panoptic" else entries)
    path = tmp_path / "rig.json"
    path.write_text(json.dumps(content))
    found = read_cameras(path, unit="cm" if layout == "panoptic" else "mm")
    assert_same(found, CAMERAS)
    assert found[2].name == CAMERAS[2].name
    assert found[0].image_size == ((1920, 1080) if layout == "panoptic" else None)


def test_one_opencv_file_for_each_camera(tmp_path):
    for index, camera in enumerate(CAMERAS):
        opencv_file(
            tmp_path / f"cam{index}.yml",
            image_width=1000, image_height=1002, camera_matrix=camera.K.numpy(),
            distortion_coefficients=camera.distortion.numpy()[:, None],
            rvec=rvec(camera)[:, None], tvec=camera.t.numpy()[:, None],
        )  # fmt: skip
    found = read_cameras(tmp_path)
    assert_same(found, CAMERAS)
    assert found[1].name == "cam1"
    assert found[1].image_size == (1000, 1002)
    assert_same(read_cameras(tmp_path / "cam3.yml"), CAMERAS[3:])


def test_easymocap_intrinsics_and_extrinsics(tmp_path):
    names = [str(index + 1) for index in range(4)]
    storages = {part: cv2.FileStorage(str(tmp_path / f"{part}.yml"), cv2.FILE_STORAGE_WRITE) for part in ("intri", "extri")}
    for storage in storages.values():
        storage.startWriteStruct("names", cv2.FileNode_SEQ)
        for name in names:
            storage.write("", name)
        storage.endWriteStruct()
    for name, camera in zip(names, CAMERAS, strict=True):
        storages["intri"].write(f"K_{name}", camera.K.numpy())
        storages["intri"].write(f"dist_{name}", camera.distortion.numpy()[None])
        storages["extri"].write(f"R_{name}", rvec(camera)[:, None])
        storages["extri"].write(f"Rot_{name}", camera.R.numpy())
        storages["extri"].write(f"T_{name}", camera.t.numpy()[:, None] / 1000)
    for storage in storages.values():
        storage.release()
    found = read_cameras(tmp_path, unit="m")
    assert_same(found, CAMERAS)
    assert [camera.name for camera in found] == names


@pytest.mark.parametrize("subject", ["S1", "S11"])
def test_human36m_metadata(tmp_path, subject):
    """300 numbers in the published order, angles from SciPy."""
    values = np.zeros(300)
    number = int(subject[1:])
    for index, camera in enumerate(h36m_cameras(subject)):
        angles = Rotation.from_matrix(camera.R.numpy()).as_euler("XYZ")
        values[6 * (index * 11 + number - 1) :][:6] = [*angles, *camera.center.numpy()]
        K, (k1, k2, p1, p2, k3) = camera.K.numpy(), camera.distortion.numpy()
        values[264 + 9 * index :][:9] = [K[0, 0], K[1, 1], K[0, 2], K[1, 2], k1, k2, k3, p1, p2]
    path = tmp_path / "metadata.xml"
    path.write_text(f"<metadata><w0>[{' '.join(map(repr, values.tolist()))}]</w0></metadata>")
    found = read_cameras(path, subject=subject)
    assert_same(found, h36m_cameras(subject))
    assert [(c.name, c.image_size) for c in found] == [(c.name, c.image_size) for c in h36m_cameras(subject)]


def test_human36m_of_martinez(tmp_path):
    path = tmp_path / "cameras.h5"
    with h5py.File(path, "w") as file:
        for index, camera in enumerate(CAMERAS, start=1):
            group = file.create_group(f"subject9/camera{index}")
            K, (k1, k2, p1, p2, k3) = camera.K.numpy(), camera.distortion.numpy()
            group["R"], group["T"] = camera.R.numpy(), camera.center.numpy()[:, None]
            group["f"], group["c"] = K[[0, 1], [0, 1]][:, None], K[[0, 1], [2, 2]][:, None]
            group["k"], group["p"] = np.array([k1, k2, k3])[:, None], np.array([p1, p2])[:, None]
    assert_same(read_cameras(path, subject="S9"), CAMERAS)
    with pytest.raises(CorruptFileError, match="subject5/camera1"):
        read_cameras(path, subject="S5")


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path):
    def file(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    with pytest.raises(MissingFileError, match="not there"):
        read_cameras(tmp_path / "none.toml")
    with pytest.raises(InputError, match="unit is 'km'"):
        read_cameras(file("a.json", "[]"), unit="km")
    with pytest.raises(CorruptFileError, match="holds no camera"):
        read_cameras(tmp_path / "a.json")
    with pytest.raises(CorruptFileError, match="lacks R, t"):
        read_cameras(file("b.json", '[{"K": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}]'))
    with pytest.raises(CorruptFileError, match="cannot be read as cameras"):
        read_cameras(file("c.json", '[{"K": [1, 2], "R": [0, 0, 0], "t": [0, 0, 1]}]'))
    with pytest.raises(CorruptFileError, match="cannot be read as TOML"):
        read_cameras(file("d.toml", "[cam\nmatrix = "))
    with pytest.raises(InputError, match=r"ends in '\.txt'"):
        read_cameras(file("e.txt", ""))
    with pytest.raises(InputError, match="knows no subjects"):
        read_cameras(tmp_path / "a.json", subject="S1")
    with pytest.raises(InputError, match="say which"):
        read_cameras(file("metadata.xml", "<metadata/>"))
    with pytest.raises(CorruptFileError, match="no <w0>"):
        read_cameras(tmp_path / "metadata.xml", subject="S1")
    with pytest.raises(InputError, match="S1 to S11"):
        read_cameras(file("m.xml", f"<m><w0>{'0 ' * 300}</w0></m>"), subject="S12")
    fine = '"K": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "R": [0, 0, 0], "t": [0, 0, 1]'
    with pytest.raises(InputError, match="fisheye"):
        read_cameras(file("f.json", f'[{{{fine}, "fisheye": true}}]'))
    with pytest.raises(InputError, match="8 distortion coefficients"):
        read_cameras(file("g.json", f'[{{{fine}, "dist": [0, 0, 0, 0, 0, 1, 1, 1]}}]'))
    with pytest.raises(InputError, match="not a rotation"):
        read_cameras(file("h.json", f"[{{{fine.replace('[0, 0, 0],', '[[2, 0, 0], [0, 1, 0], [0, 0, 1]],', 1)}}}]"))


def test_yaml_runs_nothing(tmp_path):
    path = tmp_path / "evil.yml"
    path.write_text("%YAML:1.0\n---\nK: !!python/object/apply:os.system ['touch ran']\n")
    with pytest.raises(CorruptFileError):
        read_cameras(path)
    assert not (tmp_path / "ran").exists()
