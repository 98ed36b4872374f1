"""Test HumanEva-I's cameras: published extrinsics, and intrinsics fitted to the annotated keypoints."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from posezoo.data.humaneva import _in_camera, load_humaneva, prepare_humaneva
from posezoo.geometry import project
from posezoo.papers.cvugcn import CVUGCN
from tests.data.dataset_samples import write_humaneva

pytestmark = pytest.mark.filterwarnings("ignore:.*is left out")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Write a file whose 2D is what three cameras see of its 3D."""
    folder = tmp_path_factory.mktemp("humaneva")
    write_humaneva(folder)
    three = np.load(folder / "data_3d_humaneva15.npz", allow_pickle=True)["positions_3d"].item()
    two: dict[str, dict[str, list[np.ndarray]]] = {}
    for subject, actions in three.items():
        if subject.startswith("Unlabeled"):
            continue
        for action, world in actions.items():
            actions[action] = world = world * 0.5 + np.array([1.3, 0.0, 0.9], np.float32)
            views = []
            for view in range(3):
                points = _in_camera(world, subject.split("/")[1], view).reshape(-1, 3)
                K = np.array([[700.0 + 5 * view, 0, 320], [0, 702.0, 240], [0, 0, 1]])
                pixels = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, np.array([-0.1, 0.02, 0.001, 0, 0]))[0]
                views.append(pixels.reshape(*world.shape[:2], 2).astype(np.float32))
            two.setdefault(subject, {})[action] = views
    metadata = np.load(folder / "data_2d_humaneva15_gt.npz", allow_pickle=True)["metadata"].item()
    np.savez_compressed(folder / "data_3d_humaneva15.npz", positions_3d=three)
    np.savez_compressed(folder / "data_2d_humaneva15_gt.npz", positions_2d=two, metadata=metadata)
    prepare_humaneva(folder, folder / "humaneva.h5")
    return folder / "humaneva.h5"


def test_every_clip_has_the_camera_that_saw_it(prepared):
    data = load_humaneva(prepared, "test")
    assert {clip.camera.name for clip in data.sequences} == {"C1", "C2", "C3"}
    for row in (0, len(data) // 2, len(data) - 1):
        camera = data.sequences[data.sequence[row]].camera
        pixels = project(torch.from_numpy(data.pose_3d[row]).double(), camera, frame="camera")
        np.testing.assert_allclose(pixels.numpy(), data.keypoints_2d[row], atol=0.05)


def test_its_pairs_triangulate(prepared):
    data = load_humaneva(prepared, "test")
    model = CVUGCN("humaneva15", width=1, refinement=False).eval()
    found = model.evaluate(data, pairs=["C12", "C13", "C23"])
    assert set(found["pairs"]) == {"C12", "C13", "C23"}
    assert found["mpjpe_absolute"] < 3.0


def test_keypoints_that_no_camera_sees_give_none(tmp_path):
    done = prepare_humaneva(write_humaneva(tmp_path / "source"), tmp_path / "humaneva.h5")
    assert sum("has no intrinsics" in note for note in done.notes) == 9
    assert load_humaneva(tmp_path / "humaneva.h5").sequences[0].camera is None
