"""Test the project: public names, the cost of importing, and the statements of README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import posezoo

ROOT = Path(__file__).resolve().parents[1]


def test_public_names():
    assert {"load", "list_models", "info", "metrics", "geometry", "skeletons", "data"} <= set(posezoo.__all__)
    names = {
        "metrics": "MPJPE PMPJPE NMPJPE MPJVE PCK3D AUC3D PCKh SymmetryError functional",
        "metrics.functional": "mpjpe p_mpjpe n_mpjpe mpjve pck_3d auc_3d pckh symmetry_error",
        "geometry": "Camera project unproject procrustes_align",
        "skeletons": "get_skeleton convert",
        "data": "read_keypoints read_bvh load_dataset",
    }
    for module, members in names.items():
        place = posezoo
        for part in module.split("."):
            place = getattr(place, part)
        for member in members.split():
            assert callable(getattr(place, member)) or member == "functional", f"posezoo.{module}.{member}"
    with pytest.raises(AttributeError):
        _ = posezoo.nothing


def test_listing_models_imports_nothing_heavy():
    code = "import sys; from posezoo.cli import main; main(['list']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.splitlines()[-1].split())
    assert "posezoo.cli" in imported
    heavy = {"torch", "pytorch_lightning", "torchmetrics", "matplotlib", "plotly", "wandb", "scipy"}
    assert not heavy & imported


def test_a_folder_of_our_name_hides_nothing(tmp_path):
    (tmp_path / "posezoo").mkdir()  # as a clone is, seen from beside it
    done = subprocess.run(
        [sys.executable, "-c", "import posezoo; posezoo.load"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_readme_gives_two_commands_and_true_figures():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    start = text[text.index("## Start") : text.index("## Use")]
    assert len(re.findall(r"^```\n(.+)\n```$", start, flags=re.MULTILINE)) == 2
    rows = {line.split("`")[1]: line.split("|") for line in text.splitlines() if re.match(r"\| `\w+\.\w+` \|", line)}
    cards = {name: posezoo.info(name) for name in posezoo.list_models()}
    lifters = {name: card["metrics"] for name, card in cards.items() if "openmocap test, GT 2D" in card["metrics"]}
    assert len(lifters) > 5
    assert set(rows) == set(lifters)
    for name, scores in lifters.items():
        for title, score in scores.items():
            assert f" {score['p_mpjpe']:.1f} " in rows[name] or title.startswith("procedural"), (name, title)
    real_video = [float(row[2]) for row in rows.values()]
    assert real_video == sorted(real_video)  # the best first
    views, pictures = cards["cvugcn.mocap"], cards["hg3d.photo"]
    real = next(title for title in views["metrics"] if title.startswith("real video"))
    triangulated, refined = views["baselines"][real]["triangulated"]["mpjpe"], views["metrics"][real]["mpjpe"]
    assert f"`cvugcn.mocap` {triangulated:.1f} -> {refined:.1f} on real video" in text
    (found,) = (scores["pck_torso"] for scores in pictures["metrics"].values() if "pck_torso" in scores)
    assert f"{found:.1f} % of the joints" in text


def test_readme_and_the_summary_link_what_is_there():
    readme, results = (ROOT / "README.md").read_text(encoding="utf-8"), ROOT / "benchmarks" / "results"
    for source, text in ((ROOT, readme), (results, (results / "summary.md").read_text(encoding="utf-8"))):
        links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
        assert len(links) > 10
        for link in links:
            path, _, anchor = link.partition("#")
            assert (source / path).exists() or (ROOT / path).exists(), link
            if anchor:
                headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)
                assert anchor in {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}, link


def test_nothing_in_the_package_speaks_of_a_machine():
    for path in [
        *ROOT.glob("benchmarks/**/*.py"),
        *ROOT.glob("benchmarks/**/*.yaml"),
        *ROOT.glob("benchmarks/**/*.md"),
        *ROOT.glob("benchmarks/results/[!.]*.*"),  # not the runs of whoever measures
        *ROOT.glob("posezoo/**/*.py"),
        *ROOT.glob("posezoo/**/*.yaml"),
        *ROOT.glob("*.md"),
        *ROOT.glob("checkpoints/*.md"),
        *ROOT.glob("notebooks/*"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("docs/**/*.py"),
        ROOT / "CITATION.cff",
        ROOT / "mkdocs.yml",
    ]:
        assert not re.search(r"(/work/|/root/|\.\./shared)", path.read_text(encoding="utf-8")), path


def test_no_test_module_imports_another():
    for path in (ROOT / "tests").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) tests\.(\w+\.)*test_", path.read_text(encoding="utf-8"), re.MULTILINE), path
