"""``posezoo predict`` with several cameras: what does not fit is found out and said, and the poses are right."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data import Prediction
from posezoo.errors import InputError, PoseZooWarning
from posezoo.geometry.rig_fit import invert
from posezoo.registry import load
from posezoo.skeletons import get_skeleton
from tests.cli.commands import run
from tests.cli.conftest import FRAMES
from tests.cli.several_cameras import calibration, predict

H36M = get_skeleton("h36m17").joints


def test_the_reprojection_error_is_printed_and_is_that_of_the_noise(tmp_path, capsys, weights, seen):
    pixels, world, cameras = seen
    noise = np.random.default_rng(0).normal(0, 2, pixels[0].shape)
    found, out, err = predict(tmp_path, capsys, weights, pixels[0] + noise, cameras)
    assert err == ""
    assert 0.5 < float(re.search(r"median reprojection error ([\d.]+) px", out)[1]) < 3
    assert np.linalg.norm(found.pose_3d - world[0], axis=-1).mean() < 25


@pytest.mark.parametrize("wrong", ["order", "camera-to-world", "both"])
def test_cameras_in_another_order_or_inverted_are_found_by_trying(tmp_path, capsys, weights, seen, wrong):
    pixels, world, cameras = seen
    given = [replace(camera, name="") for camera in cameras]
    given = [invert(camera) for camera in given] if wrong != "order" else given
    given = given[::-1] if wrong != "camera-to-world" else given
    found, _, err = predict(tmp_path, capsys, weights, pixels[0], given)
    assert "the cameras fit what was seen only if" in err
    assert ("R and t are taken as camera-to-world" in err) == (wrong != "order")
    assert ("the views are of" in err) == (wrong != "camera-to-world")
    np.testing.assert_allclose(found.pose_3d, world[0], atol=0.5)


def test_views_are_matched_by_the_numbers_of_frames(tmp_path, capsys, weights, seen):
    pixels, world, cameras = seen
    frames = [[f for f in range(FRAMES) if f not in lost] for lost in ((3, 4), (8,))]
    views = [pixels[0, view][frames[view]] for view in (0, 1)]
    found, _, err = predict(tmp_path, capsys, weights, views, cameras, frames=frames)
    assert err == ""
    common = [f for f in range(FRAMES) if f not in (3, 4, 8)]
    assert found.frame_number.tolist() == common
    np.testing.assert_allclose(found.pose_3d, world[0][common], atol=0.5)


@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_views_are_matched_by_the_times_that_they_say(tmp_path, capsys, weights, seen, kind):
    """Begin the second camera three frames later; a table may give the clock of the day."""
    pixels, world, cameras = seen
    files = [tmp_path / f"view{view}.{kind}" for view in (0, 1)]
    for view, first in ((0, 0), (1, 3)):
        own, times = pixels[0, view][first:], np.arange(first, FRAMES) / 25
        if kind == "npz":
            np.savez(files[view], keypoints=own, skeleton="h36m17", time_s=times)
            continue
        header = ",".join(["timestamp", *(f"{joint}_{axis}" for joint in H36M for axis in "xy")])
        cells = np.concatenate([1_700_000_000 + times[:, None], own.reshape(len(own), -1)], axis=1)
        np.savetxt(files[view], cells, "%.5f", ",", header=header, comments="")
    rig = calibration(tmp_path / "rig.json", cameras)
    assert run("predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz") == 0
    assert capsys.readouterr().err == ""
    found = Prediction.load(tmp_path / "out.npz")
    assert found.frame_number.tolist() == list(range(3, FRAMES))
    np.testing.assert_allclose(found.time_s - (1_700_000_000 if kind == "csv" else 0), np.arange(3, FRAMES) / 25, atol=1e-4)
    np.testing.assert_allclose(found.pose_3d, world[0][3:], atol=0.5)
    assert run("predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.trc") == 0
    assert (tmp_path / "out.trc").read_text().splitlines()[2].split("\t")[0] == "25"


def test_people_in_other_orders_come_out_right(tmp_path, capsys, weights, seen):
    pixels, world, cameras = seen
    views = [pixels[:, 0].swapaxes(0, 1), pixels[::-1, 1].swapaxes(0, 1)]
    found = [predict(tmp_path, capsys, weights, views, cameras, "--person", str(number))[0].pose_3d for number in (1, 2)]
    for poses in world:
        nearest = min(found, key=lambda person, poses=poses: np.abs(person - poses).max())
        np.testing.assert_allclose(nearest, poses, atol=0.5)


def test_pictures_of_another_size_and_cameras_of_another_rig_are_warned_of(tmp_path, capsys, weights, seen):
    pixels, _, cameras = seen
    _, _, err = predict(tmp_path, capsys, weights, pixels[0] / 2, cameras)
    assert "the views do not fit the cameras" in err
    assert "multiplied by 2 the keypoints would fit" in err
    tilt = torch.linalg.matrix_exp(torch.tensor([[0, 0, 0], [0, 0, -0.04], [0, 0.04, 0]], dtype=torch.float64))
    other = [cameras[0], replace(cameras[1], R=tilt @ cameras[1].R, t=tilt @ cameras[1].t)]
    _, out, err = predict(tmp_path, capsys, weights, pixels[0], other)
    assert float(re.search(r"median reprojection error ([\d.]+) px", out)[1]) > 5
    assert "the views do not fit the cameras: half of the joints are off by more than" in err


def test_a_calibration_whose_t_is_the_place_of_the_camera_is_understood(tmp_path, capsys, weights, seen):
    pixels, world, cameras = seen
    found, _, err = predict(tmp_path, capsys, weights, pixels[0], [replace(c, t=c.center) for c in cameras])
    assert "only if t is taken as the camera's place" in err
    np.testing.assert_allclose(found.pose_3d, world[0], atol=0.5)


def test_files_that_bear_numbers_keep_their_order_where_cameras_bear_no_names(tmp_path, capsys, weights, seen):
    """Name the files of the first camera gopro2 and of the second gopro1: a list of cameras has an order, no names."""
    pixels, world, cameras = seen
    files = [tmp_path / "gopro2.npz", tmp_path / "gopro1.npz"]
    for file, view in zip(files, pixels[0], strict=True):
        np.savez(file, keypoints=view, skeleton="h36m17")
    rig = calibration(tmp_path / "rig.json", [replace(camera, name="") for camera in cameras])
    assert run("predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz") == 0
    assert capsys.readouterr().err == ""
    np.testing.assert_allclose(Prediction.load(tmp_path / "out.npz").pose_3d, world[0], atol=0.5)


@pytest.mark.parametrize(
    ("order", "options", "said"),
    [
        ((2, 0), (), ""),  # their names say which
        ((2, 0), ("--views", "cam10", "cam1"), ""),
        ((0, 2), ("--views", "cam10", "cam1"), ""),
        ((3, 1, 2, 0), ("--views", "cam1", "cam11"), ""),
    ],
)
def test_the_names_of_files_say_of_which_cameras_they_are(tmp_path, capsys, weights, four, order, options, said):
    pixels, world, cameras = four
    files = [tmp_path / f"{cameras[number].name}_run.npz" for number in order]
    for file, number in zip(files, order, strict=True):
        np.savez(file, keypoints=pixels[number], skeleton="h36m17")
    rig = calibration(tmp_path / "rig.json", cameras)
    assert run("predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz", *options) == 0
    assert capsys.readouterr().err == said
    np.testing.assert_allclose(Prediction.load(tmp_path / "out.npz").pose_3d, world, atol=0.5)


def test_views_that_contradict_the_names_of_files_are_warned_of_and_fewer_files_need_names(tmp_path, capsys, weights, four):
    pixels, _, cameras = four
    rig = calibration(tmp_path / "rig.json", cameras)
    out = ("--cameras", rig, "-o", tmp_path / "out.npz")
    for name, number in (("cam1", 0), ("cam10", 2), ("a", 0), ("b", 2)):
        np.savez(tmp_path / f"{name}.npz", keypoints=pixels[number], skeleton="h36m17")
    named = [tmp_path / "cam1.npz", tmp_path / "cam10.npz"]
    assert run("predict", weights, *named, *out, "--views", "cam1", "cam2") == 0
    assert "the names of the files say cam1, cam10, --views cam1, cam2: taken as --views says" in capsys.readouterr().err
    assert run("predict", weights, tmp_path / "a.npz", tmp_path / "b.npz", *out) == 2
    assert "2 files and 4 cameras; .* --views, and 2 of cam1, cam2, cam10, cam11" in (
        re.sub(r"give one file.*order of the files:", "...", capsys.readouterr().err).replace("...", ".*")
    )


def test_errors_and_numbers_of_views_are_saved_by_joint(tmp_path, capsys, weights, seen):
    pixels, _, cameras = seen
    noisy = pixels[0] + np.random.default_rng(0).normal(0, 3, pixels[0].shape)
    noisy[1, 2, 5] = np.nan
    result, _, _ = predict(tmp_path, capsys, weights, noisy, cameras)
    expected = load(str(weights)).predict_views(noisy, cameras)
    np.testing.assert_allclose(result.reprojection_px[3], expected.reprojection_px[:, 3].mean(0), rtol=1e-4)
    assert result.view_count.dtype == np.int64
    assert result.view_count[2, 5] == 0
    assert np.isnan(result.reprojection_px[2, 5])
    assert int(result.view_count.sum()) == 2 * (FRAMES * 17 - 1)
    again = Prediction.load(result.save(tmp_path / "again.json"))
    np.testing.assert_array_equal(again.view_count, result.view_count)
    np.testing.assert_allclose(again.reprojection_px, result.reprojection_px, rtol=1e-5)
    header, *rows = result.save(tmp_path / "again.csv").read_text().splitlines()
    cells = dict(zip(header.split(","), rows[3].split(","), strict=True))
    assert cells["right_knee_views"] == "2"
    assert float(cells["right_knee_reprojection_px"]) == pytest.approx(result.reprojection_px[3, 2], rel=1e-4)


def test_gaps_and_jitter_of_several_cameras(tmp_path, capsys, weights, seen):
    """Interpolate a joint that one of two views loses; take out of the keypoints what no limb does."""
    pixels, world, cameras = seen
    lost = pixels[0].copy()
    lost[1, 3:5, 13] = np.nan
    result, _, _ = predict(tmp_path, capsys, weights, lost, cameras)
    assert np.isnan(result.pose_3d[3:5, 13]).all()
    filled, _, _ = predict(tmp_path, capsys, weights, lost, cameras, "--fill-gaps", "2")
    step = np.linalg.norm(np.diff(world[0][:, 13], axis=0), axis=-1).max()
    assert np.linalg.norm(filled.pose_3d[3:5, 13] - world[0][3:5, 13], axis=-1).max() < step
    still = np.repeat(pixels[0][:, :1], 60, axis=1)
    jitter = still + 4.0 * np.where(np.arange(60) % 2, 1, -1)[None, :, None, None]
    smooth, _, _ = predict(tmp_path, capsys, weights, jitter, cameras, "--smooth", "--fps", "60")
    np.testing.assert_allclose(smooth.pose_3d[15:45], np.repeat(world[0][:1], 30, 0), atol=3)
    rough, _, _ = predict(tmp_path, capsys, weights, jitter, cameras, "--fps", "60")
    assert np.linalg.norm(rough.pose_3d - world[0][:1], axis=-1).mean() > 8
    assert run("predict", weights, *(tmp_path / f"view{v}.npz" for v in (0, 1)), "--cameras", tmp_path / "rig.json",
               "-o", tmp_path / "no.npz", "--smooth") == 2  # fmt: skip
    assert "--smooth needs the frames per second" in capsys.readouterr().err


def test_what_no_cameras_see_is_refused(tmp_path, capsys, weights, seen):
    """Give views of different rates, fractions of pictures, one file twice, and one camera twice."""
    pixels, _, cameras = seen
    rig = calibration(tmp_path / "rig.json", cameras)
    contents = {
        "a": (pixels[0, 0], 25.0),
        "b": (pixels[0, 1], 50.0),
        "p": (pixels[0, 0] / 2000, 25),
        "q": (pixels[0, 1] / 2000, 25),
    }
    for name, (keypoints, fps) in contents.items():
        np.savez(tmp_path / f"{name}.npz", keypoints=keypoints, skeleton="h36m17", fps=fps)
    for names, options, words in (
        ("ab", (), "25 frames per second and .*50"),
        ("pq", (), "fractions of the picture"),
        ("aa", (), "views 1 and 2 hold the same keypoints"),
        ("ab", ("--views", "c0", "c0"), "named twice"),
    ):
        files = [tmp_path / f"{name}.npz" for name in names]
        assert run("predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz", *options) == 2
        assert re.search(words, capsys.readouterr().err)
    assert not (tmp_path / "out.npz").exists()
    model = load(str(weights))
    for two, given, words in (
        (pixels[0], [cameras[0], cameras[0]], "stand in one place"),
        (pixels[0], [replace(camera, t=camera.center) for camera in cameras], "t is -R @ centre"),
        (pixels[0] / 2000, cameras, "fractions"),
    ):
        with pytest.raises(InputError, match=words):
            model.predict_views(two, given)
    with pytest.warns(PoseZooWarning, match="seen by two views"):
        model.predict_views(np.stack([pixels[0, 0], np.full_like(pixels[0, 1], np.nan)]), cameras)


def test_in_python_too(weights, seen):
    pixels, world, cameras = seen
    model = load(str(weights))
    np.testing.assert_allclose(model.predict_views(pixels[0], cameras).world_mm, world[0], atol=0.5)
    with pytest.warns(PoseZooWarning, match="the views do not fit the cameras: half of the joints are off by more than"):
        model.predict_views(pixels[0], cameras[::-1])
