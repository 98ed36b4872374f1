"""Test simulated rigs against geometry: limits are kept, and exact views triangulate to the labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.geometry import bone_lengths, h36m_cameras, triangulate
from posezoo.papers.cvugcn import simulation
from posezoo.papers.cvugcn.rigs import Motions, RigLoader
from posezoo.papers.cvugcn.simulation import RigSettings
from posezoo.poses.views import concatenate, see_motion
from posezoo.settings import settings_of
from posezoo.skeletons import get_skeleton

H36M = get_skeleton("h36m17")
EXACT = {"calibration_deg": 0.0, "noise": (1e-9, 1e-9), "outliers": 0.0}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def motions() -> Motions:
    return Motions.of(load_dataset("procedural", split="train"), H36M)


def walking(trial: str, frames: int = 12) -> np.ndarray:
    """Return the same pose, 10 mm further at each frame; every trial another pose."""
    pose = np.random.default_rng(int(trial)).normal(size=(1, 17, 3)) * [150, 150, 400] + [0, 0, 1000]
    return pose + 10.0 * np.arange(frames)[:, None, None] * [1, 0, 0]


def test_motions_are_of_the_world_and_end_at_gaps():
    data = concatenate(
        [see_motion(walking(t), h36m_cameras("S9"), H36M, subject="S9", action="Walk", trial=t, fps=30.0) for t in "12"]
    )
    first = [number for number, clip in enumerate(data.sequences) if clip.trial == "1"]
    data = data[~(np.isin(data.sequence, first) & (data.frame == 5))]
    found = Motions.of(data, H36M)
    assert found.lengths.tolist() == [5, 6, 12]
    expected = np.concatenate([np.delete(walking("1"), 5, 0), walking("2")])
    torch.testing.assert_close(found.frames, torch.from_numpy(expected).float(), atol=0.05, rtol=0)


def test_clips_run_at_one_pace_within_one_motion():
    time = torch.cat([torch.arange(40.0), 1000 + torch.arange(30.0)])
    found = Motions(time[:, None, None].expand(-1, 17, 3), torch.tensor([0, 40]), torch.tensor([40, 30]))
    clips = found.clips(500, 9)[:, :, 0, 0]
    pace = clips.diff(dim=1)
    torch.testing.assert_close(pace, pace[:, :1].expand_as(pace), atol=2e-3, rtol=0)
    assert 0.25 - 1e-3 <= float(pace.min()) < 0.35
    assert 1.7 < float(pace.max()) <= 2 + 1e-3
    second = clips[:, 0] >= 1000
    assert float(clips[~second].max()) <= 39
    assert float(clips[second].max()) <= 1029
    assert 0.35 < float(second.float().mean()) < 0.51  # 30 of 70 frames


def test_a_clip_has_one_body_alike_on_both_sides(motions):
    world = motions.clips(64, 6)
    changed = simulation.change_bodies(world, H36M, RigSettings(definition_mm=0.0))
    before, after = bone_lengths(world, H36M), bone_lengths(changed, H36M)
    bones = [joint for joint, parent in enumerate(H36M.parents) if parent >= 0]
    mirrored = torch.tensor([bones.index(H36M.mirror[joint]) for joint in bones])
    # Of people who were mirrored, a bone was the other side's.
    factors = torch.stack([after / before, after / before[..., mirrored]])
    assert float((factors - factors[:, :, :1]).abs().amax((2, 3)).min(0).values.max()) < 1e-3
    factor = factors[0]
    uneven = (factor / factor[..., mirrored]).log()[:, 0]
    assert 0.01 < float(uneven[:, mirrored != torch.arange(len(bones))].std()) < 0.02  # two draws of 1 %
    assert float(factor[:, 0].log().std(0).mean()) > 0.1
    root = torch.stack([changed[:, :, H36M.root], world[:, :, H36M.root]])
    torch.testing.assert_close(root[0].norm(dim=-1), root[1].norm(dim=-1), rtol=1e-4, atol=1e-2)


def test_joints_are_said_to_be_elsewhere_by_the_same_vector_of_the_trunk(motions):
    world = motions.clips(32, 6)
    torch.manual_seed(1)
    moved = simulation.change_bodies(world, H36M, RigSettings(definition_mm=12.0))
    torch.manual_seed(1)
    still = simulation.change_bodies(world, H36M, RigSettings(definition_mm=0.0))
    axes = simulation.trunk_axes(still, H36M)
    torch.testing.assert_close(axes @ axes.mT, torch.eye(3).expand_as(axes), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.linalg.det(axes), torch.ones(32, 6), atol=1e-4, rtol=0)
    off = (moved - still) @ axes.mT
    torch.testing.assert_close(off, off[:, :1].expand_as(off), atol=0.05, rtol=0)
    mirrored = off[:, :, list(H36M.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(off, mirrored, atol=0.05, rtol=0)
    assert 9 < float(off[:, 0, H36M.index("left_knee")].std()) < 15


def test_what_a_view_sees_beside_a_joint_stays_there_as_the_trunk_turns(motions):
    body = simulation.change_bodies(motions.clips(400, 6), H36M, RigSettings(definition_mm=0.0))
    found = simulation.misplace(body, 3, H36M, RigSettings(lasting_mm=15.0))
    axes = simulation.trunk_axes(body, H36M)[:, :, None]
    off = (found - body[:, :, None]) @ axes.mT
    torch.testing.assert_close(off, off[:, :1].expand_as(off), atol=0.05, rtol=0)
    first = off[:, 0]
    size = first.flatten(1).std(1)  # of a clip: uniform up to 15 mm
    assert abs(float(size.mean()) - 7.5) < 0.5
    assert 13.5 < float(size.max()) < 17
    one, other = first[:, 0].flatten(), first[:, 1].flatten()
    assert abs(float((one * other).mean() / (one * one).mean())) < 0.05
    torch.testing.assert_close(simulation.misplace(body, 3, H36M, RigSettings())[:, :, 1], body)


@pytest.mark.parametrize("views", [2, 4])
def test_cameras_stand_around_people_and_look_at_them(motions, views):
    settings = RigSettings()
    world = motions.clips(400, 1)
    K, R, t = simulation.place_cameras(world, views, settings)
    torch.testing.assert_close(R @ R.mT, torch.eye(3).expand_as(R), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(400, views), atol=1e-4, rtol=0)
    center = -(R.mT @ t[..., None])[..., 0]
    middle = world.flatten(1, 2).mean(1)[:, None]
    away = (center - middle)[..., :2].norm(dim=-1)
    low, high = settings.distance_mm
    assert low - 1 <= float(away.min()) < float(away.max()) <= high + 1
    low, high = settings.height_mm
    assert low - 1 <= float(center[..., 2].min()) < float(center[..., 2].max()) <= high + 1
    seen = (K @ (R @ middle[..., None] + t[..., None]))[..., 0]
    off = (seen[..., :2] / seen[..., 2:] - 500).abs()
    assert float(off.median()) < 60
    assert float(off.max()) < 500  # the middle of a person is in the picture
    if views == 2:
        first, second = ((center - middle)[:, view, :2] for view in (0, 1))
        cosine = torch.nn.functional.cosine_similarity(first, second)
        angle = torch.rad2deg(cosine.clamp(-1, 1).acos())
        assert 19 < float(angle.min()) < 30
        assert 150 < float(angle.max()) < 161


def test_believed_cameras_are_wrong_by_as_much_as_asked(motions):
    K, R, t = simulation.place_cameras(motions.clips(500, 1), 2, RigSettings())
    for believed, true in zip(simulation.calibrate(K, R, t, RigSettings(calibration_deg=0.0)), (K, R, t), strict=True):
        torch.testing.assert_close(believed, true, atol=2e-2, rtol=1e-5)
    K_, R_, t_ = simulation.calibrate(K, R, t, RigSettings(calibration_deg=1.0))
    turned = Rotation.from_matrix((R_ @ R.mT).reshape(-1, 3, 3).double().numpy())
    angle = np.rad2deg(turned.magnitude()).reshape(500, 2).max(1)
    assert 0.8 < angle.max() <= 1.01
    assert 0.4 < (angle < 0.151).mean() < 0.75  # half of the rigs, and those others that drew a small error
    moved = (-(R_.mT @ t_[..., None]) + R.mT @ t[..., None]).norm(dim=(-2, -1))
    assert 2 < float(moved.median()) < 12
    assert 1e-4 < float((K_[..., 0, 0] / K[..., 0, 0] - 1).abs().median()) < 0.005


def test_errors_of_keypoints_are_of_the_size_asked_and_last_over_frames():
    settings = RigSettings(noise=(0.01, 0.01), outliers=0.0)
    height = torch.tensor([[500.0, 250.0]]).expand(300, 2)
    errors = simulation.detection_errors(20, height, H36M, settings)
    assert errors.shape == (300, 20, 2, 17, 2)
    size = errors.square().mean((0, 1, 3, 4)).sqrt()
    assert float(size[0] / size[1]) == pytest.approx(2.0, rel=0.1)
    # A normal error of 5 px has a median of 3.4; what neighbours share takes some of that.
    assert 2.2 < float(errors[:, :, 0].abs().median()) < 3.8
    lasting = (errors[:, 1:] * errors[:, :-1]).mean() / errors.square().mean()
    assert 0.2 < float(lasting) < 0.8
    assert float(errors.mean().abs()) < 0.3


def test_outliers_are_rare_and_far_off():
    height = torch.full((400, 2), 500.0)
    torch.manual_seed(2)
    without = simulation.detection_errors(10, height, H36M, RigSettings(outliers=0.0))
    torch.manual_seed(2)
    with_them = simulation.detection_errors(10, height, H36M, RigSettings(outliers=0.1))
    far = (with_them - without).norm(dim=-1)
    share = float((far > 1e-3).float().mean())
    assert 0.02 < share < 0.08  # 0.1 * 1/2 * 0.7, times two frames that one lasts on average
    assert 20 < float(far[far > 1e-3].median()) < 60  # 6 % of 500 px in each direction


def test_exact_views_triangulate_to_the_labels(motions):
    batch = RigLoader(motions, H36M, RigSettings(**EXACT), batch_size=32).sample(views=3, frames=4)
    clips, frames, views = batch["keypoints_2d"].shape[:3]
    assert (clips, frames, views) == (32 * 2 // (4 * 3), 4, 3)
    assert batch["picked"].sort().values.tolist() == [[0, 1, 2, 3]] * clips
    projections = batch["K"].double() @ torch.cat([batch["R"], batch["t"][..., None]], -1).double()
    for clip in range(clips):
        world = triangulate(batch["keypoints_2d"][clip].double(), projections[clip])
        label = (batch["pose_3d"][clip] - batch["t"][clip][:, None]) @ batch["R"][clip]
        for view in range(views):
            torch.testing.assert_close(world.float(), label[:, view], atol=1.0, rtol=0)


def test_a_seed_gives_the_same_batches_and_leaves_other_draws_alone(motions):
    settings = RigSettings(batches=3, frames=(2,))
    held = RigLoader(motions, H36M, settings, batch_size=8, seed=5)
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    first, again = list(held), list(held)
    torch.testing.assert_close(torch.rand(3), expected)
    assert [batch["K"].shape[1] for batch in first] == [2, 3, 4]
    for one, other in zip(first, again, strict=True):
        torch.testing.assert_close(one["keypoints_2d"], other["keypoints_2d"], rtol=0, atol=0)
    drawn = list(RigLoader(motions, H36M, RigSettings(batches=2, frames=(2,), views=(2,)), batch_size=8))
    assert not torch.equal(drawn[0]["pose_3d"], drawn[1]["pose_3d"])


def test_mirrored_people_keep_their_left(motions):
    """Check that facing, computed from left and up, stays forward where half of the clips are mirrored."""
    world = motions.clips(64, 1)
    changed = simulation.change_bodies(world, H36M, RigSettings(definition_mm=0.0))
    nose = H36M.index("nose")
    forward = [
        ((simulation.trunk_axes(w, H36M)[:, 0, 2] * (w[:, 0, nose] - w[:, 0, H36M.index("thorax")])).sum(-1) > 0)
        for w in (world, changed)
    ]
    torch.testing.assert_close(*forward)
    x = torch.stack([w[:, 0, H36M.root, 0] for w in (world, changed)])
    flipped = (x[0] + x[1]).abs() < 1e-3 * x[0].abs().clamp_min(1.0)
    assert 0.3 < float(flipped.float().mean()) < 0.7


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"views": (1,)}, "two or more views"),
        ({"frames": (0,)}, "one or more frames"),
        ({"distance_mm": (3000.0, 2000.0)}, "ascending"),
        ({"distance_mm": (0.0, 2000.0)}, "noise and distances above 0"),
        ({"noise": (0.0, 0.01)}, "noise and distances above 0"),
        ({"outliers": -0.1}, "rigs.outliers is -0.1; expected a share"),
        ({"lasting_mm": -1.0}, "rigs.lasting_mm is -1.0; expected 0 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        settings_of(RigSettings, settings, "rigs")


def test_data_without_motion_are_refused():
    data = load_dataset("procedural", split="train")
    with pytest.raises(InputError, match="no two consecutive frames"):
        Motions.of(data[data.frame % 2 == 0], H36M)
