"""Check that the pages of the site are filled from code, tables and results, and that pre-commit runs the linters."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import yaml
from reproduction.tables import list_tables

from posezoo.registry import PAPERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def hooks(monkeypatch):
    """Import the modules in ``docs/builder`` as ``build.py`` does."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "builder")
    import docstrings
    import pages

    return pages, docstrings


def test_every_paper_has_a_page_a_figure_and_a_place_in_the_navigation(hooks):
    pages, _ = hooks
    section = pages.with_papers({"nav": [{"Start": "index.md"}, {"Papers": ["papers/index.md"]}]})["nav"][1]["Papers"]
    assert section == ["papers/index.md", *({paper: f"papers/{paper}.md"} for paper in PAPERS)]
    for paper in PAPERS:
        page = (ROOT / "docs" / "papers" / f"{paper}.md").read_text(encoding="utf-8")
        assert f"::: posezoo.papers.{paper}.losses" in pages.fill("<!-- written: modules -->")
        assert f"<!-- written: equations {paper} -->" in page
        assert f"../figures/{paper}.svg" in page
        if any(table.split("/")[0] == paper for table in list_tables()):
            assert f"<!-- written: switches {paper} -->" in page
            assert f"<!-- written: found {paper} -->" in page


def test_what_is_not_there_ends_the_build(hooks):
    pages, _ = hooks
    for text in (
        "<!-- written: nothing -->",
        "{{ nothing at all }}",
        "{{ measured svma/table4 | nobody | p_mpjpe }}",
        "{{ score svma.cmu | openmocap test, GT 2D | nothing }}",
        "<!-- written: source posezoo/none.py -->",
    ):
        with pytest.raises(pages.PageError, match=r"nothing|nobody|none\.py"):
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


def test_the_hooks_run_what_the_tests_run():
    from pre_commit.clientlib import load_config  # its own check of what the file may say

    path = ROOT / ".pre-commit-config.yaml"
    load_config(str(path))
    configured = yaml.safe_load(path.read_text(encoding="utf-8"))
    hooks = [hook for repository in configured["repos"] for hook in repository["hooks"]]
    assert {hook["entry"].split()[0] for hook in hooks} == {"ruff", "mypy", "lint-imports"}
    assert all(repository["repo"] == "local" for repository in configured["repos"])  # nothing is downloaded
    assert all(hook["language"] == "system" for hook in hooks)


def test_readme_names_the_versions_that_the_scripts_wrote():
    spec = importlib.util.spec_from_file_location("tested", ROOT / ".ci" / "tested.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found[0] == script.sentence(json.loads(script.FILE.read_text(encoding="utf-8")))
