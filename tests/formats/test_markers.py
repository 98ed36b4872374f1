"""Test TRC and C3D as ground truth: read as other programs write them, matched by frame or time, in the camera's frame."""

import json
from dataclasses import replace

import numpy as np
import pytest

from posezoo.cli import main
from posezoo.cli.truth import beside, read_truth, score
from posezoo.data import Prediction
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.formats.markers import read_markers
from posezoo.metrics.functional import p_mpjpe
from posezoo.skeletons import get_skeleton
from tests.formats.walkers import truth_mm

H36M = get_skeleton("h36m17")
# Pose2Sim's names, which columns_of knows.
NAMES = ("Hip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "Spine", "Neck", "Nose", "Head", "LShoulder", "LElbow",
         "LWrist", "RShoulder", "RElbow", "RWrist")  # fmt: skip
# A laboratory's axes: y up, turned about it.
TURN = np.array([[0.6, 0.0, 0.8], [0.0, -1.0, 0.0], [0.8, 0.0, -0.6]])
PLACE_MM = np.array([1500.0, 900.0, -700.0])


def laboratory():
    """Return (12, 17, 3) mm in the laboratory, and relative to the root in the camera."""
    poses = truth_mm().astype(np.float64)
    return poses @ TURN.T + PLACE_MM, poses - poses[:, :1]


