"""What pages are made of: figures that are measured, commands that exist, files that are there."""

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


@pytest.fixture
def hooks(monkeypatch):
    """The modules in ``docs/hooks`` as MkDocs imports them."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("griffe")
    monkeypatch.syspath_prepend(ROOT / "docs" / "hooks")
    import docstrings
    import pages

    return pages, docstrings


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_figure_is_typed(page):
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    prose = re.sub(r"\{\{.*?\}\}|`[^`\n]*`", "", prose, flags=re.DOTALL)
    assert not re.findall(r"\d+\.\d+\s*(?:mm|%|px)", prose)


def test_every_paper_has_a_page_a_figure_and_a_place_in_the_navigation(hooks):
    pages, _ = hooks
    section = pages.on_config({"nav": [{"Start": "index.md"}, {"Papers": ["papers/index.md"]}]})["nav"][1]["Papers"]
    assert section == ["papers/index.md", *({paper: f"papers/{paper}.md"} for paper in PAPERS)]
    for paper in PAPERS:
        page = (ROOT / "docs" / "papers" / f"{paper}.md").read_text(encoding="utf-8")
        assert f"::: posezoo.papers.{paper}.losses" in pages.fill("<!-- written: modules -->")
        assert f"<!-- written: equations {paper} -->" in page
        assert f"../figures/{paper}.svg" in page
        if any(table.split("/")[0] == paper for table in list_tables()):
            assert f"<!-- written: switches {paper} -->" in page
            assert f"<!-- written: found {paper} -->" in page


def commands_of(language: str) -> list[tuple[str, str]]:
    """Lines of shell in the pages, CONTRIBUTING.md among them."""
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
        assert Path(words[0]).name in {"pip", "python3", "pre-commit", "pytest", "mkdocs"}


def test_what_is_not_there_ends_the_build(hooks):
    pages, _ = hooks
    from mkdocs.exceptions import PluginError

    for text in (
        "<!-- written: nothing -->",
        "{{ nothing at all }}",
        "{{ measured svma/table4 | nobody | p_mpjpe }}",
        "{{ score svma.cmu | openmocap test, GT 2D | nothing }}",
        "<!-- written: source posezoo/none.py -->",
    ):
        with pytest.raises(PluginError, match=r"nothing|nobody|none\.py"):
            pages.fill(text)


def test_terms_and_switches_are_read_from_code_and_tables(hooks):
    pages, _ = hooks
    terms = pages.fill("<!-- written: equations svma -->")
    assert "| Deng et al. 2021, Eq. 8 | [`camera_equality`][posezoo.papers.svma.losses.camera_equality] |" in terms
    assert "_distance_per_joint" not in terms
    switches = pages.fill("<!-- written: switches svma -->")
    assert "| `svma/table4` | without Dis | `svma` | `discriminator=False` |" in switches
    assert "Flat depth" not in switches


def test_roles_and_tables_of_docstrings_become_markdown(hooks):
    _, docstrings = hooks
    import griffe

    code = '"""Doc."""\nclass A:\n    """See :meth:`run` and :func:`os.path.join`."""\n    def run(self): "Run."\n'
    with griffe.temporary_visited_module(code, module_name="posezoo") as module:
        shown = docstrings.to_markdown(module["A"].docstring.value, module["A"])
        link = '<autoref optional identifier="posezoo.A.run"><code>run</code></autoref>'
        assert shown == f"See {link} and `os.path.join`."
        table = "=== =====\na   b\n=== =====\nx   one\n    two\n=== ====="
        assert docstrings.to_markdown(table, module) == "| a | b |\n| --- | --- |\n| x | one two |"
        assert docstrings.to_markdown("The figure:\n\n::\n\n    x", module) == "The figure:\n\n\n    x"


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


def test_the_hooks_run_what_the_tests_run():
    from pre_commit.clientlib import load_config  # its own check of what the file may say

    path = ROOT / ".pre-commit-config.yaml"
    load_config(str(path))
    configured = yaml.safe_load(path.read_text(encoding="utf-8"))
    hooks = [hook for repository in configured["repos"] for hook in repository["hooks"]]
    assert {hook["entry"].split()[0] for hook in hooks} == {"ruff", "mypy", "lint-imports"}
    assert all(repository["repo"] == "local" for repository in configured["repos"])  # nothing is downloaded
    assert all(hook["language"] == "system" for hook in hooks)
