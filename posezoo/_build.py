"""Build PoseZoo with setuptools: the index, the cards and the weights that fit become data of the package.

``setup.cfg`` names :class:`BuildPy`, because ``package_data`` does not reach ``checkpoints``, which lies beside the package.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from setuptools.command.build_py import build_py

SOURCE = Path("checkpoints")
MOST_BYTES = 24_000_000
"""Of all files together: a wheel of at most 25 MB. Weights that do not fit are fetched by ``posezoo.load``."""


def shipped(folder: Path = SOURCE) -> list[Path]:
    """Return the files of ``folder`` that a wheel holds: all but weights, then weights from the smallest on while they fit.

    The weights that the index names as ``default`` come first.
    """
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    first = index.get("default")
    entries = sorted(index["models"].items(), key=lambda item: (item[0] != first, item[1]["size"]))
    weights = {entry["file"] for _, entry in entries}
    chosen = sorted(path for path in folder.iterdir() if path.suffix in {".json", ".md"} and path.name not in weights)
    room = MOST_BYTES - sum(path.stat().st_size for path in chosen)
    for _, entry in entries:
        room -= entry["size"]
        if room < 0:
            break
        chosen.append(folder / entry["file"])
    return chosen


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
