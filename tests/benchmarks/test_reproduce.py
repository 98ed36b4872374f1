"""Test ``reproduce.py``: finished rows are kept, killed runs resume, failures are recorded, processes share a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from reproduction.local import how_ended

import posezoo
from posezoo.data import load_dataset
from posezoo.lifting import evaluate
from posezoo.training.stopping import StopAfter
from tests.benchmarks.own_table import TABLE, call, call_here, command, environment, result, small, wait_for, write_own


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_own(tmp_path)


@pytest.mark.slow
def test_a_table_runs_side_by_side_and_is_never_run_again(own):
    done = call(own, "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    first = result(own, "one")
    cell = first["cells"]["p"]
    assert {"value", "metrics", "config", "origin", "trained_on", "tested_on"} <= set(cell)
    assert {"seed", "commit", "versions", "hardware", "wall_seconds"} <= set(cell["origin"])
    weights = next(own.glob(f"results/.runs/{cell['run']}/train/*.safetensors"))
    alone = evaluate(posezoo.load(weights), load_dataset("procedural", split="test"))
    assert cell["value"] == pytest.approx(alone["p_mpjpe"], abs=1e-3)
    folder = own / "results/own/table1/procedural-smoke"
    assert {path.name for path in folder.iterdir()} == {
        "one-0.json", "two-0.json", "flat-0.json", "report.md", "report.html", "report.svg",
    }  # fmt: skip
    stamps = {path: path.stat().st_mtime_ns for path in own.glob("results/**/*.json")}
    again = call_here(own)
    assert again.returncode == 0
    assert "3 of 3 rows are finished" in again.stdout
    assert stamps == {path: path.stat().st_mtime_ns for path in own.glob("results/**/*.json")}
    (own / "recipes" / "small.yaml").write_text(yaml.safe_dump({"smoke": small(30)}))
    stale = call_here(own, "--row", "one")
    assert "other settings" in stale.stdout
    assert result(own, "one") == first


@pytest.mark.slow
def test_again_does_not_take_what_another_table_says_of_the_run(own):
    assert call_here(own, "--row", "flat").returncode == 0
    measured, path = result(own, "flat"), own / "results/own/table1/procedural-smoke/flat-0.json"
    other = json.loads(path.read_text())
    other["cells"]["p"]["metrics"]["p_mpjpe"] = 1.0
    elsewhere = own / "results/own/table2/procedural-smoke/flat-0.json"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text(json.dumps(other | {"table": "own/table2"}))
    assert call_here(own, "--row", "flat", "--again").returncode == 0
    assert result(own, "flat")["cells"]["p"]["value"] == measured["cells"]["p"]["value"] != 1.0


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_ends_where_an_unbroken_run_does(own):
    (own / "recipes" / "small.yaml").write_text(yaml.safe_dump({"smoke": small(600)}))
    process = subprocess.Popen(command(own, "--row", "one"), env=environment(), start_new_session=True)
    wait_for(lambda: list(own.glob("results/.runs/*/train/checkpoints/last.ckpt")))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(own.glob("results/.runs/*/train/*.safetensors")), "it had ended before it was killed"
    assert not list(own.glob("results/own/**/*.json"))
    plan = call_here(own, "--row", "one", "--dry-run")
    assert "goes on from its checkpoint" in plan.stdout
    done = call_here(own, "--row", "one")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "going on from its checkpoint" in done.stdout
    unbroken = call_here(own, "--row", "one", results="unbroken")
    assert unbroken.returncode == 0
    assert result(own, "one")["cells"]["p"]["metrics"] == result(own, "one", "unbroken")["cells"]["p"]["metrics"]


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "killed by SIGKILL"), (-15, "killed by SIGTERM"), (143, "killed by SIGTERM"), (0, "code 0"), (3, "code 3")],
)
def test_how_a_worker_ended_is_said_in_words(code, words):
    assert words in how_ended(code)


@pytest.mark.slow
def test_a_run_that_sigterm_ends_is_recorded_with_the_signal(own, monkeypatch):
    monkeypatch.setattr(StopAfter, "on_train_batch_end", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert call_here(own, "--row", "one").returncode == 1  # workers are forked from this process
    failure = own / "results/own/table1/procedural-smoke/one-0.failed.json"
    assert "killed by SIGTERM" in json.loads(failure.read_text())["error"]


@pytest.mark.slow
def test_a_row_whose_test_has_changed_is_said_to_be_measured_otherwise(own):
    assert call_here(own, "--row", "flat").returncode == 0
    measured = result(own, "flat")
    table = {**TABLE, "rows": {**TABLE["rows"], "flat": {**TABLE["rows"]["flat"], "test": {"split": "val"}}}}
    (own / "tables" / "own_table1.yaml").write_text(yaml.safe_dump(table))
    again = call_here(own, "--row", "flat")
    assert "other settings" in again.stdout
    assert result(own, "flat") == measured


@pytest.mark.slow
def test_a_row_that_fails_is_recorded_and_the_rest_go_on(own):
    table = {**TABLE, "rows": {**TABLE["rows"], "two": {**TABLE["rows"]["two"], "model": {"normalization": "none"}}}}
    (own / "tables" / "own_table1.yaml").write_text(yaml.safe_dump(table))
    done = call_here(own)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    failure = own / "results/own/table1/procedural-smoke/two-0.failed.json"
    assert "normalization is 'none'" in json.loads(failure.read_text())["error"]
    assert result(own, "one")["cells"]
    assert result(own, "flat")["cells"]
    (own / "tables" / "own_table1.yaml").write_text(yaml.safe_dump(TABLE))
    assert call_here(own).returncode == 0
    assert result(own, "two")["cells"]
    assert not failure.exists()


@pytest.mark.slow
def test_two_processes_share_a_folder_and_train_each_run_once(own):
    both = [subprocess.Popen(command(own), stdout=subprocess.PIPE, text=True, env=environment()) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    logs = sorted(path.parent.parent.name for path in own.glob("results/.runs/*/train/logs*"))
    assert len(logs) == len(set(logs)) == 2
    assert all(result(own, row)["cells"] for row in ("one", "two", "flat"))
    assert not list(own.glob("results/**/*.failed.json"))


@pytest.mark.slow
def test_two_devices_measure_what_one_does(own):
    assert call_here(own, "--row", "one").returncode == 0
    done = call(own, "--row", "one", "--devices", "2", results="two")
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = result(own, "one")["cells"]["p"], result(own, "one", "two")["cells"]["p"]
    assert (one["run"], one["origin"]["devices"]) == (two["run"], 1)
    assert two["origin"]["devices"] == 2
    # Twenty steps of Adam on rounded sums: the same within a hundredth, where seeds differ by tens of millimetres.
    assert two["value"] == pytest.approx(one["value"], rel=1e-2)
    uneven = call_here(own, "--row", "two", "--devices", "3", results="uneven")
    assert uneven.returncode == 1
    assert "does not divide over 3 devices" in uneven.stdout


def test_dry_run_writes_nothing_and_says_how_much(own):
    done = call_here(own, "--dry-run", "--seeds", "2")
    assert done.returncode == 0
    assert "5 runs" in done.stdout  # two rows of two seeds, and a baseline that knows none
    assert not (own / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--row", "three"], "three"),
        (["--data", "h37m"], "did you mean h36m"),
        (["--data", "openmocap"], "posezoo data prepare openmocap"),
        (["--seeds", "0"], "1 or more"),
        (["--all"], "not both"),
        (["--slurm", "account=lab"], "--launcher slurm"),
        (["--again", "--report-only"], "one of them"),
        (["--data-dir", "nowhere"], "is no folder"),
        (["--launcher", "slurm", "--slurm", "account"], "KEY=VALUE"),
        (["--budget", "cpu"], "has no cpu budget"),
    ],
)
def test_bad_input_is_one_sentence(own, arguments, complaint, capsys, monkeypatch):
    import reproduce

    monkeypatch.chdir(own)
    assert reproduce.main([*command(own)[2:], *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1
    assert not (own / "results").exists()


@pytest.mark.parametrize("content", ['{"cells"', "[1]", "{}", '{"cells": null}', '{"cells": {"p": {"value": "x"}}}', "\x00"])
def test_a_damaged_result_counts_as_none_and_stops_nothing(own, capsys, content):
    import reproduce

    broken = own / "results/own/table1/procedural-smoke/one-0.json"
    broken.parent.mkdir(parents=True)
    broken.write_text(content)
    (own / "results" / "list.json").write_text("[1]")
    assert reproduce.main([*command(own)[2:], "--dry-run"]) == 0
    assert "finished" not in capsys.readouterr().out
    assert reproduce.main([*command(own)[2:], "--report-only"]) == 0
    assert "nothing measured" in capsys.readouterr().out


@pytest.mark.slow
def test_measuring_again_sets_the_old_result_aside_and_a_dry_run_touches_nothing(own):
    assert call_here(own, "--row", "flat").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in own.glob("results/**/*") if path.is_file()}
    assert "to run" in call_here(own, "--row", "flat", "--again", "--dry-run").stdout
    assert before == {path: path.stat().st_mtime_ns for path in own.glob("results/**/*") if path.is_file()}
    assert call_here(own, "--row", "flat", "--again").returncode == 0
    old = list(own.glob("results/own/table1/procedural-smoke/flat-0.*.old"))
    assert len(old) == 1
    assert json.loads(old[0].read_text())["cells"] == result(own, "flat")["cells"]


@pytest.mark.slow
def test_a_row_that_starts_from_another_training_runs_that_first_and_once(own):
    representation = {"width": 2, "levels": 1, "points": 4, "map_size": 16, "skeleton": "h36m17", "regression_width": 8}
    first = {
        "paper": "georep", "steps": 4, "data": {"batch_size": 16, "label_count": 0},
        "model": {**representation, "representation_steps": 4, "label_steps": 0}, "trainer": {"limit_val_batches": 0},
    }  # fmt: skip
    second = {
        **first, "start": "first", "data": {"batch_size": 16, "label_count": 30},
        "model": {**representation, "representation_steps": 0, "label_steps": 4},
    }  # fmt: skip
    for name, recipe in (("first", first), ("second", second)):
        (own / "recipes" / f"{name}.yaml").write_text(yaml.safe_dump({"smoke": recipe}))
    rows = {
        "few": {"title": "Few", "recipe": "second", "added": True, "train": {"label_count": 10}},
        "many": {"title": "Many", "recipe": "second", "added": True},
        "other": {"title": "Other", "recipe": "second", "added": True, "start": {"train": {"cameras": "real"}}},
    }
    (own / "tables" / "own_table1.yaml").write_text(yaml.safe_dump({**TABLE, "rows": rows}))
    assert "5 runs" in call_here(own, "--dry-run").stdout
    done = call_here(own, "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    configs = {row: result(own, row)["cells"]["p"]["config"] for row in rows}
    assert configs["few"]["start"] == configs["many"]["start"] != configs["other"]["start"]
    assert configs["other"]["start"]["data"]["cameras"] == "real"
    encoders = {}
    for row in rows:
        weights = next(own.glob(f"results/.runs/{result(own, row)['cells']['p']['run']}/train/*.safetensors"))
        encoders[row] = posezoo.load(weights).generator.encoder.code.weight.tolist()
    assert encoders["few"] == encoders["many"] != encoders["other"]
    # Two starts and three rows, each trained once.
    assert len(list(own.glob("results/.runs/*/train/logs/metrics.csv"))) == 5
    assert call_here(own).returncode == 0
    assert len(list(own.glob("results/.runs/*/train/logs*/metrics.csv"))) == 5


@pytest.mark.slow
def test_where_the_start_fails_the_row_says_so(own):
    broken = {**small(4), "model": {"width": 8, "normalization": "none"}}
    (own / "recipes" / "small.yaml").write_text(yaml.safe_dump({"smoke": {**small(4), "start": "broken"}}))
    (own / "recipes" / "broken.yaml").write_text(yaml.safe_dump({"smoke": broken}))
    done = call_here(own, "--row", "one")
    assert done.returncode == 1
    assert "what it starts from failed: normalization is 'none'" in done.stdout
    assert "Traceback" not in done.stderr
