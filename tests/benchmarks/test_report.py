"""Test reports: values of other data are marked as such, orders are compared, curves are drawn."""

from __future__ import annotations

import io
import itertools
import json
import re
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas
import pytest
import reproduce
from reproduction import commands
from reproduction.agreement import agreement
from reproduction.measured import gather
from reproduction.printing import printed
from reproduction.report import command, write_report
from reproduction.runs import RESULTS, Bench
from reproduction.summary import write_summary
from reproduction.tables import Table, read_table
from scipy.stats import kendalltau

from posezoo.errors import InputError

ORIGIN = {
    "seed": 0, "commit": "a" * 40, "versions": {"posezoo": "0"}, "hardware": "CPU", "devices": 1, "wall_seconds": 1800.0,
}  # fmt: skip


def write(bench: Bench, table: Table, row: str, values: dict[str, float], seed: int = 0, run: str = "r") -> None:
    """Write a result as a run leaves it."""
    folder = bench.folder(table)
    folder.mkdir(parents=True, exist_ok=True)
    cells = {
        column: {
            "value": value, "metric": "p_mpjpe", "run": f"{run}{row}{seed}", "test": "t", "config": {}, "metrics": {},
            "trained_on": bench.data, "tested_on": {"dataset": bench.data, "split": "test"},
            "origin": {**ORIGIN, "seed": seed, "devices": 4 if seed > 2 else 1},
        }
        for column, value in values.items()
    }  # fmt: skip
    content = {"table": table.id, "row": row, "data": bench.data, "budget": bench.budget, "seed": seed, "command": "c"}
    (folder / f"{row}-{seed}.json").write_text(json.dumps({**content, "cells": cells}))


def test_kendalls_tau_is_scipys_where_nothing_ties():
    generator = np.random.default_rng(0)
    for _ in range(20):
        published, measured = generator.permutation(7).astype(float), generator.permutation(7).astype(float)
        rows = [f"row{i}" for i in range(7)]
        found = agreement(dict(zip(rows, published, strict=True)), dict(zip(rows, measured, strict=True)))
        assert found.tau == pytest.approx(kendalltau(published, measured).statistic)
        assert found.pairs == 21
        assert len(found.reversed) == found.discordant


