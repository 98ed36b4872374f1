"""Test published weights: outputs are those stored when they were published, and scores are those of their cards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import posezoo
from posezoo.files.reading import sha256
from posezoo.registry import describe, locate


@pytest.mark.parametrize("name", posezoo.list_models())
def test_every_card_is_whole_and_true_of_its_file(name):
    card = posezoo.info(name)
    path = locate(name)
    assert path.stat().st_size == card["size"] < 25_000_000
    assert sha256(path) == card["sha256"]
    model = posezoo.load(name)
    assert sum(tensor.numel() for tensor in model.weights().values()) == card["parameters"]
    assert (model.skeleton.name, model.unit) == (card["skeleton"], card["unit"])
    header = describe(path)
    for key in ("seed", "commit", "command", "settings"):
        assert header[key] == card[key]
    assert (path.parent / f"{name}.md").is_file()


QUICK = {"martinez.mocap", "svma.mocap"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in posezoo.list_models()]
)
def test_published_weights_score_what_their_card_says(name):
    from card_scores import rendered_side

    from posezoo.data import load_dataset
    from posezoo.data.pictures import load_pictures
    from posezoo.lifting import LiftingModule, PictureModule

    model, data = posezoo.load(name), load_dataset("procedural", split="test")
    if isinstance(model, PictureModule):
        people = load_pictures("rendered_wild", "test", side=rendered_side(model.size)).thin(200)
        scores, title = model.evaluate(people), "procedural people, rendered_wild test, 200 pictures"
        metrics = ("mpjpe", "p_mpjpe", "pckh", "symmetry_error")
    elif isinstance(model, LiftingModule):
        scores, title = model.evaluate(data), "procedural test, GT 2D"
        metrics = ("p_mpjpe", "n_mpjpe", "pck_aligned", "symmetry_error")
    else:
        scores, title = model.evaluate(data, noise_px=10.0), "procedural test, two views, 10 px of noise"
        metrics = ("mpjpe", "mpjpe_absolute", "p_mpjpe", "symmetry_error")
    published = posezoo.info(name)["metrics"][title]
    for metric in metrics:
        assert scores[metric] == pytest.approx(published[metric], rel=1e-3, abs=0.02)


def golden_input() -> np.ndarray:
    """Return eight fixed poses: a standing person, and seven in which every joint is moved."""
    generator = np.random.default_rng(20260101)
    standing = np.array(
        [[500, 500], [480, 500], [480, 600], [480, 700], [520, 500], [520, 600], [520, 700], [500, 450], [500, 400],
         [500, 370], [500, 340], [540, 410], [570, 460], [580, 520], [460, 410], [430, 460], [420, 520]]
    )  # fmt: skip
    moves = generator.normal(scale=15, size=(8, 17, 2))
    moves[0] = 0
    return (standing + moves).astype(np.float32)


def golden_pictures(size: int) -> list[np.ndarray]:
    """Return four pictures (size, size, 3) of squares of random colours.

    Rendered people would differ: OpenCV's drawing changed between 4.10 and 4.12. A picture of the model's size is not
    resampled.
    """
    colours = np.random.default_rng(20260102).integers(0, 256, (4, size // 16, size // 16, 3), np.uint8)
    return list(colours.repeat(16, axis=1).repeat(16, axis=2))


def golden_output(name: str) -> np.ndarray:
    """Return a model's output for the fixed poses; a model of two views gets flat people, each view moved by its own.

    A model of pictures sees four pictures of coloured squares.
    """
    from posezoo.geometry import h36m_cameras
    from posezoo.lifting import LiftingModule, PictureModule

    model = posezoo.load(name)
    if isinstance(model, PictureModule):
        return model.predict_images(golden_pictures(model.size)).pose_3d
    if isinstance(model, LiftingModule):
        return model.predict(golden_input()).pose_3d
    moved = 3.0 * (golden_input().astype(np.float64) - 500) * [1, -1]
    world = torch.from_numpy(np.stack([moved[..., 0], 0 * moved[..., 0], 1000 + moved[..., 1]], -1))
    cameras = h36m_cameras("S9")[:2]
    keypoints = np.stack([camera.project(world).numpy() for camera in cameras])
    keypoints += np.random.default_rng(7).normal(scale=5, size=keypoints.shape)
    return model.predict_views(keypoints, cameras).world_mm


@pytest.mark.parametrize("name", posezoo.list_models())
def test_published_weights_give_their_stored_outputs(name):
    stored = json.loads((Path(__file__).parent / "golden_outputs.json").read_text())
    pose = golden_output(name)
    scale = np.abs(np.array(stored[name])).max()
    np.testing.assert_allclose(pose / scale, np.array(stored[name]) / scale, atol=1e-5)


if __name__ == "__main__":  # python -m tests.registry.test_published_weights: store the outputs of newly published weights
    path = Path(__file__).parent / "golden_outputs.json"
    known = json.loads(path.read_text())
    new = {name: golden_output(name).round(7).tolist() for name in posezoo.list_models() if name not in known}
    path.write_text(json.dumps(known | new) + "\n")
