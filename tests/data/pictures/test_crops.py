"""Test crops: picture content and labels are moved to the same place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from posezoo.data.mpii.annotations import read_mpii
from posezoo.data.mpii.pictures import mpii_pictures
from posezoo.data.pictures import load_pictures, read_picture
from posezoo.data.pictures.crops import Augmentation, CropLoader, Crops, crop_matrix, cut, pixels_per_mm
from posezoo.data.pictures.files import PictureFiles
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from tests.data.pictures.dots import MPII, centroid, dotted, people


@pytest.mark.parametrize(("side", "degrees"), [(60.0, 0.0), (60.0, 30.0), (100.0, -75.0), (300.0, 20.0)])
def test_a_crop_shows_what_its_matrix_says(side, degrees):
    center, point = np.array([90.0, 70.0]), np.array([[104.0, 58.0]])
    matrix = crop_matrix(center, side, 64, degrees)
    np.testing.assert_allclose(matrix @ [*center, 1.0], [31.5, 31.5])
    expected = (point @ matrix[:, :2].T + matrix[:, 2])[0]
    crop = cut(dotted(point), matrix, 64)
    np.testing.assert_allclose(centroid(crop, expected), expected, atol=0.15)
    turned = cv2.getRotationMatrix2D((0, 0), -degrees, 64 / side)  # OpenCV counts counter-clockwise
    np.testing.assert_allclose(matrix[:, :2], turned[:, :2], atol=1e-12)


def test_a_crop_beyond_the_picture_is_black():
    crop = cut(np.full((20, 20, 3), 255, np.uint8), crop_matrix(np.array([0.0, 10.0]), 20.0, 21), 21)
    assert crop[10, :9].max() == 0
    assert crop[10, 12:].min() == 255


def test_labels_follow_the_crop_through_every_augmentation():
    crops = Crops(people(), MPII, 128, labels=True, augmentation=Augmentation(color=0.0), seed=3)
    mirrored = []
    for number in range(6):
        for epoch in range(6):
            item = crops[epoch, number]
            picture = item["picture"].transpose(1, 2, 0)
            left, right = (item["keypoints_2d"][MPII.index(f"{side}_wrist")] for side in ("left", "right"))
            # What was the left wrist is, in the mirror, a right one.
            flipped = not np.allclose(item["pose_3d"][:, 2], crops.pose[number][:, 2])
            for wrist, brightness in ((left, 120.0 if flipped else 240.0), (right, 240.0 if flipped else 120.0)):
                if (wrist > 8).all() and (wrist < 119).all():
                    x, y = wrist.round().astype(int)
                    np.testing.assert_allclose(centroid(picture, wrist, 5), wrist, atol=0.5)
                    assert float(picture[y, x, 0]) == pytest.approx(brightness, abs=25)
            zoom = item["head_px"] / 12.0
            np.testing.assert_allclose(np.linalg.norm(right - left), 25 * zoom, rtol=1e-3)
            assert 128 / 110 / 1.25 - 1e-6 <= zoom <= 128 / 110 / 0.75 + 1e-6
            depth = crops.pose[number][:, 2]
            order = list(MPII.mirror) if flipped else list(range(16))
            np.testing.assert_allclose(item["depth"], (depth * crops.scale[number] * zoom)[order], rtol=1e-4, atol=1e-3)
            mirrored.append(flipped)
    assert 8 < sum(mirrored) < 28
    again = Crops(people(), MPII, 128, labels=True, augmentation=Augmentation(color=0.0), seed=3)[4, 2]
    np.testing.assert_array_equal(again["picture"], crops[4, 2]["picture"])
    assert not np.array_equal(crops[5, 2]["picture"], crops[4, 2]["picture"])


def test_the_scale_between_3d_and_2d():
    data = people().poses
    np.testing.assert_allclose(pixels_per_mm(data.keypoints_2d, data.pose_3d, 6), 0.2, rtol=1e-5)
    holes = data.keypoints_2d.copy()
    holes[:, 0] = np.nan
    np.testing.assert_allclose(pixels_per_mm(holes, data.pose_3d, 6), 0.2, rtol=1e-5)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same_with_any_number_of_workers(workers):
    crops = Crops(people(7), MPII, 32, augmentation=Augmentation(), seed=1)
    one = list(CropLoader(crops, 3, shuffle=True, seed=5, epoch=lambda: 2))
    other = list(CropLoader(crops, 3, shuffle=True, seed=5, epoch=lambda: 2, workers=workers))
    assert [batch["number"].tolist() for batch in one] == [batch["number"].tolist() for batch in other]
    assert len(one) == 2  # the last, smaller batch is dropped
    assert all((a["picture"] == b["picture"]).all() for a, b in zip(one, other, strict=True))
    whole = list(CropLoader(crops, 3))
    assert [number for batch in whole for number in batch["number"].tolist()] == list(range(7))


def test_pictures_that_cannot_be_read_are_left_out_counted_and_named(tmp_path):
    data, names = people(4), tuple(f"{row}.png" for row in range(4))
    for row, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), data.read(row))
    (tmp_path / "1.png").write_bytes(b"\x89PNG no picture at all")
    (tmp_path / "2.png").unlink()
    loader = CropLoader(Crops(replace(data, picture=PictureFiles(tmp_path, names)), MPII, 32), 4)
    with pytest.warns(UserWarning, match=r"1\.png"):
        batches = list(loader)
    assert batches[0]["number"].tolist() == [0, 3]
    assert sorted(Path(reason.split()[0]).name for reason in loader.unreadable) == ["1.png", "2.png"]
    none = replace(data[np.array([2])], picture=PictureFiles(tmp_path, names))
    with pytest.warns(UserWarning, match=r"2\.png"), pytest.raises(InputError, match=r"none of 1 .*2\.png"):
        list(CropLoader(Crops(none, MPII, 32), 4))


def test_people_without_3d_give_none():
    assert "depth" not in Crops(people(labels=False), MPII, 32)[0, 0]
    with pytest.raises(InputError, match="use them as 2D data"):
        Crops(people(labels=False), MPII, 32, labels=True)


def test_pictures_and_datasets_that_are_not_there(tmp_path):
    with pytest.raises(MissingFileError, match=r"no\.png"):
        read_picture(tmp_path / "no.png")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff cut off")
    with pytest.raises(CorruptFileError, match=r"bad\.jpg"):
        read_picture(tmp_path / "bad.jpg")
    with pytest.raises(UnknownNameError, match="rendered_wild"):
        load_pictures("rendered_wield")
    with pytest.raises(InputError, match="color"):
        load_pictures("rendered_wild", color="red")
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 200  # red
    cv2.imwrite(str(tmp_path / "red.png"), picture[..., ::-1])
    np.testing.assert_array_equal(read_picture(tmp_path / "red.png"), picture)


def test_mpii_with_some_of_its_pictures(real_data, tmp_path):
    folder = real_data / "mpii"
    names = [clip.trial for clip in read_mpii(folder / "valid.h5").people.sequences]
    for name in (names[0], names[7]):
        cv2.imwrite(str(tmp_path / name), np.zeros((720, 1280, 3), np.uint8))
    with pytest.warns(UserWarning, match="left out.*first"):
        data = mpii_pictures("val", folder, tmp_path)
    assert len(data) == names.count(names[0]) + names.count(names[7])
    for row in range(len(data)):
        assert data.read(row).shape == (720, 1280, 3)
        inside = data.poses.keypoints_2d[row]
        inside = inside[np.isfinite(inside).all(1)]
        assert (np.abs(inside - data.center[row]) < data.side_px[row] / 2 * 1.2).all()  # the square holds the person
    with pytest.raises(MissingFileError, match="no folder"):
        mpii_pictures("val", folder, images="nowhere")
    with pytest.raises(MissingFileError, match="none of 2958"):
        mpii_pictures("val", folder, images=folder)
    with pytest.raises(UnknownNameError, match="train"):
        mpii_pictures("dev", folder)
