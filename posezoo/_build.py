"""Build PoseZoo with setuptools: the index, the cards and the weights that fit become data of the package.

``setup.cfg`` names :class:`BuildPy`, because ``package_data`` does not reach ``checkpoints``, which lies beside the package.
"""

from __future__ import annotations

import json
import re
import shutil
import zlib
from pathlib import Path

from setuptools.command.build_py import build_py

SOURCE = Path("checkpoints")
PAPERS = Path("posezoo/papers")
MOST_BYTES = 23_500_000
"""Of all files together, compressed as in a wheel of at most 25 MB. Other weights are fetched by ``posezoo.load``."""


def shipped(folder: Path = SOURCE, papers: Path = PAPERS) -> list[Path]:
    """Return the files of ``folder`` that a wheel holds: all but weights, then weights while they fit.

    First come the weights that the index names as ``default`` and, for every other kind of input, the smallest of those
    that the bare names of papers stand for; then the others, those of bare names first, then the smallest.
    """
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    first, bare = index.get("default"), _bare_names(papers)
    entries = sorted(index["models"].items(), key=lambda item: (item[0] != first, item[0] not in bare, item[1]["size"]))
    inputs = [entry["input"] for _, entry in entries]
    entries = [entries[at] for at in sorted(range(len(entries)), key=lambda at: inputs[at] in inputs[:at])]
    weights = {entry["file"] for _, entry in entries}
    chosen = sorted(path for path in folder.iterdir() if path.suffix in {".json", ".md"} and path.name not in weights)
    room = MOST_BYTES - sum(map(_compressed_size, chosen))
    for _, entry in entries:
        size = _compressed_size(folder / entry["file"], room)
        if size <= room:
            room -= size
            chosen.append(folder / entry["file"])
    return chosen


def _bare_names(papers: Path) -> set[str]:
    """Return the models ``paper.tag`` that the bare names of papers stand for. The build has no parser of YAML."""
    found = set()
    for path in papers.glob("*/paper.yaml"):
        tag = re.search(r"^default: *(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {f"{path.parent.name}.{tag[1]}"} if tag else set()
    return found


def _compressed_size(path: Path, most: int | None = None) -> int:
    """Return how many bytes a file has when it is compressed.

    Compressing stops beyond ``most`` bytes, of which any larger number is returned: a wheel holds a fraction of the weights.
    """
    packer, size = zlib.compressobj(), 0
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            size += len(packer.compress(block))
            if most is not None and size > most:
                return size
    return size + len(packer.flush())


class BuildPy(build_py):
    """``build_py`` that also copies :func:`shipped` files to ``posezoo/checkpoints``."""

    def run(self) -> None:
        """Build the modules, then copy; an editable installation finds the folder in the checkout."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "posezoo" / "checkpoints"
            target.mkdir(parents=True, exist_ok=True)
            for path in shipped():
                shutil.copy2(path, target)

    def get_source_files(self) -> list[str]:
        """Return what a source distribution holds."""
        return [*super().get_source_files(), *(str(path) for path in sorted(SOURCE.iterdir()))]
