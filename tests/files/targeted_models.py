# ruff: noqa: E501
"""Build hostile weights, checkpoints, indices, recipes and tables."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
import yaml
from reproduction.tables import TABLES, read_table

import posezoo
from posezoo.registry import build
from posezoo.registry.weights import save
from posezoo.training import read_recipe
from tests.files.answering import read_index
from tests.files.targeted_arrays import HOW, Case, bombs, gadgets, patched, pickled, zipped
from tests.files.targeted_texts import NUMBERS, wrapped
from tests.registry.conftest import CHECKPOINTS


def of_safetensors(whole: bytes) -> Iterator[tuple[str, bytes]]:
    length = int.from_bytes(whole[:8], "little")
    header, body = json.loads(whole[8 : 8 + length]), whole[8 + length :]

    def packed(content: object, size: int | None = None) -> bytes:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return (len(text) if size is None else size).to_bytes(8, "little") + text + body

    first = next(key for key in header if key != "__metadata__")
    for number in (-1, 0, 2**31, 2**64, 1e9, 1e999, True, None, "3", [], {}, [[1]]):
        for field in ("dtype", "shape", "data_offsets"):
            yield f"{field} {number}", packed({**header, first: {**header[first], field: number}})
        yield f"axis {number}", packed({**header, first: {**header[first], "shape": [number, 8]}})
        yield f"offsets {number}", packed({**header, first: {**header[first], "data_offsets": [0, number]}})
        yield f"metadata {number}", packed({**header, "__metadata__": number})
        said = json.loads(header["__metadata__"]["posezoo"])
        for field in ("format", "paper", "settings"):
            yield f"{field} {number}", packed({**header, "__metadata__": {"posezoo": json.dumps({**said, field: number})}})
        for setting in ("width", "dropout", "skeleton", "no_such", "__class__"):
            settings = {**said["settings"], setting: number}
            yield (
                f"setting {setting} {number}",
                packed({**header, "__metadata__": {"posezoo": json.dumps({**said, "settings": settings})}}),
            )
        yield f"said {number}", packed({**header, "__metadata__": {"posezoo": json.dumps(number)}})
    for kind in ("F64", "BF16", "F8_E4M3", "BOOL", "I64", "U8", "C64", "F4"):
        yield f"type {kind}", packed({**header, first: {**header[first], "dtype": kind}})
    for width in (10**5, 10**9, -8, 10**30):
        yield (
            f"width {width}",
            packed({**header, "__metadata__": {"posezoo": json.dumps({**said, "settings": {"width": width}})}}),
        )
    for paper in ("subprocess", "os.system", "martinez.nothing", "../martinez", "", "hg3d", "svma"):
        yield f"paper {paper}", packed({**header, "__metadata__": {"posezoo": json.dumps({**said, "paper": paper})}})
    yield "nested text", packed({**header, "__metadata__": {"posezoo": "[" * 100_000}})
    yield "nested header", packed(b"[" * 100_000)
    yield (
        "nested settings",
        packed(
            {
                **header,
                "__metadata__": {
                    "posezoo": json.dumps(said).replace('"settings": {', '"settings": {"x": ' + "[" * 900 + "]" * 900 + ", ")
                },
            }
        ),
    )
    for size in (0, 1, length - 1, length + 1, 2**40, 2**63, 2**64 - 1):
        yield f"length {size}", packed(header, size)
    for content in (b"", b"{}", b"[]", b"3", b"{" + b" " * 2**20 + b"}", b"\xff" * 8, b'{"a": 1}'):
        yield f"header {content[:8]!r}", packed(content)
    yield (
        "overlap",
        packed(
            {
                key: {**value, "data_offsets": [0, 4], "shape": [1]} if key != "__metadata__" else value
                for key, value in header.items()
            }
        ),
    )
    yield "cut", whole[:-1]
    yield "longer", whole + b"x"
    for name, data in wrapped(b"{}"):
        yield f"text {name}", data


def saved(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def checkpoint(pickle: bytes) -> bytes:
    """Return a checkpoint with this pickle, as PyTorch lays it out."""
    return zipped(("m/data.pkl", pickle), ("m/byteorder", b"little"), ("m/data/0", bytes(64)), ("m/version", b"3\n"))


def of_checkpoints(state: dict[str, torch.Tensor]) -> Iterator[tuple[str, bytes]]:
    good: dict[str, object] = {"posezoo": {"paper": "martinez"}, "hyper_parameters": {"width": 8}, "state_dict": state}
    laughs: object = "ha"
    for _ in range(40):
        laughs = [laughs, laughs]
    nested: object = 1
    for _ in range(200):
        nested = [nested]
    odd: dict[str, object] = {
        "nothing": None, "-1": -1, "0": 0, "10^9": 10**9, "10^30": 10**30, "NaN": float("nan"), "infinite": float("inf"), "true": True,
        "text": "x", "list": [], "mapping": {}, "laughs": laughs, "nested": nested, "tensor": torch.zeros(2), "bytes": b"x",
        "number": 3.5, "tuple": (1, 2), "keys": {3: 4}, "set": {1}, "size": torch.Size([10**9, 10**9]), "type": torch.float16,
    }  # fmt: skip
    yield "10^9 blocks", saved({**good, "hyper_parameters": {"width": 8, "blocks": 10**9}})
    first = next(iter(state))
    for name, value in odd.items():
        yield f"all {name}", saved(value)
        for field in good:
            yield f"{field} {name}", saved({**good, field: value})
        yield f"paper {name}", saved({**good, "posezoo": {"paper": value}})
        for setting in ("width", "skeleton", "no_such"):
            yield f"{setting} {name}", saved({**good, "hyper_parameters": {setting: value}})
        yield f"weight {name}", saved({**good, "state_dict": {**state, first: value}})
    tensors = {
        "expanded": torch.zeros(1).expand(10**9), "without values": torch.zeros(10**6, 10**6, device="meta"), "complex": torch.zeros(8, 34, dtype=torch.complex64),
        "sparse": torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (10**9, 10**9)),
        "whole": torch.zeros(8, 34, dtype=torch.int64), "quantized": torch.quantize_per_tensor(torch.zeros(8, 34), 0.1, 0, torch.qint8),
        "NaN": torch.full((8, 34), float("nan")), "no rows": torch.zeros(0, 34), "no axes": torch.tensor(1.0),
        "compressed rows": torch.zeros(3, 3).to_sparse_csr(), "8 bit": torch.zeros(8, 34, dtype=torch.float8_e4m3fn),
    }  # fmt: skip
    for name, tensor in tensors.items():
        yield f"{name} weight", saved({**good, "state_dict": {**state, first: tensor}})
        yield f"{name} weight beside", saved({**good, "state_dict": {**state, "more": tensor}})
    huge = {"posezoo": {"paper": "martinez"}, "hyper_parameters": {"width": 30_000}}
    yield "width of 30,000 from one value", saved({**huge, "state_dict": {"x": torch.zeros(1).expand(10**10)}})
    yield "width of 30,000 without values", saved({**huge, "state_dict": {"x": torch.zeros(10**5, 10**5, device="meta")}})
    whole = saved(good)
    legacy = io.BytesIO()
    torch.save(good, legacy, _use_new_zipfile_serialization=False)
    yield "former format", legacy.getvalue()
    yield "former format, cut", legacy.getvalue()[:-8]
    yield (
        "former format of 10^10 values",
        legacy.getvalue().replace(struct.pack("<BH", 0x4D, 272), b"\x8a\x05" + (10**10).to_bytes(5, "little")),
    )
    for method in (8, 99):
        yield f"method {method}", patched(whole, 8, 10, struct.pack("<H", method))
    for size in (0, 1, 2**31, 2**32 - 1):
        yield f"unpacked size {size}", patched(whole, 22, 24, struct.pack("<I", size))
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            target.writestr(info.filename, source.read(info) + (bytes(2**26) if info.filename.endswith("data/0") else b""))
    yield "64 MiB of zeros", stream.getvalue()
    yield "cut", whole[:-40]
    yield "in tar", b"x".ljust(257, b"\0") + b"ustar".ljust(600, b"\0")
    for name, data in bombs():
        yield f"pickle {name}", checkpoint(data)
    # By operations that PyTorch's own machine knows.
    chain = b"\x80\x02)q\0" + b"".join(b"h%ch%c\x86q%c" % (number, number, number + 1) for number in range(60))
    yield "tuples in tuples", checkpoint(chain + b"]h\x3ca.")
    yield "tuples in tuples as a key", checkpoint(chain + b"}h\x3cK\x01s.")
    rebuilt = b"\x80\x02}U\nstate_dict}U\x01xctorch._utils\n_rebuild_tensor_v2\n((U\x07storageX\x0c\0\0\0%b0U\x03cpu%btQK\0(%bt(%bt\x89ccollections\nOrderedDict\n)RtRss."
    for kind, numel, shape, stride in (
        (b"FloatStorage", 10**10, 16, 1), (b"FloatStorage", 16, 10**10, 1), (b"FloatStorage", 16, 10**10, 0), (b"FloatStorage", 16, -1, 1),
        (b"FloatStorage", -1, 16, 1), (b"FloatStorage", 16, 16, -1), (b"DoubleStorage", 16, 8, 2**40),
    ):  # fmt: skip
        small = [b"\x8a\x08" + value.to_bytes(8, "little", signed=True) for value in (numel, shape, stride)]
        named = rebuilt.replace(b"X\x0c\0\0\0%b0", b"ctorch\n%b\nU\x010")
        yield f"storage {kind.decode()} {numel} {shape} {stride}", checkpoint(named % (kind, *small))


def of_indices(whole: bytes) -> Iterator[tuple[str, bytes]]:
    index = json.loads(whole)
    name, entry = next(iter(index["models"].items()))
    for number in NUMBERS[::2]:
        for field in entry:
            text = json.dumps({"format": 1, "models": {name: {**entry, field: "HERE"}}})
            yield f"{field} {number[:20]}", text.replace('"HERE"', number).encode()
        yield f"entry {number[:20]}", f'{{"format": 1, "models": {{"a": {number}}}}}'.encode()
        yield f"models {number[:20]}", f'{{"format": 1, "models": {number}}}'.encode()
        yield f"all {number[:20]}", number.encode()
    for file in ("../evil.safetensors", "/etc/passwd", "a\0b", "C:\\x", ".", ""):
        yield f"file {file!r}", json.dumps({"format": 1, "models": {name: {**entry, "file": file}}}).encode()
    yield from wrapped(whole)
    yield "nested", b'{"models": ' + b"[" * 100_000


# What a recipe must never make: everything here would run, import or write.
PATHS = (
    "subprocess.Popen", "os.system", "builtins.eval", "builtins.exec", "builtins.__import__", "builtins.open", "runpy.run_path",
    "pathlib.Path", "functools.partial", "operator.methodcaller", "importlib.import_module", "ctypes.CDLL", "torch.load",
    "torch.hub.load", "numpy.load", "pickle.loads", "code.InteractiveConsole", "pdb.Pdb", "timeit.Timer", "http.server.HTTPServer",
    "pytorch_lightning.callbacks.LambdaCallback", "pytorch_lightning.callbacks.Callback", "pytorch_lightning.Trainer",
    "pytorch_lightning.profilers.PyTorchProfiler", "lightning.pytorch.strategies.DeepSpeedStrategy", "posezoo.training.train",
    "pytorch_lightning.plugins.io.AsyncCheckpointIO", "posezoo.cli.main", "__main__.x", "evil", "evil.Evil", ".evil", "a..b",
)  # fmt: skip


def of_recipes(canary: Path) -> Iterator[tuple[str, bytes, bool]]:
    """Yield name, content, and whether the recipe must be refused because of what it names."""

    def at(path: str, value: object) -> dict[str, object]:
        for key in reversed(path.split("/")):
            value = [value] if key == "*" else {key: value}
        return {"paper": "svma", **value} if isinstance(value, dict) else {}

    checkpointing = {"class_path": "ModelCheckpoint", "init_args": {"dirpath": "HERE"}}
    places = (
        "trainer/strategy", "trainer/logger", "trainer/logger/*", "trainer/profiler", "trainer/callbacks", "trainer/callbacks/*",
        "trainer/plugins", "trainer/plugins/*", "trainer/accelerator", "trainer/precision", "trainer/devices", "trainer/benchmark",
        "trainer/max_epochs", "trainer/strategy/init_args/accelerator", "trainer/logger/dict_kwargs/x", "model", "model/width",
        "model/width/*", "model/init_args/width", "model/dict_kwargs", "data", "data/dataset", "data/batch_size", "data/settings/x",
        "optimizer", "lr_scheduler", "start", "steps", "seed_everything", "config", "ckpt_path", "paper",
    )  # fmt: skip
    arguments = {"args": ["touch", str(canary)]}
    for number, path in enumerate(PATHS):
        call = {"class_path": path, "init_args": arguments}
        for place in places[number % 5 :: 5] if number else places:
            yield f"{path} at {place}", yaml.safe_dump(at(place, call)).encode(), True
        where = places[number % 8]
        # A name without a dot may be in one of Lightning's registries.
        yield f"{path} alone at {where}", yaml.safe_dump(at(where, path)).encode(), "." in path
        yield f"{path} by keywords", yaml.safe_dump(at(where, {"class_path": path, "dict_kwargs": arguments})).encode(), True
        yield f"{path} as text", yaml.safe_dump(at(places[number % 20], json.dumps(call))).encode(), True
        inside = json.loads(json.dumps(checkpointing).replace('"HERE"', json.dumps(call)))
        yield f"{path} in a callback", yaml.safe_dump(at("trainer/callbacks/*", inside)).encode(), True
    for tag in (
        "!!python/object/apply:os.system",
        "!!python/name:os.system",
        "!!python/object/new:os.system",
        "!!python/module:os",
        "!include",
    ):
        for place in ("model: {width: %s}", "trainer: %s", "paper: %s", "%s"):
            yield f"tag {tag} in {place}", f"paper: svma\n{place % f'{tag} [touch {canary}]'}\n".encode(), True
    for number in NUMBERS[::2]:
        for key in ("paper", "steps", "start", "model", "data", "trainer", "seed_everything", number[:100]):
            yield f"{key[:20]} {number[:20]}", f"paper: svma\n{key}: {number}\n".encode(), False
        yield f"keys {number[:20]}", f"paper: svma\nmodel: {{{number}: 3}}\n".encode(), False
    for name, data in wrapped(b"paper: svma\nmodel:\n  width: 8\n"):
        yield name, data, False
    for opening, closing in (("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("&a ", "")):
        yield f"nested {opening}", f"paper: svma\nmodel: {opening * 10_000}{closing * 10_000}".encode(), True
    rows = b"a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30)
    )
    yield "alias bomb", b"paper: svma\n" + rows, True
    merged = b"a0: &a0 {x: 1}\n" + b"".join(b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
    yield "merge bomb", b"paper: svma\n" + merged, True
    yield "bomb as a key", b"paper: svma\nmodel: {? &a [1] : 2, ? *a : 3}", True
    yield "million digits", b"paper: svma\nsteps: " + b"9" * 1_000_000, True
    yield "sexagesimal", b"paper: svma\nsteps: 1" + b":59" * 20_000, False
    yield "two documents", b"paper: svma\n---\npaper: svma\n", True


def of_tables(whole: bytes) -> Iterator[tuple[str, bytes]]:
    table = yaml.safe_load(whole)
    column, row = next(iter(table["columns"])), next(iter(table["rows"]))
    for number in NUMBERS[::6]:
        value = yaml.safe_load(number) if len(number) < 300 else number
        for field in (*table, "stated", "actions", "by_action", "distribution", "no_such"):
            yield f"{field} {number[:20]}", json.dumps({**table, field: value}).encode()
        for field in (*table["columns"][column], "train", "test", "exact_cameras", "unit", "id"):
            columns = {**table["columns"], column: {**table["columns"][column], field: value}}
            yield f"column {field} {number[:20]}", json.dumps({**table, "columns": columns}).encode()
        for field in (*table["rows"][row], "model", "train", "test", "start", "cells", "x", "recipe", "cited", "id"):
            rows = {**table["rows"], row: {**table["rows"][row], field: value}}
            yield f"row {field} {number[:20]}", json.dumps({**table, "rows": rows}).encode()
        for part in ("train", "test"):
            for field in ("dataset", "keypoints", "source", "annotated"):
                rows = {**table["rows"], row: {**table["rows"][row], part: {field: value}}}
                yield f"{part} {field} {number[:20]}", json.dumps({**table, "rows": rows}).encode()
        yield f"all {number[:20]}", number.encode()
    yield from wrapped(whole)
    yield "nested", b"[" * 10_000
    yield (
        "alias bomb",
        b"columns: &a0 [1, 1]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
    )
    yield (
        "merge bomb",
        b"a0: &a0 {x: 1}\n" + b"".join(b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
    )
    yield "tag", b"columns: !!python/object/apply:os.system [ls]"


def cases(folder: Path, canary: Path) -> Iterator[Case]:
    """Yield the hostile files of models."""
    torch.manual_seed(0)
    model = build("martinez", {"width": 8})
    for name, data in of_safetensors(save(model, folder / "whole.safetensors").read_bytes()):
        yield Case(f"safetensors {name}", "m.safetensors", data, posezoo.load)
    for name, data in of_checkpoints(model.state_dict()):
        yield Case(f"ckpt {name}", "m.ckpt", data, posezoo.load)
    for number, (target, arguments) in enumerate(gadgets(canary)):
        data = pickled(target, arguments, HOW[number % len(HOW)])
        if target[0] != "torch._utils":  # of which some are admitted, and harmless
            yield Case(f"ckpt {'.'.join(target)}", "g.ckpt", checkpoint(data), posezoo.load, refused=True)
            yield Case(f"former ckpt {'.'.join(target)}", "f.ckpt", data, posezoo.load, refused=True)
    for name, data in of_indices((CHECKPOINTS / "index.json").read_bytes()):
        yield Case(f"index {name}", "home/index.json", data, read_index)
    for name, data, refused in of_recipes(canary):
        yield Case(f"recipe {name}", "r.yaml", data, read_recipe, refused)
    table = min(TABLES.glob("*_table*.yaml"))
    for name, data in of_tables(table.read_bytes()):
        yield Case(
            f"table {name}",
            f"tables/{table.name}",
            data,
            lambda path: read_table(path.stem.replace("_", "/", 1), path.parent),
        )
