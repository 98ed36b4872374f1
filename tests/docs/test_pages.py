"""Test the pages: figures are measured, commands and files exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from reproduction.tables import list_tables

from posezoo.cli import parser
from posezoo.registry import PAPERS
from posezoo.training import list_recipes

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_figure_is_typed(page):
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    prose = re.sub(r"\{\{.*?\}\}|`[^`\n]*`", "", prose, flags=re.DOTALL)
    assert not re.findall(r"\d+\.\d+\s*(?:mm|%|px)", prose)


def commands_of(language: str) -> list[tuple[str, str]]:
    """Return lines of shell in the pages, CONTRIBUTING.md among them."""
    found = []
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == language:
                lines = code.replace("\\\n", " ").splitlines()
                found += [(page.name, line.removeprefix("$ ").partition("#")[0].strip()) for line in lines if line.strip()]
    return found


@pytest.mark.parametrize(("page", "line"), commands_of("sh"))
def test_commands_of_the_pages_exist(page, line):
    words = shlex.split(line)
    if words[0] == "posezoo":
        options, rest = parser().parse_known_args(words[1:])
        if options.command == "train":
            assert options.recipe in list_recipes()
        else:
            assert not rest
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file()
        if words[1].endswith("reproduce.py"):
            assert words[2] in list_tables()
    else:
        assert Path(words[0]).name in {"pip", "python3", "pre-commit", "pytest"}


def test_the_citation_is_whole():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    from posezoo.version import __version__

    # What version 1.2.0 of the Citation File Format requires, and the form of what is there.
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in {"software", "dataset"}
    assert citation["version"] == __version__
    assert citation["license"] == "Apache-2.0"
    known = {
        "cff-version",
        "message",
        "type",
        "title",
        "abstract",
        "authors",
        "version",
        "license",
        "keywords",
        "references",
    }
    assert set(citation) <= known
    assert all(set(author) & {"name", "family-names"} for author in citation["authors"])
    cited = {(reference["title"], reference["year"]) for reference in citation["references"]}
    assert cited == {(paper.title, paper.year) for paper in PAPERS.values()}
    families = {paper.title: paper.authors.split(", ") for paper in PAPERS.values()}
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        people = [(author["given-names"], author["family-names"]) for author in reference["authors"]]
        assert len(set(people)) == len(people)  # the format's schema wants them unique
        assert [family for _, family in people] == families[reference["title"]]
        assert reference["type"] in {"article", "conference-paper"}
