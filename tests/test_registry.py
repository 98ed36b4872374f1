"""Names to weights: what is refused, and that published weights give what they gave when they were published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import posezoo
from posezoo.data.files import sha256
from posezoo.errors import CorruptFileError, MissingFileError, UnknownNameError
from posezoo.registry import build, describe, locate, save

CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"
FIELDS = {
    "file", "size", "sha256", "format", "minimum_posezoo", "skeleton", "normalisation", "unit", "parameters", "licence",
    "training_data", "command", "seed", "commit", "versions", "settings", "metrics", "baselines",
}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A ``POSEZOO_HOME`` with a copy of one model, which may be damaged."""
    index = json.loads((CHECKPOINTS / "index.json").read_text())
    entry = index["models"]["svma.cmu"]
    (tmp_path / "index.json").write_text(json.dumps({"format": 1, "models": {"svma.cmu": entry}}))
    shutil.copyfile(CHECKPOINTS / entry["file"], tmp_path / entry["file"])
    monkeypatch.setenv("POSEZOO_HOME", str(tmp_path))
    return tmp_path


def test_names():
    assert {"martinez.cmu", "svma.cmu"} <= set(posezoo.list_models())
    assert posezoo.list_models("svma*") == ["svma.cmu"]
    assert posezoo.list_models("nothing*") == []
    assert posezoo.info("svma")["name"] == "svma.cmu"
    with pytest.raises(UnknownNameError, match="did you mean svma"):
        posezoo.load("svmo")
    with pytest.raises(UnknownNameError):
        posezoo.info("svma.h36m")


@pytest.mark.parametrize("name", posezoo.list_models())
def test_every_card_is_whole_and_true_of_its_file(name):
    card = posezoo.info(name)
    assert set(card) >= FIELDS
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


@pytest.mark.parametrize("name", posezoo.list_models())
def test_published_weights_score_what_their_card_says(name):
    from posezoo.data import load_dataset
    from posezoo.data.pictures import load_pictures
    from posezoo.lifting import LiftingModule, PictureModule

    model, data = posezoo.load(name), load_dataset("procedural", split="test")
    if isinstance(model, PictureModule):
        people = load_pictures("rendered_wild", "test", side=posezoo.info(name)["data"]["options"]["side"]).thin(200)
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
    """Eight fixed poses: a standing person, and seven in which every joint is moved."""
    generator = np.random.default_rng(20260101)
    standing = np.array(
        [[500, 500], [480, 500], [480, 600], [480, 700], [520, 500], [520, 600], [520, 700], [500, 450], [500, 400],
         [500, 370], [500, 340], [540, 410], [570, 460], [580, 520], [460, 410], [430, 460], [420, 520]]
    )  # fmt: skip
    moves = generator.normal(scale=15, size=(8, 17, 2))
    moves[0] = 0
    return (standing + moves).astype(np.float32)


def golden_output(name: str) -> np.ndarray:
    """What a model makes of the fixed poses; a model of two views sees them as flat people, each view moved by its own.

    A model of pictures sees four of rendered people.
    """
    from posezoo.data.pictures import load_pictures
    from posezoo.geometry import h36m_cameras
    from posezoo.lifting import LiftingModule, PictureModule

    model = posezoo.load(name)
    if isinstance(model, PictureModule):
        people = load_pictures("rendered_wild", "test", side=166, count=4)
        return model.predict_images([people.read(number) for number in range(4)]).pose_3d
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


def test_own_home_comes_first_and_altered_files_are_refused(home):
    path = home / "svma.cmu.safetensors"
    assert locate("svma") == path
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptFileError, match="sha256"):
        posezoo.load("svma")
    path.write_bytes(bytes(data[:-100]))
    with pytest.raises(CorruptFileError, match="bytes; expected"):
        posezoo.load("svma")
    path.unlink()
    with pytest.raises(MissingFileError, match=r"svma\.cmu"):
        posezoo.load("svma")
    (home / "index.json").write_text("{")
    with pytest.raises(CorruptFileError, match=r"index\.json"):
        posezoo.list_models()


def test_files_by_path(tmp_path):
    model = build("martinez", {"width": 8, "normalization": "root"})
    path = save(model, tmp_path / "own.safetensors", seed=5)
    assert describe(path)["seed"] == 5
    again = posezoo.load(path)
    assert not again.training
    assert again.zoo_name == "own"
    for name, value in model.weights().items():
        assert torch.equal(again.weights()[name], value)
    with pytest.raises(MissingFileError):
        posezoo.load(tmp_path / "none.safetensors")


def test_weights_of_another_architecture_are_refused(tmp_path):
    from safetensors.torch import save_file

    def write(paper: str, settings: dict, weights: dict) -> Path:
        header = json.dumps({"format": 1, "paper": paper, "settings": settings})
        save_file(weights, tmp_path / "x.safetensors", metadata={"posezoo": header})
        return tmp_path / "x.safetensors"

    weights = build("martinez", {"width": 8}).weights()
    for paper, settings in (("martinez", {"width": 16}), ("svma", {"width": 8}), ("martinez", {"depth": 3})):
        with pytest.raises(CorruptFileError) as caught:
            posezoo.load(write(paper, settings, weights))
        assert "\n" not in str(caught.value)
    with pytest.raises(UnknownNameError, match="paper"):
        posezoo.load(write("other", {}, weights))
    save_file(weights, tmp_path / "x.safetensors")
    with pytest.raises(CorruptFileError, match="not written by posezoo"):
        posezoo.load(tmp_path / "x.safetensors")


def test_cut_and_noisy_safetensors_are_refused(tmp_path):
    whole = save(build("martinez", {"width": 8}), tmp_path / "w.safetensors").read_bytes()
    generator = np.random.default_rng(0)
    for cut in [0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1]:
        (tmp_path / "cut.safetensors").write_bytes(whole[:cut])
        with pytest.raises(CorruptFileError):
            posezoo.load(tmp_path / "cut.safetensors")
    for _ in range(50):
        data = bytearray(whole)
        data[int(generator.integers(8))] ^= int(generator.integers(1, 256))  # the length of the header
        (tmp_path / "bad.safetensors").write_bytes(bytes(data))
        with pytest.raises(CorruptFileError):
            posezoo.load(tmp_path / "bad.safetensors")


def test_a_checkpoint_that_would_run_code_is_refused_without_running_it(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"state_dict": {}, "hyper_parameters": Evil(), "posezoo": {"paper": "svma"}}, tmp_path / "evil.ckpt")
    with pytest.raises(CorruptFileError):
        posezoo.load(tmp_path / "evil.ckpt")
    assert not (tmp_path / "ran").exists()
    for content in (b"", b"\x80\x02noise", b"PK\x03\x04" + bytes(200)):
        (tmp_path / "noise.ckpt").write_bytes(content)
        with pytest.raises(CorruptFileError) as caught:
            posezoo.load(tmp_path / "noise.ckpt")
        assert "\n" not in str(caught.value)
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(CorruptFileError, match="posezoo train"):
        posezoo.load(tmp_path / "other.ckpt")


if __name__ == "__main__":  # python -m tests.test_registry: store the outputs of newly published weights
    outputs = {name: golden_output(name).round(7).tolist() for name in posezoo.list_models()}
    (Path(__file__).parent / "golden_outputs.json").write_text(json.dumps(outputs) + "\n")
