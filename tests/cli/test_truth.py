"""Test ground truth in arrays: its unit and its frames, and what is printed of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from posezoo.cli import main
from posezoo.cli.truth import beside, read_truth, score
from posezoo.data import Prediction
from posezoo.errors import InputError
from posezoo.metrics.functional import p_mpjpe
from posezoo.skeletons import get_skeleton
from tests.formats.walkers import truth_mm

H36M = get_skeleton("h36m17")
NOISE_MM = 20


def predicted(numbers=None, **fields):
    """Return the walk's 12 poses with noise, in some order, of no scale."""
    numbers = np.arange(12) if numbers is None else np.asarray(numbers)
    poses = truth_mm() + np.random.default_rng(0).normal(0, NOISE_MM, (12, 17, 3))
    poses = (poses - poses[:, :1])[numbers] / 1000
    return Prediction(poses.astype(np.float32), H36M, "relative", frame_number=numbers, **fields)


def truth_file(path, poses=None, **fields):
    np.savez(path, pose_3d=truth_mm() if poses is None else poses, skeleton="h36m17", **fields)
    return path


def expected(numbers=slice(None)):
    return float(p_mpjpe(predicted().pose_3d[numbers], truth_mm()[numbers]))


def errors_of(result, path):
    return score(result, read_truth(path), path)


@pytest.mark.parametrize(("unit", "size"), [("mm", 1), ("cm", 10), ("m", 1000)])
@pytest.mark.parametrize("stated", [True, False])
def test_errors_are_in_mm_whatever_the_unit_and_whether_or_not_it_is_stated(tmp_path, capsys, unit, size, stated):
    path = truth_file(tmp_path / "t.npz", truth_mm() / size, **({"unit": unit} if stated else {}))
    assert errors_of(predicted(), path)["p_mpjpe"] == pytest.approx(expected(), abs=0.01)
    result = predicted().save(tmp_path / "out.npz")
    assert main(["eval", str(result), "--truth", str(path)]) == 0
    assert f"P-MPJPE {expected():.1f} mm;" in capsys.readouterr().out


