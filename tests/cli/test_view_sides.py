"""Test what is said of several views whose keypoints, order, sides or lengths are wrong, and what is not claimed."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data import load_dataset, read_keypoints
from posezoo.errors import PoseZooWarning
from posezoo.geometry import rotation_about
from posezoo.geometry.view_sides import fault_of_sides
from posezoo.registry import load
from posezoo.skeletons import get_skeleton
from tests.cli.commands import refused, run
from tests.cli.several_cameras import calibration, predict

H36M = get_skeleton("h36m17")
MIRROR = list(H36M.mirror)
SIZE = (1000, 1000)


@pytest.fixture(scope="module")
def walks(four):
    """Return what four cameras see of two people who walk for 40 frames, with noise, by person; in mm; and the cameras."""
    data = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=40)
    clips = {clip.subject: (clip, rows) for clip, rows in data.by_sequence() if (clip.view, clip.trial) == (0, "1")}
    generator, seen, world = np.random.default_rng(3), {}, {}
    for who in ("S9", "S11"):
        clip, rows = clips[who]
        world[who] = clip.camera.camera_to_world(torch.from_numpy(rows.pose_3d).double())
        exact = np.stack([camera.project(world[who]).numpy() for camera in four[2]])
        seen[who] = exact + generator.normal(0, 3, exact.shape)
    return seen, world["S9"].numpy(), four[2]


def mirrored(view):
    return view * [-1, 1] + [SIZE[0], 0]


def exchanged(view):
    return view[:, MIRROR]


def arrays(tmp_path, views):
    """Write arrays that name nothing; return the files."""
    files = [tmp_path / f"p{number}.npy" for number in range(len(views))]
    for file, view in zip(files, views, strict=True):
        np.save(file, view)
    return files


def test_a_wrong_layout_is_said_of_every_view_by_its_file(tmp_path, capsys, weights, walks):
    seen, _, cameras = walks
    files, rig = arrays(tmp_path, seen["S9"][:2]), calibration(tmp_path / "rig.json", cameras[:2])
    said = ("predict", weights, *files, "--skeleton", "coco17", "--cameras", rig, "-o", tmp_path / "out.npz")
    assert run(*said) == 0
    err = capsys.readouterr().err
    for file in files:
        assert f"{file}: as coco17 the joints do not make a person" in err
    assert err.count("they fit h36m17: name it (--skeleton h36m17)") == 2
    with pytest.warns(PoseZooWarning, match="view 1: as coco17 the joints do not make a person"):
        load(str(weights)).predict_views(seen["S9"][:2], cameras[:2], "coco17")


@pytest.mark.parametrize("wrong", [(0, 1), (0,)])
def test_y_up_is_said_in_place_of_what_the_cameras_might_be(tmp_path, capsys, weights, walks, wrong):
    seen, _, cameras = walks
    views = [view * [1, -1] + [0, 1000] if number in wrong else view for number, view in enumerate(seen["S9"][:2])]
    _, _, err = predict(tmp_path, capsys, weights, views, cameras[:2])
    for view in wrong:
        assert f"view{view}.npz: heads are below feet in 100% of the poses" in err
    assert "fit only if" not in err
    assert "mirrored" not in err
    with pytest.warns(PoseZooWarning, match=rf"view {wrong[0] + 1}: heads are below feet"):
        load(str(weights)).predict_views(np.stack(views), cameras[:2])


def test_a_camera_that_hangs_upside_down_is_no_fault(tmp_path, capsys, weights, walks):
    seen, world, cameras = walks
    roll = torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))
    hanging = replace(cameras[1], R=roll @ cameras[1].R.double(), t=roll @ cameras[1].t.double())
    view = hanging.project(torch.from_numpy(world)).numpy()
    _, _, err = predict(tmp_path, capsys, weights, [seen["S9"][0], view], [cameras[0], hanging])
    assert err == ""


def test_unequal_lengths_are_said_where_nothing_numbers_the_frames(tmp_path, capsys, weights, walks):
    seen, _, cameras = walks
    first, second = seen["S9"][0], seen["S9"][1][:30]
    files, rig = arrays(tmp_path, [first, second]), calibration(tmp_path / "rig.json", cameras[:2])
    end = ("--skeleton", "h36m17", "--cameras", rig, "-o", tmp_path / "out.npz")
    assert run("predict", weights, *files, *end) == 0
    said = f"{files[0]} has 40 frames, {files[1]} 30, and they say neither numbers nor times of frames: they are taken from"
    assert said in capsys.readouterr().err
    assert run("predict", weights, *files, *end, "--fps", "25") == 0
    assert capsys.readouterr().err == ""
    _, _, err = predict(tmp_path, capsys, weights, [first, second], cameras[:2])  # numbered
    assert err == ""


def test_files_say_whether_they_number_their_frames(tmp_path):
    poses = np.random.default_rng(0).uniform(100, 900, (5, 17, 2))
    np.save(tmp_path / "plain.npy", poses)
    np.savez(tmp_path / "counted.npz", keypoints=poses, skeleton="h36m17")
    np.savez(tmp_path / "numbered.npz", keypoints=poses, skeleton="h36m17", frame=np.arange(5))
    names = ("plain.npy", "counted.npz", "numbered.npz")
    assert [read_keypoints(tmp_path / name, "h36m17").counted for name in names] == [True, True, False]


@pytest.mark.parametrize("wrong", [(0, 1), (1, 3)])
@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (exchanged, "left and right exchanged"),
        (mirrored, "their pictures mirrored"),
        (lambda view: exchanged(mirrored(view)), "their pictures mirrored .* and left and right exchanged"),
    ],
)
def test_two_of_four_views_that_are_turned_are_named(tmp_path, capsys, weights, walks, wrong, turn, words):
    seen, _, cameras = walks
    views = [turn(view) if number in wrong else view for number, view in enumerate(seen["S9"])]
    for number, view in enumerate(views):
        np.savez(tmp_path / f"v{number}.npz", keypoints=view, skeleton="h36m17", image_size=SIZE)
    files, rig = [tmp_path / f"v{number}.npz" for number in range(4)], calibration(tmp_path / "rig.json", cameras)
    said = refused(capsys, "predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz")
    names = " and ".join(cameras[number].name for number in wrong)
    assert re.search(f"{names} fit the others only with {words}", said)


def test_views_that_are_all_mirrored_are_refused_and_said_to_be(tmp_path, capsys, weights, walks):
    seen, _, cameras = walks
    for number, view in enumerate(seen["S9"][:2]):
        np.savez(tmp_path / f"v{number}.npz", keypoints=mirrored(view), skeleton="h36m17", image_size=SIZE)
    files, rig = [tmp_path / f"v{number}.npz" for number in range(2)], calibration(tmp_path / "rig.json", cameras[:2])
    said = refused(capsys, "predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz")
    assert "cam1 and cam2 fit each other only with their pictures mirrored" in said


def test_python_is_told_of_a_mirrored_view_too(weights, walks):
    seen, _, cameras = walks
    model = load(str(weights))
    wrong = np.stack([seen["S9"][0], mirrored(seen["S9"][1])])
    with pytest.warns(PoseZooWarning, match="view 2 fits the other views only with its picture mirrored .*faults_of_sides"):
        model.predict_views(wrong, cameras[:2])


def test_another_person_in_a_view_is_not_called_a_mirror_image(tmp_path, capsys, weights, walks):
    seen, _, cameras = walks
    _, _, err = predict(tmp_path, capsys, weights, [seen["S9"][0], seen["S11"][1]], cameras[:2])
    assert "mirrored" not in err
    assert "mend that file" not in err


def test_a_camera_that_is_turned_is_not_called_early_or_late(tmp_path, capsys, weights, walks):
    seen, _, cameras = walks
    turn = rotation_about("x", torch.tensor(np.radians(5), dtype=torch.float64))
    for one, other in ((0, 1), (1, 2), (0, 3)):
        second = replace(cameras[other], R=turn @ cameras[other].R.double(), t=turn @ cameras[other].t.double())
        _, _, err = predict(tmp_path, capsys, weights, seen["S9"][[one, other]], [cameras[one], second])
        assert "seems to be" not in err
        assert "half of the joints are off by more than" in err


def ring(count, camera):
    """Return cameras that stand evenly on a circle about the origin and look at its middle."""
    made = []
    for number in range(count):
        angle = 2 * np.pi * number / count
        place = np.array([4000 * np.cos(angle), 4000 * np.sin(angle), 1200.0])
        forward = np.array([0, 0, 900.0]) - place
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        R = torch.tensor(np.stack([right, np.cross(forward, right), forward]))
        none = torch.zeros(5, dtype=torch.float64)
        t = -R @ torch.tensor(place)
        made.append(replace(camera, K=camera.K.double(), R=R, t=t, distortion=none, name=f"c{number}"))
    return made


def test_orders_that_fit_alike_are_listed_and_none_is_taken(tmp_path, capsys, weights, walks):
    _, world, cameras = walks
    rig = ring(3, cameras[0])
    middle = world - [*world.mean((0, 1))[:2], 0] + [500.0, 300.0, 0]
    views = [camera.project(torch.from_numpy(middle)).numpy() for camera in rig]
    _, _, err = predict(tmp_path, capsys, weights, views, rig)
    assert err == ""
    _, _, err = predict(tmp_path, capsys, weights, [views[1], views[0], views[2]], rig)
    assert "several changes fit alike" in err
    for order in ("c1, c0, c2", "c2, c1, c0", "c0, c2, c1"):
        assert f"the views are of {order}, in this order" in err
    assert "fit only if" not in err
    assert "mirrored" not in err


def test_limits_and_places_that_leave_nothing_and_single_files_are_refused(tmp_path, capsys, weights, walks):
    seen, _, cameras = walks
    rig = calibration(tmp_path / "rig.json", cameras[:2])
    out = ("--skeleton", "h36m17", "--cameras", rig, "-o", tmp_path / "out.npz")
    files = arrays(tmp_path, seen["S9"][:2])
    said = refused(capsys, "predict", "cvugcn", *files, *out, "--max-reprojection-px", "0.001")
    assert re.search(r"--max-reprojection-px 0.001 leaves 0% of the joints: the views are off by [\d.]+ px", said)
    said = refused(capsys, "predict", weights, files[0], *out, "--views", "cam1")
    assert "needs two or more views of one recording" in said
    files = arrays(tmp_path, seen["S9"][:2] - 5000)
    said = refused(capsys, "predict", weights, *files, *out)
    assert re.search(r"keypoints lie at x -\d+ to -\d+ .*, where these cameras see nothing", said)
    assert not (tmp_path / "out.npz").exists()


def test_right_views_have_no_fault_in_any_set(walks):
    seen, _, cameras = walks
    for views in ((0, 1), (0, 2), (1, 3), (0, 1, 2), (0, 1, 2, 3)):
        chosen = [cameras[view] for view in views]
        assert fault_of_sides(seen["S9"][list(views)], chosen, H36M.mirror, [1000.0] * len(views)) is None
