"""Test that a view which does not fit the others is named, with what would make it fit."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data import load_dataset
from posezoo.geometry import rotation_about
from posezoo.geometry.view_faults import fault_of_time
from posezoo.geometry.view_sides import fault_of_sides, sides_of_body
from posezoo.skeletons import get_skeleton
from tests.cli.commands import refused
from tests.cli.several_cameras import calibration, predict

H36M = get_skeleton("h36m17")
NOISE_PX = 2.0


@pytest.fixture(scope="module")
def noisy(four):
    """Return what four cameras see of a person, off by as much as a detector is; in mm; and the cameras."""
    pixels, world, cameras = four
    generator = np.random.default_rng(0)
    return [view + generator.normal(0, NOISE_PX, view.shape) for view in pixels], world, cameras


@pytest.mark.parametrize(
    ("views", "wrong", "said"),
    [
        ((0, 1, 2, 3), 1, "cam2 fits nobody .* left out; it would fit multiplied by 2"),
        ((0, 1, 2, 3), 0, "cam1 fits nobody .* left out; it would fit multiplied by 2"),
        ((0, 1, 2), 2, "cam10 fits nobody .* left out; it would fit multiplied by 2"),
    ],
)
def test_a_view_of_half_the_size_is_left_out_and_said(tmp_path, capsys, weights, noisy, views, wrong, said):
    pixels, world, cameras = noisy
    given = [pixels[view] / (2 if view == wrong else 1) for view in views]
    found, out, err = predict(tmp_path, capsys, weights, given, [cameras[view] for view in views])
    assert re.search(said, err)
    assert f"{len(found.pose_3d)} poses in {len(views) - 1} of {len(views)} views" in out
    assert np.nanmean(np.linalg.norm(found.pose_3d - world, axis=-1)) < 25


def test_a_view_of_another_recording_is_left_out_and_said(tmp_path, capsys, weights, noisy):
    pixels, _, cameras = noisy
    given = [view[::-1] + [300, -200] if number == 2 else view for number, view in enumerate(pixels)]
    _, out, err = predict(tmp_path, capsys, weights, given, cameras)
    assert "cam10 fits nobody whom the other views see, and is left out; check that it is of this recording" in err
    assert "in 3 of 4 views" in out


def test_one_of_two_views_that_is_of_half_the_size_is_named(tmp_path, capsys, weights, noisy):
    pixels, _, cameras = noisy
    _, _, err = predict(tmp_path, capsys, weights, [pixels[0], pixels[1] / 2], cameras[:2])
    assert "the views do not fit the cameras" in err
    assert "cam2 would fit multiplied by 2" in err


def turned(pixels, kind):
    """Return a view mirrored in a picture of 1000 px, with left and right exchanged, or both."""
    pixels = pixels * [-1, 1] + [1000, 0] if "mirrored" in kind else pixels
    return pixels[:, list(H36M.mirror)] if "exchanged" in kind else pixels


@pytest.mark.parametrize("kind", ["mirrored", "exchanged", "mirrored and exchanged"])
@pytest.mark.parametrize(("views", "wrong"), [((0, 1), 1), ((0, 2), 0), ((1, 2), 1), ((0, 1, 2, 3), 2)])
def test_a_view_that_is_mirrored_or_whose_sides_are_exchanged_is_found(noisy, views, wrong, kind):
    pixels, _, cameras = noisy
    chosen, sizes = [cameras[view] for view in views], [1000.0] * len(views)
    right = np.stack([pixels[view] for view in views])
    assert fault_of_sides(right, chosen, H36M.mirror, sizes) is None
    given = right.copy()
    given[wrong] = turned(given[wrong], kind)
    found = fault_of_sides(given, chosen, H36M.mirror, sizes)
    assert found.kind == kind
    assert found.view == wrong or (kind == "exchanged" and len(views) == 2)
    # Mended, it is off by what the keypoints are: about 2 px of a person 500 px tall.
    assert found.error < 0.01


def test_views_that_are_mirrored_are_refused_by_name(tmp_path, capsys, weights, noisy):
    pixels, _, cameras = noisy
    rig = calibration(tmp_path / "rig.json", cameras[:2])
    for kind, words in (
        ("mirrored", "cam2 fits the other views only with its picture mirrored"),
        ("exchanged", "cam2 fits the other views only with left and right exchanged"),
    ):
        for name, view in (("a", pixels[0]), ("b", turned(pixels[1], kind))):
            np.savez(tmp_path / f"{name}.npz", keypoints=view, skeleton="h36m17", image_size=(1000, 1000))
        files = (tmp_path / "a.npz", tmp_path / "b.npz")
        assert words in refused(capsys, "predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()


def test_sides_exchanged_in_all_views_are_warned_of(tmp_path, capsys, weights, noisy):
    pixels, world, cameras = noisy
    assert sides_of_body(world, H36M) == 1
    assert sides_of_body(world[:, list(H36M.mirror)], H36M) == -1
    assert sides_of_body(world * [-1, 1, 1], H36M) == -1
    assert sides_of_body(np.full_like(world, np.nan), H36M) == 0
    _, _, err = predict(tmp_path, capsys, weights, [turned(view, "exchanged") for view in pixels], cameras)
    assert "left and right are exchanged in all views" in err


@pytest.fixture(scope="module")
def walk(four):
    """Return what four cameras see of a walk of 60 frames, with noise, and the cameras."""
    data = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=60)
    clip, rows = next((clip, rows) for clip, rows in data.by_sequence() if (clip.subject, clip.view) == ("S9", 0))
    world = clip.camera.camera_to_world(torch.from_numpy(rows.pose_3d).double())
    generator = np.random.default_rng(1)
    seen = [camera.project(world).numpy() for camera in four[2]]
    return [view + generator.normal(0, NOISE_PX, view.shape) for view in seen], four[2]


@pytest.mark.parametrize("late", [8, -6])
@pytest.mark.parametrize(("views", "wrong"), [((0, 3), 1), ((0, 1, 2, 3), 2)])
def test_a_view_that_is_early_or_late_is_found(walk, views, wrong, late):
    pixels, cameras = walk
    chosen = [cameras[view] for view in views]
    seen = np.stack([pixels[view][10:50] for view in views])
    assert fault_of_time(seen, chosen, np.arange(40)) is None
    seen[wrong] = pixels[views[wrong]][10 + late : 50 + late]
    found = fault_of_time(seen, chosen, np.arange(40))
    assert (found.kind, found.view) == ("shifted", wrong)
    assert abs(found.amount - late) <= 1  # the noise moves it by a frame at most


def test_views_in_other_time_are_warned_of(tmp_path, capsys, weights, walk):
    pixels, cameras = walk
    options = (*cameras[:2],)
    _, _, err = predict(tmp_path, capsys, weights, [pixels[0], pixels[1][8:]], options, "--fps", "25")
    assert re.search(
        r"cam2 seems to be [789] frames \(0\.\d\d s\) late: its frame n fits the others' frame n \+ [789], ", err
    )
    _, _, err = predict(tmp_path, capsys, weights, [pixels[0], pixels[1][::2]], options)
    assert "cam2 seems to have half of the other views' frame rate: its frame n fits their frame 2 n" in err
    # A camera that was switched off half-way has half as many frames, too.
    _, _, err = predict(tmp_path, capsys, weights, [pixels[0], pixels[1][:30]], options)
    assert err == ""


def test_a_view_that_is_further_off_than_the_others_is_warned_of(tmp_path, capsys, weights, walk):
    pixels, cameras = walk
    tilt = rotation_about("x", torch.tensor(0.025, dtype=torch.float64))
    given = [*cameras[:2], replace(cameras[2], R=tilt @ cameras[2].R, t=tilt @ cameras[2].t), cameras[3]]
    _, out, err = predict(tmp_path, capsys, weights, pixels, given)
    # 0.025 rad of a focal length of 1145 px.
    found = float(re.search(r"cam10 is off by ([\d.]+) px at the median", err)[1])
    assert 15 < found < 35
    assert f"cam10 {found:.1f}" in out


def test_cameras_of_another_convention_or_of_one_name_are_refused(tmp_path, capsys, weights, noisy):
    """Turn y and z round, as OpenGL does: no joint lies before the cameras."""
    pixels, _, cameras = noisy
    opengl = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    for number, view in enumerate(pixels):
        np.savez(tmp_path / f"v{number}.npz", keypoints=view, skeleton="h36m17")
    files, out = [tmp_path / f"v{number}.npz" for number in range(4)], ("-o", tmp_path / "out.npz")
    given = [replace(camera, R=opengl @ camera.R.double(), t=opengl @ camera.t.double()) for camera in cameras]
    for rig, words in (
        (given, "OpenGL's, Blender's and NeRF's cameras have y and z the other way"),
        ([replace(camera, name="cam") for camera in cameras], "4 cameras named cam; give each its own name"),
    ):
        path = calibration(tmp_path / "rig.json", rig)
        said = refused(capsys, "predict", weights, *files, "--cameras", path, *out)
        assert words in said
        assert "inf" not in said


@pytest.mark.parametrize(
    "option",
    [
        ("--views", "cam1"),
        ("--camera-unit", "m"),
        ("--max-reprojection-px", "abc"),
        ("--no-undistort",),
        ("--subject", "S9"),
    ],
)
def test_models_of_one_view_refuse_the_options_of_several(tmp_path, capsys, noisy, option):
    np.savez(tmp_path / "v.npz", keypoints=noisy[0][0], skeleton="h36m17")
    said = refused(capsys, "predict", "svma", tmp_path / "v.npz", "-o", tmp_path / "out.npz", *option)
    assert f"svma takes no calibrated cameras; leave out {option[0]}" in said


def test_views_that_fit_are_silent(tmp_path, capsys, weights, noisy):
    pixels, _, cameras = noisy
    for views in ((0, 1, 2, 3), (0, 1), (2, 3), (0, 3)):
        _, out, err = predict(tmp_path, capsys, weights, [pixels[v] for v in views], [cameras[v] for v in views])
        assert err == ""
        assert f"poses in {len(views)} views" in out
