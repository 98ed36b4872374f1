"""Test Hua et al. 2021: pairs, calibration errors, training without 3D, prediction from several cameras."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data import PoseData
from posezoo.data.realbench import LIMBS
from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import Camera, h36m_cameras, rotation_about, triangulate
from posezoo.papers.cvugcn import CVUGCN, CVUGCNDataModule
from posezoo.papers.cvugcn.evaluation import evaluate_views, lasting_error
from posezoo.papers.cvugcn.pairs import PAIRS, CalibrationError, paired_tensors
from posezoo.papers.cvugcn.rig import Rig
from posezoo.papers.cvugcn.simulation import trunk_axes
from posezoo.poses.views import concatenate, see_motion, synchronised
from posezoo.settings import settings_of
from posezoo.skeletons import get_skeleton
from tests import runs

H36M = get_skeleton("h36m17")
CAMERAS = h36m_cameras("S9")
EXACT_RIGS = {"calibration_deg": 0.0, "noise": (1e-4, 1e-4), "outliers": 0.0, "batches": 1, "views": (2,), "frames": (4,)}


def motion(frames: int = 40, seed: int = 0) -> np.ndarray:
    """Return a body of plausible size that sways in the middle of the room, mm."""
    generator = np.random.default_rng(seed)
    body = generator.normal(size=(1, 17, 3)) * [150, 150, 400] + [0, 0, 1000]
    phase = np.linspace(0, 6, frames)[:, None, None]
    return body + 100 * np.sin(phase + generator.uniform(0, 6, (1, 17, 3)))


def views(frames: int = 40, seed: int = 0, action: str = "Sway") -> PoseData:
    return see_motion(motion(frames, seed), CAMERAS, H36M, subject="S9", action=action, trial="1", fps=30.0)


def small(**settings) -> CVUGCN:
    return CVUGCN(**{"width": 8, **settings})


def fit(data: dict[str, PoseData], steps: int = 3, module: dict | None = None, **settings) -> CVUGCN:
    torch.manual_seed(0)
    model = small(**settings)
    runs.fit(model, CVUGCNDataModule(data, batch_size=32, **(module or {})), max_steps=steps, limit_val_batches=1.0)
    return model.eval()


def test_frames_that_both_cameras_see_are_paired():
    data = concatenate([views(), views(seed=1, action="Other")])
    keep = np.ones(len(data), bool)
    keep[(data.view == 1) & (data.frame < 10) & (data.action == "Sway")] = False
    data = data[keep]
    rows, which = synchronised(data, [(0, 1), (2, 3)])
    assert [(which == pair).sum() for pair in (0, 1)] == [70, 80]
    first, second = data[rows[:, 0]], data[rows[:, 1]]
    np.testing.assert_array_equal(first.frame, second.frame)
    np.testing.assert_array_equal(first.action, second.action)
    assert set(first.view[which == 0]) == {0}
    assert set(second.view[which == 1]) == {3}
    with pytest.raises(InputError, match="no frame is seen by both"):
        synchronised(data, [(0, 7)])


def test_the_data_stay_as_they_were():
    data = views()
    before = data.keypoints_2d.copy()
    paired_tensors(data, [(0, 1)], H36M, noise_px=2.0)
    np.testing.assert_array_equal(data.keypoints_2d, before)


def test_exact_pairs_triangulate_to_the_labels():
    tensors = paired_tensors(views(), list(PAIRS.values()), H36M, labels=True)
    rig = Rig.of(tensors)
    coarse = small().coarse(tensors["keypoints_2d"], rig)
    assert (coarse - tensors["pose_3d"]).abs().max() < 0.5  # keypoints are single precision
    torch.testing.assert_close(rig.project(coarse), tensors["target_2d"], atol=0.1, rtol=0)


def test_calibration_errors_are_of_the_size_asked_for_and_always_the_same():
    camera = CAMERAS[1]
    error = CalibrationError(rotation_deg=0.5, translation_mm=12.0, focal=0.01)
    wrong = error.apply(camera)
    turn = wrong.R @ camera.R.double().T
    assert np.degrees(np.arccos((float(turn.trace()) - 1) / 2)) == pytest.approx(0.5, rel=1e-6)
    assert float((wrong.center - camera.center).norm()) == pytest.approx(12.0, rel=1e-6)
    assert abs(float(wrong.K[0, 0] / camera.K[0, 0]) - 1) == pytest.approx(0.01, rel=1e-6)
    assert torch.equal(wrong.R, error.apply(camera).R)
    assert not torch.equal(wrong.R, error.apply(CAMERAS[2]).R)
    assert not torch.equal(wrong.R, replace(error, seed=1).apply(camera).R)
    assert CalibrationError().apply(camera) is camera
    with pytest.raises(UnknownNameError, match="unknown setting of calibration 'angle'"):
        settings_of(CalibrationError, {"angle": 1}, "calibration")
    with pytest.raises(InputError, match="negative"):
        settings_of(CalibrationError, {"focal": -0.1}, "calibration")


def test_a_wrong_calibration_makes_wrong_points():
    tensors = paired_tensors(views(), [(0, 1)], H36M, calibration=CalibrationError(translation_mm=20.0), labels=True)
    off = (small().coarse(tensors["keypoints_2d"], Rig.of(tensors)) - tensors["pose_3d"]).norm(dim=-1).mean()
    assert 1 < off < 100


def test_training_reads_no_3d():
    """Check that the DataModule is handed no 3D, and that 3D makes no difference where there is some."""
    data = views()
    without = {"train": replace(data, pose_3d=None), "val": replace(data, pose_3d=None)}
    module = CVUGCNDataModule(without, batch_size=16)
    module.setup("fit")
    assert "pose_3d" not in next(iter(module.train_dataloader()))
    one = fit(without, module={"noise_px": 5.0})
    other = fit({"train": data, "val": data}, module={"noise_px": 5.0})
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.parametrize("precision", ["16-true", "bf16-true"])
def test_sixteen_bits_are_refused_for_geometry(precision):
    model, module = small(), CVUGCNDataModule({"train": views(), "val": views()}, batch_size=32)
    with pytest.raises(InputError, match=f"precision is {precision}; models of calibrated cameras need 32-true"):
        runs.fit(model, module, max_steps=1, precision=precision)


@pytest.mark.parametrize("rigs", [None, EXACT_RIGS], ids=["recordings", "rigs"])
def test_mixed_precision_is_that_of_the_network_alone(rigs):
    """Exact keypoints triangulate to the truth, so that what bfloat16 rounds elsewhere would be most of the loss."""
    losses, kinds = {}, {}
    for precision in ("32-true", "bf16-mixed"):
        torch.manual_seed(0)
        model = small(residual=True, **({"context": True, "any_views": True} if rigs else {}))
        seen = kinds[precision] = set()
        model.network.single.blocks[0].linear.register_forward_hook(lambda *call, to=seen: to.add(call[-1].dtype))
        model.network.head.weight.data.mul_(1e-3)
        module = CVUGCNDataModule({"train": views(), "val": views()}, batch_size=32, rigs=rigs)
        losses[precision] = runs.fit(model, module, max_steps=1, precision=precision).logged_metrics["train/loss_step"]
        assert model.network.head.weight.dtype == torch.float32
    assert kinds == {"32-true": {torch.float32}, "bf16-mixed": {torch.bfloat16}}
    torch.testing.assert_close(losses["bf16-mixed"], losses["32-true"], rtol=0.02, atol=0)


def test_every_loss_can_be_switched_off():
    tensors = paired_tensors(views(), [(0, 1)], H36M, noise_px=5.0)
    batch = {name: value[:16] for name, value in tensors.items()}
    names = ("reprojection", "symmetry", "transformation", "direction")
    totals = []
    for chosen in names:
        torch.manual_seed(0)
        model = small(**{f"weight_{name}": float(name == chosen) for name in names})
        model.log = model.log_dict = lambda *args, **kwargs: None
        totals.append(float(model.training_step(batch, 0)))
    torch.manual_seed(0)
    model = small(weight_direction=1.0)
    model.log = model.log_dict = lambda *args, **kwargs: None
    assert float(model.training_step(batch, 0)) == pytest.approx(sum(totals), rel=1e-5)
    assert min(totals) > 0


def test_without_refinement_it_is_triangulation():
    data = views()
    model = small(refinement=False).eval()
    result = evaluate_views(model, data, noise_px=3.0)
    assert result["mpjpe"] == result["mpjpe_triangulated"] > 0
    with pytest.raises(InputError, match="nothing to train"):
        fit({"train": data, "val": data}, refinement=False)


def test_the_error_that_lasts_is_told_from_the_error_that_changes():
    """A wrist 30 mm to the left and 40 mm before its place, whichever way the body stands, lasts; noise averages out."""
    rng = np.random.default_rng(0)
    body = torch.from_numpy(views().pose_3d[:1]).repeat(4000, 1, 1)
    angle = torch.from_numpy(rng.uniform(0, 2 * np.pi, 4000)).float()
    turned = (body - body[:, :1]) @ rotation_about("y", angle)
    axes = trunk_axes(turned[None], H36M)[0]
    off = torch.zeros_like(turned)
    off[:, H36M.index("left_wrist")] = torch.tensor([30.0, 0.0, 40.0])
    noise = 5 * torch.from_numpy(rng.standard_normal(turned.shape)).float()
    noise[:, H36M.root] = 0
    found = lasting_error((turned + off @ axes + noise)[:, None], turned[:, None], H36M)
    assert float(found) == pytest.approx(50 / 17, abs=0.2)
    assert float(lasting_error((turned + noise)[:, None], turned[:, None], H36M)) < 0.2


def test_what_the_cameras_agree_on_stays_with_a_gate():
    data = views()
    torch.manual_seed(0)
    model = small(gate_mm=2.0).eval()
    open_model = small().eval()
    open_model.network.load_state_dict(model.network.state_dict())
    exact, free = evaluate_views(model, data), evaluate_views(open_model, data)
    assert exact["mpjpe"] < 0.1 * free["mpjpe"]
    assert exact["mpjpe_triangulated"] < 0.1


def test_evaluation_by_pair_and_action_adds_up():
    data = concatenate([views(), views(30, seed=1, action="Other")])
    result = evaluate_views(small().eval(), data, noise_px=4.0)
    counts = [len(synchronised(data, [pair])[0]) for pair in PAIRS.values()]
    by_pair = [result["pairs"][name]["mpjpe"] for name in PAIRS]
    assert result["mpjpe"] == pytest.approx(np.average(by_pair, weights=counts), rel=1e-5)
    assert result["mpjpe"] == pytest.approx(
        (result["per_action"]["Sway"] * 40 + result["per_action"]["Other"] * 30) / 70, rel=1e-4
    )
    for layout in (None, LIMBS):  # of one action, in the layout that is scored
        found = evaluate_views(small().eval(), views(), noise_px=4.0, skeleton=layout)
        assert found["mpjpe_mean_over_actions"] == pytest.approx(found["mpjpe"], rel=1e-5)
        assert found["per_action"] == {"Sway": pytest.approx(found["mpjpe"], rel=1e-5)}
    one = evaluate_views(small().eval(), data, pairs=["P2"])
    assert list(one["pairs"]) == ["P2"]
    with pytest.raises(UnknownNameError, match="camera pair"):
        evaluate_views(small().eval(), data, pairs=["P9"])


def test_predict_views_gives_metric_poses_in_both_frames():
    world = motion(12)
    keypoints = np.stack([camera.project(torch.from_numpy(world)).numpy() for camera in CAMERAS[:2]])
    model = small(gate_mm=1.0).eval()
    tensors = model.predict_views(torch.from_numpy(keypoints), CAMERAS[:2])
    assert not any(pose.is_inference() for pose in (tensors.world_mm, tensors.camera_mm, tensors.triangulated_mm))
    out = model.predict_views(keypoints, CAMERAS[:2])
    np.testing.assert_array_equal(out.world_mm, tensors.world_mm.numpy())
    assert out.world_mm.shape == (12, 17, 3)
    assert out.camera_mm.shape == (2, 12, 17, 3)
    assert isinstance(out.world_mm, np.ndarray)
    assert out.undefined == 0
    np.testing.assert_allclose(out.triangulated_mm, world, atol=0.5)
    np.testing.assert_allclose(out.world_mm, world, atol=5.0)  # an untrained network, held by the gate
    for view in range(2):
        back = CAMERAS[view].camera_to_world(torch.from_numpy(out.camera_mm[view]))
        np.testing.assert_allclose(back.numpy(), out.world_mm, atol=5.0)


@pytest.mark.parametrize("placeholder", [(0, 0), (-1, -1), (np.nan, np.nan)])
def test_placeholders_of_arrays_are_missing_joints(placeholder):
    world, wrist = motion(12), H36M.index("left_wrist")
    keypoints = np.stack([camera.project(torch.from_numpy(world)).numpy() for camera in CAMERAS[:2]])
    keypoints[1, 3:5, wrist] = placeholder
    out = small(refinement=False).eval().predict_views(keypoints, CAMERAS[:2])
    assert out.undefined == 2
    assert np.isnan(out.world_mm[3:5, wrist]).all()
    known = np.isfinite(out.world_mm).all(-1)
    np.testing.assert_allclose(out.world_mm[known], world[known], atol=0.5)


@pytest.mark.parametrize("silent", [[0, 1, 2, 3], [1]])
def test_confidences_of_a_view_that_are_all_0_say_nothing(silent):
    world = motion(6)
    keypoints = np.stack([camera.project(torch.from_numpy(world)).numpy() for camera in CAMERAS])
    confidence = np.full(keypoints.shape[:-1], 0.9)
    confidence[silent] = 0
    out = small(refinement=False).eval().predict_views(keypoints, CAMERAS, confidence=confidence)
    np.testing.assert_allclose(out.world_mm, world, atol=0.5)
    assert out.views_used.all()


def test_confidences_in_percent_are_refused_and_flags_are_not():
    keypoints = np.stack([camera.project(torch.from_numpy(motion(6))).numpy() for camera in CAMERAS[:2]])
    model = small(refinement=False).eval()
    with pytest.raises(InputError, match="confidence goes up to 90; expected 0 to 1: divide percent by 100"):
        model.predict_views(keypoints, CAMERAS[:2], confidence=np.full(keypoints.shape[:-1], 90.0))
    for flags in (2.0, 1.1):  # COCO's, and the maxima of heatmaps
        model.predict_views(keypoints, CAMERAS[:2], confidence=np.full(keypoints.shape[:-1], flags))


def test_predict_views_takes_other_layouts_tensors_and_more_cameras():
    world = torch.from_numpy(motion(6))
    coco, offset = get_skeleton("coco17"), torch.randn(6, 17, 3, dtype=torch.float64) * 50
    keypoints = torch.stack([camera.project(offset + world) for camera in CAMERAS])
    out = small(refinement=False).eval().predict_views(keypoints.float(), CAMERAS, skeleton=coco)
    assert isinstance(out.world_mm, torch.Tensor)
    assert out.camera_mm.shape == (4, 6, 17, 3)
    assert "pelvis" in out.approximated
    pairs = [
        triangulate(keypoints[[a, b]].movedim(0, 1), [CAMERAS[a], CAMERAS[b]]) for a in range(4) for b in range(a + 1, 4)
    ]
    knee = torch.stack(pairs).mean(0)[:, coco.index("left_knee")]
    torch.testing.assert_close(out.world_mm[:, H36M.index("left_knee")].double(), knee, atol=0.5, rtol=0)


@pytest.mark.parametrize("hide", ["nan", "confidence"])
def test_a_joint_that_one_camera_lost_is_nan_and_counted(hide):
    keypoints = np.stack([camera.project(torch.from_numpy(motion(5))).numpy() for camera in CAMERAS[:2]])
    confidence = np.ones(keypoints.shape[:-1])
    wrist = H36M.index("right_wrist")
    if hide == "nan":
        keypoints[1, 2, wrist] = np.nan
    else:
        confidence[1, 2, wrist] = 0
    out = small().eval().predict_views(keypoints, CAMERAS[:2], confidence=confidence)
    assert out.undefined == 1
    assert np.isnan(out.world_mm).any(-1).nonzero() == (np.array([2]), np.array([wrist]))


@pytest.mark.parametrize(("size", "factor"), [(0.001, "1000"), (0.1, "10"), (1000, "0.001")])
def test_cameras_in_another_unit_are_refused(size, factor):
    keypoints = np.stack([camera.project(torch.from_numpy(motion(5))).numpy() for camera in CAMERAS[:2]])
    wrong = [replace(camera, t=camera.t * size) for camera in CAMERAS[:2]]
    with pytest.raises(InputError, match=f"expected 400 to 1300 mm: multiply the cameras' t by {factor}, to"):
        small().eval().predict_views(keypoints, wrong)


@pytest.mark.parametrize(
    ("mm", "end"),
    [
        (25.4, "25.4, to bring them from inches to mm"),
        (304.8, "304.8, to bring them from feet to mm"),
        (1000, "1000, to bring them from m to mm"),
        (10, "10, to bring them from cm to mm"),
    ],
)
def test_the_unit_of_cameras_is_named(mm, end):
    keypoints = np.stack([camera.project(torch.from_numpy(motion(5))).numpy() for camera in CAMERAS[:2]])
    wrong = [replace(camera, t=camera.t / mm) for camera in CAMERAS[:2]]
    with pytest.raises(InputError, match=f"multiply the cameras' t by {end}"):
        small().eval().predict_views(keypoints, wrong)


@pytest.mark.parametrize(
    ("leg_mm", "end"),
    [
        (45.0, "10, to bring them from cm to mm, or 25.4, to bring them from inches to mm"),
        (8.5, "about 85, to bring them to mm"),
        (9000.0, "about 0.08, to bring them to mm"),
    ],
)
def test_where_no_unit_or_two_fit_the_hint_says_so(leg_mm, end):
    world = motion(5)
    hip, knee, ankle = (world[0, H36M.index(f"left_{joint}")] for joint in ("hip", "knee", "ankle"))
    size = leg_mm / (np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    keypoints = np.stack([camera.project(torch.from_numpy(world)).numpy() for camera in CAMERAS[:2]])
    wrong = [replace(camera, t=camera.t * size) for camera in CAMERAS[:2]]
    with pytest.raises(InputError, match=f"legs are .* mm long .* multiply the cameras' t by {end}"):
        small().eval().predict_views(keypoints, wrong)


def test_a_scale_that_few_people_have_is_warned_of():
    keypoints = np.stack([camera.project(torch.from_numpy(motion(5))).numpy() for camera in CAMERAS[:2]])
    wrong = [replace(camera, t=camera.t * 2) for camera in CAMERAS[:2]]
    with pytest.warns(UserWarning, match="expected 400 to 1300 mm; check the scale of the calibration"):
        small().eval().predict_views(keypoints, wrong)


def test_bad_views_are_refused_in_a_sentence():
    model, keypoints = small().eval(), np.zeros((2, 3, 17, 2))
    with pytest.raises(InputError, match="keypoints of 2 views and 3 cameras"):
        model.predict_views(keypoints, CAMERAS[:3])
    with pytest.raises(InputError, match=r"expected \(V, T, 17, 2\)"):
        model.predict_views(keypoints[0], CAMERAS[:2])
    with pytest.raises(InputError, match="in training mode"):
        small().predict_views(keypoints, CAMERAS[:2])
    with pytest.raises(InputError, match="batch_size is 0"):
        model.predict_views(keypoints, CAMERAS[:2], batch_size=0)
    with pytest.raises(InputError, match="something else than"):
        model.predict_views(keypoints, ["a.yml", "b.yml"])
    with pytest.raises(InputError, match="infinite"):
        model.predict_views(keypoints + np.inf, CAMERAS[:2])
    with pytest.raises(InputError, match="confidence has shape"):
        model.predict_views(keypoints, CAMERAS[:2], confidence=np.ones((2, 3)))
    with pytest.raises(UnknownNameError):
        model.predict_views(keypoints, CAMERAS[:2], skeleton="coc17")


def test_clips_without_cameras_are_refused():
    data = views()
    data = replace(data, sequences=tuple(replace(clip, camera=None) for clip in data.sequences))
    with pytest.raises(InputError, match="no calibrated camera"):
        paired_tensors(data, [(0, 1)], H36M)


def test_cameras_may_have_any_pose():
    """Check that the refined pose goes with a rig and a person that are turned and shifted together."""
    torch.manual_seed(0)
    model = small().eval()
    world = torch.from_numpy(motion(4))
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    turn = turn * torch.linalg.det(turn).sign()
    shift = torch.tensor([100.0, -300.0, 50.0], dtype=torch.float64)
    moved = [Camera(c.K, c.R @ turn.T, c.t - c.R @ turn.T @ shift, c.distortion) for c in CAMERAS[:2]]
    keypoints = torch.stack([camera.project(world) for camera in CAMERAS[:2]])
    here, there = model.predict_views(keypoints, CAMERAS[:2]), model.predict_views(keypoints, moved)
    torch.testing.assert_close(there.camera_mm, here.camera_mm, atol=0.1, rtol=0)
    torch.testing.assert_close(there.world_mm, (here.world_mm.double() @ turn.T + shift).float(), atol=0.1, rtol=0)


def test_warmup_lets_consistency_wait():
    tensors = paired_tensors(views(), [(0, 1)], H36M, noise_px=5.0)
    batch = {name: value[:16] for name, value in tensors.items()}
    losses = []
    for settings in ({"warmup_steps": 100}, {"weight_transformation": 0.0, "weight_direction": 0.0}, {}):
        torch.manual_seed(0)
        model = small(**settings)
        model.log = model.log_dict = lambda *args, **kwargs: None
        losses.append(float(model.training_step(batch, 0)))
    assert losses[0] == losses[1] < losses[2]


def test_from_files_to_a_file(tmp_path, capsys):
    """Run ``posezoo predict`` with a file of keypoints for each camera."""
    import json

    from posezoo.cli import main
    from posezoo.data import Prediction
    from posezoo.registry import save

    weights = save(small(gate_mm=1.0).eval(), tmp_path / "small.safetensors")
    world = motion(6)
    for view in range(2):
        pixels = CAMERAS[view].project(torch.from_numpy(world)).numpy()
        np.savez(tmp_path / f"view{view}.npz", keypoints_2d=pixels.astype(np.float32), skeleton="h36m17")
    rig = [
        {"K": c.K.tolist(), "R": c.R.tolist(), "t": (c.t / 1000).tolist(), "distortion": c.distortion.tolist()}
        for c in CAMERAS[:2]
    ]
    (tmp_path / "rig.json").write_text(json.dumps(rig))
    files = [str(tmp_path / name) for name in ("view0.npz", "view1.npz")]
    options = ["--cameras", str(tmp_path / "rig.json"), "--camera-unit", "m", "-o", str(tmp_path / "out.json")]
    assert main(["predict", str(weights), *files, *options]) == 0
    said = capsys.readouterr().out
    assert "6 poses in 2 views" in said
    found = Prediction.load(tmp_path / "out.json")
    np.testing.assert_allclose(found.pose_3d, world, atol=5.0)
    assert found.unit == "mm"
    assert found.frame.startswith("world")
    (tmp_path / "out.json").unlink()
    for unit in ("mm", "cm"):  # legs of a few millimetres: the unit is said
        wrong = [unit if option == "m" else option for option in options]
        assert main(["predict", str(weights), *files, *wrong]) == 2
        assert "give --camera-unit m." in capsys.readouterr().err
    in_mm = [{**camera, "t": (c.t).tolist()} for camera, c in zip(rig, CAMERAS, strict=False)]
    (tmp_path / "rig.json").write_text(json.dumps(in_mm))
    assert main(["predict", str(weights), *files, *options]) == 2
    assert "give --camera-unit mm." in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
    assert main(["predict", str(weights), files[0], *options]) == 2
    assert "needs two or more views of one recording" in capsys.readouterr().err
    assert main(["predict", str(weights), *files, "-o", str(tmp_path / "out.json")]) == 2
    assert "--cameras FILE" in capsys.readouterr().err
    assert main(["predict", "svma", *files, *options]) == 2
    assert "lifts the keypoints of one file" in capsys.readouterr().err


def test_noise_of_poses_is_alike_in_both_views_or_drawn_for_each():
    data, model = views(), small(refinement=False, reach_mm=None)
    for per_view in (False, True):
        found = evaluate_views(model, data, noise_mm=20.0, noise_per_view=per_view)
        # Of 51 independent numbers a pose, about the root: sqrt(2) * 20 mm times the mean of a chi distribution of 3.
        assert found["mpjpe"] == pytest.approx(20 * 2**0.5 * 1.5958 * 16 / 17, rel=0.03)
    assert found["mpjpe_mean_over_actions"] == pytest.approx(found["mpjpe"], rel=1e-4)  # there is one action


def test_distortion_is_taken_out_or_left_in():
    data = views()
    pairs = [(0, 1)]
    out, left = (paired_tensors(data, pairs, H36M, undistort=undistort)["keypoints_2d"] for undistort in (True, False))
    row = int(np.flatnonzero(data.view == 0)[0])
    torch.testing.assert_close(left[0, 0], torch.from_numpy(data.keypoints_2d[row]))
    straight = CAMERAS[0].undistort(left[0, 0].double()).float()
    torch.testing.assert_close(out[0, 0], straight)
    assert (out - left).abs().max() > 0.5
    assert evaluate_views(small(refinement=False), data, undistort=False)["mpjpe"] > 1.0
