"""Test training on a teacher's poses: one body per recording, and a student that learns without a label."""

from __future__ import annotations

import math

import pytest
import torch

from posezoo.data.procedural import procedural_motion
from posezoo.errors import InputError
from posezoo.geometry import rotation_about
from posezoo.lifting import recordings
from posezoo.lifting.recordings import OneBody
from posezoo.lifting.schedule import Part, Progress, cosine
from posezoo.lifting.student import distance_to_teacher, teachings
from posezoo.lifting.unlabelled import estimate_pitch
from posezoo.metrics.functional import p_mpjpe
from posezoo.papers.geoselfsup import GeoSelfSup, GeoSelfSupDataModule
from posezoo.poses.facing import CENTER_PX, FOCAL_PX
from posezoo.skeletons import get_skeleton

H36M = get_skeleton("h36m17")
UPRIGHT = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


@pytest.fixture
def clips():
    """Return two recordings seen from straight ahead: rays, poses in the camera's frame (mm), recording, frame."""
    torch.manual_seed(0)
    parts = []
    for number, action in enumerate(("walk", "dance")):
        world = torch.from_numpy(procedural_motion(action, 40, number))
        pose = (world - world[:, :1]) @ (UPRIGHT @ rotation_about("z", torch.tensor(0.6))).T
        parts.append(pose)
    pose = torch.cat(parts)
    rays = pose[..., :2] / (pose[..., 2:] + 4500)
    return rays, pose, torch.arange(2).repeat_interleave(40), torch.arange(40).repeat(2)


def test_one_body_mends_depths_that_were_lifted_too_flat(clips):
    rays, pose, recording, frame = clips
    flat = pose * torch.tensor([1.0, 1.0, 0.5]) + 20 * torch.randn_like(pose)
    solved = OneBody(steps=400)(rays, flat, recording, frame, H36M)
    before, after = float(p_mpjpe(flat, pose)), float(p_mpjpe(solved, pose))
    assert after < 0.8 * before
    assert not solved.requires_grad
    points = solved.clone()
    points[..., 2] += 1e-9
    assert bool(torch.isfinite(points).all())


def test_one_body_solves_recordings_one_by_one_as_all_at_once(clips, monkeypatch):
    rays, pose, recording, frame = clips
    rays, pose, recording, frame = (x[:60] for x in (rays, pose, recording, frame))  # of 40 and of 20 poses
    flat = pose * torch.tensor([1.0, 1.0, 0.5])
    together = OneBody(steps=50)(rays, flat, recording, frame, H36M)
    monkeypatch.setitem(recordings._POSES_AT_A_TIME, "cpu", 40)
    assert [rows for rows, _ in recordings._parts(recording, frame, rays.dtype)] == [slice(0, 40), slice(40, 60)]
    torch.testing.assert_close(OneBody(steps=50)(rays, flat, recording, frame, H36M), together, rtol=0, atol=1e-4)  # of 4
    shuffled = frame.argsort(stable=True)  # rows of a recording in order, but not next to each other
    mixed = OneBody(steps=50)(*(x[shuffled] for x in (rays, flat, recording, frame)), H36M)
    torch.testing.assert_close(mixed, together[shuffled], rtol=0, atol=1e-4)


def test_one_body_leaves_the_keypoints_where_they_are(clips):
    rays, pose, recording, frame = clips
    solved = OneBody(steps=50)(rays, pose, recording, frame, H36M)
    # Every joint lies on its ray: (x + a) / (z + d) = ray with a = 0 at the root, so x - ray z = ray d for one d a pose.
    distance = ((solved[..., :2] - rays * solved[..., 2:]) * rays).sum(-1) / rays.square().sum(-1).clamp_min(1e-12)
    far = rays.norm(dim=-1) > 0.02
    middle = torch.where(far, distance, torch.nan).nanmedian(1, keepdim=True).values
    assert float(torch.where(far, distance / middle - 1, 0.0).abs().max()) < 1e-2


class Flat(GeoSelfSup):
    """Represent a teacher whose depths are all equal."""

    def lift(self, keypoints_2d):
        about = keypoints_2d - keypoints_2d[:, :1]
        return torch.cat([about, torch.zeros_like(about[..., :1])], -1)


def small(**settings):
    return GeoSelfSup(skeleton="h36m17", width=8, critic_width=8, completion_width=8, normalization="joints", **settings)


def test_teachings_stand_upright(clips):
    rays, _, recording, frame = clips
    tensors = {"keypoints_2d": rays * FOCAL_PX + CENTER_PX, "recording": recording, "frame": frame}
    teacher = Flat(skeleton="h36m17", width=8, critic_width=8).eval()
    level, tilted = (teachings(teacher, tensors, pitch, one_body=False) for pitch in (0.0, 0.3))
    head, up = H36M.index("head_top"), level[:, H36M.index("head_top")]
    assert float(up[:, 2].min()) > 0
    assert float(level[:, :, 1].abs().max()) < 1e-3  # flat: all at one depth, the world's y
    angle = torch.atan2(tilted[:, head, 1], tilted[:, head, 2])
    torch.testing.assert_close(angle, torch.full_like(angle, 0.3) * angle.sign(), atol=1e-3, rtol=0)
    assert float(angle[0]) < 0 or math.isclose(float(angle[0].abs()), 0.3, abs_tol=1e-3)


def test_distance_to_teacher_ignores_scale_and_place():
    pose = torch.randn(5, 17, 3)
    assert float(distance_to_teacher(3 * pose + 7, pose, 0)) == pytest.approx(0, abs=1e-5)
    assert float(distance_to_teacher(-pose, pose, 0)) > 1


def test_a_student_needs_its_teacher_and_augmented_data(tmp_path):
    student = small(student="teacher")
    module = GeoSelfSupDataModule(skeleton="h36m17")
    student._trainer = type("Trainer", (), {"datamodule": module})()
    with pytest.raises(InputError, match=r"data\.augmentation"):
        student.meet_teacher()
    student._trainer.datamodule = GeoSelfSupDataModule(skeleton="h36m17", facing=True, augmentation={})
    with pytest.raises(InputError, match="--start"):
        student.meet_teacher()


def test_a_student_takes_over_what_it_is_not_taught():
    teacher, student = small(), small(student="teacher")
    student.start_from(teacher)
    assert student.teacher == (teacher,)
    for name, value in student.state_dict().items():
        if name.startswith(("critic.", "completion.")):
            assert torch.equal(value, teacher.state_dict()[name]), name
    assert not torch.equal(student.lifter.network.head.weight, teacher.lifter.network.head.weight)
    assert "teacher" not in "".join(student.state_dict())


def test_rates_follow_the_run_whatever_ends_it():
    progress = Progress()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = cosine(optimizer, progress)
    rates = []
    for done in (0.0, 0.5, 1.0):
        progress.done = done
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([1.0, 0.5, 0.0])
    progress.done = 0.75
    assert Part(progress, 0.5, 1.0).done == pytest.approx(0.5)
    assert Part(progress, 0.0, 0.5).done == 1.0


def test_the_pitch_of_cameras_is_what_upright_people_say():
    world = torch.from_numpy(procedural_motion("walk", 60, 3))
    for pitch in (-0.1, 0.25):
        rotation = rotation_about("x", torch.tensor(pitch)) @ UPRIGHT
        found, deviation = estimate_pitch((world - world[:, :1]) @ rotation.T, H36M)
        assert found == pytest.approx(pitch, abs=0.12)  # walkers lean a little, and turn
        assert 0 <= deviation < 0.2
