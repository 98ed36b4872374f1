"""Check that the site builds without a warning and agrees with code, parser and results."""

from __future__ import annotations

import csv
import html
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import posezoo
from posezoo import list_models
from posezoo.cli import parser
from posezoo.registry import PAPERS
from tests.public_surface import MODULES, commands, public
from tests.viz.chromium import chromium

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "builder" / "build.py", "--out", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    return folder / "site"


def text_of(page: Path) -> str:
    """Return what a reader sees of a page, in one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())


def test_the_command_page_has_every_command_and_option(site):
    page = text_of(site / "commands.html")
    for command, arguments in commands(parser()):
        if command != "posezoo fit":  # an alias
            assert command in page
        for argument in arguments:
            assert argument in page, (command, argument)
    assert "130" in page


def test_every_public_name_has_a_place_in_the_reference(site):
    anchors = {
        anchor for page in (site / "reference").glob("*.html") for anchor in re.findall(r'id="([\w.]+)"', page.read_text())
    }
    for module in MODULES:
        for name in public(module):
            if name not in ("__version__", "data", "functional", "geometry", "metrics", "skeletons", "video", "viz"):
                # A function that is called as its module has the module's place.
                assert {f"{module}.{name}", f"{module}.{name}.{name}"} & anchors, f"{module}.{name}"


def test_figures_are_those_of_the_results(site):
    with (ROOT / "benchmarks" / "results" / "cells.csv").open(encoding="utf-8") as file:
        cells = [line for line in csv.DictReader(file) if (line["table"], line["row"]) == ("svma/table4", "ours")]
    values = [float(line["value"]) for line in cells if line["column"] == "p_mpjpe"]
    assert f"with both {sum(values) / len(values):.1f} mm" in text_of(site / "papers" / "svma.html")
    card = json.loads((ROOT / "checkpoints" / "index.json").read_text())["models"]["martinez.cmu"]
    error = card["metrics"]["openmocap test, GT 2D"]["p_mpjpe"]
    assert f"On OpenMocap it scores {error:.1f} mm" in text_of(site / "papers" / "martinez.html")


def test_every_report_is_a_page_with_its_picture(site):
    reports = list((ROOT / "benchmarks" / "results").glob("*/*/*/report.md"))
    assert len(reports) > 10
    for report in reports:
        name = "_".join(report.parent.relative_to(ROOT / "benchmarks" / "results").parts)
        page = (site / "results" / f"{name}.html").read_text(encoding="utf-8")
        if report.with_name("report.svg").is_file():
            assert f'src="{name}.svg"' in page
            assert (site / "results" / f"{name}.svg").is_file()


def test_nothing_is_fetched_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//[^"]+"', text), page
        assert not re.findall(r'<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="(?:https?:)?//', text), page


def test_docstrings_are_markdown(site):
    for page in (site / "reference").glob("*.html"):
        # What follows is the source as it is, which keeps its roles.
        shown = re.sub(r"<details class=\"mkdocstrings-source\">.*?</details>", "", page.read_text(), flags=re.DOTALL)
        assert not re.findall(r":(?:func|class|meth|data|mod):", shown), page


def test_the_front_page_moves_and_has_a_row_a_model(site):
    page, models = (site / "index.html").read_text(encoding="utf-8"), list_models()
    assert 'src="figures/walk.svg"' in page
    assert (site / "figures" / "walk.svg").read_text(encoding="utf-8").count("<animate ") > 4 * 2 * 10
    shown = re.findall(r"<tr>\s*<td><a [^>]*><code>([\w.]+)</code></a></td>\s*<td>([^<]*)</td>", page)
    assert sorted(name for name, _ in shown) == sorted(models)
    one_view, others = (
        {name: PAPERS[name.split(".")[0]].kind for name in re.findall(r"<td><a [^>]*><code>([\w.]+)</code></a></td>", each)}
        for each in re.findall(r"<table>.*?</table>", page, flags=re.DOTALL)[-2:]
    )
    assert set(one_view.values()) == {"lifter"}
    assert set(others.values()) == {"views", "pictures"}  # which see more: they are not ranked among the former
    errors = [float(error) for name, error in shown if error != "–" and name in one_view]
    assert len(errors) > 3
    assert errors == sorted(errors)  # on real video, the best first
    row = re.search(r"<tr>(?:(?!</tr>).)*<code>cvugcn\.mocap</code>.*?</tr>", page, flags=re.DOTALL)
    assert row is not None
    assert "two calibrated views" in row[0]


def test_notebooks_and_pages_are_shown_inline(site):
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        text = (site / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        drawn = [
            out for cell in cells for out in cell.get("outputs", []) if any("image/" in kind for kind in out.get("data", {}))
        ]
        pictures = re.findall(rf'src="({notebook.stem}_\d+\.(?:png|svg))"', text)
        assert len(pictures) == len(drawn)
        assert all((site / "notebooks" / picture).stat().st_size > 1000 for picture in pictures)
    assert 'src="figures/walk.html"' in (site / "tutorial.html").read_text(encoding="utf-8")
    assert "Plotly" in (site / "figures" / "walk.html").read_text(encoding="utf-8")


def test_functions_of_the_reference_say_what_they_do(site):
    text = text_of(site / "reference" / "posezoo.html")
    for name in ("load", "list_models", "info", "register_model", "export"):
        sentence = inspect.getdoc(getattr(posezoo, name)).partition(". ")[0].partition("\n")[0].rstrip(".")
        assert sentence.partition(" :func:")[0].replace("``", "") in text, name


_BEYOND = """
const width = document.documentElement.clientWidth, found = [];
for (const element of document.querySelectorAll('.md-content *')) {
  if (element.getBoundingClientRect().right <= width + 1) continue;
  let box = element.parentElement;
  while (box && !/auto|scroll/.test(getComputedStyle(box).overflowX)) box = box.parentElement;
  if (!box || box.contains(document.querySelector('.md-content'))) found.push(element.outerHTML.slice(0, 100));
}
return [document.documentElement.scrollWidth > width, found];
"""


@pytest.mark.parametrize("width", [1280, 390])
def test_wide_tables_and_code_scroll_in_their_boxes(site, width):
    with chromium(width, 900) as browser:
        for name in ("index", "models", "tutorial", "commands", "results", "reference/posezoo"):
            browser.get((site / f"{name}.html").as_uri())
            assert browser.execute_script(_BEYOND) == [False, []], name
