"""Check that the notebook which adds a paper passes the linters, and that the import contracts hold for a new paper."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Return a copy of the checkout with the files that the notebook writes."""
    tree = tmp_path_factory.mktemp("tree")
    for part in ("posezoo", "benchmarks", "tests"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__", "results"))
    for part in ("setup.cfg", "pyproject.toml", ".ruff.toml"):
        shutil.copy(ROOT / part, tree)
    return tree


@pytest.fixture(scope="module")
def written(tree):
    """Return the paths of those files."""
    paths = []
    notebook = json.loads((ROOT / "notebooks" / "6_add_your_paper.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        magic, _, content = "".join(cell["source"]).partition("\n")
        if magic.startswith("%%writefile "):
            paths.append(tree / magic.split()[1])
            paths[-1].parent.mkdir(exist_ok=True)
            paths[-1].write_text(content + "\n", encoding="utf-8")
    return paths


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=["check", "format"])
def test_the_files_of_the_notebook_pass_ruff(check, tree, written):
    files = [path for path in written if path.suffix == ".py"]
    assert {path.name for path in files} == {"losses.py", "module.py", "__init__.py", "test_toy.py"}
    done = subprocess.run([sys.executable, "-m", "ruff", *check, *files], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_new_paper_may_not_import_another(tree, written):
    (losses,) = (path for path in written if path.name == "losses.py")
    done = subprocess.run(LINT_IMPORTS, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    with losses.open("a", encoding="utf-8") as file:
        file.write("\nimport posezoo.papers.svma.losses\n")
    done = subprocess.run(LINT_IMPORTS, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Imports point one way KEPT" in done.stdout
    assert "Papers never import each other BROKEN" in done.stdout