def write_trc(path, points, unit="mm", rate=60.0, first=1, names=NAMES, gap=None):
    head = "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames"
    lines = [f"PathFileType\t4\t(X/Y/Z)\t{path.name}", head]
    lines.append(f"{rate}\t{rate}\t{len(points)}\t{len(names)}\t{unit}\t{rate}\t{first}\t{len(points)}")
    lines.append("Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t")
    lines.append("\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(names)) for axis in "XYZ"))
    lines.append("")
    for i, pose in enumerate(points):
        cells = [f"{value:.5f}" for value in pose.reshape(-1)]
        if gap is not None and i == gap[0]:
            cells[3 * gap[1] : 3 * gap[1] + 3] = ["", "", ""]
        lines.append("\t".join([str(i + first), f"{(i + first - 1) / rate:.5f}", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_c3d(path, points, unit="mm", rate=60.0, names=NAMES, gap=None):
    c3d = pytest.importorskip("c3d")
    writer = c3d.Writer(point_rate=rate, point_units=unit.ljust(4))
    writer.set_point_labels(names)
    for i, pose in enumerate(points):
        rows = np.zeros((len(names), 5), dtype=np.float32)
        rows[:, :3] = pose
        if gap is not None and i == gap[0]:
            rows[gap[1], 3:] = -1
        writer.add_frames([(rows, np.zeros((0, 0)))])
    with open(path, "wb") as stream:
        writer.write(stream)
    return path


WRITERS = {"trc": write_trc, "c3d": write_c3d}


def result(poses, **fields):
    """Return what predict would give for the same frames."""
    numbers = np.arange(len(poses))
    return Prediction(
        poses.astype(np.float32), H36M, "relative", frame_number=numbers, time_s=numbers / 60, fps=60.0, **fields
    )


@pytest.mark.parametrize("unit", ["mm", "m"])
@pytest.mark.parametrize("kind", WRITERS)
def test_markers_are_read_in_millimetres(tmp_path, kind, unit):
    world, _ = laboratory()
    path = WRITERS[kind](tmp_path / f"a.{kind}", world / {"mm": 1, "m": 1000}[unit], unit, gap=(2, 5))
    markers = read_markers(path)
    assert (markers.names, markers.frame.tolist(), markers.rate_hz) == (NAMES, list(range(12)), 60.0)
    layout, poses = markers.poses(path)
    assert layout is H36M
    assert np.argwhere(np.isnan(poses[..., 0])).tolist() == [[2, 5]]
    np.testing.assert_allclose(np.delete(poses, 2, 0), np.delete(world, 2, 0), atol=0.02)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_perfect_prediction_has_no_error_whatever_the_axes(tmp_path, kind):
    world, relative = laboratory()
    path = WRITERS[kind](tmp_path / f"a.{kind}", world, gap=(2, 5))
    truth = read_truth(path)
    errors = score(result(relative * 0.01), truth, path)
    assert (errors["poses"], errors["joints"]) == (12, 17)
    assert max(errors["p_mpjpe"], errors["clip_mpjpe"]) < 0.05
    here, there = beside(result(relative), truth, path)
    assert there.frame == here.frame
    known = np.isfinite(there.pose_3d)
    np.testing.assert_allclose(there.pose_3d[known], relative[known], atol=0.1)


def test_errors_are_those_of_the_metrics(tmp_path):
    """Check that 170 mm of error at one wrist in every pose keep the clip's mean near 170 / 17."""
    world, relative = laboratory()
    path = write_trc(tmp_path / "a.trc", world)
    relative[:, H36M.index("left_wrist"), 2] += 170
    errors = score(result(relative), read_truth(path), path)
    assert errors["p_mpjpe"] == pytest.approx(float(p_mpjpe(relative, world)), abs=0.02)
    assert 8 < errors["clip_mpjpe"] < 25


def test_frames_match_by_number_and_by_time(tmp_path):
    world, relative = laboratory()
    some = result(relative[3:9])
    some = Prediction(some.pose_3d, H36M, "relative", frame_number=np.arange(3, 9), time_s=np.arange(3, 9) / 60, fps=60.0)
    path = write_trc(tmp_path / "a.trc", world)
    assert score(some, read_truth(path), path)["clip_mpjpe"] < 0.05
    # Motion capture at 120 Hz: every second frame is one of the video's.
    path = write_trc(tmp_path / "b.trc", np.repeat(world, 2, 0), rate=120.0)
    errors = score(some, read_truth(path), path)
    assert (errors["poses"], errors["clip_mpjpe"] < 0.05) == (6, True)
    path = write_trc(tmp_path / "c.trc", world, first=1000)
    with pytest.raises(InputError, match="have no frame in common"):
        score(some, read_truth(path), path)


def test_poses_that_stand_in_the_world_are_scored_and_drawn_about_their_root(tmp_path):
    """Poses of several cameras are where people walk; of fewer frames than the truth, some of them doubtful."""
    world, relative = laboratory()
    path = write_trc(tmp_path / "a.trc", world)
    walked = result(relative[::2] + [900.0, -200.0, 4000.0] + 100 * np.arange(6)[:, None, None], doubtful=np.arange(6) == 2)
    walked = replace(walked, frame_number=np.arange(0, 12, 2))
    errors = score(walked, read_truth(path), path)
    assert (errors["poses"], errors["clip_mpjpe"] < 0.05) == (6, True)
    here, there = beside(walked, read_truth(path), path)
    assert here.doubtful.tolist() == walked.doubtful.tolist()
    np.testing.assert_allclose(there.pose_3d, relative[::2], atol=0.1)


def test_at_the_command_line(tmp_path, capsys):
    world, relative = laboratory()
    path = write_trc(tmp_path / "mocap.trc", world)
    result(relative).save(tmp_path / "out.npz")
    assert main(["eval", str(tmp_path / "out.npz"), "--truth", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["poses"], round(found["p_mpjpe"], 1)) == (12, 0.0)
    assert main(["eval", str(tmp_path / "out.npz"), "--truth", str(path)]) == 0
    assert "12 poses, 17 joints" in capsys.readouterr().out
    assert main(["view", str(tmp_path / "out.npz"), "--truth", str(path), "--html", str(tmp_path / "a.html")]) == 0
    assert "ground truth" in (tmp_path / "a.html").read_text()
    assert main(["eval", "svma", "--truth", str(path)]) == 2
    assert "svma is none" in capsys.readouterr().err


def test_markers_on_the_skin_are_no_joints(tmp_path):
    path = write_trc(tmp_path / "a.trc", np.zeros((3, 4, 3)), names=("RASI", "LASI", "RKNE", "LKNE"))
    with pytest.raises(InputError, match=r"4 body parts.*RASI, LASI, RKNE, LKNE"):
        read_truth(path)


def test_several_people_need_one(tmp_path):
    world, relative = laboratory()
    path = write_trc(tmp_path / "a.trc", world)
    two = result(relative, person=np.array(["a", "b"] * 6))
    with pytest.raises(InputError, match="is of 2 people; predict one"):
        score(two, read_truth(path), path)


def test_damaged_and_other_files(tmp_path):
    whole = write_trc(tmp_path / "a.trc", laboratory()[0]).read_text()
    cases = {
        "empty": ("", CorruptFileError, "empty"),
        "another file": ("hello\n" * 9, CorruptFileError, "does not begin as TRC does"),
        "another unit": (whole.replace("\tmm\t", "\tinch\t"), InputError, "its unit is 'inch'; expected mm, cm or m"),
        "text": (whole.replace("\n3\t", "\nx\t"), CorruptFileError, "cannot be read as TRC"),
        "too many cells": (whole.rstrip() + "\t1\t2\n", CorruptFileError, "line 18 has 55 cells for 17 markers"),
        "no frames": ("\n".join(whole.splitlines()[:6]), InputError, "holds no points"),
    }
    for text, error, words in cases.values():
        (tmp_path / "b.trc").write_text(text)
        with pytest.raises(error, match=words):
            read_markers(tmp_path / "b.trc")
    with pytest.raises(MissingFileError):
        read_markers(tmp_path / "none.trc")
    with pytest.raises(InputError, match=r"expected 3D markers in a \.trc or \.c3d file"):
        read_markers(tmp_path / "a.csv")


@pytest.mark.filterwarnings("ignore")
def test_damaged_c3d_is_refused(tmp_path):
    whole = write_c3d(tmp_path / "a.c3d", laboratory()[0]).read_bytes()
    for data in (b"", b"not C3D at all", whole[:300], whole[:700]):
        (tmp_path / "b.c3d").write_bytes(data)
        with pytest.raises((CorruptFileError, InputError)) as caught:
            read_markers(tmp_path / "b.c3d")
        assert "\n" not in str(caught.value)
