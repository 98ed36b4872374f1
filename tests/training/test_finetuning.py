"""Test fine-tuning: it learns from 2D alone, validates on other sequences without labels, keeps the best, and reports."""

from __future__ import annotations

import csv
import json
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

import posezoo
from posezoo.cli import main
from posezoo.data import PoseData, load_dataset, read_keypoints
from posezoo.errors import InputError, SaveError
from posezoo.lifting import body_statistics, view_disagreement
from posezoo.poses.posedata import Sequence
from posezoo.registry import describe, paper_class, save, settings_of
from posezoo.skeletons import get_skeleton
from posezoo.training import finetune
from posezoo.training.own_data import read_own_data, split_by_sequence
from posezoo.training.selection import CRITERIA, KEPT, MOST_DRIFT, drift, score

PEOPLE = {"split": "train", "actions": ["walk"], "frames_per_clip": 40}

H36M = get_skeleton("h36m17")
QUICK = {"batch_size": 64, "progress": False}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(tmp_path):
    """Return weights so small that an epoch takes no time."""
    torch.manual_seed(3)
    return save(
        paper_class("svma")(width=16, critic_width=16, dropout=0.0, average_decay=0.9), tmp_path / "tiny.safetensors"
    )


def poses(counts, trials=None, joints=17):
    """Return standing people, a clip for each count."""
    generator = np.random.default_rng(0)
    total = sum(counts)
    return PoseData(
        skeleton=H36M,
        keypoints_2d=generator.uniform(100, 900, (total, joints, 2)).astype(np.float32),
        sequence=np.repeat(np.arange(len(counts)), counts).astype(np.int32),
        frame=np.concatenate([np.arange(count) for count in counts]).astype(np.int32),
        sequences=tuple(
            Sequence(subject="a", trial=(trials or [str(i) for i in range(len(counts))])[i], view=i)
            for i in range(len(counts))
        ),
    )


def logged(folder):
    """Return validation rows of all logs, in order."""
    rows = []
    for path in sorted(Path(folder).glob("logs*/metrics.csv")):
        with path.open() as stream:
            rows += [row for row in csv.DictReader(stream) if row["val/score"]]
    return rows


# -- the split ---------------------------------------------------------------------------------------------------------


def test_the_split_shares_no_sequence_and_holds_the_share_it_was_asked_for(people):
    splits, how = split_by_sequence(people, 0.25)
    assert set(splits["train"].sequence).isdisjoint(splits["val"].sequence)
    assert len(splits["train"]) + len(splits["val"]) == len(people)
    assert len(splits["val"]) / len(people) == 0.25
    assert "recordings validate" in how


def test_cameras_of_one_recording_stay_together():
    splits, _ = split_by_sequence(poses([10, 10, 10, 10, 10, 10], ["x", "x", "y", "y", "z", "z"]), 0.34)
    trials = [{clip.sequences[i].trial for i in set(clip.sequence)} for clip in (splits["train"], splits["val"])]
    assert trials[0].isdisjoint(trials[1])
    assert len(splits["val"]) == 20


def test_a_long_recording_never_validates_alone():
    splits, _ = split_by_sequence(poses([1000, 10]), 0.1)
    assert (len(splits["train"]), len(splits["val"])) == (1000, 10)


def test_a_single_recording_gives_its_last_frames_and_says_so():
    data = poses([100])
    shuffled = data[np.random.default_rng(1).permutation(100)]
    splits, how = split_by_sequence(shuffled, 0.2)
    assert sorted(splits["val"].frame) == list(range(80, 100))
    assert "single recording" in how


def test_people_who_lack_a_joint_are_left_out_and_counted():
    data = poses([30])
    data.keypoints_2d[3, 5] = np.nan
    data.keypoints_2d[7] = 0  # a detector that found nobody
    data = replace(data, confidence=np.ones((30, 17), dtype=np.float32))
    data.confidence[9, 2] = 0
    own = read_own_data(data, None, H36M, 0.2, 0)
    assert own.left_out == 3
    assert sum(len(part) for part in own.splits.values()) == 27
    assert all(part.pose_3d is None for part in own.splits.values())


