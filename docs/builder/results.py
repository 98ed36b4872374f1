"""Figures and tables for the pages, read from what was measured: nothing is typed."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
sys.path.insert(0, str(ROOT / "benchmarks"))

from reproduction.results import results_in  # noqa: E402
from reproduction.tables import Row, list_tables, read_table  # noqa: E402


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# --- inline figures: {{ ... }} ---


def score(model: str, dataset: str, metric: str, of: str = "model") -> str:
    """``{{ score svma.cmu | openmocap test, GT 2D | p_mpjpe }}``: a figure of a card, of the model or of a baseline."""
    card = json.loads((ROOT / "checkpoints" / "index.json").read_text(encoding="utf-8"))["models"][model]
    scores = (
        card["metrics"]
        if of == "model"
        else {name: values[of] for name, values in card["baselines"].items() if of in values}
    )
    return f"{scores[dataset][metric]:.1f}"


def measured(name: str, row: str, column: str, data: str = "openmocap") -> str:
    """``{{ measured svma/table4 | ours | p_mpjpe }}``: a row of a table, mean over seeds."""
    rows = [found for found in results_in(RESULTS, RESULTS / name / data) if found["row"] == row]
    values = [found["cells"][column]["value"] for found in rows]
    return f"{fmean(values):.1f}"


def finetuned(model: str, metric: str, when: str) -> str:
    """``{{ finetuned svma | mpii.symmetry_error | change }}``: before, after, or the change in percent."""
    result = json.loads((RESULTS / "finetune" / f"mpii_{model}-0.json").read_text(encoding="utf-8"))
    data, name = metric.split(".")
    before, after = (float(result[moment][data][name]) for moment in ("before", "after"))
    return f"{100 * (after / before - 1):+.1f}" if when == "change" else f"{before if when == 'before' else after:.1f}"


# --- blocks: <!-- written: ... --> ---


_DATASETS = {
    "real video": ("real video", ""),
    "OpenMocap, GT 2D": ("openmocap", "GT 2D"),
    "OpenMocap, detected 2D": ("openmocap", "detected 2D"),
    "bandai-1, GT 2D": ("bandai-1", "GT 2D"),
}
_METRICS = {
    "p_mpjpe": "P-MPJPE",
    "mpjpe": "MPJPE",
    "pck": "PCK",
    "auc": "AUC",
    "pckh": "PCKh",
    "pck_torso": "PCK of the torso",
}


def _cards() -> dict[str, Any]:
    return dict(json.loads((ROOT / "checkpoints" / "index.json").read_text(encoding="utf-8"))["models"])


def models(*kinds: str) -> str:
    """Return the published weights of these kinds, a row a model: P-MPJPE on each dataset, best on real video first.

    Models that see more than the keypoints of one view are no rivals of those that do not, so each have a table. Columns
    that say the same of all are left out.
    """
    from posezoo.registry import PAPERS

    rows = []
    for name, card in _cards().items():
        if PAPERS[card["paper"]].kind not in kinds:
            continue
        cells = []
        for start, end in _DATASETS.values():
            found = [v["p_mpjpe"] for title, v in card["metrics"].items() if title.startswith(start) and title.endswith(end)]
            cells.append(f"{found[0]:.1f}" if found else "–")
        rows.append([f"[`{name}`](papers/{name.split('.')[0]}.md)", *cells, card["input"], card["supervision"]])
    rows.sort(key=lambda row: [float(cell) if cell != "–" else float("inf") for cell in row[1:3]])
    columns = zip(["model", *_DATASETS, "input", "trained with"], *rows, strict=True)
    head, *lines = zip(*(column for column in columns if len(set(column[1:])) > 1), strict=True)
    return table(list(head), [list(line) for line in lines])


def figures() -> str:
    """Return every figure of the published weights, and what triangulation alone gives where views are refined."""
    rows = []
    for name, card in _cards().items():
        for dataset, scores in card["metrics"].items():
            before = card["baselines"].get(dataset, {}).get("triangulated", {})
            # The names of PCK and AUC say where poses were scaled to the label first.
            scores = {key.removesuffix("_scaled"): value for key, value in scores.items()}
            cells = [
                (f"{before[key]:.1f} -> " if key in before else "") + (f"{scores[key]:.1f}" if key in scores else "–")
                for key in _METRICS
            ]
            rows.append([f"`{name}`", dataset, *cells])
    return table(["model", "measured on", *_METRICS.values()], rows)


def weights(paper: str) -> str:
    """Return the weights of a paper: what they are, and how they were trained."""
    index = json.loads((ROOT / "checkpoints" / "index.json").read_text(encoding="utf-8"))["models"]
    rows = [
        [f"`{name}`", f"{card['parameters']:,}", f"{card['size'] / 1e6:.1f}", f"`{card['command']}`"]
        for name, card in index.items()
        if name.split(".")[0] == paper
    ]
    return table(["weights", "parameters", "MB", "trained by"], rows) if rows else "There are no weights yet."


def equations(paper: str) -> str:
    """Return the terms of a paper's ``losses.py``: where it prints them, the function, what it says."""
    tree = ast.parse((ROOT / "posezoo" / "papers" / paper / "losses.py").read_text(encoding="utf-8"))
    rows = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if node.returns is None or "Float" not in ast.unparse(node.returns):
                continue  # what only serves a term
            source = re.match(r"(?P<where>[^:]*?\d{4}(?:, [^:]+)?): (?P<what>.+)", first)
            where, what = (source["where"], source["what"]) if source else ("", first)
            path = f"posezoo.papers.{paper}.losses.{node.name}"
            rows.append([where, f"[`{node.name}`][{path}]", what.replace("``", "`")])
    return table(["printed", "function", "says"], rows)


