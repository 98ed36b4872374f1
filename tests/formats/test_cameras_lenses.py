"""Test that a lens is read as what a file says it is, or refused: never as one without distortion."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posezoo.data import read_cameras
from posezoo.errors import InputError, PoseZooError
from posezoo.geometry import Camera

K = [[900.0, 0.0, 320.0], [0.0, 900.0, 240.0], [0.0, 0.0, 1.0]]
GOOD: dict[str, object] = {"name": "left", "K": K, "R": [0.1, 0.7, -0.2], "t": [100.0, -50.0, 3000.0]}
# k1 k2 p1 p2 k3
LENS = [-0.21, 0.08, 0.003, -0.002, 0.05]


def read(tmp_path: Path, **changes: object) -> Camera:
    path = tmp_path / "rig.json"
    path.write_text(json.dumps([{**GOOD, **changes}]))
    (camera,) = read_cameras(path)
    return camera


def seen_by_opencv(coefficients: list[float]) -> np.ndarray:
    """Return where OpenCV sees POINTS."""
    turn, shift = np.array(GOOD["R"]), np.array(GOOD["t"])
    return cv2.projectPoints(POINTS, turn, shift, np.array(K), np.array(coefficients))[0][:, 0]


POINTS = np.random.default_rng(0).uniform(-600, 600, (20, 3))


@pytest.mark.parametrize(
    "name",
    [
        "distortion", "distCoeff", "distCoeffs", "distCoef", "dist_coef", "dist_coefs", "dist_coeff", "DistCoeffs",
        "distortion_coeffs", "distortion_coefficients", "distortionCoefficients", "dist", "D",
    ],
)  # fmt: skip
def test_names_of_a_list_are_read_as_opencv_reads_the_list(tmp_path, name):
    seen = read(tmp_path, **{name: LENS}).project(torch.from_numpy(POINTS))
    np.testing.assert_allclose(seen.numpy(), seen_by_opencv(LENS), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "coefficients"),
    [
        (dict(zip(("k1", "k2", "p1", "p2", "k3"), LENS, strict=True)), LENS),
        (dict(zip(("k1", "k2", "p1", "p2"), LENS, strict=False)), [*LENS[:4], 0]),
        ({"k1": -0.21}, [-0.21, 0, 0, 0, 0]),
        ({"K1": [-0.21], "K2": [0.08], "k4": 0.0}, [-0.21, 0.08, 0, 0, 0]),
        ({"radial": [-0.21, 0.08], "tangential": [0.003, -0.002]}, [*LENS[:4], 0]),
        ({"radial": [-0.21, 0.08, 0.05], "tangential": [0.003, -0.002]}, LENS),
        ({"RadialDistortion": [-0.21, 0.08, 0.05], "TangentialDistortion": [0.003, -0.002]}, LENS),
        ({"k": [-0.21, 0.08]}, [-0.21, 0.08, 0, 0, 0]),
        ({"distortion": LENS, "k1": -0.21, "k2": 0.08, "p1": 0.003, "p2": -0.002, "k3": 0.05}, LENS),
        ({"intrinsics": {"k1": -0.21, "k2": 0.08}}, [-0.21, 0.08, 0, 0, 0]),
        ({"distortion_coeffs": LENS[:4], "dist": 2500.0}, [*LENS[:4], 0]),
    ],
)
def test_coefficients_alone_and_by_kind_are_in_opencvs_order(tmp_path, changes, coefficients):
    seen = read(tmp_path, **changes).project(torch.from_numpy(POINTS))
    np.testing.assert_allclose(seen.numpy(), seen_by_opencv(coefficients), atol=1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["distortion", "k1", "radial", "k"])
def test_a_distortion_that_is_not_finite_is_refused(tmp_path, bad, where):
    value = {"distortion": [bad, 0, 0, 0, 0], "k1": bad, "radial": [bad, 0.0], "k": [0.0, bad]}[where]
    with pytest.raises(InputError, match="distortion holds NaN or infinite values"):
        read(tmp_path, **{where: value})
    with pytest.raises(InputError, match="6 distortion coefficients"):
        read(tmp_path, distortion=[0, 0, 0, 0, 0, bad])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"distorsion": LENS}, "'distorsion', perhaps distortion; expected it as 'distortion'"),
        ({"distrotion": LENS}, "'distrotion', perhaps distortion"),
        ({"dist_vec": LENS}, "'dist_vec', perhaps distortion"),
        ({"dist_5": LENS}, "'dist_5', perhaps distortion"),
        ({"rigDist": LENS}, "'rigDist', perhaps distortion"),
        ({"distortion_params": {"k1": 0.1}}, "'distortion_params', perhaps distortion"),
        ({"radialDistortion1": -0.1}, "'radialDistortion1', perhaps distortion"),
        ({"distortion": [0.1, 0.2, 0.3]}, "3 distortion coefficients"),
        ({"k1": "large"}, "cannot be read as a camera"),
        ({"k1": 0.1, "k4": 0.2}, "has k4; expected k1 k2 p1 p2 k3 alone"),
        ({"k": [0.1, 0.2, 0.3, 0.4]}, "4 radial and 0 tangential"),
        ({"radial": [0.1], "tangential": [0.1, 0.2, 0.3]}, "1 radial and 3 tangential"),
        ({"distortion": [0, 0, 0, 0, 0], "k1": 0.1}, "distortion .* and k1 to k3 .* expected one distortion"),
        ({"distCoef": LENS, "distortion": [0.1]}, "distCoef .* and distortion .* expected one distortion"),
    ],
)
def test_what_may_be_distortion_is_never_dropped(tmp_path, changes, words):
    with pytest.raises(PoseZooError, match=words):
        read(tmp_path, **changes)


def test_what_is_no_distortion_is_left_alone(tmp_path):
    facts = {
        "distance": 2500.0, "distances": [1.0, 2.0, 3.0, 4.0], "focus_dist": 2.5, "distribution": [1, 2],
        "undistorted": True, "undistorted_K": K, "has_distortion": True, "distortion_error": 0.3,
        "distorsion": [0.0, 0.0], "district": "north",
        "model": "GoPro Hero 7 wide FOV", "camera_model": "OmniVision OV9281", "type": "video", "k": 3, "p": [1.0, 2.0],
        "p1": [1.0, 2.0, 3.0], "p2": "Anna", "s1": "west", "K1": K,
        "fisheye": False, "distortion": "none", "distortion_model": "inverse_brown_conrady",
    }  # fmt: skip
    assert read(tmp_path, **facts).distortion is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "fisheye"}, {"camera_model": "OPENCV_FISHEYE"}, {"distortion_model": "equidistant"},
        {"distortionModel": "kannala_brandt"}, {"lens_model": "Kannala-Brandt"}, {"model": "fisheye624"},
        {"type": "fisheye"}, {"camera_type": "omnidirectional"}, {"camera_model": "omni"},
        {"camera_model": "THIN_PRISM_FISHEYE"},
        {"distortion_model": "equi"}, {"camera_model": "FOV"}, {"model": "double_sphere"}, {"camera_model": "eucm"},
        {"is_fisheye": True}, {"fisheye": "true"}, {"projection": "fisheye"}, {"distortion": "fisheye"}, {"lens": "Fisheye"},
        {"intrinsics": {"model": "fisheye"}}, {"model": {"name": "fisheye"}},
    ],
)  # fmt: skip
def test_lenses_that_are_no_pinholes_are_refused_whatever_says_so(tmp_path, changes):
    with pytest.raises(InputError, match=r"camera 'left' is a fisheye.*undistort its pictures"):
        read(tmp_path, **changes)


@pytest.mark.parametrize(
    "model",
    ["pinhole", "PINHOLE", "opencv", "OPENCV", "plumb_bob", "brown", "Brown-Conrady", "radtan", "SIMPLE_RADIAL",
     "pinhole-radtan"],
)  # fmt: skip
@pytest.mark.parametrize("key", ["model", "camera_model", "distortion_model"])
def test_models_with_opencvs_coefficients_are_read(tmp_path, model, key):
    assert read(tmp_path, distortion=LENS, **{key: model}).distortion.tolist() == LENS


def test_a_distortion_of_an_unknown_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="distortion_model 'inverse_brown_conrady'; expected k1 k2 p1 p2 k3 of OpenCV"):
        read(tmp_path, distortion=LENS, distortion_model="inverse_brown_conrady")


def _left(**values: object) -> dict[str, object]:
    return {"left": {**GOOD, **values}}


def test_what_stands_beside_the_cameras_holds_for_all(tmp_path):
    path = tmp_path / "rig.json"
    for content in ({"distortion": LENS, "cameras": [GOOD, GOOD]}, {"distortion": LENS, **_left(), "right": GOOD}):
        path.write_text(json.dumps(content))
        assert [camera.distortion.tolist() for camera in read_cameras(path)] == [LENS, LENS]
    for content in ({"camera_model": "fisheye", "cameras": [GOOD]}, {"model": "fisheye", **_left(), "right": GOOD}):
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match="is a fisheye"):
            read_cameras(path)
    path.write_text(json.dumps({"fisheye": GOOD, **_left()}))  # only called so
    assert len(read_cameras(path)) == 2


@pytest.mark.parametrize("ending", ["yml", "xml"])
def test_opencvs_files_say_it_in_single_values_too(tmp_path, ending):
    def write(**values: object) -> Path:
        storage = cv2.FileStorage(str(tmp_path / f"left.{ending}"), cv2.FILE_STORAGE_WRITE)
        for name, value in {"K": np.array(K), "R": np.eye(3), "T": np.zeros((3, 1)), **values}.items():
            storage.write(name, value)
        storage.release()
        return tmp_path / f"left.{ending}"

    (camera,) = read_cameras(write(k1=-0.25, k2=0.5, image_width=640, image_height=480))
    assert camera.distortion.tolist() == [-0.25, 0.5, 0, 0, 0]
    assert camera.image_size == (640, 480)
    for values in ({"model": "fisheye"}, {"fisheye": 1}):
        with pytest.raises(InputError, match="is a fisheye"):
            read_cameras(write(**values))


def test_cameras_of_one_file_share_its_model_and_not_their_endings(tmp_path):
    def matrix(name: str, rows: int, cols: int, data: list[float]) -> str:
        return f"{name}: !!opencv-matrix\n  rows: {rows}\n  cols: {cols}\n  dt: d\n  data: {data}\n"

    def camera(name: str, k1: float) -> str:
        return (
            matrix(f"K_{name}", 3, 3, np.ravel(K).tolist()) + matrix(f"Rot_{name}", 3, 3, np.eye(3).ravel().tolist())
            + matrix(f"T_{name}", 3, 1, [1.0, 2.0, 3.0]) + matrix(f"dist_{name}", 1, 5, [k1, 0.0, 0.0, 0.0, 0.0])
        )  # fmt: skip

    text = '%YAML:1.0\n---\nnames: ["1", "left_1"]\n' + camera("1", 0.1) + camera("left_1", 0.2) + camera("7", 0.3)
    path = tmp_path / "rig.yml"
    path.write_text(text)
    assert [float(one.distortion[0]) for one in read_cameras(path)] == [0.1, 0.2]
    path.write_text(text + "model: fisheye\n")
    with pytest.raises(InputError, match="is a fisheye"):
        read_cameras(path)


@pytest.mark.parametrize("ending", ["toml", "yml", "json"])
def test_a_byte_order_mark_is_read_over(tmp_path, ending):
    values = {**GOOD, "name": "left"}
    text = {
        "json": json.dumps([values]),
        "toml": "[left]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()),
        "yml": "%YAML:1.0\n---\n" + "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items()),
    }[ending]
    path = tmp_path / f"rig.{ending}"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    (camera,) = read_cameras(path)
    assert (camera.name, camera.t.tolist(), camera.K.tolist()) == ("left", GOOD["t"], K)


BOTH = [[0.0, -1.0, 0.0, 10.0], [1.0, 0.0, 0.0, 20.0], [0.0, 0.0, 1.0, 3000.0]]
TURN = [row[:3] for row in BOTH]
# Where that camera stands: -R.T @ t.
CENTRE = [-20.0, 10.0, -3000.0]
BACK = [[0.0, 1.0, 0.0, -20.0], [-1.0, 0.0, 0.0, 10.0], [0.0, 0.0, 1.0, -3000.0], [0.0, 0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    "changes",
    [
        {"R": BOTH, "t": None}, {"R": BOTH, "t": [10, 20, 3000.0]}, {"R": [[*row, 0] for row in TURN], "t": [10, 20, 3000]},
        {"extrinsics": BOTH, "R": TURN, "t": [10, 20, 3000]}, {"c2w": BACK, "R": TURN, "t": [[10], [20], [3000]]},
        {"c2w": BACK, "R": np.transpose(TURN).tolist(), "t": CENTRE},
        {"extrinsics": BOTH, "c2w": BACK, "R": None, "t": None},
        {"extrinsics": BOTH, "R": [0.1, 0.2, 0.3, 0.9], "t": [10, 20, 3000]},
        {"extrinsics": BOTH, "R": None, "t": None, "fx": 900, "fy": 900, "cx": 320, "cy": 240, "T": CENTRE},
    ],
)  # fmt: skip
def test_values_that_agree_are_one_camera(tmp_path, changes):
    camera = read(tmp_path, **changes)
    np.testing.assert_allclose(camera.R.numpy(), TURN, atol=1e-12)
    np.testing.assert_allclose(camera.t.numpy(), [10, 20, 3000], atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"R": BOTH, "t": [10, 20, 2000]}, r"t is \[10.0, 20.0, 2000.0\], but \[10.0, 20.0, 3000.0\] in the matrix"),
        ({"extrinsics": BOTH, "R": None, "t": [10, 20, 2000]}, "t is .* expected the same"),
        ({"extrinsics": BOTH, "R": np.eye(3).tolist(), "t": None}, "R is .* expected the same"),
        ({"extrinsics": BOTH, "c2w": np.eye(4).tolist(), "R": None, "t": None}, "R is .* expected the same"),
        ({"fx": 800, "fy": 900, "cx": 320, "cy": 240}, "fx fy cx cy are .* and K is .* expected the same"),
    ],
)
def test_values_that_contradict_each_other_are_refused(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, **changes)


def test_a_rotation_in_a_large_matrix_alone_lacks_t(tmp_path):
    with pytest.raises(PoseZooError, match="lacks t"):
        read(tmp_path, R=[[*row, 0.0] for row in TURN], t=None)


@pytest.mark.parametrize("changes", [{"K": np.diag([-900.0, 900, 1]).tolist()}, {"K": np.diag([900.0, -900, 1]).tolist()}])
def test_negative_focal_lengths_are_refused(tmp_path, changes):
    with pytest.raises(InputError, match=r"focal lengths -?900 and -?900 px; expected positive"):
        read(tmp_path, **changes)
    with pytest.raises(InputError, match="focal lengths 900 and -900 px"):
        read(tmp_path, K=None, fx=900, fy=-900, cx=320, cy=240)


def test_qualisys_third_radial_coefficient_is_k3_and_others_are_refused(tmp_path):
    text = (
        '<calibration><cameras><camera serial="1"><transform r11="1" r12="0" r13="0" r21="0" r22="1" r23="0" r31="0" '
        'r32="0" r33="1" x="0" y="0" z="0"/><intrinsic focalLengthU="57600" focalLengthV="57600" centerPointU="640" '
        'centerPointV="640" skew="0" radialDistortion1="-6.4" radialDistortion2="12.8" radialDistortion3="3.2" '
        'tangentalDistortion1="0.64" tangentalDistortion2="1.28"/></camera></cameras></calibration>'
    )
    path = tmp_path / "a.qca.txt"
    path.write_text(text)
    (camera,) = read_cameras(path)
    np.testing.assert_allclose(camera.distortion.numpy(), [-0.1, 0.2, 0.01, 0.02, 0.05], atol=1e-12)
    for old, new, word in (('skew="0"', 'skew="3"', "skew 3"), ("skew=", 'radialDistortion4="1" skew=', "Distortion4 1")):
        path.write_text(text.replace(old, new))
        with pytest.raises(InputError, match=f"camera 1 has .*{word}; expected no distortion but"):
            read_cameras(path)
    path.write_text(text.replace("3.2", "nan"))
    with pytest.raises(InputError, match="distortion holds NaN"):
        read_cameras(path)
