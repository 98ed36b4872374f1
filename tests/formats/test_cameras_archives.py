"""Test archives of NumPy with several cameras: every array has each camera's value, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from posezoo.data import read_cameras
from posezoo.errors import InputError

TURNS = Rotation.from_rotvec([[0.1, 0.7, -0.2], [0.3, -0.4, 0.1], [-0.2, 0.2, 0.9], [0.5, 0.1, 0.0]])
VECTORS, MATRICES = TURNS.as_rotvec(), TURNS.as_matrix()
SHIFTS = np.arange(12.0).reshape(4, 3) * 100 + 1000
LENSES = np.array([[[900.0 + view, 0, 320], [0, 900, 240], [0, 0, 1]] for view in range(4)])
DISTORTIONS = np.linspace(0.1, 0.2, 20).reshape(4, 5)


def write(tmp_path: Path, **arrays: object) -> Path:
    np.savez(tmp_path / "rig.npz", **arrays)
    return tmp_path / "rig.npz"


def check(path: Path, views: int) -> None:
    found = read_cameras(path)
    assert len(found) == views
    for view, camera in enumerate(found):
        np.testing.assert_allclose(camera.K.numpy(), LENSES[view])
        np.testing.assert_allclose(camera.R.numpy(), cv2.Rodrigues(VECTORS[view])[0], atol=1e-9)
        np.testing.assert_allclose(camera.t.numpy(), SHIFTS[view])


@pytest.mark.parametrize("views", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["R", "rvec"])
def test_arrays_of_each_number_of_cameras(tmp_path, views, name):
    lenses, shifts, vectors = LENSES[:views], SHIFTS[:views], VECTORS[:views]
    check(write(tmp_path, K=lenses, R=MATRICES[:views], t=shifts), views)
    check(write(tmp_path, K=lenses, R=MATRICES[:views], t=shifts[..., None]), views)
    check(write(tmp_path, K=lenses, t=shifts, **{name: vectors}), views)
    check(write(tmp_path, K=lenses, t=shifts, **{name: vectors[..., None]}), views)
    both = np.concatenate([MATRICES[:views], shifts[..., None]], -1)
    check(write(tmp_path, K=lenses, extrinsics=both), views)
    check(write(tmp_path, fx=lenses[:, 0, 0], fy=lenses[:, 1, 1], cx=lenses[:, 0, 2], cy=lenses[:, 1, 2], RT=both), views)


def test_names_sizes_and_distortion_of_each_and_of_all(tmp_path):
    rig = {"K": LENSES[:2], "R": MATRICES[:2], "t": SHIFTS[:2]}
    for name in ("name", "names"):
        found = read_cameras(write(tmp_path, **rig, **{name: ["a", "b"]}, image_size=[[640, 480], [800, 600]]))
        assert [(camera.name, camera.image_size) for camera in found] == [("a", (640, 480)), ("b", (800, 600))]
    found = read_cameras(write(tmp_path, **rig, distortion=DISTORTIONS[:2], resolution=[640, 480], model="pinhole"))
    assert [camera.distortion.tolist() for camera in found] == DISTORTIONS[:2].tolist()
    assert {camera.image_size for camera in found} == {(640, 480)}
    found = read_cameras(write(tmp_path, **rig, distortion=DISTORTIONS[0], error=[0.1, 0.2]))
    assert [camera.distortion.tolist() for camera in found] == [DISTORTIONS[0].tolist()] * 2
    found = read_cameras(write(tmp_path, **rig, k1=[0.1, 0.2], k2=0.3))
    assert [camera.distortion.tolist() for camera in found] == [[0.1, 0.3, 0, 0, 0], [0.2, 0.3, 0, 0, 0]]
    (single,) = read_cameras(write(tmp_path, K=LENSES[0], R=MATRICES[0], t=SHIFTS[:1], name=["a"]))
    assert single.name == "a"
    with pytest.raises(InputError, match="camera 'b' is a fisheye"):
        read_cameras(write(tmp_path, **rig, name=["a", "b"], model=["pinhole", "fisheye"]))


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        ({"t": SHIFTS[:1]}, r"t \(1, 3\)"),
        ({"t": SHIFTS[0]}, r"t \(3,\)"),
        ({"t": SHIFTS[:3]}, r"t \(3, 3\)"),
        ({"t": SHIFTS[:2].T}, r"t \(3, 2\)"),
        ({"R": MATRICES[0]}, r"R \(3, 3\)"),
        ({"R": MATRICES[:3]}, r"R \(3, 3, 3\)"),
        ({"R": VECTORS[0]}, r"R \(3,\)"),
        ({"K": LENSES[0]}, r"K \(3, 3\)"),
        ({"K": LENSES[:1]}, r"K \(1, 3, 3\)"),
        ({"distortion": DISTORTIONS[:3]}, r"distortion \(3, 5\)"),
        ({"distortion": DISTORTIONS[:1]}, r"distortion \(1, 5\)"),
        ({"image_size": [[640, 480]] * 3}, r"image_size \(3, 2\)"),
        ({"name": ["a", "b", "c"]}, r"name \(3,\)"),
        ({"k1": [0.1, 0.2, 0.3]}, r"k1 \(3,\)"),
    ],
)
def test_arrays_of_different_numbers_of_cameras_are_refused_with_their_shapes(tmp_path, change, shape):
    rig = {"K": LENSES[:2], "R": MATRICES[:2], "t": SHIFTS[:2], **change}
    with pytest.raises(InputError, match=f"different numbers of cameras .*{shape}.*expected V of each"):
        read_cameras(write(tmp_path, **rig))


def test_one_rotation_beside_three_cameras_is_no_three_vectors(tmp_path):
    with pytest.raises(InputError, match=r"R has shape \(3, 3\) and is one rotation, beside 3 cameras; .* the name rvec"):
        read_cameras(write(tmp_path, K=LENSES[:3], R=MATRICES[0], t=SHIFTS[:3]))
    found = read_cameras(write(tmp_path, K=LENSES[:3], rvec=np.eye(3), t=SHIFTS[:3]))
    np.testing.assert_allclose(found[0].R.numpy(), Rotation.from_rotvec([1, 0, 0]).as_matrix(), atol=1e-9)
