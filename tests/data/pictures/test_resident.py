"""Test resident crops: picture content and labels are distorted alike, on any device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data.pictures.crops import Crops
from posezoo.data.pictures.datamodule import PicturesDataModule
from posezoo.data.pictures.resident import Distortion, ResidentCrops, ResidentLoader
from posezoo.errors import InputError, MissingFileError
from tests.data.pictures.dots import MPII, centroid, people

STILL = Distortion(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
MOVED = Distortion(color=0.0, gray=0.0, noise=0.0, occlusion=0.0)


def resident(labels: bool = True) -> ResidentCrops:
    return ResidentCrops([Crops(people(labels=labels), MPII, 128, labels=labels)], "cpu")


def test_undistorted_they_are_the_crops():
    crops, still = Crops(people(), MPII, 128, labels=True), resident().batch(torch.arange(6))
    for number in range(6):
        item = crops[0, number]
        for name in ("keypoints_2d", "depth", "pose_3d", "head_px"):
            np.testing.assert_allclose(still[name][number], item[name], rtol=1e-4, atol=1e-3)
        difference = np.abs(still["picture"][number].numpy().astype(int) - item["picture"])
        assert difference.mean() < 1
        assert still["number"][number] == number


def test_labels_follow_the_picture_through_every_distortion():
    crops, still = resident(), resident().batch(torch.arange(6))
    generator, seen = torch.Generator().manual_seed(0), 0
    wrists = [MPII.index(f"{side}_wrist") for side in ("left", "right")]
    flips, zooms = set(), []
    for _ in range(8):
        batch = crops.batch(torch.arange(6), MOVED, generator)
        for number in range(6):
            points = batch["keypoints_2d"][number].numpy()
            if not ((points[wrists] > 8) & (points[wrists] < 119)).all():
                continue
            picture = batch["picture"][number].permute(1, 2, 0).numpy()
            for wrist in wrists:
                np.testing.assert_allclose(centroid(picture, points[wrist]), points[wrist], atol=0.6)
            # The brighter dot is the left wrist's; in a mirror it is the right one's.
            bright = [int(picture[tuple(points[wrist][::-1].round().astype(int))][0]) for wrist in wrists]
            flips.add(flip := bright[0] < bright[1])
            zoom = float(batch["head_px"][number] / still["head_px"][number])
            zooms.append(zoom)
            order = list(MPII.mirror) if flip else list(range(16))
            np.testing.assert_allclose(batch["depth"][number], still["depth"][number][order] * zoom, rtol=1e-4, atol=1e-3)
            expected = still["pose_3d"][number][order] * torch.tensor([-1.0 if flip else 1.0, 1, 1])
            np.testing.assert_allclose(batch["pose_3d"][number], expected, rtol=1e-5)
            seen += 1
    assert seen > 15
    assert flips == {True, False}
    assert min(zooms) < 0.95 < 1.05 < max(zooms)


def test_colours_and_things_in_front_leave_labels_alone():
    crops, rows = resident(), torch.arange(6)
    plain = crops.batch(rows, STILL)
    tinted = crops.batch(rows, replace(STILL, color=0.4, noise=0.05, occlusion=1.0), torch.Generator().manual_seed(1))
    assert torch.equal(plain["keypoints_2d"], tinted["keypoints_2d"])
    assert (plain["picture"] != tinted["picture"]).any((1, 2, 3)).all()
    gray = crops.batch(rows, replace(STILL, gray=1.0))["picture"].float()
    assert (gray - gray.mean(1, keepdim=True)).abs().max() <= 1


def test_every_pass_differs_and_an_epoch_repeats():
    epoch = 0
    loader = ResidentLoader(resident(), 3, seed=5, epoch=lambda: epoch, distortion=MOVED)
    assert len(loader) == 2
    first = [batch["picture"] for batch in loader]
    second = [batch["picture"] for batch in loader]  # as a smaller dataset in the epoch of a larger one
    assert not torch.equal(first[0], second[0])
    again = ResidentLoader(resident(), 3, seed=5, epoch=lambda: epoch, distortion=MOVED)
    assert all(torch.equal(old, new["picture"]) for old, new in zip(first, again, strict=True))
    epoch = 1
    assert not torch.equal(next(iter(again))["picture"], first[0])
    rows = torch.cat([batch["number"] for batch in loader])
    assert sorted(rows.tolist()) == list(range(6))
    with pytest.raises(InputError, match="6 people do not fill one batch of 7"):
        ResidentLoader(resident(), 7)


def test_pictures_that_cannot_be_read_are_left_out():
    whole = people()

    def picture(row: int) -> np.ndarray:
        if row == 2:
            raise MissingFileError("two.jpg is not there")
        return whole.picture(row)

    with pytest.warns(UserWarning, match="left out: two.jpg is not there"):
        crops = ResidentCrops([Crops(replace(whole, picture=picture), MPII, 64)], "cpu")
    assert crops.columns["number"].tolist() == [0, 1, 3, 4, 5]
    with pytest.raises(InputError, match="all with 3D or all without"):
        ResidentCrops([Crops(whole, MPII, 64), Crops(whole, MPII, 64, labels=True)], "cpu")


def test_a_data_module_mixes_both_kinds():
    given = {"train": people(), "val": people(), "test": people()}
    data = PicturesDataModule(given, given, size=64, batch_size=5, labelled_share=0.4, resident=True)
    batch = next(iter(data.train_dataloader()))[0]
    assert {kind: len(part["picture"]) for kind, part in batch.items()} == {"labelled": 2, "annotated": 3}
    assert "depth" in batch["labelled"]
    assert "depth" not in batch["annotated"]
    alone = PicturesDataModule(given, size=64, batch_size=6, fixed_share=True)
    assert len(next(iter(alone.train_dataloader()))[0]["labelled"]["picture"]) == 3
    calm = PicturesDataModule(given, given, size=64, batch_size=4, augment="annotated", resident=True)
    batch = next(iter(calm.train_dataloader()))[0]
    still = ResidentCrops([Crops(people(), MPII, 64, labels=True)], "cpu").batch(batch["labelled"]["number"])
    assert torch.equal(batch["labelled"]["picture"], still["picture"])
    assert not torch.equal(batch["annotated"]["keypoints_2d"], still["keypoints_2d"])
    with pytest.raises(InputError, match=r"set data\.resident"):
        PicturesDataModule(["rendered_studio", "rendered_wild"], tested="lsp")