def test_a_unit_that_nothing_tells_is_asked_for_and_one_of_its_own_is_not_called_mm(tmp_path, capsys):
    sizeless = truth_mm() / 123_000
    with pytest.raises(InputError, match="does not say the unit of pose_3d"):
        read_truth(truth_file(tmp_path / "t.npz", sizeless))
    with pytest.raises(InputError, match="expected mm, cm, m or relative"):
        read_truth(truth_file(tmp_path / "t.npz", sizeless, unit="inch"))
    path = truth_file(tmp_path / "t.npz", sizeless, unit="relative")
    result = predicted().save(tmp_path / "out.npz")
    assert main(["eval", str(result), "--truth", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"P-MPJPE {expected() / 123_000:.4g} in the truth's own unit" in said
    assert main(["eval", str(result), "--truth", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unit"] == "relative"


@pytest.mark.parametrize("name", ["frame", "frame_number", "frame_idx"])
def test_frames_of_arrays_count(tmp_path, name):
    some = predicted(np.arange(0, 9))
    path = truth_file(tmp_path / "t.npz", truth_mm()[3:], unit="mm", **{name: np.arange(3, 12)})
    errors = errors_of(some, path)
    assert (errors["poses"], errors["p_mpjpe"]) == (6, pytest.approx(expected(slice(3, 9)), abs=0.01))
    here, there = beside(some, read_truth(path), path)
    np.testing.assert_array_equal(here.pose_3d, some.pose_3d[3:])
    np.testing.assert_allclose(there.pose_3d, truth_mm()[3:9])


def test_shuffled_truth_and_rates_of_arrays_are_matched(tmp_path):
    order = np.random.default_rng(1).permutation(12)
    path = truth_file(tmp_path / "t.npz", truth_mm()[order], unit="mm", frame=order)
    assert errors_of(predicted(), path)["p_mpjpe"] == pytest.approx(expected(), abs=0.01)
    path = truth_file(tmp_path / "t.npz", np.repeat(truth_mm(), 4, 0), unit="mm", fps=120)
    assert errors_of(predicted(fps=30.0), path)["p_mpjpe"] == pytest.approx(expected(), abs=0.01)
    path = truth_file(tmp_path / "t.npz", np.repeat(truth_mm(), 4, 0), unit="mm", time_s=np.arange(48) / 120)
    assert errors_of(predicted(fps=30.0), path)["poses"] == 12


def test_rows_of_other_moments_are_refused_and_the_same_rows_are_not(tmp_path):
    order = np.random.default_rng(1).permutation(12)
    path = truth_file(tmp_path / "t.npz", unit="mm")
    with pytest.raises(InputError, match=r"by frame number .* far better.*add frame"):
        errors_of(predicted(order), path)
    path = truth_file(tmp_path / "t.npz", truth_mm()[order], unit="mm")
    assert errors_of(predicted(order), path)["p_mpjpe"] == pytest.approx(expected(), abs=0.01)
    # Arrays that count from 100, and a prediction of the same rows that counts from 0.
    path = truth_file(tmp_path / "t.npz", unit="mm", frame=np.arange(4, 16))
    with pytest.raises(InputError, match=r"row by row .* far better"):
        errors_of(predicted(), path)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"frame": np.arange(11)}, "11 frame numbers for 12 poses"),
        ({"frame": np.repeat(np.arange(6), 2)}, "has frame 0 twice"),
        ({"time_s": np.arange(3)}, "3 values for 12 poses"),
        ({"fps": -1}, "expected one positive number"),
        ({"person": ["a", "b"] * 6}, "is of 2 people"),
    ],
)
def test_frames_that_are_none_are_one_sentence(tmp_path, fields, says):
    path = truth_file(tmp_path / "t.npz", unit="mm", **fields)
    with pytest.raises(InputError, match=says):
        errors_of(predicted(), path)


@pytest.mark.parametrize("turn", [np.eye(3), [[1, 0, 0], [0, 0, -1], [0, 1, 0]], [[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]]])
def test_poses_in_another_layout_than_they_say_are_refused(tmp_path, capsys, turn):
    poses = truth_mm() @ np.asarray(turn).T
    path = truth_file(tmp_path / "t.npz", poses, unit="mm")
    assert len(read_truth(path)) == 12
    other = tmp_path / "other.npz"
    np.savez(other, pose_3d=poses, skeleton="coco17", unit="mm")
    with pytest.raises(InputError, match="as coco17 the joints of pose_3d make no person, as h36m17 they do; say"):
        read_truth(other)
    np.savez(other, pose_3d=poses, skeleton="coco17", unit="mm", keypoints=seen_as_coco17())
    assert main(["eval", "svma", str(other)]) == 2
    assert "as h36m17 they do; give keypoints in that layout too" in capsys.readouterr().err


def seen_as_coco17():
    """Return the walk's keypoints in coco17, with a head like a point: as wide as the nose."""
    coco, seen = get_skeleton("coco17"), truth_mm()[..., :2] / truth_mm()[..., 2:] * 1000 + 500
    return np.stack([seen[:, H36M.index(joint if joint in H36M.joints else "nose")] for joint in coco.joints], 1)


def test_the_name_of_a_frame_of_reference_is_no_frame_number(tmp_path):
    path = truth_file(tmp_path / "t.npz", unit="mm", frame="camera")
    assert errors_of(predicted(), path)["poses"] == 12
    path = truth_file(tmp_path / "t.npz", truth_mm()[:9], unit="mm")
    with pytest.raises(InputError, match=r"frame numbers, which .*t\.npz does not say"):
        errors_of(predicted(), path)
    with pytest.raises(InputError, match="which the prediction does not say"):
        errors_of(replace(predicted(), frame_number=None), truth_file(path, truth_mm()[:9], unit="mm", frame=np.arange(9)))
