"""Test loading models by name and path: which files are taken, and which are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

import posezoo
from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError, UnknownNameError
from posezoo.registry import PAPERS, build, describe, list_models, loading, locate, save
from tests.registry.conftest import CHECKPOINTS


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a ``POSEZOO_HOME`` with a copy of one model, which may be damaged."""
    index = json.loads((CHECKPOINTS / "index.json").read_text())
    entry = index["models"]["svma.cmu"]
    (tmp_path / "index.json").write_text(json.dumps({"format": 1, "models": {"svma.cmu": entry}}))
    shutil.copyfile(CHECKPOINTS / entry["file"], tmp_path / entry["file"])
    monkeypatch.setenv("POSEZOO_HOME", str(tmp_path))
    return tmp_path


def test_own_home_comes_first_and_altered_files_are_refused(home):
    path = home / "svma.cmu.safetensors"
    assert locate("svma.cmu") == path
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptFileError, match="sha256"):
        posezoo.load("svma.cmu")
    path.write_bytes(bytes(data[:-100]))
    with pytest.raises(CorruptFileError, match="bytes; expected"):
        posezoo.load("svma.cmu")
    path.unlink()
    assert locate("svma.cmu") == CHECKPOINTS / path.name


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
    next(model.parameters()).data[0, 0] = float("nan")
    with pytest.raises(CorruptFileError, match="NaN or infinite"):
        posezoo.load(save(model, tmp_path / "diverged.safetensors"))


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


OTHERS = {
    "model.pth": (lambda path: torch.save({"model_pos": {"w": torch.ones(3)}}, path), "is a PyTorch checkpoint of another"),
    "old.bin": (
        lambda path: torch.save({"w": torch.ones(3)}, path, _use_new_zipfile_serialization=False),
        "is a PyTorch checkpoint of another",
    ),
    "lfs.safetensors": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123456\n"),
        "is a pointer of Git LFS, not the weights; run `git lfs pull`",
    ),
    "page.safetensors": (lambda path: path.write_text("<!DOCTYPE html><html></html>"), "is a web page, not weights"),
    "keras.h5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64)), "is HDF5"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_weights_of_other_programs_are_called_what_they_are(tmp_path, name):
    write, words = OTHERS[name]
    write(tmp_path / name)
    with pytest.raises(CorruptFileError, match=words):
        posezoo.load(tmp_path / name)


def test_the_length_of_a_header_is_not_taken_for_a_pickle(tmp_path):
    model = build("martinez", {"width": 8})
    lengths = set()
    for count in range(0, 256, 4):
        data = save(model, tmp_path / "w.safetensors", command="x" * count).read_bytes()
        lengths.add(data[0])
        if data[0] == 0x80:
            assert posezoo.load(tmp_path / "w.safetensors").paper == "martinez"
    assert 0x80 in lengths


def test_a_folder_is_called_one_and_names_the_weights_in_it(tmp_path):
    with pytest.raises(InputError, match=r"is a folder; .*it holds no \.safetensors"):
        posezoo.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"give the file in it: model\.safetensors"):
        posezoo.load(str(tmp_path))


def test_files_of_other_endings_are_meant_as_files():
    with pytest.raises(MissingFileError, match=r"pretrained\.bin is not there"):
        posezoo.load("pretrained.bin")


@pytest.mark.parametrize(
    "header",
    [
        None, 3, [], "text", {}, {"format": 1}, {"format": 1, "paper": 3, "settings": {}},
        {"format": 1, "paper": ["svma"], "settings": {}}, {"format": 1, "paper": "martinez", "settings": [1]},
        {"format": 1, "paper": "martinez"}, {"format": "1", "paper": "martinez", "settings": {}},
        {"format": 1, "paper": "martinez", "settings": {"width": -1}},
        {"format": 1, "paper": "martinez", "settings": {"width": "wide"}},
        {"format": 1, "paper": "martinez", "settings": {"width": 10**30}},
        {"format": 1, "paper": "martinez", "settings": {"width": 200_000}},
        pytest.param({"format": 1, "paper": "martinez", "settings": {"blocks": 10**5}}, marks=pytest.mark.slow),
        {"format": 1, "paper": "martinez", "settings": {"skeleton": {"a": 1}}},
        {"format": 1, "paper": "martinez", "settings": {"skeleton": "none"}},
        {"format": 1, "paper": "hg3d", "settings": {"size": None}},
        {"format": 1, "paper": "svma", "settings": {"pitch": []}},
    ],
)  # fmt: skip
def test_headers_that_no_model_can_have_are_one_sentence(header, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "odd.safetensors"
    save_file({"x": torch.zeros(3)}, path, metadata={"posezoo": json.dumps(header)})
    with pytest.raises(PoseZooError) as caught:
        posezoo.load(path)
    assert "\n" not in str(caught.value)


def test_a_header_nested_too_deep_is_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "deep.safetensors"
    save_file({"x": torch.zeros(3)}, path, metadata={"posezoo": "[" * 100_000})
    with pytest.raises(CorruptFileError):
        posezoo.load(path)
    with pytest.raises(CorruptFileError):
        describe(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"posezoo": 3}, {"posezoo": {}}, {"posezoo": {"paper": None}}, {"hyper_parameters": None}, {"hyper_parameters": [1]},
        {"hyper_parameters": {3: 4}}, {"state_dict": None}, {"state_dict": {"x": 3}}, {"state_dict": {}},
        {"hyper_parameters": {"width": -4}}, {"hyper_parameters": {"width": 10**6}},
    ],
)  # fmt: skip
def test_checkpoints_with_odd_contents_are_one_sentence(changes, tmp_path):
    model = build("martinez", {"width": 8})
    whole = {"posezoo": {"paper": "martinez"}, "hyper_parameters": {"width": 8}, "state_dict": model.state_dict()}
    torch.save(whole, tmp_path / "whole.ckpt")
    assert posezoo.load(tmp_path / "whole.ckpt").paper == "martinez"
    torch.save({**whole, **changes}, tmp_path / "odd.ckpt")
    with pytest.raises(PoseZooError) as caught:
        posezoo.load(tmp_path / "odd.ckpt")
    assert "\n" not in str(caught.value)


def test_settings_that_weights_lack_are_those_they_were_trained_with():
    """Load weights with the defaults of their time where they lack a setting; make new models with today's."""
    for paper, name, former in (
        ("cvugcn", "triangulation", "dlt"),
        ("georep", "normalized", "code"),
        ("geoselfsup", "saturating", False),
    ):
        settings = {"width": 8, "regression_width": 8, "points": 8} if paper == "georep" else {"width": 8}
        assert build(paper, settings, weights=10**6).hparams[name] == former
        assert build(paper, {**settings, name: former}).hparams[name] == former
        assert build(paper, settings).hparams[name] != former
    assert posezoo.load("cvugcn.cmu").hparams["triangulation"] == "dlt"


def test_the_types_of_load_name_every_model_by_its_kind():
    for kind, names in {"lifter": loading._Lifters, "pictures": loading._Pictures, "views": loading._Views}.items():
        papers = [name for name, paper in PAPERS.items() if paper.kind == kind]
        assert set(get_args(names)) == {*papers, *(name for name in list_models() if name.partition(".")[0] in papers)}


@pytest.mark.parametrize("device", ["meta", "cuda:99", "abacus"])
def test_a_device_on_which_nothing_can_be_computed_is_refused(device):
    with pytest.raises(InputError, match=f"cannot be put on the device '{device}' .*cpu is always there"):
        posezoo.load("svma", device)
