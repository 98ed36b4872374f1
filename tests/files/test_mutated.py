"""Test every reader on mutated files with fixed seeds: a result or one sentence, within seconds.

Bytes are flipped, removed, doubled and inserted. In JSON and tables, values are also replaced by odd ones, so that the
damage gets past the parser. ``PYTHONPATH=.:benchmarks python -m tests.files.test_mutated COUNT SEED`` runs any number of
mutations and counts the outcomes.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from reproduction.tables import TABLES, read_table

import posezoo
from posezoo.data import Prediction, load_dataset, read_bvh, read_cameras, read_keypoints
from posezoo.data.pictures import Frames, read_picture
from posezoo.formats.markers import read_markers
from posezoo.geometry import h36m_cameras
from posezoo.registry import build, save
from posezoo.training import read_recipe
from tests.files.answering import answer, read_index
from tests.formats import detector_samples, keypoint_samples
from tests.registry.conftest import CHECKPOINTS
from tests.video.samples import film

ODD = (None, "", "x", -1, 0, 1e308, 1e-320, float("nan"), [], {}, [[]], True, "1e999", 2**70, "nan", {"x": []}, [None] * 3)


def _keypoints(path: Path) -> object:
    return read_keypoints(path, image_size=(1400, 1002))


def samples(folder: Path) -> Iterator[tuple[str, Path, Callable[[Path], object]]]:
    """Yield whole files of every kind that is read, and their readers."""
    for module in (keypoint_samples, detector_samples):
        for name in sorted(vars(module)):
            if name.startswith("write_"):
                own = folder / f"{module.__name__}.{name}"
                own.mkdir()
                written = getattr(module, name)(own)
                path = Path(written[0] if isinstance(written, tuple) else written)
                if path.is_file():
                    yield name, path, _keypoints
    walk = load_dataset("procedural")[:12]
    prediction = Prediction(walk.pose_3d - walk.pose_3d[:, :1], walk.skeleton, "mm", fps=30.0)
    for ending in ("npz", "json"):
        yield ending, prediction.save(folder / f"p.{ending}"), Prediction.load
    yield "bvh", prediction.save(folder / "p.bvh"), read_bvh
    yield "trc", prediction.save(folder / "p.trc"), read_markers
    cameras = [{"K": c.K.tolist(), "R": c.R.tolist(), "t": c.t.tolist(), "name": c.name} for c in h36m_cameras("S1")]
    (folder / "c.json").write_text(json.dumps({"cameras": cameras}))
    table = "".join(
        f"[cam{i}]\nmatrix = {c['K']}\ndistortions = [0.0, 0.0, 0.0, 0.0]\n"
        f"rotation = [0.1, 0.2, 0.3]\ntranslation = {c['t']}\n"
        for i, c in enumerate(cameras)
    )
    (folder / "c.toml").write_text(table)
    for ending in ("json", "toml"):
        yield f"cameras {ending}", folder / f"c.{ending}", read_cameras
    yield "avi", film(folder / "v.avi", frames=4), lambda path: list(Frames(path))
    yield "mp4", film(folder / "v.mp4", frames=4, codec="mp4v"), lambda path: list(Frames(path))
    picture = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    for ending in ("png", "jpg", "bmp", "webp", "tif"):
        cv2.imwrite(str(folder / f"i.{ending}"), picture)
        yield ending, folder / f"i.{ending}", read_picture


def of_models(folder: Path) -> Iterator[tuple[str, Path, Callable[[Path], object]]]:
    """Yield weights, a checkpoint, a recipe, a table and the index, and what reads them."""
    torch.manual_seed(0)
    model = build("martinez", {"width": 8})
    yield "weights", save(model, folder / "m.safetensors"), posezoo.load
    whole = {"posezoo": {"paper": "martinez"}, "hyper_parameters": {"width": 8}, "state_dict": model.state_dict()}
    torch.save(whole, folder / "m.ckpt")
    yield "checkpoint", folder / "m.ckpt", posezoo.load
    for name in ("svma.mocap", "cvugcn.cmu"):
        recipe = folder / f"{name}.yaml"
        recipe.write_text(resources.files("posezoo.recipes").joinpath(recipe.name).read_text())
        yield f"recipe {name}", recipe, read_recipe
    (folder / "tables").mkdir()
    for table in sorted(TABLES.glob("*_table*.yaml"))[:2]:
        copied = folder / "tables" / table.name
        copied.write_bytes(table.read_bytes())
        yield f"table {table.stem}", copied, lambda path: read_table(path.stem, path.parent)
    (folder / "home").mkdir()
    index = folder / "home" / "index.json"
    index.write_bytes((CHECKPOINTS / "index.json").read_bytes())
    yield "index", index, read_index


def of_bytes(data: bytes, dice: random.Random) -> bytes:
    """Return the bytes cut, or some of them flipped, doubled or put in; half of the time near the start."""
    changed = bytearray(data[: dice.randrange(1, len(data) + 1)] if dice.random() < 0.2 else data)
    reach = len(changed) if dice.random() < 0.5 else min(len(changed), 600)
    for _ in range(dice.choice((1, 2, 8, 40))):
        place = dice.randrange(reach)
        kind = dice.randrange(4)
        if kind == 0:
            changed[place : place + 1] = bytes([dice.randrange(256)])
        elif kind == 1:
            changed[place : place + dice.randrange(1, 9)] = dice.choice((b"\xff" * 8, b"\0" * 8, b"9" * 8, b"", b"-"))
        elif kind == 2:
            changed[place:place] = changed[place : place + dice.randrange(1, 64)]
        else:
            changed[place] ^= 1 << dice.randrange(8)
        reach = max(1, min(reach, len(changed)))
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def of_values(data: bytes, dice: random.Random) -> bytes | None:
    """Return JSON or a table with a few values exchanged for odd ones; None for other files."""
    if data[8:9] == b"{":  # safetensors: the length of the header, the header, tensors
        length = int.from_bytes(data[:8], "little")
        header = _exchanged(json.loads(data[8 : 8 + length]), dice, dice.randrange(1, 4))
        written = json.dumps(header).encode()
        return len(written).to_bytes(8, "little") + written + data[8 + length :]
    if b"\npaper: " in data or b"\ncolumns:\n" in data:
        value = yaml.safe_load(data)
        for _ in range(dice.choice((1, 1, 3))):
            value = _exchanged(value, dice, dice.randrange(1, 5))
        return yaml.safe_dump(value).encode()
    try:
        value = json.loads(data)
    except ValueError:
        lines = data.split(b"\n")
        if b"," not in lines[0] or b"\0" in data[:4096]:
            return None
        for _ in range(dice.choice((1, 3))):
            row = dice.randrange(len(lines))
            cells = lines[row].split(b",")
            cells[dice.randrange(len(cells))] = str(dice.choice(ODD)).encode()
            lines[row] = b",".join(cells[: dice.choice((len(cells), len(cells), 1))])
        return b"\n".join(lines)
    for _ in range(dice.choice((1, 1, 3))):
        value = _exchanged(value, dice, dice.randrange(1, 7))
    return json.dumps(value).encode()


def _exchanged(value: object, dice: random.Random, depth: int) -> object:
    if depth == 0 or not isinstance(value, list | dict) or not value:
        return dice.choice(ODD)
    places: list = list(value) if isinstance(value, dict) else list(range(len(value)))
    place = dice.choice(places)
    if dice.random() < 0.15:
        return {k: v for k, v in value.items() if k != place} if isinstance(value, dict) else [*value, value[place]]
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[place] = _exchanged(value[place], dice, depth - 1)
    return changed


def campaign(folder: Path, count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Read ``count`` mutations of every sample; return how they ended, and what should not have happened."""
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    for name, path, read in [*samples(folder), *of_models(folder)]:
        whole = path.read_bytes()
        dice = random.Random(f"{seed} {name}")
        for number in range(count):
            data = of_values(whole, dice) if dice.random() < 0.5 else None
            path.write_bytes(data if data is not None else of_bytes(whole, dice))
            end, failures = answer(f"{name} {number}", path, read)
            ends[end] += 1
            wrong += failures
        path.write_bytes(whole)
    return ends, wrong


@pytest.mark.slow
def test_mutated_files_are_answered_or_refused(tmp_path):
    ends, wrong = campaign(tmp_path, 60, 20261127)
    assert not wrong, "\n".join(wrong[:5])
    assert min(ends["read"], ends["one sentence"]) > 200


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found, failures = campaign(Path(place), int(sys.argv[1]), int(sys.argv[2]))
    print(dict(found), len(failures), "failures", *failures[:20], sep="\n")
