"""Write the pages of the site: they get what code, tables and results say, and reports become pages.

A line ``<!-- written: NAME ARGUMENTS -->`` is replaced by a block, with the line ``*On the built page .. *`` below it, for
those who read the file itself; ``{{ NAME A | B | C }}`` by a figure. A name that is not here, or a figure that was not
measured, ends the build.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import commands
import moving
import notebook_pages
import results

HERE = Path(__file__).resolve().parent
DOCS, ROOT = HERE.parent, HERE.parents[1]
BLOCK = re.compile(r"^<!-- written: (\w+) ?([^>]*?) ?-->(?:\n\*On the built page\b.*\*)?$", re.MULTILINE)
FIGURE = re.compile(r"\{\{ (\w+) ([^}]+) \}\}")


class PageError(Exception):
    """A page asks for something that is not there."""


def _schema() -> str:
    from posezoo.formats.keypoints import SCHEMA

    return f"```text\n{SCHEMA.strip()}\n```"


def _file(name: str) -> str:
    """Return a Markdown file of the repository without its title; its links to files here are kept as names."""
    text = (ROOT / name).read_text(encoding="utf-8").partition("\n")[2].strip()
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"`\1`", text)


def _source(name: str) -> str:
    """Return a file of the repository, as it is."""
    language = {".py": "py", ".yaml": "yaml"}[Path(name).suffix]
    return f'```{language} title="{name}"\n{(ROOT / name).read_text(encoding="utf-8").strip()}\n```'


def _modules() -> str:
    """Write what each paper's modules hold, by mkdocstrings."""
    from posezoo.registry import PAPERS

    lines: list[str] = []
    for paper in PAPERS:
        lines += [f"## {paper}", ""]
        for part in ("module", "datamodule", "losses", "networks"):
            if (ROOT / "posezoo" / "papers" / paper / f"{part}.py").is_file():
                lines += [f"::: posezoo.papers.{paper}.{part}", "    options: {heading_level: 3, show_source: true}", ""]
    return "\n".join(lines)


def _formats() -> str:
    from posezoo.formats.keypoints.formats import FORMATS

    return "\n".join(f"- {form.name.replace('<', '&lt;')}" for form in FORMATS)


def _skeletons() -> str:
    from posezoo.skeletons import SKELETONS

    rows = [[f"`{name}`", str(len(layout)), ", ".join(layout.joints)] for name, layout in SKELETONS.items()]
    return results.table(["layout", "joints", "in this order"], rows)


def _notebooks() -> str:
    return "\n".join(f"- [{title}]({Path(page).name})" for page, title in notebook_pages.titles().items())


def _walk() -> str:
    """Return a page of ``viz.page`` inside a page of the site."""
    return '<iframe src="figures/walk.html" title="A walk, lifted: 2D and 3D, with slider and play" loading="lazy"></iframe>'


BLOCKS: dict[str, Any] = {
    "commands": commands.command_pages,
    "equations": results.equations,
    "figures": results.figures,
    "file": _file,
    "formats": _formats,
    "found": results.found,
    "models": results.models,
    "modules": _modules,
    "notebooks": _notebooks,
    "walk": _walk,
    "papers": results.papers,
    "schema": _schema,
    "skeletons": _skeletons,
    "source": _source,
    "summary": results.summary,
    "switches": results.switches,
    "weights": results.weights,
}
FIGURES: dict[str, Any] = {"score": results.score, "measured": results.measured, "finetuned": results.finetuned}


def fill(markdown: str) -> str:
    """Return a page with its blocks and figures.

    Raises:
        PageError: a block or figure that there is not.
    """

    def block(found: re.Match[str]) -> str:
        return str(_call(BLOCKS, found[1], found[2].split()))

    def figure(found: re.Match[str]) -> str:
        return str(_call(FIGURES, found[1], [part.strip() for part in found[2].split("|")]))

    return FIGURE.sub(figure, BLOCK.sub(block, markdown))


def _call(known: dict[str, Any], name: str, arguments: list[str]) -> Any:
    if name not in known:
        raise PageError(f"no page element {name!r}; known: {', '.join(known)}")
    try:
        return known[name](*arguments)
    except (KeyError, StopIteration, OSError, ValueError) as error:
        raise PageError(f"{name} {' '.join(arguments)} is not to be had: {error!r}") from error


def write_pages(folder: Path) -> None:
    """Write all pages, filled, and what they show.

    Args:
        folder: an empty one.

    Raises:
        PageError: a block or figure that there is not.
    """
    for source in sorted(DOCS.rglob("*")):
        target = folder / source.relative_to(DOCS)
        if source.is_dir() or HERE in source.parents:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(fill(source.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            shutil.copyfile(source, target)
    notebook_pages.write_notebooks(folder)
    moving.write_moving(folder / "figures")
    (folder / "results").mkdir(parents=True, exist_ok=True)
    for name, report in results.reports().items():
        (folder / name).write_text(fill(results.report_page(report, name)), encoding="utf-8")
        if (picture := report.with_name("report.svg")).is_file():
            shutil.copyfile(picture, (folder / name).with_suffix(".svg"))
    drawn = ["georep/figure4/openmocap/interpolation.png", "hg3d/rendered/openmocap.jpg"]
    for name in (*drawn, "hg3d/photographs/lsp.svg", "hg3d/photographs/mpii.svg"):
        shutil.copyfile(results.RESULTS / name, folder / "results" / name.replace("/", "_"))


def with_papers(config: dict[str, Any]) -> dict[str, Any]:
    """Add a page for each paper and notebook to the navigation, behind the one that lists them.

    So a new paper or notebook changes no file of ours.
    """
    from posezoo.registry import PAPERS

    section = next(entry["Papers"] for entry in config["nav"] if "Papers" in entry)
    section += [{paper: f"papers/{paper}.md"} for paper in PAPERS]
    shown = next((entry["Notebooks"] for entry in config["nav"] if "Notebooks" in entry), [])
    shown += [{title: page} for page, title in notebook_pages.titles().items()]
    return config