def test_joints_that_the_model_does_not_use_may_be_missing():
    coco = get_skeleton("coco17")
    keypoints = np.random.default_rng(0).uniform(0, 900, (20, 17, 2)).astype(np.float32)
    data = replace(poses([20]), skeleton=coco, keypoints_2d=keypoints)
    lost = replace(data, keypoints_2d=keypoints.copy())
    lost.keypoints_2d[4, coco.index("left_knee")] = np.nan
    assert read_own_data(data, None, H36M, 0.2, 0).left_out == 0
    assert read_own_data(lost, None, H36M, 0.2, 0).left_out == 1


def walking(frames=60):
    """Return a clip whose joints go straight on, each at a speed of its own, and the clip without a knee for 8 frames."""
    data = poses([frames])
    moving = data.keypoints_2d[:1] + np.arange(frames, dtype=np.float32)[:, None, None] * np.linspace(1, 2, 34).reshape(
        17, 2
    )
    data = replace(data, keypoints_2d=moving.astype(np.float32))
    gappy = replace(data, keypoints_2d=data.keypoints_2d.copy())
    gappy.keypoints_2d[20:28, H36M.index("left_knee")] = np.nan
    return data, gappy


def test_gaps_are_filled_as_predict_fills_them():
    whole, gappy = walking()
    order = np.random.default_rng(1).permutation(len(whole))
    for rows in (np.arange(len(whole)), order):  # files need not hold their frames in order
        own = read_own_data(gappy[rows], None, H36M, 0.2, 0, max_gap=8)
        assert (own.left_out, own.interpolated, own.remedy) == (0, 8, "")
        for part in own.splits.values():
            np.testing.assert_allclose(part.keypoints_2d, whole.keypoints_2d[part.frame], atol=1e-3)
    for gap in (0, 7):
        assert read_own_data(gappy, None, H36M, 0.2, 0, max_gap=gap).left_out == 8
    assert np.isnan(gappy.keypoints_2d).any()  # the caller's array is as it was


def test_no_pose_is_made_of_frames_that_the_file_lacks_nor_at_its_ends():
    _, gappy = walking()
    gappy.keypoints_2d[:3, 4] = np.nan
    own = read_own_data(gappy[np.arange(60) % 20 != 5], None, H36M, 0.2, 0, max_gap=10)
    assert sum(len(part) for part in own.splits.values()) == 57 - 3
    assert own.left_out == 3
    assert own.interpolated == 7  # of the eight frames, one is not in the file


def test_what_helps_those_left_out_is_said_where_it_does():
    _, gappy = walking()
    own = read_own_data(gappy, None, H36M, 0.2, 0)
    assert own.fillable == 8
    assert "filling gaps of up to 10 frames (max_gap=10) keeps 8 of them" in own.remedy
    assert "geoselfsup, which fills in missing joints by itself, lifts 8 of them" in own.remedy
    pictures = replace(gappy, frame=np.zeros(60, np.int32))  # people beside each other, no clip
    assert read_own_data(pictures, None, H36M, 0.2, 0).fillable == 0
    with pytest.raises(InputError, match="two poses in frame 0"):
        read_own_data(pictures, None, H36M, 0.2, 0, max_gap=10)
    nobody = poses([30])
    nobody.keypoints_2d[5] = np.nan
    own = read_own_data(replace(nobody, frame=np.zeros(30, np.int32)), None, H36M, 0.2, 0)
    assert (own.left_out, own.remedy) == (1, "")