def switches(paper: str) -> str:
    """Rows of a paper's tables and what each sets, as ``benchmarks/tables`` has it."""
    rows = []
    for name in list_tables():
        if name.split("/")[0] != paper:
            continue
        for row in read_table(name).rows.values():
            if not row.cited and row.recipe not in ("flat_depth", "triangulation"):
                rows.append([f"`{name}`", row.title, f"`{row.recipe}`", _settings(row) or "–"])
    return table(["table", "row", "recipe", "switches"], rows)


def _settings(row: Row) -> str:
    places = [("", row.model), ("data ", row.train), ("start ", row.start), ("test ", row.test)]
    for column, cell in row.cells.items():
        places += [(f"{column}: {part} ", settings) for part, settings in (cell or {}).items()]
    return ", ".join(f"{place}`{key}={value}`" for place, settings in places for key, value in _flat(settings))


def _flat(values: Mapping[str, Any] | None, before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in (values or {}).items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
    return found


def reports() -> dict[str, Path]:
    """Pages of the site by the report that they show: ``results/svma_table4_openmocap.md``."""
    found = sorted(RESULTS.glob("*/*/*/report.md"))
    pages = {f"results/{'_'.join(path.parent.relative_to(RESULTS).parts)}.md": path for path in found}
    return {**pages, "results/finetune.md": RESULTS / "finetune" / "report.md"}


def report_page(source: Path, name: str) -> str:
    """Return a report as a page; its picture lies beside it under the page's name."""
    return source.read_text(encoding="utf-8").replace("(report.svg)", f"({Path(name).stem}.svg)")


def found(paper: str) -> str:
    """Return the tables of a paper's reports, each with its agreement and the command that measured it."""
    parts = []
    for page, path in reports().items():
        if path.parent.parent.parent.name != paper:
            continue
        text = path.read_text(encoding="utf-8")
        title = text.partition("\n")[0].removeprefix("# ").partition(", ")[2].partition(": measured on ")
        lines = [line for line in text.split("\n## Ordering agreement")[0].splitlines() if line.startswith("|")]
        agreement = [line[2:] for line in text.splitlines() if " of rows" in line and line.startswith("- ")]
        command = next(line[2:] for line in text.splitlines() if line.startswith("- python benchmarks/reproduce.py"))
        parts.append("\n\n".join([
            f"### {title[0]}", f"Measured on {title[2]}. [The whole report](../{page}).", "\n".join(lines),
            *(["; ".join(agreement)] if agreement else []), f"```sh\n{command}\n```",
        ]))  # fmt: skip
    return "\n\n".join(parts) or "No table is measured yet."


def summary() -> str:
    """Return the summary's first table, its links leading to the pages here."""
    text = (RESULTS / "summary.md").read_text(encoding="utf-8").partition("## Every row")[0]
    lines = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    return re.sub(r"benchmarks/results/(\w+)/(\w+)/([\w-]+)/report\.md", r"results/\1_\2_\3.md", lines)


def papers() -> str:
    """Return the papers of the registry."""
    from posezoo.registry import PAPERS

    rows = [
        [
            f"[`{name}`]({name}.md)",
            f"{paper.authors.split(',')[0]} et al., {paper.title}, {paper.venue} {paper.year}",
            paper.supervision,
        ]
        for name, paper in PAPERS.items()
    ]
    return table(["name", "paper", "trains on"], rows)
