"""Show the notebooks as pages of the site, with what they print and draw."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
_LOCAL_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)[^)]*\)")
_PICTURES = {"image/png": ".png", "image/svg+xml": ".svg"}


def titles() -> dict[str, str]:
    """Return the title of each notebook, by the path of its page below the site's root."""
    found = {}
    for path in sorted(FOLDER.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[f"notebooks/{path.stem}.md"] = "".join(cells[0]["source"]).partition("\n")[0].removeprefix("# ")
    return found


def write_notebooks(folder: Path) -> None:
    """Write a page for each notebook, and its pictures beside it.

    Args:
        folder: of the site's pages; ``notebooks`` is made in it.
    """
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    for page in titles():
        target = folder / page
        notebook = json.loads((FOLDER / f"{target.stem}.ipynb").read_text(encoding="utf-8"))
        parts = [part for cell in notebook["cells"] for part in _cell(cell, target)]
        target.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _cell(cell: dict[str, Any], target: Path) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [_LOCAL_LINK.sub(r"\1", source)]  # links lead to files of the repository, which the site does not have
    return [_block("python", source), *(_output(output, target) for output in cell["outputs"])]


def _block(language: str, text: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def _output(output: dict[str, Any], target: Path) -> str:
    """Return an output in the richest form that a page can show."""
    data = {kind: "".join(value) for kind, value in output.get("data", {}).items()}
    for kind, ending in _PICTURES.items():
        if kind in data:
            count = len(list(target.parent.glob(f"{target.stem}_*")))
            picture = target.with_name(f"{target.stem}_{count}{ending}")
            picture.write_bytes(base64.b64decode(data[kind]) if ending == ".png" else data[kind].encode())
            return f"![What the code above draws]({picture.name})"
    if "text/markdown" in data:
        return _LOCAL_LINK.sub(r"\1", data["text/markdown"])
    text = "".join(output.get("text", "")) or data.get("text/plain", "")
    return _block("text", text) if text.strip() else ""