def test_the_command_fills_gaps_and_names_what_helps(people, tiny, capsys):
    keypoints = people.keypoints_2d[:40].copy()
    keypoints[10:18, 3] = np.nan
    np.savez("gaps.npz", keypoints=keypoints, skeleton="h36m17", fps=60)
    common = ["finetune", str(tiny), "gaps.npz", "--epochs", "1", "--batch-size", "8", "--device", "cpu"]
    assert main([*common, "--out", "left_out"]) == 0
    warned = capsys.readouterr().err
    assert "8 people lack a joint" in warned
    assert "(--fill-gaps 10) keeps 8 of them, and geoselfsup, which fills in missing joints" in warned
    assert "max_gap" not in warned
    assert main([*common, "--out", "filled", "--fill-gaps", "8"]) == 0
    said, warned = capsys.readouterr()
    assert "8 joints interpolated" in said
    assert "lack a joint" not in warned
    headers = {name: describe(f"{name}/svma.safetensors") for name in ("left_out", "filled")}
    assert {name: header["left_out"] for name, header in headers.items()} == {"left_out": 8, "filled": 0}
    assert {name: header["max_gap"] for name, header in headers.items()} == {"left_out": 0, "filled": 8}
    assert headers["filled"]["poses"] + headers["filled"]["validation"]["poses"] == 40
    assert main([*common, "--out", "filled", "--resume"]) == 2
    assert "has max_gap 8, not 0" in capsys.readouterr().err


def test_where_everybody_lacks_a_joint_the_command_says_what_helps(people, tiny, capsys):
    missing = np.arange(len(people))[:, None] % 17 == np.arange(17)  # each joint in every seventeenth frame
    np.savez("turns.npz", keypoints=np.where(missing[..., None], np.nan, people.keypoints_2d), skeleton="h36m17")
    np.savez("nobody.npz", keypoints=np.full((5, 17, 2), np.nan), skeleton="h36m17")
    assert main(["finetune", str(tiny), "turns.npz", "--out", "run"]) == 2
    refusal = capsys.readouterr().err
    assert "has every joint that the model needs; filling gaps of up to 10 frames (--fill-gaps 10) keeps" in refusal
    assert "geoselfsup, which fills in missing joints by itself, lifts" in refusal
    assert posezoo.load("geoselfsup").predict(read_keypoints("turns.npz").keypoints_2d, "h36m17").pose_3d.shape[1:] == (
        17,
        3,
    )
    assert main(["eval", str(tiny), "turns.npz"]) == 2  # which fills no gaps
    refusal = capsys.readouterr().err
    assert "geoselfsup" in refusal
    assert "gaps" not in refusal


# -- what is measured, and what is chosen --------------------------------------------------------------------------------


def test_body_statistics_by_hand():
    """Compute two poses of unit bones, one with a left forearm of 2, on paper."""
    pose = torch.zeros(2, 17, 3)
    done = {H36M.root}
    while len(done) < 17:
        for parent, child in H36M.bones:
            if parent in done and child not in done:
                pose[:, child] = pose[:, parent] + torch.tensor([0.0, 1.0, 0.0])
                done.add(child)
    wrist = H36M.index("left_wrist")
    pose[1, wrist] += torch.tensor([0.0, 1.0, 0.0])
    found = body_statistics(pose * torch.tensor([1.0, 7.0])[:, None, None], H36M)
    pairs, bones = len(H36M.bone_pairs), len(H36M.bones)
    mean = (bones + 1) / bones  # of the second pose's bones
    assert found["symmetry_error"] == pytest.approx((0 + 1 / mean / pairs) / 2)
    # A standard deviation of two values is half of their difference.
    assert found["bone_spread"] == pytest.approx(((bones - 1) * (1 - 1 / mean) + (2 / mean - 1)) / 2 / bones)
    assert found["limb_ratio_spread"] == pytest.approx((1 - 0.5) / 2 / 4)
    assert found["depth_spread"] == 0


def test_depth_spread_tells_flat_poses():
    pose = torch.randn(50, 17, 3)
    flatter = pose * torch.tensor([1.0, 1.0, 0.1])
    assert body_statistics(flatter, H36M)["depth_spread"] < 0.2 * body_statistics(pose, H36M)["depth_spread"]