def test_an_order_that_only_the_text_states_is_compared_too():
    measured = {"full": 60.0, "without": 70.0, "other": 65.0}
    assert agreement({}, measured, [("full", "without")]).tau == 1
    assert agreement({}, measured, [("full", "without")], higher_is_better=True).tau == -1
    assert agreement({}, measured).tau is None
    assert agreement({"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 3.0}).pairs == 0


def test_measured_elsewhere_is_said_in_title_and_heading(tmp_path):
    table = read_table("svma/table1")
    own, other = (Bench(data, tmp_path, "cpu", tmp_path) for data in ("h36m", "openmocap"))
    for seed, gt in enumerate((50.0, 52.0, 57.0)):
        write(own, table, "ours", {"gt": gt, "img": 90.0}, seed)
        write(other, table, "ours", {"gt": gt, "img": 90.0}, seed)
    texts = {}
    for bench in (own, other):
        paths = {path.suffix: path.read_text() for path in write_report(table, bench)}
        ElementTree.fromstring(paths[".svg"])
        assert "<svg" in paths[".html"]
        assert "http" not in paths[".html"].replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
            "http://creativecommons.org", ""
        ).replace("https://matplotlib.org", "")
        texts[bench.data] = paths[".md"]
        # mean 53, sd sqrt((9 + 1 + 16) / 2) = 3.6, published 56.8
        assert "| Ours | 56.8 | 53.0 ± 3.6 | -3.8 |" in paths[".md"]
        assert "56.8/58.1" in paths[".md"]
    assert "not the paper's data" not in texts["h36m"]
    assert "not the paper's data" in texts["openmocap"].splitlines()[0]
    assert "difference (other data)" in texts["openmocap"]
    assert "1.5 h" in texts["h36m"]  # three seeds of half an hour, cells of a row counted once


def test_the_agreement_names_the_pairs_that_came_the_other_way_round(tmp_path):
    table, bench = read_table("svma/table1"), Bench("openmocap", tmp_path, "cpu", tmp_path)
    write(bench, table, "martinez", {"gt": 44.0, "img": 80.0})
    write(bench, table, "ours", {"gt": 55.0, "img": 60.0})
    text = write_report(table, bench)[0].read_text()
    assert (
        "GT: one pair of rows, in the published order, of one seed, so that noise is not known; "
        "printed: Martinez et al. [22] < Ours; measured: Martinez et al. [22] < Ours; seeds: 1."
    ) in text
    for seed in (1, 2):
        write(bench, table, "martinez", {"gt": 44.0 + seed, "img": 80.0}, seed)
        write(bench, table, "ours", {"gt": 46.5 + seed, "img": 60.0 + seed}, seed)
        write(bench, table, "ours_sh_gt", {"img": 58.0 + seed}, seed)
        if seed == 1:
            few = write_report(table, bench)[0].read_text()
            assert "seeds: 1–2; of one seed, taken to vary as the others do: Ours (SH/GT)" in few
    write(bench, table, "ours_sh_gt", {"img": 58.0}, 0)
    text = write_report(table, bench)[0].read_text()
    # GT: 45 +- 1 against 50.3 +- 4.1: not twice the pooled deviation of 3.0 apart.
    assert "GT: one pair of rows, in the published order, within noise" in text
    # IMG: published 52.1 98.3 64.8, measured 80 +- 0, 61 +- 1, 59 +- 1; the last two are two deviations apart, not more.
    assert "IMG: Kendall's tau -1.00 over 2 pairs of rows beyond noise (0 in the published order); the other way" in text
    assert "within noise: Ours (SH/GT) / Ours" in text
    printed, measured = "Martinez et al. [22] < Ours (SH/GT) < Ours", "Ours (SH/GT) < Ours < Martinez et al. [22]"
    assert f"; printed: {printed}; measured: {measured}; seeds: 3." in text


def test_pairs_within_noise_are_not_counted():
    values, deviations = {"a": 10.0, "b": 12.0, "c": 20.0}, {"a": 1.0, "b": 1.0, "c": None}
    found = agreement({"a": 1.0, "b": 2.0, "c": 0.0}, values, deviations=deviations)
    assert found.within_noise == (("a", "b"),)  # 2 apart, pooled deviation 1: not more than twice
    assert (found.concordant, found.discordant, found.tau) == (0, 2, -1.0)
    assert (found.in_order, found.known) == (1, 3)
    alone = agreement({"a": 1.0, "b": 2.0}, values, deviations={"a": None, "b": 0.0})
    assert alone.tau is None
    assert not alone.noise_known


def test_errors_by_action_stand_beside_the_printed_ones_on_the_papers_data(tmp_path):
    table, bench = read_table("cvugcn/table1"), Bench("h36m", tmp_path, "cpu", tmp_path)
    write(bench, table, "ours", {"mpjpe": 27.0})
    path = bench.folder(table) / "ours-0.json"
    content = json.loads(path.read_text())
    cell = content["cells"]["mpjpe"]
    cell["metric"], cell["metrics"] = "mpjpe_mean_over_actions", {"per_action": dict.fromkeys(table.actions, 30.0)}
    path.write_text(json.dumps(content))
    text = write_report(table, bench)[0].read_text()
    assert "| Ours, published | 25.6 | 27.7 |" in text
    assert "| Ours, measured | 30.0 | 30.0 |" in text
    assert "| difference | +4.4 | +2.3 |" in text


def test_failed_rows_are_in_the_report(tmp_path):
    table, bench = read_table("svma/table4"), Bench("procedural", tmp_path, "smoke", tmp_path)
    write(bench, table, "ours", {"p_mpjpe": 100.0})
    error = {"table": table.id, "row": "without_dis", "seed": 0, "error": "out of memory <b>"}
    (bench.folder(table) / "without_dis-0.failed.json").write_text(json.dumps(error))
    markdown, page, _ = (path.read_text() for path in write_report(table, bench))
    assert "| without Dis | – | failed |" in markdown
    assert "without Dis failed: out of memory" in markdown
    assert "out of memory &lt;b&gt;" in page
    assert "its numbers mean nothing" in markdown


def test_a_figure_of_curves_is_data_too(tmp_path):
    rows = [
        f"  {series}{x}: {{title: {series} {x}, series: {series}, x: {x}, recipe: svma, published: {{a: {100 - x * k}}}}}"
        for (k, series), x in itertools.product(enumerate(("one", "two"), 1), (1, 10))
    ]
    head = "title: Figure 5\ncaption: C\nprotocol: P\ndata: h36m\ncurve: labels\n"
    text = "\n".join([head + "columns: {a: {title: A, metric: p_mpjpe}}\nrows:", *rows])
    (tmp_path / "own_figure5.yaml").write_text(text)
    table, bench = read_table("own/figure5", tmp_path), Bench("procedural", tmp_path, "cpu", tmp_path / "results")
    for row in table.rows:
        write(bench, table, row, {"a": 50.0 + len(row)})
    picture = next(path for path in write_report(table, bench) if path.suffix == ".svg").read_text()
    for words in ("one published on Human3.6M", "two published on Human3.6M", "one measured on procedural people", "labels"):
        assert words in picture


def test_reports_are_the_same_bytes_twice_and_the_summary_leaves_smoke_out(tmp_path):
    table = read_table("svma/table4")
    for budget in ("cpu", "smoke"):
        bench = Bench("openmocap", tmp_path, budget, tmp_path)
        write(bench, table, "ours", {"p_mpjpe": 60.0}, run=budget)
        first = [path.read_bytes() for path in write_report(table, bench)]
        assert first == [path.read_bytes() for path in write_report(table, bench)]
    summary = write_summary(tmp_path)
    assert summary is not None
    lines = [line for line in summary.read_text().splitlines() if line.startswith("| svma")]
    assert lines == ["| svma/table4 | OpenMocap (not the paper's data), cpu | Ours | P-MPJPE – | P-MPJPE 60.0 | – |"]


def test_nothing_measured_writes_nothing(tmp_path):
    assert write_report(read_table("svma/table4"), Bench("openmocap", tmp_path, "cpu", tmp_path)) == []
    assert write_summary(tmp_path) is None
    assert list(Path(tmp_path).iterdir()) == []


def test_a_table_is_printed_for_a_paper_and_for_a_program(tmp_path):
    table, bench = read_table("svma/table1"), Bench("openmocap", tmp_path, "cpu", tmp_path)
    for seed, value in enumerate((61.0, 63.0)):
        write(bench, table, "ours", {"gt": value, "img": 70.0}, seed)
    write(bench, table, "martinez", {"gt": 55.0, "img": 79.0})
    latex, markdown, csv = (printed(gather(table, bench), form) for form in ("latex", "markdown", "csv"))
    assert r"\multicolumn{2}{c}{GT (mm)}" in latex
    # Each is the only one measured of its group, and 37.1 the only number printed in it: there is nothing to be better than.
    assert r"Ours & 56.8 & 62.0 $\pm$ 1.4 & 98.3 & 70.0 $\pm$ 0.0 \\" in latex
    assert r"Martinez et al. [22] & 37.1 & 55.0 & 52.1 & 79.0 \\" in latex
    assert "not the paper's data" in latex
    assert "Published: on Human3.6M" in latex
    assert "**38.2**" in markdown  # RepNet's, of the group "Weak"
    rows = {(line["row"], line["column"]): line for line in pandas.read_csv(io.StringIO(csv)).to_dict("records")}
    ours = rows["Ours", "GT"]
    assert (ours["measured"], ours["seeds"], ours["published"]) == (62.0, 2, "56.8")
    assert ours["deviation"] == pytest.approx(2**0.5)
    with pytest.raises(InputError, match="nothing is measured on h36m"):
        printed(gather(table, Bench("h36m", tmp_path, "cpu", tmp_path)), "latex")


GROUPED = """
title: "Table 1: 50 % ~ of A_B^2"
caption: C
protocol: P
data: h36m
columns: {a: {title: "A & B", metric: p_mpjpe}, b: {title: B, metric: pck}}
rows:
  alone: {title: Alone, recipe: svma, published: {a: 30, b: 90}}
  first: {group: "Under 5 % ± 1 #", title: "[x] One", recipe: svma, published: {a: 50.0, b: 60}}
  second: {group: "Under 5 % ± 1 #", title: Two, recipe: svma, published: {a: 40.0, b: 70}}
  quoted: {title: Quoted, cited: true, published: {a: 45.0}}
  first_ours: {group: Ours, title: "[x] One", recipe: svma, added: true}
  second_ours: {group: Ours, title: Two, recipe: svma, added: true}
"""


@pytest.fixture
def grouped(tmp_path):
    """Return the results of a table two of whose titles stand in two groups each."""
    (tmp_path / "own_table1.yaml").write_text(GROUPED)
    table, bench = read_table("own/table1", tmp_path), Bench("openmocap", tmp_path, "cpu", tmp_path / "results")
    for row, a, b in (
        ("first", 71.0, 51.0),
        ("second", 72.0, 52.0),
        ("first_ours", 62.0, 42.0),
        ("second_ours", 61.0, 41.0),
    ):
        write(bench, table, row, {"a": a, "b": b})
    return gather(table, bench)


def test_a_table_for_a_paper_has_its_groups_and_marks_and_the_best_of_each_group_in_bold(grouped):
    body = printed(grouped, "latex").partition("\\midrule\n")[2].partition("\\bottomrule")[0]
    assert body.splitlines() == [
        r"Alone & 30 & -- & 90 & -- \\",
        r"\midrule",
        r"\multicolumn{5}{l}{\textit{Under 5 \% $\pm$ 1 \#}} \\",
        r"{}[x] One & 50.0 & \textbf{71.0} & 60 & 51.0 \\",
        r"Two & \textbf{40.0} & 72.0 & \textbf{70} & \textbf{52.0} \\",
        r"Quoted \emph{(cited)} & 45.0 & -- & -- & -- \\",
        r"\midrule",
        r"\multicolumn{5}{l}{\textit{Ours}} \\",
        r"{}[x] One \emph{(added)} & -- & 62.0 & -- & \textbf{42.0} \\",
        r"Two \emph{(added)} & -- & \textbf{61.0} & -- & 41.0 \\",
    ]
    assert r"50 \% \textasciitilde{} of A\_B\textasciicircum{}2" in printed(grouped, "latex")
    assert r"\multicolumn{2}{c}{A \& B (mm)}" in printed(grouped, "latex")
    lines = [line for line in printed(grouped, "markdown").splitlines() if line.startswith("| ")][1:]
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines] == [
        ["Alone", "30", "–", "90", "–"],
        ["**Under 5 % ± 1 #**", "", "", "", ""],
        ["[x] One", "50.0", "**71.0**", "60", "51.0"],
        ["Two", "**40.0**", "72.0", "**70**", "**52.0**"],
        ["Quoted *(cited)*", "45.0", "–", "–", "–"],
        ["**Ours**", "", "", "", ""],
        ["[x] One *(added)*", "–", "62.0", "–", "**42.0**"],
        ["Two *(added)*", "–", "**61.0**", "–", "41.0"],
    ]  # the headings and titles of the report, in its order
    report = write_report(grouped.table, grouped.bench)[0].read_text().partition("| row |")[2].splitlines()[2:]
    titles = [line.split("|")[1].strip() for line in itertools.takewhile(lambda line: line, report)]
    assert titles == [line.split("|")[1].strip() for line in lines]


