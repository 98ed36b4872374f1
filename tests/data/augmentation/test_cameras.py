"""Test augmented cameras and keypoints against projective geometry."""

from __future__ import annotations

import math

import pytest
import torch

from posezoo.data.augmentation import Augmentation, AugmentedLoader, DetectorNoise, RandomCameras, as_converted
from posezoo.data.augmentation.people import STATURE_MM, stature
from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import bone_asymmetry
from posezoo.poses.facing import CENTER_PX, FOCAL_PX
from posezoo.settings import settings_of
from posezoo.skeletons import convert, get_skeleton
from posezoo.synthetic.postures import random_postures

H36M = get_skeleton("h36m17")
EXACT = {"noise": {"clean": 1.0, "swapped": 0.0}, "cameras": {"off_axis": 0.0}, "converted": 0.0}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def pool():
    return torch.from_numpy(random_postures(300))


def test_a_picture_is_the_pose_in_perspective(pool):
    batch = settings_of(Augmentation, EXACT, "augmentation")(pool, 200, H36M)
    pose, rays = batch["pose_3d"].double(), (batch["keypoints_2d"].double() - CENTER_PX) / FOCAL_PX
    assert float(rays[:, 0].abs().max()) < 1e-5
    # x / (z + d) = ray gives the distance d of the root; every joint must give the same.
    wide = rays[..., 0].abs() > 0.02
    distance = pose[..., 0] / torch.where(wide, rays[..., 0], 1.0) - pose[..., 2]
    middle = torch.where(wide, distance, torch.nan).nanmedian(1).values
    assert float(torch.where(wide, distance - middle[:, None], 0.0).abs().max()) < 5.0
    assert float(middle.min()) > 2190
    assert float(middle.max()) < 8100


def test_people_are_of_one_stature_and_symmetric(pool):
    batch = settings_of(Augmentation, EXACT, "augmentation")(pool, 100, H36M)
    torch.testing.assert_close(stature(batch["pose_3d"], H36M), torch.full((100,), STATURE_MM), atol=0.5, rtol=0)
    assert float(bone_asymmetry(batch["pose_3d"], H36M).abs().max()) < 0.5


def test_cameras_are_as_asked_for():
    rotation = RandomCameras(pitch=(0.1, 0.3), roll=0.05, tilted=0.2, tilt=0.5).rotations(20_000)
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).expand(20_000, 3, 3), atol=1e-5, rtol=0)
    ahead, right = rotation[:, 2], rotation[:, 0]
    pitch = torch.asin(-ahead[:, 2])
    assert float(pitch.min()) == pytest.approx(0.1, abs=2e-3)
    assert float(pitch.max()) == pytest.approx(0.3, abs=2e-3)
    roll = torch.asin((right[:, 2] / pitch.cos()).clamp(-1, 1))
    assert float((roll.abs() > 0.2).float().mean()) == pytest.approx(0.2 * math.erfc(0.4 / math.sqrt(2)), abs=0.02)
    heading = torch.atan2(ahead[:, 1], ahead[:, 0])
    assert float(heading.cos().mean()) == pytest.approx(0, abs=0.02)


def test_off_axis_pictures_are_a_turn_of_the_camera_away(pool):
    torch.manual_seed(1)
    straight = RandomCameras(off_axis=0.0).see(pool)
    torch.manual_seed(1)
    beside = RandomCameras(off_axis=0.3, off_axis_share=1.0).see(pool)
    torch.testing.assert_close(straight.pose, beside.pose)
    rays = [torch.cat([seen.keypoints, torch.ones(300, 17, 1)], -1) for seen in (straight, beside)]
    units = [torch.nn.functional.normalize(ray, dim=-1) for ray in rays]
    torch.testing.assert_close(units[0] @ units[0].mT, units[1] @ units[1].mT, atol=1e-5, rtol=0)


def test_a_camera_keeps_clear_of_hands(pool):
    seen = RandomCameras(distance_mm=(700.0, 700.0)).see(2 * pool)
    assert float((seen.pose[..., 2] + seen.distance[:, None]).min()) >= 699


