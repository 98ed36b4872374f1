"""Test the code of the pages: run ``python`` and ``console`` blocks page by page, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from posezoo.cli import main
from posezoo.registry import PAPERS, unregister_model

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if BLOCK.search(page.read_text(encoding="utf-8"))]


def run_page(page: Path) -> tuple[dict[str, object], int]:
    """Run the code of a page; return the names that it defines, and the number of commands."""
    names: dict[str, object] = {}
    commands = 0
    for language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(code, f"{page.name}: {code.splitlines()[0]}", "exec"), names)
            continue
        for line in code.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            assert program == "posezoo"
            assert main(arguments) == 0, line
            commands += 1
    return names, commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        names, commands = run_page(page)
    finally:
        if page.stem == "add-a-paper" and "mine" in PAPERS.registered:
            unregister_model("mine")
    assert names
    if page.stem == "add-a-paper":
        assert names["lifted"].pose_3d.shape == (5, 17, 3)
    if page.stem == "tutorial":
        assert commands == 5
        assert float(names["error"]) < 110  # flat depth is at about that
        assert Path("people.png").stat().st_size > 10_000
        assert Path("walk.html").is_file()
        assert names["points"].shape == (20, 17, 3)
        from posezoo.metrics.functional import mpjpe

        truth = names["clips"][0][1].pose_3d
        seen = names["cameras"][0].world_to_camera(names["points"])
        # Two views off by 10 px triangulate to a pose some centimetres off, not to another place.
        assert 10 < float(mpjpe(seen, truth)) < 300


def test_the_pages_that_run_are_found():
    assert {"index", "tutorial", "metrics", "formats", "add-a-paper"} <= {page.stem for page in PAGES}
