"""Test the archive: archived rows read as their own files did, and leave the archive when they are measured again."""

from __future__ import annotations

import csv
import json

import pytest
from reproduction.archive import CELLS, MEASUREMENTS, archived
from reproduction.results import Known, collect_rows, is_finished, read_result, results_in, row_files, set_aside
from reproduction.runs import folder_of

from posezoo.errors import CorruptFileError


def row(table: str, name: str, seed: int, value: float, budget: str = "cpu") -> dict[str, object]:
    cell = {
        "value": value,
        "metric": "p_mpjpe",
        "run": "abc",
        "test": f"openmocap-{name}",
        "trained_on": None if name == "flat" else "openmocap",
        "tested_on": {"dataset": "openmocap", "split": "test"},
        "config": {"steps": 3, "model": {"pitch": 0.1}},
        "metrics": {"p_mpjpe": value, "per_joint": {"nose": 0.1 + 0.2}},
        "origin": {"commit": "c" * 40, "versions": {"torch": "2"}, "hardware": "CPU", "devices": 1, "wall_seconds": 1.5},
    }
    command = f"python benchmarks/reproduce.py {table} --row {name} --data openmocap --data-dir data --budget {budget}"
    command += f" --seeds 1 --seed {seed} --results ." if seed else " --seeds 1 --results ."
    content = {"table": table, "row": name, "data": "openmocap", "budget": budget, "seed": seed, "command": command}
    return {**content, "cells": {"p": cell, "q": {**cell, "value": 2 * value}}}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Return a folder of results: three finished rows, one of them of the smoke budget, and a damaged one."""
    monkeypatch.chdir(tmp_path)
    rows = [
        row("svma/table4", "ours", 0, 61.4496),
        row("svma/table4", "ours", 1, 60.7),
        row("svma/table1", "flat", 0, 1 / 3),
    ]
    for content in [*rows, row("svma/table4", "ours", 0, 300.0, "smoke")]:
        path = (
            tmp_path
            / folder_of(content["table"], "openmocap", content["budget"])
            / f"{content['row']}-{content['seed']}.json"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    (tmp_path / "svma/table4/openmocap/other-0.json").write_text('{"cells"')
    return tmp_path


def test_collected_rows_read_as_their_files_did(results):
    before = list(results_in(results))
    assert collect_rows(results) == 3
    assert [path.name for path in row_files(results)] == ["other-0.json", "ours-0.json"]
    assert list(results_in(results)) == before
    assert len(list(results_in(results, results / "svma/table4/openmocap"))) == 2
    with (results / CELLS).open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["row"], line["seed"], line["column"], float(line["value"])) for line in lines][:3] == [
        ("flat", "0", "p", 1 / 3),
        ("flat", "0", "q", 2 / 3),
        ("ours", "0", "p", 61.4496),
    ]
    assert len((results / MEASUREMENTS).read_text().splitlines()) == 3  # both columns of a row share a measurement
    assert ("abc", "openmocap-flat") in Known(results)._from_rows


def test_collecting_again_adds_what_is_new_and_replaces_what_was_measured_again(results):
    collect_rows(results)
    files = {name: (results / name).read_bytes() for name in (CELLS, MEASUREMENTS)}
    assert collect_rows(results) == 0
    assert files == {name: (results / name).read_bytes() for name in files}
    again = results / "svma/table4/openmocap/ours-1.json"
    again.write_text(json.dumps(row("svma/table4", "ours", 1, 59.0)))
    assert read_result(again)["cells"]["p"]["value"] == 59.0  # a file of its own comes first
    assert collect_rows(results) == 1
    assert read_result(again)["cells"]["p"]["value"] == 59.0
    assert len(archived(results)) == 3


def test_an_archived_row_that_is_set_aside_is_not_finished_and_is_kept(results):
    collect_rows(results)
    path = results / "svma/table4/openmocap/ours-0.json"
    content = read_result(path)
    assert is_finished(path)
    set_aside(path)
    assert not is_finished(path)
    (old,) = path.parent.glob("ours-0.*.old")
    assert json.loads(old.read_text()) == content
    assert is_finished(path.with_name("ours-1.json"))


@pytest.mark.parametrize("damage", ["no line", "no json"])
def test_a_damaged_archive_is_said(results, damage):
    collect_rows(results)
    file = results / MEASUREMENTS
    file.write_text("" if damage == "no line" else "{")
    with pytest.raises(CorruptFileError, match=r"cells\.csv and .*restore both from the repository"):
        archived(results)