def test_a_table_for_a_program_tells_rows_of_one_title_apart(grouped):
    lines = pandas.read_csv(io.StringIO(printed(grouped, "csv")), keep_default_na=False).to_dict("records")
    measured = {(line["group"], line["row"], line["mark"]): line["measured"] for line in lines if line["column"] == "A & B"}
    assert measured == {
        ("", "Alone", ""): "", ("Under 5 % ± 1 #", "[x] One", ""): "71.0", ("Under 5 % ± 1 #", "Two", ""): "72.0",
        ("Under 5 % ± 1 #", "Quoted", "cited"): "", ("Ours", "[x] One", "added"): "62.0", ("Ours", "Two", "added"): "61.0",
    }  # fmt: skip


def test_the_command_of_a_report_can_be_pasted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, bench = read_table("svma/table1"), Bench("openmocap", tmp_path / "my data", "cpu", tmp_path / "res")
    for seed in (3, 4):
        write(bench, table, "ours", {"gt": 61.0}, seed)
    text = command(gather(table, bench))
    expected = "svma/table1 --row ours --data openmocap --data-dir 'my data' --budget cpu --seeds 2 --seed 3 --devices 4"
    assert text == f"python benchmarks/reproduce.py {expected} --results res"
    options = reproduce.parser().parse_args(shlex.split(text)[2:])
    assert (options.data_dir, options.results, options.row) == (Path("my data"), Path("res"), ["ours"])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # paths that do not lie below are whole ones
    assert f"--results {tmp_path / 'res'}" in command(gather(table, bench))


