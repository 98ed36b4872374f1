"""What MkDocs calls: pages get what code, tables and results say, and reports become pages.

A line ``<!-- written: NAME ARGUMENTS -->`` is replaced by a block, with the line ``*On the built page .. *`` below it, for
those who read the file itself; ``{{ NAME A | B | C }}`` by a figure. A name that is not here, or a figure that was not
measured, ends the build.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import commands
import results
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^<!-- written: (\w+) ?([^>]*?) ?-->(?:\n\*On the built page\b.*\*)?$", re.MULTILINE)
FIGURE = re.compile(r"\{\{ (\w+) ([^}]+) \}\}")


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
    """Write what each paper's modules hold, by MkDocs' mkdocstrings."""
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


BLOCKS: dict[str, Any] = {
    "commands": commands.command_pages,
    "equations": results.equations,
    "file": _file,
    "formats": _formats,
    "found": results.found,
    "models": results.models,
    "modules": _modules,
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
        PluginError: a block or figure that there is not.
    """

    def block(found: re.Match[str]) -> str:
        return str(_call(BLOCKS, found[1], found[2].split()))

    def figure(found: re.Match[str]) -> str:
        return str(_call(FIGURES, found[1], [part.strip() for part in found[2].split("|")]))

    return FIGURE.sub(figure, BLOCK.sub(block, markdown))


def _call(known: dict[str, Any], name: str, arguments: list[str]) -> Any:
    if name not in known:
        raise PluginError(f"no page element {name!r}; known: {', '.join(known)}")
    try:
        return known[name](*arguments)
    except (KeyError, StopIteration, OSError, ValueError) as error:
        raise PluginError(f"{name} {' '.join(arguments)} is not to be had: {error!r}") from error


def on_config(config: Any) -> Any:
    """Add a page for each paper to the navigation, behind the one that lists them: a new paper changes no file of ours."""
    from posezoo.registry import PAPERS

    section = next(entry["Papers"] for entry in config["nav"] if "Papers" in entry)
    section += [{paper: f"papers/{paper}.md"} for paper in PAPERS if {paper: f"papers/{paper}.md"} not in section]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the reports of the benchmarks as pages, with their pictures."""
    for name, source in results.reports().items():
        content = results.report_page(source, name)
        files.append(File.generated(config, name, content=content, inclusion=InclusionLevel.NOT_IN_NAV))
        if (picture := source.with_name("report.svg")).is_file():
            files.append(File.generated(config, name.replace(".md", ".svg"), abs_src_path=str(picture)))
    for name in ("georep/figure4/openmocap/interpolation.png", "hg3d/rendered/openmocap.jpg"):
        target = "results/" + name.replace("/", "_")
        files.append(File.generated(config, target, abs_src_path=str(results.RESULTS / name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill a page."""
    return fill(markdown)