def test_views_disagree_by_what_rotation_and_scale_leave():
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(1, 17, 3, generator=generator).double()
    turned = 3 * pose @ torch.from_numpy(Rotation.random(random_state=0).as_matrix()) + 5
    other = torch.randn(1, 17, 3, generator=generator).double()
    pairs = torch.tensor([[0, 1], [0, 2]])
    assert view_disagreement(torch.cat([pose, turned, turned]), pairs, H36M) == pytest.approx(0, abs=1e-9)
    size = [float((p - p[:, H36M.root]).norm(dim=-1).mean()) for p in (pose, other)]
    first, second, _ = procrustes((other / size[1])[0], (pose / size[0])[0])  # SciPy's; both centred, the first of norm 1
    norm = float((other[0] - other[0].mean(0)).norm()) / size[1]
    found = view_disagreement(torch.cat([pose, turned, other]), pairs, H36M)
    assert found == pytest.approx(norm * np.linalg.norm(first - second, axis=-1).mean() / 2)


def test_the_score_is_one_at_the_start_and_refuses_what_collapses():
    before = dict.fromkeys(CRITERIA, 0.2) | {"depth_spread": 0.3, "critic": 5.0}
    assert score(before, before) == pytest.approx(1)
    assert score({**before, "symmetry_error": 0.1}, before) == pytest.approx(1 - 0.5 / len(CRITERIA))
    assert score({**before, "critic": -50.0}, before) == pytest.approx(1)
    better = dict.fromkeys(CRITERIA, 0.1) | {"critic": 0.0}
    for factor in (KEPT["depth_spread"][0] * 0.99, KEPT["depth_spread"][1] * 1.01, math.nan):
        assert score({**better, "depth_spread": 0.3 * factor}, before) == math.inf
    assert score({**better, "depth_spread": 0.3, "reprojection": 0.23}, before) == math.inf
    assert score({**better, "depth_spread": 0.3, "drift": 0.051}, before) == math.inf
    assert score({**better, "depth_spread": 0.3, "drift": 0.049}, before) == pytest.approx(0.5)


def test_drift_by_hand():
    class Moved:
        device = "cpu"

        def lift(self, keypoints):
            return before + torch.tensor([3.0, 4.0, 0.0])

    before = torch.zeros(6, 17, 3)
    before[..., 2] = 50.0
    assert drift(Moved(), torch.zeros(6, 17, 2), before) == pytest.approx(5 / 50)


@pytest.mark.parametrize("name", ["svma", "geoselfsup"])
def test_evaluate_2d_draws_nothing_and_leaves_the_model_as_it_was(name, people):
    model = posezoo.load(name).train()
    state = torch.get_rng_state()
    keypoints = torch.from_numpy(people.keypoints_2d[:64])
    first, second = model.evaluate_2d(keypoints), model.evaluate_2d(keypoints)
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert set(CRITERIA) | {"depth_spread", "critic"} == set(first)
    assert 0.02 < first["reprojection"] < 0.5


@pytest.mark.parametrize("name", ["svma", "geoselfsup"])
def test_reprojection_tells_a_lifter_that_does_not_agree_with_itself(name, people):
    keypoints = torch.from_numpy(people.keypoints_2d[::10])
    trained = posezoo.load(name)
    torch.manual_seed(0)
    untrained = type(trained)(**trained.hparams).eval()
    for module in untrained.modules():  # depths as large as a trained lifter's, at random
        if isinstance(module, torch.nn.Linear) and module.out_features == 17:
            torch.nn.init.normal_(module.weight, std=0.1)
    assert untrained.judge(keypoints)["reprojection"].mean() > 1.5 * trained.judge(keypoints)["reprojection"].mean()


