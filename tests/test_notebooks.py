"""Test the notebooks: each runs offline in a folder of its own, its statements hold, and the sixth adds a paper.

``python -m tests.test_notebooks [NAME ...]`` runs them again and stores their output.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
KERNEL = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Python 3"}


def run(name: str, folder: Path, asked: str = "answer = {}") -> tuple[Any, dict[str, Any]]:
    """Execute a notebook in this interpreter, on this tree; files, those of Jupyter too, go into ``folder``.

    Args:
        asked: a last cell, which sets ``answer`` to a dictionary of plain types.

    Returns:
        the notebook with its outputs, and that dictionary.
    """
    (folder / "kernels" / "here").mkdir(parents=True)
    (folder / "kernels" / "here" / "kernel.json").write_text(json.dumps(KERNEL))
    mine = dict.fromkeys(("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "TMPDIR"), str(folder))
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(f"{asked}\nimport json\nprint('\\n' + json.dumps(answer))"))
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in {**mine, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}.items():
            patch.setenv(variable, value)
        patch.delenv("MPLBACKEND", raising=False)
        NotebookClient(
            notebook,
            timeout=900,
            kernel_name="here",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
        ).execute()
    return notebook, json.loads(printed(notebook.cells.pop()).splitlines()[-1])


def printed(cell: Any) -> str:
    """Return what a cell wrote to its standard output."""
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


def shown(notebook: Any) -> list[str]:
    """Return what each cell prints, its numbers left open, and how wide they are."""
    texts = [printed(cell) for cell in notebook.cells if cell.cell_type == "code"]
    return [re.sub(r"\s+", " ", re.sub(r"[-+]?\d+(\.\d+)?", "#", text)) for text in texts]


@pytest.fixture
def execute(tmp_path):
    """Run a notebook; what it prints is what the committed one shows, up to the numbers."""

    def call(name: str, asked: str) -> dict[str, Any]:
        notebook, answer = run(name, tmp_path, asked)
        assert shown(notebook) == shown(nbformat.read(NOTEBOOKS[name], as_version=4))
        return answer

    return call


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_committed_with_small_outputs_of_one_clean_run(name):
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    nbformat.validate(notebook)
    assert NOTEBOOKS[name].stat().st_size < 200_000
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    for target in re.findall(r"\]\(([^)#]+)", "".join(c.source for c in notebook.cells if c.cell_type == "markdown")):
        assert target.startswith("http") or (ROOT / "notebooks" / target).exists(), target


@pytest.mark.slow
def test_keypoints_of_ones_own_are_lifted_and_the_command_does_the_same(execute):
    found = execute(
        "1_lift_your_keypoints",
        """
from posezoo.cli import main
from posezoo.data import Prediction
answer = {
    "shape": out.pose_3d.shape,
    "unit": out.unit,
    "lifted": lifted,
    "flat": flat,
    "saved": bool((Prediction.load("pose.npz").pose_3d == out.pose_3d).all()),
    "checked": main("data check people.npz --json".split()),
    "command": main("predict svma people.npz -o again.npz --picture again.png --html again.html".split()),
    "difference": float(abs(Prediction.load("again.npz").pose_3d - out.pose_3d).max()),
    "page": open("people.html", encoding="utf-8").read(30),
}""",
    )
    assert (found["shape"], found["unit"], found["saved"]) == ([90, 17, 3], "relative", True)
    assert (found["checked"], found["command"]) == (0, 0)
    assert found["difference"] < 1e-5
    assert found["lifted"] < 0.7 * found["flat"]
    assert found["page"].startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_papers_are_compared_on_one_clip(execute):
    found = execute(
        "2_compare_papers",
        """
from posezoo.lifting import evaluate
answer = {
    "means": {name: float(error.mean()) for name, error in errors.items()},
    "svma": posezoo.load("svma").evaluate(data[rows[:, 0]])["p_mpjpe"],
    "flat": evaluate(None, data[rows[:, 0]])["p_mpjpe"],
    "frames": [len(error) for error in errors.values()],
}""",
    )
    means = found["means"]
    assert means["svma"] == pytest.approx(found["svma"], rel=1e-4)
    assert means["flat depth"] == pytest.approx(found["flat"], rel=1e-4)
    assert max(means, key=means.__getitem__) == "flat depth"
    assert min(means, key=means.__getitem__) == "cvugcn"  # it sees two views
    assert set(found["frames"]) == {90}


@pytest.mark.slow
def test_fine_tuning_on_2d_helps_people_whom_it_has_not_seen(execute):
    found = execute(
        "3_finetune_on_your_2d",
        """
answer = {
    "file": sorted(np.load("mine.npz").files),
    "validation": validation,
    "scores": [[scores[title][name] for title in scores] for name in ("symmetry_error", "p_mpjpe")],
}""",
    )
    assert found["file"] == ["frame", "keypoints", "skeleton", "video"]  # 2D alone
    validation = found["validation"]
    assert validation["improved"]
    assert validation["score"] < 0.96
    for before, after in found["scores"]:
        assert after < before


@pytest.mark.slow
def test_two_cameras_give_metric_poses_and_refining_them_helps(execute):
    found = execute(
        "4_two_cameras",
        """
