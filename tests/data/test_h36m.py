"""Test Human3.6M: the three kinds of source files give the same poses."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from posezoo.cli import main
from posezoo.data import load_dataset, read_keypoints
from posezoo.data.h36m import load_h36m, prepare_h36m
from posezoo.data.h36m.facts import FRAMES
from posezoo.data.humaneva import prepare_humaneva
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.files.arrays import load_npz
from posezoo.geometry import h36m_cameras
from posezoo.skeletons import convert
from tests.data.dataset_samples import H36M_TO_17, worlds, write_humaneva, write_martinez, write_official, write_videopose3d

ROOT = Path(__file__).resolve().parents[2]
KINDS = {"official": write_official, "martinez": write_martinez, "videopose3d": write_videopose3d}
pytestmark = pytest.mark.filterwarnings("ignore:.*is left out")


@pytest.fixture(scope="module", params=KINDS)
def prepared(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    done = prepare_h36m(KINDS[request.param](folder / "source"), folder / "h36m.h5")
    assert done.written
    return request.param, folder / "h36m.h5"


def test_poses_are_those_of_the_files_seen_by_opencv(prepared):
    _, path = prepared
    test = load_h36m(path, "test")
    names = {"WalkDog": "WalkingDog", "Photo": "TakingPhoto"}
    # S11's first Directions is left out, Sitting is not SittingDown.
    found = {(clip.subject, clip.action, clip.trial) for clip in test.sequences}
    assert found == {
        ("S9", "Sitting", "1"), ("S9", "SittingDown", ""), ("S9", "WalkDog", ""), ("S9", "Photo", "1"),
        ("S11", "Directions", "1"),
    }  # fmt: skip
    for clip, poses in test.by_sequence():
        world = worlds()[clip.subject, f"{names.get(clip.action, clip.action)} {clip.trial}".strip()][:, H36M_TO_17]
        camera = h36m_cameras(clip.subject)[clip.view]
        assert (clip.camera.name, clip.image_size, clip.fps) == (camera.name, camera.image_size, 50.0)
        turn, _ = cv2.Rodrigues(camera.R.numpy())
        pixels, _ = cv2.projectPoints(
            world.reshape(-1, 3).astype(np.float64), turn, camera.t.numpy(), camera.K.numpy(), camera.distortion.numpy()
        )
        np.testing.assert_allclose(poses.keypoints_2d.reshape(-1, 2), pixels[:, 0], atol=0.02)
        np.testing.assert_allclose(poses.pose_3d, world @ camera.R.numpy().T + camera.t.numpy(), atol=0.01)
        assert poses.frame.tolist() == list(range(len(world)))


def test_splits_views_and_subjects(prepared):
    _, path = prepared
    assert set(load_h36m(path, "train").subject) == {"S1"}
    assert len(load_h36m(path, "train")) == 4 * (7 + 5 + 6 + 4)
    fourth = load_h36m(path, "test", views=(3,))
    assert set(fourth.view) == {3}
    assert len(fourth) == 3 + 8 + 5 + 4 + 5
    assert set(load_h36m(path, "test", subjects=("S11",)).subject) == {"S11"}
    assert len(load_dataset("h36m", "test", path)) == 4 * len(fourth)
    for settings, error in (
        ({"split": "all"}, UnknownNameError), ({"views": (4,)}, InputError), ({"subjects": ("S2",)}, InputError),
        ({"split": "val"}, InputError), ({"keypoints": "openpose"}, InputError),
    ):  # fmt: skip
        with pytest.raises(error):
            load_h36m(path, **settings)


def test_what_is_missing_is_named(prepared, capsys):
    _, path = prepared
    assert main(["data", "info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "S9: 16 clips, 80 frames" in out
    assert "S9 has 4 recordings; published are 30." in out
    assert "S1 lacks Discussion, Eating" in out
    assert f"S9 and S11, camera 0: 25 frames; published are {FRAMES['S9', 'S11']:,}." in out


def test_the_published_counts():
    # hrhodin/UnsupervisedGeometryAwareRepresentationLearning#5 for the training subjects, four cameras each; 543,344 is the
    # number of test poses that single-frame lifters report.
    assert [4 * FRAMES[key] for key in FRAMES] == [248376, 644692 - 248376, 894556 - 644692, 1559752 - 894556, 543344]


def test_detections_of_the_hourglass_are_mpiis_joints(tmp_path):
    prepare_h36m(write_martinez(tmp_path / "s"), tmp_path / "h36m.h5")
    detected = load_h36m(tmp_path / "h36m.h5", "test", "sh", views=(1,))
    poses = next(p for c, p in detected.by_sequence() if c.action == "SittingDown")
    mpii = np.stack(np.meshgrid(np.arange(8) * 10.0 + 5, np.arange(16.0), indexing="ij"), -1)
    np.testing.assert_allclose(poses.keypoints_2d, convert(mpii, "mpii16", "h36m17").keypoints)
    assert poses.keypoints_2d[3, 3].tolist() == [35.0, 0.0]  # the right ankle, MPII's first
    # One camera lacks its file: its clip is left out, the rest stays.
    with h5py.File(tmp_path / "h36m.h5") as file:
        assert "sh" not in file["S11/Directions/0"]
        assert "sh" in file["S11/Directions/1"]


def test_detections_of_videopose3d(tmp_path):
    names = {"cpn_ft_h36m_dbb": "h36m", "sh_ft_h36m": "hourglass", "detectron_pt_coco": "coco", "gt": "h36m"}
    prepare_h36m(write_videopose3d(tmp_path / "s", names), tmp_path / "h36m.h5")
    first = load_h36m(tmp_path / "h36m.h5", "test", "cpn_ft_h36m_dbb", views=(2,))
    assert (first.keypoints_2d[:, :, 0] == np.arange(17) + 200).all()  # cut to as many frames as there are in 3D
    assert len(first) == len(load_h36m(tmp_path / "h36m.h5", "test", views=(2,)))
    coco = load_h36m(tmp_path / "h36m.h5", "test", "detectron_pt_coco", views=(0,)).keypoints_2d[0, :, 0]
    assert coco[[4, 1, 0]].tolist() == [11.0, 12.0, 11.5]  # COCO's hips


# pelvis, right leg, left leg, spine, thorax, crown, left arm, right arm: the hourglass's places of Human3.6M's joints, as
# Martinez et al. list them; what was trained on MPII alone has its thorax and upper neck at 7 and 8, and no spine.
HOURGLASS = [6, 2, 1, 0, 3, 4, 5, 7, 8, 9, 13, 14, 15, 12, 11, 10]
WITHOUT_NOSE = [*range(9), *range(10, 17)]


@pytest.mark.parametrize(
    ("name", "kind", "places"),
    [
        ("sh_ft_h36m", "hourglass", HOURGLASS),
        ("sh_ft_h36m", "reordered hourglass", list(range(16))),
        ("sh_pt_mpii", "hourglass", [*HOURGLASS[:7], 6.5, 7, *HOURGLASS[9:]]),
        ("sh_pt_mpii", "reordered hourglass", [*range(7), 3.5, 7, *range(9, 16)]),
    ],
)
def test_hourglass_archives_of_either_order(tmp_path, name, kind, places):
    """Tell VideoPose3D's and SemGCN's files, whose names are the same and say no layout, apart by their symmetry."""
    source = write_videopose3d(tmp_path / "s", {name: kind})
    prepare_h36m(source, tmp_path / "h36m.h5")
    first = load_h36m(tmp_path / "h36m.h5", "test", "detected", views=(0,)).keypoints_2d[0, :, 0]
    assert first[WITHOUT_NOSE].tolist() == places
    assert first[8] < first[9] < first[10]  # no nose: between thorax and crown
    own = read_keypoints(source / f"data_2d_h36m_{name}.npz")
    assert convert(own.keypoints_2d, own.skeleton, "h36m17").keypoints[0, WITHOUT_NOSE, 0].tolist() == places


def test_the_finetuned_hourglass_of_martinez(tmp_path):
    source = write_martinez(tmp_path / "s", hourglass="StackedHourglassFineTuned240")
    prepare_h36m(source, tmp_path / "h36m.h5")
    for name in ("sh_ft_h36m", "detected"):
        detected = load_h36m(tmp_path / "h36m.h5", "test", name, views=(1,))
        assert detected.keypoints_2d[0, WITHOUT_NOSE, 1].tolist() == HOURGLASS
    own = read_keypoints(source / "S9/StackedHourglassFineTuned240/WalkDog.54138969.h5")
    assert convert(own.keypoints_2d, own.skeleton, "h36m17").keypoints[0, WITHOUT_NOSE, 1].tolist() == HOURGLASS


def test_an_hourglass_that_does_not_tell_its_order_is_refused(tmp_path):
    source = write_videopose3d(tmp_path / "s", {"sh_ft_h36m": "hourglass"})
    path = source / "data_2d_h36m_sh_ft_h36m.npz"
    np.savez(path, positions_2d=load_npz(path)["positions_2d"])
    with pytest.raises(InputError, match=r"data_2d_h36m_sh_ft_h36m\.npz .*16 joints.*metadata"):
        prepare_h36m(source, tmp_path / "h36m.h5")


def test_damaged_detections_are_one_sentence_not_one_for_each_recording(tmp_path, recwarn):
    path = write_videopose3d(tmp_path / "s") / "data_2d_h36m_cpn_ft_h36m_dbb.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        InputError, match=r"cpn_ft_h36m_dbb\.npz .* take data_2d_h36m_cpn_ft_h36m_dbb\.npz out of the folder"
    ):
        prepare_h36m(tmp_path / "s", tmp_path / "h36m.h5")
    assert not [warning for warning in recwarn if "left out" in str(warning.message)]


def test_a_camera_without_detections_is_left_out(tmp_path):
    path = write_videopose3d(tmp_path / "s", {"cpn": "h36m"}) / "data_2d_h36m_cpn.npz"
    content = load_npz(path)
    content["positions_2d"]["S9"]["Sitting 1"][2] = None  # VideoPose3D writes so what has no video
    np.savez(path, **content)
    prepare_h36m(tmp_path / "s", tmp_path / "h36m.h5")
    seen = {(clip.action, clip.view) for clip in load_h36m(tmp_path / "h36m.h5", "test", "cpn", subjects=("S9",)).sequences}
    assert {view for action, view in seen if action == "Sitting"} == {0, 1, 3}
    assert {view for action, view in seen if action == "Photo"} == {0, 1, 2, 3}
    assert {clip.view for clip in read_keypoints(path).sequences if clip.action == "Sitting 1"} == {0, 1, 3}


def test_too_few_detections_are_an_error_of_their_clip(tmp_path):
    write_videopose3d(tmp_path / "s", longer=-1)
    with pytest.raises(CorruptFileError, match=r"(?s)none of 10 recordings .* has 6 frames, the 3D poses 7"):
        prepare_h36m(tmp_path / "s", tmp_path / "h36m.h5")
    assert not (tmp_path / "h36m.h5").exists()


def test_the_same_bytes_again_and_nothing_twice(tmp_path):
    source, out = write_official(tmp_path / "s"), tmp_path / "h36m.h5"
    assert prepare_h36m(source, out).written
    first = hashlib.sha256(out.read_bytes()).hexdigest()
    again = prepare_h36m(source, out)
    assert not again.written
    assert any("S1 lacks" in note for note in again.notes)
    out.unlink()
    prepare_h36m(source, out)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h36m.h5", "s"]  # what was kept beside it is gone


def test_a_killed_call_goes_on_where_it_was(tmp_path, monkeypatch):
    source, out = write_official(tmp_path / "s"), tmp_path / "h36m.h5"
    prepare_h36m(source, tmp_path / "whole.h5")
    read = []

    def reader(path, dimensions, stop):
        read.append(path.stem)
        if len(read) == stop:
            raise KeyboardInterrupt
        return real(path, dimensions)

    from posezoo.data.h36m import sources

    real = sources.read_cdf_pose
    monkeypatch.setattr(sources, "read_cdf_pose", lambda path, dimensions: reader(path, dimensions, 5))
    with pytest.raises(KeyboardInterrupt):
        prepare_h36m(source, out)
    assert not out.exists()
    monkeypatch.setattr(sources, "read_cdf_pose", lambda path, dimensions: reader(path, dimensions, -1))
    prepare_h36m(source, out)
    assert len(read) == 5 + 10 - 4
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_a_damaged_recording_is_left_out_and_named(tmp_path):
    source = write_official(tmp_path / "s")
    damaged = source / "S11" / "MyPoseFeatures" / "D3_Positions" / "Directions.cdf"
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.warns(UserWarning, match="S11/Directions is left out"):
        done = prepare_h36m(source, tmp_path / "h36m.h5")
    assert any("Directions.cdf" in note for note in done.notes)
    assert len(load_h36m(tmp_path / "h36m.h5", "test")) == 4 * (3 + 8 + 5 + 4 + 5)


def test_an_altered_file_is_noticed_and_made_again(tmp_path):
    source, out = write_official(tmp_path / "s"), tmp_path / "h36m.h5"
    prepare_h36m(source, out)
    first = out.read_bytes()
    with h5py.File(out, "r+") as file:
        file["S9/Sitting/1/2/pose_3d"][0, 0, 0] += 1
    with pytest.raises(CorruptFileError, match=r"S9/Sitting/1/2/pose_3d .*checksum"):
        load_h36m(out, "test")
    assert prepare_h36m(source, out).written  # the sources are the same: only the checksums tell
    assert out.read_bytes() == first


def test_what_is_no_file_of_the_dataset_is_never_replaced(tmp_path):
    source = write_martinez(tmp_path / "s")
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["precious"] = np.arange(5)
    (tmp_path / "text.h5").write_text("precious")
    prepare_humaneva(write_humaneva(tmp_path / "he"), tmp_path / "humaneva.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "humaneva.h5").read_bytes()[:-500])
    for name, message in (
        ("mine.h5", "no prepared dataset"), ("text.h5", "remove it"), ("cut.h5", "remove it"),
        ("humaneva.h5", "holds humaneva; choose another name for h36m"),
        ("s/S9/MyPoses/3D_positions/Photo 1.h5", "no prepared"),
    ):  # fmt: skip
        before = (tmp_path / name).read_bytes()
        with pytest.raises(InputError, match=message):
            prepare_h36m(source, tmp_path / name)
        assert (tmp_path / name).read_bytes() == before


def test_values_that_no_camera_sees_are_left_out_and_named(tmp_path):
    source = write_martinez(tmp_path / "s", detections=False)
    with h5py.File(source / "S9/MyPoses/3D_positions/SittingDown.h5", "r+") as file:
        file["3D_positions"][3, 2] = 1e30
    with pytest.warns(UserWarning, match=r"S9/SittingDown is left out: pose_3d of camera 0 goes to .*e\+29; expected mm"):
        prepare_h36m(source, tmp_path / "h36m.h5")
    assert "SittingDown" not in set(load_h36m(tmp_path / "h36m.h5", "test").action)


@pytest.mark.parametrize("stage", ["_save", "_write_array"])
def test_nothing_is_left_after_a_kill_once_it_is_done(tmp_path, stage):
    """Kill while recordings are read and while the file is written; change the sources before the second call."""
    source, out = write_martinez(tmp_path / "s", detections=False), tmp_path / "h36m.h5"
    process = multiprocessing.get_context("fork").Process(target=_killed, args=(source, out, stage))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not out.exists()
    assert len(list(tmp_path.iterdir())) == 2
    with h5py.File(source / "S9/MyPoses/3D_positions/SittingDown.h5", "r+") as file:
        file["3D_positions"][0, 0] += 1
    prepare_h36m(source, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h36m.h5", "s"]


def _killed(source, out, stage):
    from posezoo.data.prepared import writing

    real, calls = getattr(writing, stage), iter(range(100))

    def killed(*arguments):
        if next(calls) == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(writing, stage, killed)
    prepare_h36m(source, out)


@pytest.mark.slow
def test_a_full_disk_is_one_sentence(tmp_path):
    """Limit files to 100 KB, as a full disk would; the HDF5 library itself would crash as the process ends."""
    write_martinez(tmp_path / "s")
    command = [sys.executable, "-m", "posezoo", "data", "prepare", "h36m", "--source", "s", "--out", "h36m.h5"]
    done = subprocess.run(
        ["bash", "-c", 'trap "" XFSZ; ulimit -f 100; exec "$@"', "-", *command],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert said.startswith("posezoo data: error: h36m.h5")
    assert "ulimit -f" in said
    assert not (tmp_path / "h36m.h5").exists()


def test_calibrations_in_the_folder_are_used(tmp_path):
    # metadata.xml with cameras that stand 100 mm higher.
    from scipy.spatial.transform import Rotation

    source, w0 = write_official(tmp_path / "s"), np.zeros(300)
    for camera in range(4):
        for number, subject in ((1, "S1"), (9, "S9"), (11, "S11")):
            lens = h36m_cameras(subject)[camera]
            angles = Rotation.from_matrix(lens.R.numpy()).as_euler("XYZ")
            center = lens.center.numpy() + [0, 0, 100]
            w0[6 * (camera * 11 + number - 1) :][:6] = [*angles, *center]
        k1, k2, p1, p2, k3 = lens.distortion.tolist()
        K = lens.K.numpy()
        w0[264 + camera * 9 :][:9] = [K[0, 0], K[1, 1], K[0, 2], K[1, 2], k1, k2, k3, p1, p2]
    (source / "metadata.xml").write_text(f"<metadata><w0>[{' '.join(map(repr, w0.tolist()))}]</w0></metadata>")
    prepare_h36m(source, tmp_path / "h36m.h5")
    clip, poses = next(iter(load_h36m(tmp_path / "h36m.h5", "test").by_sequence()))
    name = {"WalkDog": "WalkingDog", "Photo": "TakingPhoto"}.get(clip.action, clip.action)
    world = worlds()[clip.subject, f"{name} {clip.trial}".strip()]
    camera = h36m_cameras(clip.subject)[clip.view]
    seen = (world[:, H36M_TO_17] - camera.center.numpy() - [0, 0, 100]) @ camera.R.numpy().T
    np.testing.assert_allclose(poses.pose_3d, seen, atol=0.01)


def test_wrong_folders_say_what_was_expected(tmp_path, capsys):
    with pytest.raises(MissingFileError, match=r"data_3d_h36m.npz .*D3_Positions/\*.cdf .*3D_positions/\*.h5"):
        prepare_h36m(tmp_path, tmp_path / "h36m.h5")
    assert main(["data", "prepare", "h36m", "--source", str(tmp_path), "--out", str(tmp_path / "h36m.h5")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d={"S1": [1, 2]})
    with pytest.raises(CorruptFileError, match="subject -> action"):
        prepare_h36m(tmp_path, tmp_path / "h36m.h5")
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d={"S1": {"Walking": np.zeros((3, 17, 3))}})
    with pytest.raises(CorruptFileError, match=r"shape \(3, 17, 3\); expected \(N, 32, 3\)"):
        prepare_h36m(tmp_path, tmp_path / "h36m.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(CorruptFileError, match="make it with `posezoo data prepare h36m`"):
        load_h36m(tmp_path / "other.h5")


def test_protocols_and_joints_from_the_command_line(tmp_path, capsys):
    prepare_h36m(write_martinez(tmp_path / "s"), tmp_path / "h36m.h5")
    capsys.readouterr()

    def scored(*options: str) -> dict:
        assert main(["eval", "svma", "--data", "h36m", "--data-dir", str(tmp_path), "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    whole = scored()
    assert whole["poses"] == 4 * (3 + 8 + 5 + 4 + 5)
    assert scored("--protocol", "2")["p_mpjpe"] == whole["p_mpjpe"] == scored("--joints", "17")["p_mpjpe"]
    fourth = scored("--protocol", "3")
    assert fourth["poses"] == 3 + 8 + 5 + 4 + 5
    assert fourth["p_mpjpe"] == scored("--views", "3")["p_mpjpe"] != whole["p_mpjpe"]
    sixteen, fourteen = scored("--joints", "16"), scored("--joints", "14")
    assert set(whole["per_joint"]) - set(sixteen["per_joint"]) == {"nose"}
    assert set(whole["per_joint"]) - set(fourteen["per_joint"]) == {"nose", "spine", "pelvis"}
    assert scored("--keypoints", "sh", "--protocol", "1")["poses"] == 4 * (3 + 8 + 5 + 4 + 5)
    first = scored("--protocol", "1")
    assert first["protocol"] == 1
    assert np.mean(list(first["n_mpjpe_per_action"].values())) == pytest.approx(first["n_mpjpe_mean_over_actions"])
    assert scored("--protocol", "3", "--split", "train")["poses"] == 3 * (7 + 5 + 6 + 4)  # three cameras train
    assert main(["eval", "svma", "--data", "h36m", "--data-dir", str(tmp_path), "--protocol", "1"]) == 0
    shown = capsys.readouterr().out
    assert "protocol #1" in shown
    assert f"{first['n_mpjpe_per_action']['SittingDown']:.2f}" in shown.split("N-MPJPE by action")[1]
    for options, message in (
        (["--data", "h36m", "--data-dir", str(tmp_path), "--protocol", "3", "--views", "0"], "leave --views out"),
        (["--data", "procedural", "--protocol", "1"], "--protocol is for Human3.6M"),
        (["--data", "h36m", "--path", "x.h5", "--data-dir", "."], "give one"),
        (["--data", "h36m", "--data-dir", str(tmp_path / "no")], "is not there"),
    ):
        assert main(["eval", "svma", *options]) == 2
        assert message in capsys.readouterr().err