def test_converted_people_have_the_joints_that_convert_makes(pool):
    coco = convert(pool, H36M, "common14").keypoints
    again = convert(coco, "common14", H36M).keypoints
    ours = as_converted(pool, H36M)
    for joint in ("pelvis", "thorax", "spine"):
        torch.testing.assert_close(ours[:, H36M.index(joint)], again[:, H36M.index(joint)].float(), atol=0.1, rtol=0)
    others = [i for i, joint in enumerate(H36M.joints) if joint not in ("pelvis", "thorax", "spine")]
    torch.testing.assert_close(ours[:, others], pool[:, others], atol=1e-2, rtol=0)


def test_detector_noise_has_its_levels():
    flat = torch.rand(20_000, 17, 2)
    height = torch.full((20_000,), 2.0)
    quiet = {"clean": 0.0, "poor": 0.0, "swapped": 0.0, "joint_spread": 0.0}
    off = DetectorNoise(level=(0.01, 0.01), **quiet)(flat, height, H36M) - flat
    assert float(off.std()) == pytest.approx(0.02, rel=0.02)
    wrist, elbow, knee = (off[:, H36M.index(joint), 0] for joint in ("left_wrist", "left_elbow", "left_knee"))
    assert float(torch.corrcoef(torch.stack([wrist, elbow]))[0, 1]) == pytest.approx(0.25, abs=0.03)
    assert float(torch.corrcoef(torch.stack([wrist, knee]))[0, 1]) == pytest.approx(0.0, abs=0.03)
    lost = DetectorNoise(level=(1e-6, 1e-6), **{**quiet, "poor": 1.0, "lost": 0.1})(flat, height, H36M) - flat
    assert float((lost.norm(dim=-1) > 1e-3).float().mean()) == pytest.approx(0.1, abs=0.01)


def test_swapped_limbs_are_the_other_sides():
    flat = torch.rand(3000, 17, 2)
    noise = DetectorNoise(clean=1.0, swapped=1.0)
    seen = noise(flat, torch.ones(3000), H36M)
    same = (seen == flat).all(-1)
    mirrored = (seen == flat[:, list(H36M.mirror)]).all(-1)
    assert bool((same | mirrored).all())
    changed = [int(n) for n in (~same).sum(1).unique()]
    assert changed == [2, 4]  # the ends of a pair of limbs, or both lower limbs
    assert bool((DetectorNoise(clean=1.0, swapped=0.0)(flat, torch.ones(3000), H36M) == flat).all())


def test_measured_errors_are_drawn_joint_by_joint():
    errors = torch.arange(17.0)[None, :, None].expand(5, 17, 2)
    seen = DetectorNoise(clean=0.0, measured=1.0, swapped=0.0)(torch.zeros(10, 17, 2), torch.full((10,), 2.0), H36M, errors)
    torch.testing.assert_close(seen, 2 * errors[:1].expand(10, 17, 2))


def test_the_loader_makes_new_batches_and_as_many_as_asked_for(pool):
    loader = AugmentedLoader(pool, Augmentation(batches=3, views=4), 10, H36M)
    batches = [batch["keypoints_2d"] for batch in loader]
    assert len(batches) == len(loader) == 3
    assert all(batch.shape == (10, 17, 2) and bool(torch.isfinite(batch).all()) for batch in batches)
    assert not torch.equal(batches[0], batches[1])


def test_settings_that_make_no_sense_are_refused(pool):
    with pytest.raises(InputError, match="2200"):
        RandomCameras(distance_mm=(2200.0, 100.0))
    with pytest.raises(InputError, match="views"):
        Augmentation(views=0)
    with pytest.raises(UnknownNameError, match="unknown setting of augmentation 'limbz'; did you mean limbs"):
        settings_of(Augmentation, {"limbz": 1}, "augmentation")
    with pytest.raises(InputError, match="no pose"):
        AugmentedLoader(pool[:0], Augmentation(), 1, H36M)