def test_the_command_names_rows_only_where_others_could_be_measured(tmp_path):
    table, bench = read_table("svma/table2"), Bench("openmocap", tmp_path, "cpu", tmp_path)
    write(bench, table, "ours_h36m", {"pck": 61.0, "auc": 61.0})
    assert "--row ours_h36m --data" in command(gather(table, bench))
    for row in ("martinez_h36m", "flat"):
        write(bench, table, row, {"pck": 61.0, "auc": 61.0})
    assert "--row" not in command(gather(table, bench))  # what stands for MPI-INF-3DHP has no train split


def test_a_committed_report_names_no_folder_of_the_machine_and_the_terminal_does(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands, "RESULTS", tmp_path / "results")
    (tmp_path / "real").mkdir()
    bench = Bench("openmocap", tmp_path / "real", "cpu", tmp_path / "results")
    write(bench, read_table("svma/table4"), "ours", {"p_mpjpe": 61.0})
    arguments = ["svma/table4", "--data-dir", str(bench.data_dir), "--results", str(bench.results), "--report-only"]
    assert reproduce.main(arguments) == 0
    said = "python benchmarks/reproduce.py svma/table4 --row ours --data openmocap --data-dir {} --budget cpu --seeds 1\n"
    assert f"again  -> {said.format(tmp_path / 'real')}" in capsys.readouterr().out
    assert f"- {said.format('data')}" in (bench.folder(read_table("svma/table4")) / "report.md").read_text()