from posezoo.cli import main
answer = {
    "world": out.world_mm.shape,
    "errors": {name: float(error.mean()) for name, error in errors.items()},
    "triangulated": float(mpjpe(world_mm, truth)),
    "same": float(mpjpe(world_mm, torch.from_numpy(out.triangulated_mm))),
    "command": main("predict cvugcn left.npz right.npz --cameras rig.json --camera-unit mm -o world.npz".split()),
    "difference": float(abs(posezoo.data.Prediction.load("world.npz").pose_3d - out.world_mm).max()),
}""",
    )
    assert found["world"][1:] == [17, 3]
    assert found["errors"]["refined"] < 0.8 * found["errors"]["triangulated"]
    assert found["triangulated"] == pytest.approx(found["errors"]["triangulated"], rel=0.01)
    assert found["command"] == 0
    assert found["difference"] < 0.1  # mm


@pytest.mark.slow
def test_a_table_is_reproduced(execute):
    found = execute(
        "5_reproduce_a_table",
        """
import json
folder = Path("results/svma/table4/procedural-smoke")
rows = {row: json.loads((folder / f"{row}-0.json").read_text()) for row in ("ours", "flat")}
answer = {
    "written": sorted(path.name for path in folder.iterdir()),
    "values": {row: result["cells"]["p_mpjpe"]["value"] for row, result in rows.items()},
    "steps": rows["ours"]["cells"]["p_mpjpe"]["config"]["steps"],
}""",
    )
    assert found["written"] == ["flat-0.json", "ours-0.json", "report.html", "report.md", "report.svg"]
    assert found["steps"] == 20
    from posezoo.data import load_dataset
    from posezoo.lifting import evaluate

    flat = evaluate(None, load_dataset("procedural", split="test"))["p_mpjpe"]
    assert found["values"]["flat"] == pytest.approx(flat, abs=0.01)
    assert 0 < found["values"]["ours"] < 500


NEW_FILES = {
    "posezoo/papers/toy/__init__.py", "posezoo/papers/toy/losses.py", "posezoo/papers/toy/module.py",
    "posezoo/papers/toy/paper.yaml", "posezoo/recipes/toy.small.yaml", "benchmarks/recipes/toy.yaml",
    "benchmarks/tables/toy_table1.yaml", "tests/papers/test_toy.py",
}  # fmt: skip


@pytest.mark.slow
def test_a_model_is_a_class_and_a_paper_is_added_by_its_own_files(execute):
    found = execute(
        "6_add_your_paper",
        """
import json
sys.path.insert(0, "benchmarks")
from reproduction.plan import plan
from reproduction.runs import Bench
from reproduction.tables import list_tables, read_table
from posezoo.cli import main
from posezoo.files.reading import sha256
from posezoo.registry import describe
from posezoo.training import list_recipes

published = json.loads((checkout / "checkpoints" / "index.json").read_text())["models"]["svma.cmu"]
mine = {"paper": "toy", "file": weights.name, "size": weights.stat().st_size, "sha256": sha256(weights)}
entry = {**published, **mine, "settings": describe(weights)["settings"], "metrics": {}, "baselines": {}}
(weights.parent / "index.json").write_text(json.dumps({"format": 1, "models": {"toy.small": entry}}))
os.environ["POSEZOO_HOME"] = str(weights.parent)
keypoints, bench = people.keypoints_2d[:50], Bench("procedural", Path(), "smoke", Path("results"))
answer = {
    "tree": str(tree),
    "imported": posezoo.__file__,
    "lifted": scores["p_mpjpe"],
    "flat": flat["p_mpjpe"],
    "mine": posezoo.load("runs/mine/mine.safetensors").evaluate(people)["p_mpjpe"],
    "listed": posezoo.list_models("toy*"),
    "title": posezoo.info("toy")["paper"]["title"],
    "named": posezoo.load("toy").evaluate(people)["p_mpjpe"],
    "checkpoint": float(abs(posezoo.load("runs/toy.small/checkpoints/last.ckpt").predict(keypoints).pose_3d
                           - model.predict(keypoints).pose_3d).max()),
    "commands": [main(["list", "toy*"]), main(["eval", "toy"])],
    "recipes": [name for name in list_recipes() if name.startswith("toy")],
    "tables": [name for name in list_tables() if name.startswith("toy")],
    "rows": [row.row.id for row in plan(read_table("toy/table1"), bench, range(1))],
}""",
    )
    tree = Path(found["tree"])
    assert Path(found["imported"]) == tree / "posezoo" / "__init__.py"
    assert touched(tree) == (NEW_FILES, set())
    assert found["mine"] < found["flat"]

    assert found["lifted"] < 0.9 * found["flat"]
    assert found["named"] == pytest.approx(found["lifted"])
    assert found["checkpoint"] < 1e-6
    assert (found["listed"], found["title"], found["commands"]) == (["toy.small"], "A toy", [0, 0])
    assert (found["recipes"], found["tables"]) == (["toy.small"], ["toy/table1"])
    assert found["rows"] == ["without_symmetry", "ours", "flat"]


def touched(tree: Path) -> tuple[set[str], set[str]]:
    """Return the files of a tree that the checkout lacks or has otherwise, without those that running leaves."""
    files = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    kept = {name for name in files if not re.search(r"__pycache__|^runs/|_cache/|^mine.pt$", name)}
    new = {name for name in kept if not (ROOT / name).exists()}
    return new, {name for name in kept - new if not filecmp.cmp(ROOT / name, tree / name, shallow=False)}


def store(name: str) -> None:
    """Run a notebook and keep what it shows; what libraries log, and numbers of cells, stay out of it."""
    with tempfile.TemporaryDirectory() as folder:
        notebook, _ = run(name, Path(folder))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, NOTEBOOKS[name])


if __name__ == "__main__":
    os.chdir(ROOT)
    for chosen in sys.argv[1:] or NOTEBOOKS:
        store(chosen)