def test_exchanged_sides_are_said(people):
    data = load_dataset("procedural", split="test")
    exchanged = replace(data, keypoints_2d=np.ascontiguousarray(data.keypoints_2d[:, list(H36M.mirror)]))
    with pytest.warns(UserWarning, match="left and right look exchanged"):
        read_own_data(exchanged, None, H36M, 0.2, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_own_data(data, None, H36M, 0.2, 0)


def test_a_folder_that_cannot_be_used_is_refused_before_any_work(people, tiny):
    Path("file").write_text("x")
    Path("mine").mkdir()
    Path("mine/svma.safetensors").write_bytes(tiny.read_bytes())  # no run: perhaps what fine-tuning begins with
    with pytest.raises(SaveError, match=r"--out file/run cannot be used"):
        finetune(tiny, people, "file/run", epochs=1, **QUICK)
    with pytest.raises(InputError, match=r"mine/svma\.safetensors .*--out"):
        finetune("mine/svma.safetensors", people, "mine", epochs=1, **QUICK)
    assert Path("mine/svma.safetensors").read_bytes() == tiny.read_bytes()
    assert [path.name for path in Path("mine").iterdir()] == ["svma.safetensors"]


# -- runs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["svma", "geoselfsup"])
def test_preparing_to_finetune_changes_no_setting_that_is_saved(name):
    model = posezoo.load(name)
    before = settings_of(model)
    model.prepare_finetuning(1.5e-5, body=3.0, pitch=0.1)
    assert (model.hp.learning_rate, model.hp.pitch) == (1.5e-5, 0.1)
    assert settings_of(model) == before
    assert before["learning_rate"] != 1.5e-5


def test_no_3d_is_read_and_nothing_is_printed(people, tiny, capfd):
    people = people[::4]
    absurd = replace(people, pose_3d=np.full_like(people.pose_3d, np.nan))
    absurd.pose_3d[::2] = 1e30
    weights = [
        posezoo.load(finetune(tiny, data, name, epochs=1, **QUICK)).weights()
        for name, data in (("true", people), ("absurd", absurd), ("none", replace(people, pose_3d=None)))
    ]
    for other in weights[1:]:
        assert all(torch.equal(other[name], value) for name, value in weights[0].items())
    assert not all(torch.equal(posezoo.load(tiny).weights()[name], value) for name, value in weights[0].items())
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_many_epochs_are_validated_every_few(people, tiny, monkeypatch, capsys):
    monkeypatch.setattr("posezoo.training.finetuning.VALIDATIONS", 3)
    path = finetune(tiny, people, "run", epochs=6, learning_rate=3e-3, **{**QUICK, "progress": True})
    found, rows = describe(path)["validation"], logged("run")
    scores = {2 * (number + 1): float(row["val/score"]) for number, row in enumerate(rows)}
    assert list(scores) == [2, 4, 6]
    assert found["epoch"] == min(scores, key=scores.get)
    assert "epoch" not in found["after"]
    said = capsys.readouterr().out
    assert "6 epochs of" in said
    assert [line.split()[1] for line in said.splitlines() if line.startswith("epoch ")] == ["2", "4", "6"]


@pytest.mark.slow
def test_the_best_epoch_of_the_log_is_what_is_written(people, tiny):
    path = finetune(tiny, people, "run", epochs=6, learning_rate=3e-3, **QUICK)
    header, rows = describe(path), logged("run")
    found = header["validation"]
    scores = [float(row["val/score"]) for row in rows]
    assert len(scores) == 6
    assert found["improved"]
    assert found["epoch"] == 1 + scores.index(min(scores))
    assert found["score"] == pytest.approx(min(scores), rel=1e-5)
    row = rows[found["epoch"] - 1]
    assert {name: pytest.approx(float(row[f"val/{name}"]), rel=1e-5) for name in found["after"]} == found["after"]
    # The metrics are of the weights that were written, on poses that no one trained on.
    held = split_by_sequence(people, 0.2, 0)[0]["val"]
    for when, model in (("after", posezoo.load(path)), ("before", posezoo.load(tiny))):
        again = model.evaluate_2d(torch.from_numpy(held.keypoints_2d)) | {"drift": found[when]["drift"]}
        assert {name: pytest.approx(value, rel=1e-4) for name, value in again.items()} == found[when]
    assert found["before"]["drift"] == 0 < found["after"]["drift"] <= MOST_DRIFT
    assert (header["finetuned_from"], header["seed"], found["poses"]) == (str(tiny), 0, len(held))
    assert header["poses"] + found["poses"] == len(people)
    assert set(header) >= {"commit", "versions", "left_out", "epochs", "learning_rate", "batch_size", "body_weight"}
    assert json.loads(Path("run/metrics.json").read_text())["validation"] == found


@pytest.mark.slow
def test_the_memory_keeps_what_was_learnt_before(people, tiny):
    """Check that the term keeps poses at a rate that would lose them, and batch norm's statistics stay the same."""
    drifts = {}
    for weight in (0.0, 1000.0):
        finetune(tiny, people, f"run{weight:g}", epochs=4, learning_rate=1e-3, memory_weight=weight, **QUICK)
        drifts[weight] = float(logged(f"run{weight:g}")[-1]["val/drift"])
    assert drifts[1000.0] < 0.7 * drifts[0.0]
    state = torch.load("run0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    start = posezoo.load(tiny).state_dict()
    statistics = [name for name in start if name.endswith(("running_mean", "running_var"))]
    assert statistics
    assert all(torch.equal(state[name], start[name]) for name in statistics)


def test_where_no_epoch_is_better_the_start_is_kept_and_said(people, monkeypatch, capsys, tiny):
    monkeypatch.setattr("posezoo.training.selection.KEPT", {"depth_spread": (5.0, 6.0)})
    np.savez("own.npz", keypoints=people.keypoints_2d, skeleton="h36m17")
    assert main(["finetune", str(tiny), "own.npz", "--out", "run", "--epochs", "2", "--device", "cpu"]) == 0
    assert "no epoch of 2 was better than the start, whose weights are kept" in capsys.readouterr().out
    header = describe("run/svma.safetensors")
    assert (header["validation"]["improved"], header["validation"]["epoch"]) == (False, 0)
    assert header["validation"]["after"] == header["validation"]["before"]
    kept, start = posezoo.load("run/svma.safetensors").weights(), posezoo.load(tiny).weights()
    assert all(torch.equal(kept[name], value) for name, value in start.items())


@pytest.mark.parametrize("paper", ["svma", pytest.param("geoselfsup", marks=pytest.mark.slow)])
def test_a_resumed_run_ends_exactly_where_an_unbroken_one_does(paper, people, tmp_path):
    torch.manual_seed(3)
    name, people = save(paper_class(paper)(width=16, critic_width=16), tmp_path / "tiny.safetensors"), people[::4]
    settings = {"learning_rate": 1e-3, "batch_size": 32, "progress": False}
    whole = finetune(name, people, "whole", epochs=2, **settings)
    finetune(name, people, "broken", epochs=1, **settings)
    with pytest.raises(InputError, match="--resume"):
        finetune(name, people, "broken", epochs=2, **settings)
    resumed = finetune(name, people, "broken", epochs=2, resume=True, **settings)
    first, second = posezoo.load(whole).weights(), posezoo.load(resumed).weights()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []
    assert describe(whole)["validation"] == describe(resumed)["validation"]
    last = [torch.load(f"{run}/checkpoints/last.ckpt", weights_only=True)["state_dict"] for run in ("whole", "broken")]
    assert [key for key in last[0] if not torch.equal(last[0][key], last[1][key])] == []
    done = finetune(name, people, "whole", epochs=2, resume=True, **settings)  # nothing is left to do
    assert describe(done)["validation"] == describe(resumed)["validation"]
    with pytest.raises(InputError, match="has seed 0, not 5"):
        finetune(name, people, "broken", epochs=3, seed=5, resume=True, **settings)
    with pytest.raises(InputError, match="another model or file"):
        finetune(name, people[::2], "broken", epochs=3, resume=True, **settings)


def test_the_command_says_who_was_left_out_and_what_changed(people, capsys, tiny):
    keypoints = people.keypoints_2d.copy()
    keypoints[:7, 3] = np.nan
    np.savez("own.npz", keypoints=keypoints, skeleton="h36m17", video=people.sequence)
    assert main(["finetune", str(tiny), "own.npz", "--out", "run", "--epochs", "2", "--learning-rate", "1e-3"]) == 0
    said, warned = capsys.readouterr()
    assert "7 people lack a joint" in warned
    assert "recordings validate" in said
    found = describe("run/svma.safetensors")["validation"]
    row = next(line for line in said.splitlines() if "symmetry_error" in line)
    assert f"{found['before']['symmetry_error']:.4f}" in row
    assert f"{found['after']['symmetry_error']:.4f}" in row
    assert posezoo.load("run/svma.safetensors").predict(people.keypoints_2d[:2]).pose_3d.shape == (2, 17, 3)


@pytest.mark.parametrize(
    ("name", "words"), [("tpus", "expected cpu, cuda"), ("cuda:x", "cuda:N"), ("mps", "cpu is always there")]
)
def test_devices_that_are_not_there(name, words, people, tiny, capsys, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    np.savez("own.npz", keypoints=people.keypoints_2d, skeleton="h36m17")
    assert main(["finetune", str(tiny), "own.npz", "--out", "run", "--device", name]) == 2
    assert words in capsys.readouterr().err
    assert not Path("run").exists()


def test_wrong_input_is_one_sentence(people, capsys, tiny):
    np.savez("own.npz", keypoints=people.keypoints_2d, skeleton="h36m17")
    Path("damaged.npz").write_bytes(Path("own.npz").read_bytes()[:2000])
    np.savez("nobody.npz", keypoints=np.full((5, 17, 2), np.nan), skeleton="h36m17")
    one = np.where(np.arange(17)[None, :, None] == 2, np.nan, people.keypoints_2d)
    np.savez("hipless.npz", keypoints=one, skeleton="h36m17")
    np.savez("few.npz", keypoints=people.keypoints_2d[:20], skeleton="h36m17")
    np.savez("one.npz", keypoints=people.keypoints_2d[:1], skeleton="h36m17")
    cases = [
        (["martinez", "own.npz"], "needs an unsupervised model"),
        (["cvugcn", "own.npz"], "needs an unsupervised model"),
        (["svmaa", "own.npz"], "svma"),
        (["svma", "none.npz"], "none.npz"),
        (["svma", "damaged.npz"], "damaged.npz"),
        (["svma", "nobody.npz"], "nobody.npz"),
        (["svma", "hipless.npz"], "every joint"),
        (["svma", "few.npz"], "lower --batch-size"),
        (["svma", "few.npz", "--held-out", "0.001"], "raise --held-out"),
        (["svma", "few.npz", "--held-out", "0.999"], "lower --held-out"),
        (["svma", "one.npz"], "give more poses"),
        (["svma", "own.npz", "--batch-size", "1"], "2 or more (batch norms"),
        (["svma", "own.npz", "--skeleton", "coco17"], "coco17"),
        (["svma", "own.npz", "--learning-rate", "nan"], "learning rate"),
        (["svma", "own.npz", "--epochs", "0"], "epochs"),
        (["svma", "own.npz", "--held-out", "1"], "held out"),
        (["svma", "own.npz", "--body-weight", "-1"], "body weight"),
        (["svma", "own.npz", "--seed", "-1"], "seed is -1"),
        (["svma", "own.npz", "--fill-gaps", "-1"], "--fill-gaps is -1"),
        (["svma", "own.npz", "--seed", "99999999999"], "0 to 4294967295"),
        (["svma", "own.npz", "--resume"], "no run to resume"),
    ]
    for arguments, expected in cases:
        assert main(["finetune", *arguments, "--out", "other"]) == 2, arguments
        errors = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
        assert len(errors) == 1, (arguments, errors)
        assert expected in errors[0], (arguments, errors)
    assert not Path("other").exists()