@pytest.mark.parametrize("folder", ["/srv/data", "../lab/data", "..", "~/data", "a/../b"])
def test_folders_of_a_machine_are_found(folder):
    assert FOLDER.search(f"--data-dir {folder} --budget cpu")
    assert FOLDER.search(f'"path":"{folder}"')


FOLDER = re.compile(r"(?<![\w.:/)])~?/\w|(?<![\w.])\.\.(?![\w.])")
"""An absolute path, one of a home, or one through a parent."""


def test_no_committed_result_names_a_folder_of_a_machine():
    paths = [path for path in RESULTS.rglob("*") if path.suffix in (".md", ".csv", ".jsonl") and ".runs" not in path.parts]
    assert len(paths) > 20
    named = {path.relative_to(RESULTS).as_posix(): FOLDER.findall(path.read_text()) for path in paths}
    assert not {path: found for path, found in named.items() if found}


def test_another_terminal_is_told_how_far_rows_are(tmp_path, capsys):
    table, bench = read_table("svma/table4"), Bench("procedural", tmp_path, "smoke", tmp_path)
    write(bench, table, "ours", {"p_mpjpe": 61.0})
    (bench.folder(table) / "without_dis-0.failed.json").write_text(json.dumps({"row": "without_dis", "error": "no room"}))
    arguments = ["svma/table4", "--data", "procedural", "--budget", "smoke", "--results", str(tmp_path), "--status"]
    before = sorted(tmp_path.rglob("*"))
    assert reproduce.main(arguments) == 0
    said = capsys.readouterr().out
    assert "failed: no room" in said
    assert "1 finished, 1 failed, 3 waiting" in said
    assert sorted(tmp_path.rglob("*")) == before
