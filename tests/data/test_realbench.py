"""Test the folder of real video as the test itself writes it: what is read is what was projected, with known scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from posezoo.cli import main
from posezoo.data import load_dataset
from posezoo.data.realbench import LIMBS
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.geometry import h36m_cameras
from posezoo.papers.cvugcn.pairs import pairs_by_name
from posezoo.skeletons import get_skeleton
from posezoo.synthetic.postures import random_postures

H36M, MEDIAPIPE = get_skeleton("h36m17"), get_skeleton("mediapipe33")
FRAMES = 6


def seen(world: np.ndarray) -> np.ndarray:
    """Return MediaPipe's 33 joints (F, 33, 3): true limbs, the face's joints at the nose, the others at their neighbours."""
    points = np.repeat(world[:, [H36M.index("nose")]], 33, 1)
    for number, name in enumerate(MEDIAPIPE.joints):
        if name in H36M.joints:
            points[:, number] = world[:, H36M.index(name)]
    return points


@pytest.fixture
def folder(tmp_path):
    cameras = h36m_cameras("S9")
    world = random_postures(FRAMES, 0).astype(np.float64) + [0, 0, 1000]
    points = np.stack([camera.project(torch.from_numpy(seen(world))).numpy() for camera in cameras])
    stacked = {part: np.stack([getattr(camera, part).numpy() for camera in cameras]) for part in ("K", "R", "t")}
    np.savez(
        tmp_path / "truth.npz",
        world_mm=world,
        distortion=np.stack([np.asarray(camera.distortion) for camera in cameras]),
        image_size=np.array([camera.image_size for camera in cameras]),
        fps=np.array(50.0),
        **{f"refined_{part}": values for part, values in stacked.items()},
    )
    own = seen(world)[None].repeat(4, 0) / 1000
    np.savez(
        tmp_path / "detections.npz",
        mediapipe_heavy=points,
        mediapipe_heavy_confidence=np.ones(points.shape[:3]),
        mediapipe_heavy_world_m=own,
    )
    return tmp_path


def scores(capsys, *arguments) -> dict:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_was_projected_is_read(folder):
    detected = load_dataset("realbench", "test", folder, keypoints="detected")
    exact = load_dataset("realbench", "test", folder, keypoints="gt")
    assert len(detected) == len(exact) == 4 * FRAMES
    limbs = [H36M.index(name) for name in LIMBS.joints]
    np.testing.assert_allclose(detected.keypoints_2d[:, limbs], exact.keypoints_2d[:, limbs], atol=0.01)
    assert {clip.view for clip in exact.sequences} == {0, 1, 2, 3}
    assert exact.sequences[0].fps == 50.0
    np.testing.assert_allclose(exact.pose_3d, detected.pose_3d)


def test_exact_views_have_no_error_in_any_pair(folder, capsys):
    found = scores(capsys, "eval", "cvugcn", "--data", "realbench", "--keypoints", "gt", "--path", folder)
    assert set(found["pairs"]) == {"c1c2", "c1c3", "c1c4", "c2c3", "c2c4", "c3c4"}
    assert found["poses"] == 6 * FRAMES
    assert found["mpjpe_triangulated"] < 0.5
    assert found["mpjpe"] < 3.0


def test_lifters_are_scored_beside_flat_depth_and_the_detector_by_camera(folder, capsys):
    """What was detected is scored where nothing else is asked for: exact keypoints are no video's."""
    found = scores(capsys, "eval", "svma", "--data", "realbench", "--path", folder)
    assert found["baselines"]["the detector's own 3D"]["p_mpjpe"] == pytest.approx(0, abs=0.1)
    assert found["baselines"]["flat depth"]["p_mpjpe"] > 20
    assert len(found["per_action"]) == 4


def test_a_folder_that_lacks_something_says_what(folder):
    with pytest.raises(InputError, match="val"):
        load_dataset("realbench", "val", folder)
    with pytest.raises(UnknownNameError, match="mediapipe_heavy"):
        load_dataset("realbench", "test", folder, keypoints="openpose")
    truth = dict(np.load(folder / "truth.npz"))
    del truth["distortion"]
    np.savez(folder / "truth.npz", **truth)
    with pytest.raises(CorruptFileError, match="distortion"):
        load_dataset("realbench", "test", folder)
    (folder / "detections.npz").unlink()
    with pytest.raises(MissingFileError, match=r"detections\.npz"):
        load_dataset("realbench", "test", folder)


def test_pairs_have_names_and_numbers():
    assert pairs_by_name(["P3", "c1c4", "c3c2"]) == [(1, 3), (0, 3), (2, 1)]
    for wrong in ("c1c1", "c0c2", "P9"):
        with pytest.raises(UnknownNameError):
            pairs_by_name([wrong])
