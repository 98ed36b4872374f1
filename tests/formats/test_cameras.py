"""Test calibration files as the programs of the field write them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.data import read_cameras
from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError
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
    """Write calibrations with OpenCV itself."""
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
    for given in (tmp_path, tmp_path / "intri.yml", tmp_path / "extri.yml"):  # either file means the pair
        found = read_cameras(given, unit="m")
        assert_same(found, CAMERAS)
        assert [camera.name for camera in found] == names


@pytest.mark.parametrize("subject", ["S1", "S11"])
def test_human36m_metadata(tmp_path, subject):
    """Compare 300 numbers in the published order with angles from SciPy."""
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
    with pytest.raises(CorruptFileError, match="cannot be read as a camera"):
        read_cameras(file("c.json", '[{"K": [1, 2], "R": [0, 0, 0], "t": [0, 0, 1]}]'))
    with pytest.raises(CorruptFileError, match="cannot be read as TOML"):
        read_cameras(file("d.toml", "[cam\nmatrix = "))
    with pytest.raises(InputError, match=r"ends in '\.dat'"):
        read_cameras(file("e.dat", ""))
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


# One camera of Pose2Sim's Demo_SinglePerson (BSD-3), as Qualisys wrote it and as Pose2Sim converts it.
QUALISYS = """<?xml version='1.0' encoding='ASCII'?>
<calibration created="x" type="regular" wandLength="none"><results min-max-diff="0." std-dev="0."/><cameras>
<camera active="1" avg-residual="0.402" model="none" serial="cam01" viewrotation="0">
<fov_video bottom="1919" left="0" right="1087" top="0"/>
<transform r11="0.5536380477336265" r12="0.8046719867383512" r13="0.2144479094331626" r21="-0.4345300743838753"
 r22="0.05946489349975602" r23="0.8986921279821063" r31="0.7104002579937896" r32="-0.5907342212870501"
 r33="0.3825762057979294" x="1460.2323709212087" y="-1909.1590482454608" z="1896.5058524092062"/>
<intrinsic centerPointU="34110.316406" centerPointV="60680.792969" focalLengthU="107599.671875" focalLengthV="107588.828125"
 focallength="9.31" radialDistortion1="-0.046183" radialDistortion2="0.139983" radialDistortion3="0.0" sensorMaxU="69568"
 sensorMaxV="122816" sensorMinU="0" sensorMinV="0" skew="0" tangentalDistortion1="0.000608" tangentalDistortion2="0.00069"/>
