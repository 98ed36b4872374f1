"""``posezoo predict`` with several cameras: what does not fit is found out and said, and the poses are right."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data import Prediction, load_dataset
from posezoo.errors import InputError, PoseZooWarning
from posezoo.geometry.rig_fit import invert
from posezoo.papers.cvugcn import CVUGCN
from posezoo.registry import load, save
from tests.cli.commands import run

FRAMES = 12


@pytest.fixture(scope="module")
def seen():
    """Return two people in two views, (2, 2, FRAMES, 17, 2) px by person and view, in mm, and the cameras."""
    data = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=FRAMES)
    clips = {(clip.subject, clip.view): (clip, rows) for clip, rows in data.by_sequence() if clip.trial == "1"}
    cameras = [replace(clips["S9", view][0].camera, name=f"c{view}") for view in (0, 1)]
    world = [cameras[0].camera_to_world(torch.from_numpy(clips[who, 0][1].pose_3d).double()) for who in ("S9", "S11")]
    world[1] = world[1] + torch.tensor([600.0, 0, 0])
    pixels = torch.stack([torch.stack([camera.project(poses) for camera in cameras]) for poses in world])
    return pixels.numpy(), [poses.numpy() for poses in world], cameras


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    return save(CVUGCN(width=8, refinement=False).eval(), tmp_path_factory.mktemp("weights") / "small.safetensors")


def calibration(path, cameras):
    entries = [
        {"name": c.name, "K": c.K.tolist(), "R": c.R.tolist(), "t": c.t.tolist(), "distortion": c.distortion.tolist()}
        for c in cameras
    ]
    path.write_text(json.dumps(entries))
    return path


def predict(tmp_path, capsys, weights, views, cameras, *options, frames=None):
    """Run the command on files of the views, (T, J, 2) or (T, people, J, 2); return the prediction and what it said."""
    for view, pixels in enumerate(views):
        frame = np.arange(len(pixels)) if frames is None else frames[view]
        np.savez(tmp_path / f"view{view}.npz", keypoints=pixels, skeleton="h36m17", frame=frame)
    files = [tmp_path / f"view{view}.npz" for view in range(len(views))]
    rig = calibration(tmp_path / "rig.json", cameras)
    assert run("predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz", *options) == 0
    out, err = capsys.readouterr()
    return Prediction.load(tmp_path / "out.npz"), out, err


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
