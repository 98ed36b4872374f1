"""Write into tested.json and into README which versions have just passed: ``python .ci/tested.py newest|oldest``."""

from __future__ import annotations

import json
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / ".ci" / "tested.json"
PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "numpy")
BLOCK = re.compile(r"(?<=<!-- tested -->\n).*?(?=<!-- end -->)", flags=re.DOTALL)


def sentence(tested: dict[str, dict[str, str]]) -> str:
    """Return README's sentence on the versions in ``tested.json``, with its line break."""
    sets = [", ".join(f"{name} {number}" for name, number in versions.items()) for versions in tested.values()]
    if not sets:
        return "No versions are recorded yet: `.ci/run` and `.ci/oldest` write here what they passed with.\n"
    return f"Tested with {'; and with '.join(sets)}.\n"


def main(age: str) -> None:
    """Record the versions of the running environment as the ``oldest`` or the ``newest`` that passed."""
    tested = json.loads(FILE.read_text(encoding="utf-8"))
    tested[age] = {"Python": platform.python_version(), **{name: version(name).split("+")[0] for name in PACKAGES}}
    FILE.write_text(json.dumps(tested, indent=1) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    text = BLOCK.sub(lambda _: sentence(tested), readme.read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