</camera></cameras></calibration>"""


@pytest.mark.parametrize("name", ["Calib.qca.txt", "calibration.xml"])
def test_qualisys_agrees_with_pose2sim(tmp_path, name):
    (tmp_path / name).write_text(QUALISYS)
    (camera,) = read_cameras(tmp_path / name)
    turn = Rotation.from_rotvec([1.68827548, 1.04832205, -0.41955852]).as_matrix()
    np.testing.assert_allclose(camera.R.numpy(), turn, atol=1e-6)
    np.testing.assert_allclose(camera.t.numpy(), [321.10489, 956.33206, 2890.71305], atol=1e-3)
    np.testing.assert_allclose(np.diag(camera.K), [1681.244873, 1681.075439, 1.0], atol=1e-6)
    np.testing.assert_allclose(camera.K[:2, 2], [532.9736938, 948.1373901], atol=1e-6)
    np.testing.assert_allclose(camera.distortion[:4], [-7.21609375e-4, 2.187234375e-3, 9.5e-6, 1.078125e-5], atol=1e-12)
    assert (camera.name, camera.image_size) == ("cam01", (1088, 1920))


def entry(camera: Camera, form: str) -> dict[str, object]:
    """Return one camera in the form of some program."""
    K, R, t = (getattr(camera, name).numpy() for name in ("K", "R", "t"))
    both = np.concatenate([R, t[:, None]], 1)
    whole = np.concatenate([both, [[0, 0, 0, 1]]])
    distortion = {"distCoef": camera.distortion.tolist()}
    k1, k2, p1, p2, k3 = camera.distortion.tolist()
    return {
        "3x4": {"intrinsics": K.tolist(), "extrinsics": both.tolist(), **distortion},
        "4x4": {"K": K.tolist(), "RT": whole.tolist(), **distortion},
        "pose": {"K": K.tolist(), "c2w": np.linalg.inv(whole).tolist(), **distortion},
        "P and K": {"K": K.tolist(), "P": (-2.5 * K @ both).tolist(), **distortion},
        "P": {"P": (K @ both).tolist(), **distortion},
        "Shelf": {
            "fx": K[0, 0], "fy": K[1, 1], "cx": K[0, 2], "cy": K[1, 2], "R": R.tolist(),
            "T": camera.center[:, None].tolist(),
            "k": [k1, k2, k3], "p": [p1, p2],
        },
        "fx and t": {
            "fx": [K[0, 0]], "fy": [K[1, 1]], "cx": [K[0, 2]], "cy": [K[1, 2]], "R": R.tolist(), "t": t.tolist(),
            **distortion,
        },
    }[form]  # fmt: skip


@pytest.mark.parametrize("form", ["3x4", "4x4", "pose", "P and K", "P", "Shelf", "fx and t"])
def test_matrices_of_every_form_are_the_same_cameras(tmp_path, form):
    (tmp_path / "c.json").write_text(json.dumps({camera.name: entry(camera, form) for camera in CAMERAS}))
    assert_same(read_cameras(tmp_path / "c.json"), CAMERAS, atol=1e-6 if form != "P" else 1e-5)


@pytest.mark.parametrize("names", [("K", "dist", "R", "t"), ("mtx", "distCoeffs", "rvec", "tvec")])
def test_archives_of_numpy(tmp_path, names):
    values = []
    for camera in CAMERAS[:3]:
        turn = camera.R.numpy() if names[2] == "R" else cv2.Rodrigues(camera.R.numpy())[0]
        values.append((camera.K.numpy(), camera.distortion.numpy(), turn, camera.t.numpy()))
        np.savez(tmp_path / f"{camera.name}.npz", **dict(zip(names, values[-1], strict=True)))
    assert_same(read_cameras(tmp_path), sorted(CAMERAS[:3], key=lambda camera: camera.name))
    (tmp_path / "._a.npz").write_bytes(b"what macOS writes")
    assert_same(read_cameras(tmp_path), sorted(CAMERAS[:3], key=lambda camera: camera.name))
    (tmp_path / "rig").mkdir()
    stacked = {name: np.stack(each) for name, each in zip(names, zip(*values, strict=True), strict=True)}
    np.savez(tmp_path / "rig" / "all.npz", **stacked, resolution=[1000, 1002])
    found = read_cameras(tmp_path / "rig" / "all.npz")
    assert_same(found, CAMERAS[:3])
    assert {camera.image_size for camera in found} == {(1000, 1002)}
    np.savez(tmp_path / "rig" / "torn.npz", K=np.eye(3))
    with pytest.raises(CorruptFileError, match="lacks R, t"):
        read_cameras(tmp_path / "rig" / "torn.npz")


def test_caliscope_leaves_its_board_out(tmp_path):
    camera = "[cam_0]\nmatrix=[[9.0,0,1],[0,9.0,1],[0,0,1]]\nrotation=[0,0,0]\ntranslation=[1,2,3]\n"
    (tmp_path / "c.toml").write_text("camera_count = 1\n[charuco]\ncolumns = 4\nrows = 5\n" + camera)
    assert [camera.name for camera in read_cameras(tmp_path / "c.toml")] == ["cam_0"]


def test_opencap_and_mmpose_pickles(tmp_path):
    for camera in CAMERAS[:2]:
        value = {
            "intrinsicMat": camera.K.numpy(), "distortion": camera.distortion.numpy()[None], "rotation": camera.R.numpy(),
            "translation": camera.t.numpy()[:, None], "imageSize": np.array([[1002.0], [1000.0]]),
            "rotation_EulerAngles": np.zeros((3, 1)),
        }  # fmt: skip
        (tmp_path / f"{camera.name}.pickle").write_bytes(pickle.dumps(value))
    found = read_cameras(tmp_path)
    assert_same(found, CAMERAS[:2])
    assert found[0].image_size == (1000, 1002)
    rig = {}
    for subject in ("S9", "S11"):
        for camera in h36m_cameras(subject):
            K, lens = camera.K.numpy(), camera.distortion.numpy()
            rig[subject, camera.name] = {
                "R": camera.R.numpy().T, "T": camera.center.numpy()[:, None], "f": np.diag(K)[:2, None], "c": K[:2, 2:],
                "k": lens[[0, 1, 4]][:, None], "p": lens[[2, 3]][:, None], "w": 1000, "h": 1002,
            }  # fmt: skip
    (tmp_path / "cameras.pkl").write_bytes(pickle.dumps(rig))
    assert_same(read_cameras(tmp_path / "cameras.pkl", subject="S11"), h36m_cameras("S11"))
    with pytest.raises(InputError, match="holds cameras by subject"):
        read_cameras(tmp_path / "cameras.pkl")
    with pytest.raises(InputError, match="holds S11, S9"):
        read_cameras(tmp_path / "cameras.pkl", subject="S7")


GOOD = {"K": [[900, 0, 320], [0, 900, 240], [0, 0, 1]], "R": [0, 0, 0], "t": [0, 0, 2.5]}


@pytest.mark.parametrize(
    "change",
    [
        {"K": [[0, 0, 0], [0, 0, 0], [0, 0, 0]]},
        {"K": [[0, 0, 320], [0, 900, 240], [0, 0, 1]]},
        {"K": "nonsense"},
        {"K": {"a": 1}},
        {"R": [[0, 0, 0], [0, 0, 0], [0, 0, 0]]},
        {"R": [[None, 0, 0], [0, 1, 0], [0, 0, 1]]},
        {"t": [1, 2]},
        {"t": ["a", "b", "c"]},
        {"t": [1e400, 0, 0]},
        {"size": "large"},
        {"size": [float("inf"), 4]},
        {"size": {"w": 3}},
        {"distortion": [[1, 2], [3]]},
        {"distortion": {"k1": 1}},
        {"extrinsics": [[1, 2], [3, 4]]},
        {"c2w": [[0, 0, 0, 0]] * 4},
        {"K": None, "R": None, "P": [[0, 0, 0, 0]] * 3},
    ],
)
def test_singular_matrices_and_wrong_types_are_one_sentence(tmp_path, change):
    (tmp_path / "c.json").write_text(json.dumps([{**GOOD, "name": "left", **change}]))
    with pytest.raises(PoseZooError, match=r"c\.json"):
        read_cameras(tmp_path / "c.json")


def test_aliases_of_yaml_are_refused_unexpanded(tmp_path):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (tmp_path / "bomb.yml").write_text("%YAML:1.0\n---\n" + "\n".join(lines))
    with pytest.raises(CorruptFileError, match="aliases"):
        read_cameras(tmp_path / "bomb.yml")
    (tmp_path / "deep.yml").write_text("K: " + "[" * 5000 + "]" * 5000)
    with pytest.raises(CorruptFileError, match="levels"):
        read_cameras(tmp_path / "deep.yml")


def _camera_json(path, **changes):
    camera = {"K": [[900.0, 0, 320], [0, 900, 240], [0, 0, 1]], "R": [0.1, 0.7, -0.2], "t": [100.0, -50, 3000], **changes}
    path.write_text(json.dumps([camera]))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"K": [[900, 0, 0], [0, 900, 0], [320, 240, 1]]}, "K stands transposed, as MATLAB has it"),
        ({"K": [[1.2, 0, 0.5], [0, 1.6, 0.5], [0, 0, 1]]}, "K has a focal length of 1.2, expected px"),
        ({"R": [0.1, 0.2, 0.3, 0.9]}, "perhaps a quaternion"),
        ({"R": [0.0, 41.0, -12.0]}, "perhaps angles in degrees"),
    ],
)
def test_rotations_and_intrinsics_of_other_conventions_are_refused(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        read_cameras(_camera_json(tmp_path / "a.json", **changes))


@pytest.mark.parametrize(
    "wrap", [lambda camera: {"calibration": {"cam0": camera}}, lambda camera: {"camera_params": [camera]}]
)
@pytest.mark.parametrize("grouped", [False, True])
def test_cameras_inside_other_objects(tmp_path, wrap, grouped):
    (plain,) = read_cameras(_camera_json(tmp_path / "a.json"))
    camera = json.loads((tmp_path / "a.json").read_text())[0]
    if grouped:
        lens = {"fx": 900, "fy": 900, "cx": 320, "cy": 240}
        camera = {"intrinsics": lens, "extrinsics": {"rotation": camera["R"], "translation": camera["t"]}}
    (tmp_path / "b.json").write_text(json.dumps(wrap(camera)))
    (read,) = read_cameras(tmp_path / "b.json")
    for one, other in ((read.K, plain.K), (read.R, plain.R), (read.t, plain.t)):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-9)


def test_opencv_writes_xml_too_and_other_texts_are_told(tmp_path):
    def matrix(name, rows):
        values = " ".join(str(value) for row in rows for value in row)
        size = f"<rows>{len(rows)}</rows><cols>{len(rows[0])}</cols><dt>d</dt>"
        return f'<{name} type_id="opencv-matrix">{size}<data>\n{values}</data></{name}>'

    K, R = [[900.0, 0, 320], [0, 900, 240], [0, 0, 1]], [[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]
    content = matrix("K", K) + matrix("R", R) + matrix("T", [[1.0], [2.0], [3.0]])
    (tmp_path / "left.xml").write_text(f'<?xml version="1.0"?>\n<opencv_storage>{content}</opencv_storage>')
    (camera,) = read_cameras(tmp_path / "left.xml", unit="m")
    assert (camera.name, camera.K.tolist(), camera.R.tolist()) == ("left", K, R)
    assert camera.t.tolist() == [1000, 2000, 3000]
    (tmp_path / "cameras.txt").write_text("# Camera list\n1 PINHOLE 640 480 900 900 320 240\n")
    with pytest.raises(InputError, match="is no XML; of texts, Qualisys"):
        read_cameras(tmp_path / "cameras.txt")
