"""Test pairs of views: the places of virtual cameras, and the content of real pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data import PoseData
from posezoo.data.named import DATASETS
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale
from posezoo.papers.georep import GeoRepDataModule
from posezoo.papers.georep.views import Torus, real_pairs, see
from posezoo.poses.views import moments, world_poses
from posezoo.skeletons import get_skeleton

PEOPLE = {"split": "train", "actions": ["walk", "reach"], "frames_per_clip": 8}

H36M = get_skeleton("h36m17")


def test_virtual_cameras_stand_on_the_torus_and_look_at_the_root():
    torch.manual_seed(0)
    torus = Torus(ring=4000.0, tube=500.0, height=300.0)
    R, t = torus.cameras(500)
    center = -(R.mT @ t[..., None])[..., 0]
    from_ring = torch.stack([center[:, :2].norm(dim=1) - 4000.0, center[:, 2] - 300.0], 1).norm(dim=1)
    torch.testing.assert_close(from_ring, torch.full((500,), 500.0), rtol=0, atol=0.1)
    torch.testing.assert_close(see(torch.zeros(500, 1, 3), R, t), torch.zeros(500, 1, 2), rtol=0, atol=1e-5)
    # All around, and level: the world's up is up in the picture.
    assert all(((center[:, 0] > 0) == x).sum() > 150 and ((center[:, 1] > 0) == x).sum() > 150 for x in (True, False))
    assert (see(torch.tensor([0.0, 0.0, 500.0]).expand(500, 1, 3), R, t)[..., 1] < 0).all()
    assert (see(torch.tensor([0.0, 0.0, 500.0]).expand(500, 1, 3), R, t)[..., 0].abs() < 1e-5).all()


def test_a_torus_that_reaches_the_person_is_refused():
    with pytest.raises(InputError, match="reaches the person"):
        Torus(ring=900.0)
    with pytest.raises(InputError, match="ring, tube and height"):
        GeoRepDataModule(torus={"radius": 1.0})


def test_poses_in_the_world_are_the_same_from_whichever_camera_and_each_frame_counts_once(people):
    def each_once(data):
        return world_poses(data[moments(data)], H36M)

    several = [each_once(people[people.view == view]) for view in (0, 2)]
    frames = {(*clip[:3], frame) for clip, frame in _frames(people)}
    assert len(moments(people)) == len(frames) < len(people)
    seen = [{(*clip[:3], frame) for clip, frame in _frames(people[people.view == view])} for view in (0, 2)]
    if seen[0] == seen[1]:
        torch.testing.assert_close(*several, rtol=0, atol=0.1)
    assert seen[0] & seen[1]
    heads = each_once(people)[:, H36M.index("head_top"), 2]
    assert (heads > 300).float().mean() > 0.9  # z is up


def _frames(data: PoseData) -> list:
    clips = [(c.subject, c.action, c.trial, c.view) for c in data.sequences]
    return [(clips[i], int(f)) for i, f in zip(data.sequence, data.frame, strict=True)]


def test_real_pairs_are_two_views_of_one_moment_turned_by_the_rotation(people):
    pairs = real_pairs(people, H36M)
    # The 3D labels, which pairs were made without, tell whether the rotation is that from source to target.
    labels = {tuple(two[0].tolist()): three for two, three in zip(people.keypoints_2d, people.pose_3d, strict=True)}
    first, second = (
        torch.from_numpy(np.stack([labels[tuple(two[0].tolist())] for two in pairs[name].numpy()]))
        for name in ("source_2d", "target_2d")
    )
    first, second = (pose - pose[:, :1] for pose in (first, second))
    torch.testing.assert_close(first @ pairs["rotation"].mT, second, rtol=0, atol=0.5)
    assert not torch.allclose(pairs["source_2d"], pairs["target_2d"])


def test_real_pairs_read_no_3d(people):
    without = real_pairs(replace(people, pose_3d=None), H36M)
    for name, values in real_pairs(people, H36M).items():
        torch.testing.assert_close(without[name], values, rtol=0, atol=0)


def test_with_one_view_source_and_target_are_the_same(people):
    pairs = real_pairs(people, H36M, same_view=True)
    assert torch.equal(pairs["source_2d"], pairs["target_2d"])
    assert len(pairs["source_2d"]) == len(people)
    torch.testing.assert_close(pairs["rotation"], torch.eye(3).expand(len(people), 3, 3), rtol=0, atol=1e-5)


def test_virtual_batches_are_drawn_anew_and_agree_with_the_poses(people):
    data = GeoRepDataModule({"train": people, "val": people}, skeleton="h36m17", label_count=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {"pose_world"}
    torch.manual_seed(0)
    one, other = (data.on_after_batch_transfer(batch, 0) for _ in range(2))
    assert {name: tuple(values.shape[1:]) for name, values in one.items()} == {
        "source_2d": (17, 2), "target_2d": (17, 2), "rotation": (3, 3),
    }  # fmt: skip
    assert not torch.allclose(one["source_2d"], other["source_2d"])
    torch.testing.assert_close(one["rotation"] @ one["rotation"].mT, torch.eye(3).expand(64, 3, 3), rtol=0, atol=1e-5)
    # From five metres away a body is seen nearly as by an orthographic camera, whose views a rotation explains:
    # three numbers a joint must fit both views' four.
    source, target = (center_and_scale(one[f"{view}_2d"], 0)[0] for view in ("source", "target"))
    R = one["rotation"]
    scale = _best_scale(source, target, R)
    assert scale.median() < 0.06


def _best_scale(source: torch.Tensor, target: torch.Tensor, R: torch.Tensor) -> torch.Tensor:
    """Return what is left of an orthographic two-view fit with free depths and one free scale, by pose."""
    rest = []
    for s, x, r in zip(source, target, R, strict=True):
        # target * a = r[:2, :2] source + r[:2, 2] depth: across r[:2, 2] no depth helps.
        normal = torch.stack([-r[1, 2], r[0, 2]])
        if normal.norm() < 0.2:
            continue
        left, right = x @ normal, s @ (normal @ r[:2, :2])
        a = (left @ right) / (left @ left)
        rest.append((left * a - right).abs().mean() / normal.norm())
    return torch.stack(rest)


def test_bad_data_is_one_sentence(people):
    with pytest.raises(InputError, match="has none"):
        world_poses(replace(people, pose_3d=None), H36M)
    with pytest.raises(InputError, match="no camera"):
        real_pairs(replace(people, sequences=tuple(replace(clip, camera=None) for clip in people.sequences)), H36M)
    with pytest.raises(InputError, match="two synchronised cameras"):
        real_pairs(people[people.view == 1], H36M)
    broken = people.keypoints_2d.copy()
    broken[3, 4] = np.nan
    with pytest.raises(InputError, match="missing joints"):
        real_pairs(replace(people, keypoints_2d=broken), H36M)
    with pytest.raises(InputError, match=r"virtual.*real"):
        GeoRepDataModule(cameras="imagined")
    with pytest.raises(InputError, match="0 or more"):
        GeoRepDataModule(label_count=-1)


def test_as_many_labels_as_are_asked_for(people):
    data = GeoRepDataModule({"train": people}, skeleton="h36m17", label_count=10)
    data.tensors(people, "train")
    assert {name: len(values) for name, values in data.labelled.items()} == {"keypoints_2d": 10, "pose_3d": 10}
    assert (data.labelled["pose_3d"][:, 0] == 0).all()
    everything = GeoRepDataModule({"train": people}, skeleton="h36m17")
    everything.tensors(people, "train")
    assert len(everything.labelled["pose_3d"]) == len(people)
    none = GeoRepDataModule({"train": people}, skeleton="h36m17", cameras="real", label_count=0)
    none.tensors(replace(people, pose_3d=None), "train")
    assert none.labelled is None


def test_a_detectors_errors_are_on_the_source_view_alone(people, monkeypatch):
    wrist = H36M.index("left_wrist")

    def tiny(split: str, keypoints: str = "gt") -> PoseData:
        shifted = people.keypoints_2d.copy()
        shifted[:, wrist, 0] += 40.0
        return people if keypoints == "gt" else replace(people, keypoints_2d=shifted)

    monkeypatch.setitem(DATASETS, "tiny", tiny)
    settings = {"dataset": "tiny", "keypoints": "detected", "skeleton": "h36m17", "label_count": 0}
    pairs = []
    for errors in (False, True):
        data = GeoRepDataModule(**settings, detector_errors=errors)
        batch = data.tensors(people if not errors else tiny("train", "detected"), "train")
        torch.manual_seed(0)
        pairs.append(data.on_after_batch_transfer({"pose_world": batch["pose_world"][:30]}, 0))
    clean, seen = pairs
    assert torch.equal(clean["target_2d"], seen["target_2d"])
    assert torch.equal(clean["rotation"], seen["rotation"])
    off = seen["source_2d"] - center_and_scale(clean["source_2d"], H36M.root)[0]
    assert off[:, [joint for joint in range(17) if joint != wrist]].abs().max() < 1e-5
    assert off[:, wrist, 1].abs().max() < 1e-5
    # 40 px in the scale of one of the people each: the mean distance of 16 joints from the root.
    centered = people.keypoints_2d - people.keypoints_2d[:, :1]
    sizes = 40.0 / (np.linalg.norm(centered, axis=-1).sum(1) / 16)
    for value in off[:, wrist, 0].tolist():
        assert np.abs(sizes - value).min() < 1e-4
    with pytest.raises(InputError, match="detected"):
        GeoRepDataModule(**{**settings, "keypoints": "gt"}, detector_errors=True)
