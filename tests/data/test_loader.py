"""Test batches from memory: every sample once, the same permutation on resume, equal shares for processes."""

from __future__ import annotations

import pytest
import torch

from posezoo.data import LiftingDataModule, TensorLoader, load_dataset
from posezoo.errors import InputError
from posezoo.skeletons import get_skeleton


def seen(loader: TensorLoader) -> list[int]:
    return [int(value) for batch in loader for value in batch["x"]]


def as_process(monkeypatch, rank: int, world: int) -> None:
    monkeypatch.setattr("posezoo.data.loader.share", lambda: (rank, world))


def test_evaluation_sees_every_sample_once_in_order():
    loader = TensorLoader({"x": torch.arange(10)}, 4)
    assert seen(loader) == list(range(10))
    assert len(loader) == len(list(loader)) == 3


@pytest.mark.parametrize("samples", [3, 7, 37])
def test_processes_share_an_evaluation_without_repeating_or_losing(monkeypatch, samples):
    together: list[int] = []
    for rank in range(3):
        as_process(monkeypatch, rank, 3)
        loader = TensorLoader({"x": torch.arange(samples)}, 4)
        assert len(loader) == len(list(loader))
        together += seen(loader)
    assert sorted(together) == list(range(samples))


def test_processes_share_a_training_epoch_in_equal_parts(monkeypatch):
    parts = []
    for rank in range(2):
        as_process(monkeypatch, rank, 2)
        loader = TensorLoader({"x": torch.arange(37)}, 4, shuffle=True, seed=1)
        assert len(loader) == 4
        parts.append(seen(loader))
    assert len(parts[0]) == len(parts[1]) == 16
    assert set(parts[0]).isdisjoint(parts[1])


def test_the_permutation_depends_on_seed_and_epoch_alone():
    epoch = 0
    loaders = [TensorLoader({"x": torch.arange(100)}, 10, True, seed=s, epoch=lambda: epoch) for s in (0, 0, 1)]
    first = [seen(loader) for loader in loaders]
    assert first[0] == first[1] != first[2]
    assert first[0] == seen(loaders[0])
    epoch = 1
    assert seen(loaders[0]) != first[0]


def test_actions_of_validation_and_of_test_are_told_apart():
    parts = {name: load_dataset("procedural", split="test", actions=[name], frames_per_clip=4) for name in ("walk", "sit")}
    data = LiftingDataModule({"train": parts["walk"], "val": parts["sit"], "test": parts["walk"]})
    data.setup("validate")
    data.setup("test")
    assert data.actions == {"val": ("sit",), "test": ("walk",)}


def test_what_cannot_be_batched_is_said(monkeypatch):
    with pytest.raises(InputError, match="different lengths"):
        TensorLoader({"x": torch.zeros(3), "y": torch.zeros(4)}, 2)
    with pytest.raises(InputError, match="lower batch_size"):
        TensorLoader({"x": torch.zeros(3)}, 4, shuffle=True)
    as_process(monkeypatch, 1, 2)
    with pytest.raises(InputError, match="1 samples for 2 processes"):
        TensorLoader({"x": torch.zeros(1)}, 4)


def test_batches_hold_root_relative_labels_in_the_layout_asked_for():
    data = load_dataset("procedural", split="train", actions=["walk"], frames_per_clip=5)
    module = LiftingDataModule({"train": data, "test": data}, batch_size=8, skeleton="common14")
    batch = next(iter(module.train_dataloader()))
    assert {name: tuple(value.shape) for name, value in batch.items()} == {"keypoints_2d": (8, 14, 2), "pose_3d": (8, 14, 3)}
    assert (batch["pose_3d"][:, get_skeleton("common14").root] == 0).all()
    test = next(iter(module.test_dataloader()))
    assert [module.actions["test"][code] for code in test["action"].unique()] == ["walk"]
    # h36m17 has what common14 has: the test batch is the data, joint by joint.
    columns = [data.skeleton.index(joint) for joint in get_skeleton("common14").joints]
    torch.testing.assert_close(test["keypoints_2d"], torch.from_numpy(data.keypoints_2d[:, columns]))


def test_missing_splits_and_joints_are_said():
    data = load_dataset("procedural", split="train", actions=["walk"], frames_per_clip=5)
    with pytest.raises(InputError, match="no val split"):
        LiftingDataModule({"train": data}).val_dataloader()
    with pytest.raises(InputError, match="cannot be had"):
        LiftingDataModule({"train": data}, batch_size=4, skeleton="body25").train_dataloader()
