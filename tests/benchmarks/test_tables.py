"""Test the papers' tables: complete, well-formed, and able to run."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
import yaml
from reproduction.datasets import Dataset, datasets, measurable
from reproduction.estimate import Estimates
from reproduction.plan import budget_of, plan
from reproduction.runs import Bench
from reproduction.tables import list_tables, read_table
from reproduction.worker import BASELINES

from posezoo.data import load_dataset
from posezoo.data.named import DATASETS
from posezoo.data.named_pictures import PICTURES
from posezoo.errors import CorruptFileError, InputError, UnknownNameError
from posezoo.papers.cvugcn import CVUGCN
from posezoo.papers.geoselfsup import GeoSelfSup
from posezoo.registry import PAPERS, paper_class

HEAD = "title: T\ncaption: C\nprotocol: P\ndata: h36m\ncolumns:\n  a: {title: A, metric: p_mpjpe}\nrows:\n"


def bench(budget: str = "smoke", data: str = "procedural", folder: Path = Path()) -> Bench:
    return Bench(data, folder, budget, folder / "results")


@pytest.mark.parametrize("name", list_tables())
def test_every_table_is_well_formed(name):
    table = read_table(name)
    assert table.paper in PAPERS
    assert table.data in datasets()
    assert table.caption
    assert table.protocol
    for row in table.rows.values():
        assert isinstance(row.title, str)  # a YAML number is one too
        assert (
            row.cited
            or row.added
            or set(row.published) | {c for c, v in row.cells.items() if v is None} == set(table.columns)
        )


@pytest.mark.parametrize("budget", ["smoke", "cpu", "paper"])
@pytest.mark.parametrize("name", list_tables())
def test_every_row_sets_only_what_its_model_takes(name, budget):
    rows = plan(read_table(name), bench(budget), range(1))
    assert rows
    for row in rows:
        assert row.cells or row.impossible
        for cell in row.cells:
            recipe = cell.run.recipe
            if "baseline" in recipe:
                continue
            assert set(recipe["model"]) <= set(inspect.signature(paper_class(recipe["paper"])).parameters)
            assert set(recipe["data"]) <= set(inspect.signature(paper_class(recipe["paper"], "datamodule")).parameters)
            assert recipe["steps"] or recipe["trainer"]["max_epochs"]


def test_the_values_of_svma_are_those_printed():
    # Deng et al. 2021, Tables 1 and 2, read again from the paper by hand; Tables 3 and 4 are not in the text.
    rows = read_table("svma/table1").rows
    printed = {key: tuple(row.published.get(c) for c in ("gt", "img")) for key, row in rows.items() if not row.added}
    assert printed == {
        "hmr": ("56.8/58.1", None), "martinez": (37.1, 52.1), "interpreter": (88.6, 98.4), "aign": (79.0, 97.2),
        "hmr_weak": (66.5, None), "repnet": (38.2, 65.1), "kudo": (130.9, 173.2), "chen_temporal": (51.0, 68.0),
        "chen": (58.0, None), "kundu": (62.4, 99.2), "ours": (56.8, 98.3), "ours_sh_gt": (None, 64.8),
    }  # fmt: skip
    second = read_table("svma/table2").rows
    assert [row.published["pck"] for row in second.values() if not row.added] == [
        76.6, 72.5, 64.7, 66.8, 59.6, 64.3, 71.1, 64.7, 64.8, 66.5,
    ]  # fmt: skip
    for name in ("svma/table3", "svma/table4"):
        assert all(value is None for row in read_table(name).rows.values() for value in row.published.values())


def test_the_values_of_georep_are_those_printed():
    # Chen, Lin et al. 2019, averages of Table 1, Table 2 and the text of Fig. 6, read again from the paper by hand.
    first = read_table("georep/table1").rows
    whole = {
        "martinez": (62.9, 47.7, 84.9), "sun_2018": (49.8, 44.1, 53.6), "fang": (60.4, 45.7, 72.8),
        "zhou_2017": (64.9, None, 75.6),
    }  # fmt: skip
    assert {k: tuple(first[k].published[c] for c in ("p1", "p2", "p3")) for k in whole} == whole
    assert [tuple(first[f"ours_{n}"].published[c] for c in ("p1", "p2", "p3")) for n in (1, 2, 3)] == [
        (80.2, 58.2, 91.4), (56.9, 44.1, 71.8), (46.3, 41.6, 50.3),
    ]  # fmt: skip
    others = {"yang": (58.6, 37.7), "sun_2017": (59.1, 48.3), "moreno": (None, 74.0), "zhou_arxiv": (None, 55.3)}
    assert {k: (first[k].published["p1"], first[k].published["p2"]) for k in others} == others
    assert [first[k].published["p1"] for k in ("pavlakos_2018", "wang", "trumble", "park")] == [56.2, 57.8, 62.5, 58.6]
    assert first["pavlakos_2017"].published["p3"] == 88.6
    second = read_table("georep/table2").rows.values()
    assert [row.published["pck"] for row in second] == [64.7, 50.1, 69.0, 41.0, 68.0, 68.4, 61.4, 68.7, 75.9]
    assert [row.published["auc"] for row in second] == [31.7, 21.6, 32.0, 17.1, 34.7, 29.4, 29.4, 34.6, 36.3]
    bars = [row.published["mpjpe"] for row in read_table("georep/figure6").rows.values() if row.cited]
    assert bars == [49.8, 52.6, 49.9, 48.2, 47.4, 46.3]
    assert [row.published["mpjpe"] for row in read_table("georep/figure6_pictures").rows.values()] == bars


def test_the_values_of_cvugcn_are_those_printed():
    # Hua et al. 2021, Tables 1 to 4, 6 and 7, read again from the paper by hand; its figures print no numbers.
    def printed(name: str, column: str = "mpjpe") -> list[float]:
        return [row.published[column] for row in read_table(name).rows.values() if not row.added]

    assert sorted(printed("cvugcn/table1")) == [
        27.4, 30.2, 30.4, 31.2, 42.6, 45.6, 46.3, 46.8, 48.8, 52.8, 56.9, 60.4, 62.9, 67.4, 85.8, 86.4, 87.3, 88.4, 89.9,
    ]  # fmt: skip
    assert printed("cvugcn/table2") == [36.0, 31.5, 29.3, 28.2, 27.4]
    assert printed("cvugcn/table3") == [28.3, 28.2, 28.1, 27.9, 27.8, 27.4]
    assert printed("cvugcn/table4") == [31.2, 20.8, 30.2, 27.4, 1.1]
    assert printed("cvugcn/table6", "p2") == [40.1, 35.9, 35.7, 30.7, 30.7, 30.9, 30.3]
    assert printed("cvugcn/table6", "average") == [36.0, 33.3, 30.4, 30.2, 29.0, 29.1, 27.4]
    gains = zip(printed("cvugcn/table7", "triangulation"), printed("cvugcn/table7", "refinement"), strict=True)
    # The paper's own column of differences holds 1.8 as 1.2.
    assert [round(before - after, 1) for before, after in gains] == [3.0, 1.8, 1.2, 0.9, 0.8]


def test_rows_share_a_training_where_nothing_differs():
    runs = {
        (name, row.row.id, cell.column.id): cell.run.digest
        for name in list_tables()
        for row in plan(read_table(name), bench("cpu"), range(1))
        for cell in row.cells
    }
    assert runs["svma/table1", "ours", "gt"] == runs["svma/table4", "ours", "p_mpjpe"]
    assert runs["svma/table1", "ours", "img"] == runs["svma/table1", "ours_sh_gt", "img"]
    ablation = {runs["svma/table4", row, "p_mpjpe"] for row in ("ours", "without_dis", "without_svma", "camera_axis")}
    assert len(ablation) == 4


def test_seeds_and_budgets_are_other_runs_but_a_baseline_knows_none():
    table = read_table("svma/table4")
    rows = plan(table, bench(), range(3))
    assert sorted((row.row.id, row.seed) for row in rows if row.row.id in ("ours", "flat")) == [
        ("flat", 0), ("ours", 0), ("ours", 1), ("ours", 2),
    ]  # fmt: skip
    ours = [row.cells[0].run.digest for row in rows if row.row.id == "ours"]
    assert len(set(ours)) == 3
    assert plan(table, bench("cpu"), range(1), ["ours"])[0].cells[0].run.digest not in ours


def test_results_of_another_budget_lie_elsewhere():
    table = read_table("svma/table4")
    assert bench("cpu").folder(table) == Path("results/svma/table4/procedural")
    assert bench("smoke").folder(table) == Path("results/svma/table4/procedural-smoke")


def test_a_dataset_stands_for_the_papers(tmp_path):
    table = read_table("svma/table2")
    known = {data: bench(data=data) for data in ("procedural", "openmocap", "mpi_inf_3dhp")}
    assert known["procedural"].dataset(table, "h36m").id == "procedural"
    assert known["openmocap"].dataset(table, "h36m").id == "openmocap"
    assert known["openmocap"].dataset(table, "mpi_inf_3dhp").id == "bandai"
    assert known["mpi_inf_3dhp"].dataset(table, "h36m").id == "h36m"
    assert [known[data].is_papers_data(table) for data in known] == [False, False, True]
    rows = plan(table, bench(data="openmocap", folder=tmp_path), range(1))
    assert all(row.lacks and "posezoo data prepare" in row.impossible for row in rows)


def test_rows_whose_files_are_not_all_there_are_left_out_and_the_others_stay(tmp_path):
    (tmp_path / "mpii").mkdir()

    def make(name: str) -> None:
        with h5py.File(tmp_path / name, "w") as file:
            file.attrs["digest"] = name

    make("openmocap.h5")
    table, where = read_table("geoselfsup/table3"), bench("cpu", "openmocap", tmp_path)
    planned = {row.row.id: row for row in plan(table, where, range(1))}
    lacking = {name for name, row in planned.items() if row.lacks}
    at_the_ray = {"adv_da_ray", "adv_ss_da_ray", "adv_ss_da_td_ray", "adv_da_ray_unadapted"}
    assert lacking - at_the_ray == {
        "adv_da", "adv_ss_da", "adv_ss_da_td", "adv_ss_da_td_completed", "finetuned_0pct", "finetuned_5pct"
    }  # fmt: skip
    assert at_the_ray < lacking
    assert "put the stacked hourglass's annotations" in planned["adv_da"].impossible
    assert planned["adv"].cells
    make("mpii/valid.h5")
    row = plan(table, where, range(1), ["adv_da"])[0]
    assert "valid_stacked_hourglass.h5" in row.impossible  # not trained without half of its source
    make("mpii/valid_stacked_hourglass.h5")
    row = plan(table, where, range(1), ["adv_da"])[0]
    assert {dataset.id for dataset in row.datasets} == {"openmocap", "mpii"}


@pytest.mark.parametrize("data", measurable())
def test_what_is_planned_on_a_dataset_can_be_trained_and_tested_on_it(data):
    unneeded = Bench(data, Path("nowhere"), "cpu", Path("results"), files_needed=False)
    planned = [row for name in list_tables() for row in plan(read_table(name), unneeded, range(1))]
    for cell in (cell for row in planned for cell in row.cells):
        on = {cell.evaluation.dataset} | ({cell.run.trained_on} if cell.run.trained_on else set())
        assert {dataset.loader for dataset in on} <= {*DATASETS, *PICTURES} - {"keypoints"}
        if cell.run.trained_on:
            of_pictures = PAPERS[cell.run.paper].kind == "pictures"
            assert {dataset.pictures for dataset in on} == {of_pictures}
    assert all(row.cells or row.impossible for row in planned)


@pytest.mark.parametrize(
    ("data", "name", "row", "said"),
    [
        ("h36m", "hg3d/table1", "w_geo", "Human3.6M holds keypoints, in place of Human3.6M's frames people in pictures are"),
        ("h36m_pictures", "svma/table1", "ours", "Human3.6M's frames holds people in pictures"),
        ("mpii", "svma/table1", "ours", "MPII holds 2D keypoints of single views"),
        ("humaneva", "cvugcn/table6", "p1_p3", "HumanEva-I has the pairs of cameras C12, C13, C23, not P1, P3"),
        ("h36m", "geoselfsup/table2", "martinez_h36m", "Human3.6M and MPI-INF-3DHP are two datasets; Human3.6M is one"),
    ],
)
def test_datasets_that_cannot_stand_for_the_papers_leave_rows_out(data, name, row, said):
    unneeded = Bench(data, Path("nowhere"), "cpu", Path("results"), files_needed=False)
    assert said in plan(read_table(name), unneeded, range(1), [row])[0].impossible


def test_a_dry_run_knows_every_dataset_of_a_row():
    unneeded = Bench("h36m", Path("nowhere"), "paper", Path("results"), files_needed=False)
    planned = {row.row.id: row for row in plan(read_table("geoselfsup/table3"), unneeded, range(1))}
    assert {dataset.id for dataset in planned["adv_ss_da"].datasets} == {"h36m", "kinetics"}
    start = plan(read_table("georep/figure6_pictures"), replace(unneeded, data="h36m_pictures"), range(1), ["bl_sg"])[0]
    assert {dataset.id for dataset in start.datasets} == {"h36m", "h36m_pictures", "mpii_pictures"}


def test_detectors_are_the_papers_on_human36m_and_nowhere_else():
    unneeded = Bench("h36m", Path("nowhere"), "paper", Path("results"), files_needed=False)
    expected = {
        "cvugcn/table1": "cpn_ft_h36m_dbb", "svma/table1": "sh_pt_mpii", "geoselfsup/table1": "sh_pt_mpii",
        "georep/table1": "sh_ft_h36m",
    }  # fmt: skip
    for name, detector in expected.items():
        rows = plan(read_table(name), unneeded, range(1), ["martinez"])
        cells = [cell for row in rows for cell in row.cells]
        used = {(cell.run.recipe["data"]["keypoints"], cell.evaluation.settings["keypoints"]) for cell in cells}
        assert used - {("gt", "gt")} == {(detector, detector)}
        elsewhere = [cell for row in plan(read_table(name), bench("cpu"), range(1)) for cell in row.cells]
        assert {cell.evaluation.settings["keypoints"] for cell in elsewhere} <= {"gt", "detected"}


def test_table_7_has_errors_of_calibration_where_cameras_are_exact_alone():
    def unneeded(data: str) -> Bench:
        return Bench(data, Path("nowhere"), "paper", Path("results"), files_needed=False)

    table = read_table("cvugcn/table7")
    for data in ("humaneva", "h36m"):
        real = plan(table, unneeded(data), range(1), ["noise_5"])[0].cells[0]
        assert "calibration" not in real.run.recipe["data"]
        assert "calibration" not in real.evaluation.scoring
    theirs = plan(table, unneeded("humaneva"), range(1), ["noise_5"])[0].cells[0]
    assert dict(theirs.evaluation.scoring) == {"pairs": ["C12", "C13", "C23"], "noise_mm": 5.0}
    assert theirs.run.recipe["model"]["skeleton"] == "humaneva15"
    for which in (bench("cpu"), unneeded("openmocap")):
        ours = plan(table, which, range(1), ["noise_5"])[0].cells[0]
        assert ours.run.recipe["data"]["calibration"] == {"rotation_deg": 0.2, "translation_mm": 5.0, "focal": 0.002}


def test_rows_of_3dhp_count_14_joints_and_know_no_other_cameras_pixels():
    unneeded = Bench("mpi_inf_3dhp", Path("nowhere"), "paper", Path("results"), files_needed=False)
    martinez = {"svma/table2", "svma/table3", "geoselfsup/table2", "georep/table2"}
    for name in martinez:
        cells = [cell for row in plan(read_table(name), unneeded, range(1)) for cell in row.cells]
        assert all(dict(cell.evaluation.scoring) == {"pck_joints": 14} for cell in cells)
        lifters = [cell.run.recipe["model"] for cell in cells if cell.run.name.startswith("martinez")]
        assert lifters
        assert all((model["normalization"], model["max_norm"]) == ("root", False) for model in lifters)


def test_rows_beside_those_of_14_joints_are_of_14_joints_at_the_papers_sizes():
    unneeded = Bench("h36m", Path("nowhere"), "paper", Path("results"), files_needed=False)
    rows = {row.row.id: row.cells[0].run.recipe for row in plan(read_table("geoselfsup/table1"), unneeded, range(1))}
    layout = inspect.signature(GeoSelfSup).parameters["skeleton"].default
    assert rows["ours"]["model"].get("skeleton", layout) == rows["martinez"]["model"]["skeleton"] == "common14"
    score = BASELINES[rows["flat"]["baseline"]]
    assert len(score(load_dataset("procedural", "test"))["per_joint"]) == 14
    assert len(BASELINES["flat_depth"](load_dataset("procedural", "test"))["per_joint"]) == 17


@pytest.mark.parametrize(
    ("budget", "method", "reach_mm"), [("smoke", "dlt", 1500.0), ("cpu", "dlt", 1500.0), ("paper", "rays", None)]
)
def test_the_baseline_of_cvugcn_is_what_its_model_refines(budget, method, reach_mm, monkeypatch):
    rows = {row.row.id: row.cells[0].run.recipe for row in plan(read_table("cvugcn/table2"), bench(budget), range(1))}
    defaults = inspect.signature(CVUGCN).parameters
    refined = {name: rows["ours"]["model"].get(name, defaults[name].default) for name in ("triangulation", "reach_mm")}
    assert refined == {"triangulation": method, "reach_mm": reach_mm}
    scored = []
    monkeypatch.setattr(CVUGCN, "evaluate", lambda self, data, **settings: scored.append((self.hp, settings)))
    data = load_dataset("procedural", "test")
    for row in ("triangulation", "triangulation_alone"):
        BASELINES[rows[row]["baseline"]](data, noise_px=4.0)
    (baseline, given), (alone, _) = scored
    assert (baseline.triangulation, baseline.refinement, baseline.reach_mm) == (method, False, reach_mm)
    assert (alone.triangulation, alone.refinement, alone.reach_mm) == (method, False, None)
    assert given == {"noise_px": 4.0}


def test_a_former_default_written_into_a_recipe_is_the_run_it_was(tmp_path):
    """Check that a former default is the run it was, and that any other value is another run."""
    digests = {}
    for name, model in (("absent", {}), ("former", {"saturating": False}), ("today", {"saturating": True})):
        recipe = {"smoke": {"paper": "geoselfsup", "model": model, "steps": 3}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
        text = HEAD + f"  r: {{title: R, recipe: {name}, published: {{a: 3}}}}"
        (tmp_path / "own_table1.yaml").write_text(text)
        where = Bench("procedural", tmp_path, "smoke", tmp_path / "results", tmp_path)
        digests[name] = plan(read_table("own/table1", tmp_path), where, range(1))[0].cells[0].run.digest
    assert digests["absent"] == digests["today"] != digests["former"]


def test_every_run_has_an_estimate():
    estimates = Estimates(Bench("h36m", Path("nowhere"), "paper", Path("results"), files_needed=False))
    for name in ("svma/table2", "hg3d/table1", "georep/table1"):
        for row in plan(read_table(name), estimates.bench, range(1)):
            for cell in row.cells:
                found = estimates.of(cell.run)
                assert found.hours > 0 or cell.run.trained_on is None
                assert (found.steps or 0) > 0 or cell.run.trained_on is None


def test_a_run_takes_what_runs_of_its_own_settings_took(monkeypatch):
    """Check that other rows of a recipe, which may be much slower, count for those alone that were never measured."""
    where = replace(bench("cpu", "openmocap"), files_needed=False)
    seeds = {row.row.id: row for row in plan(read_table("geoselfsup/table3"), where, range(2)) if row.seed == 0}
    again = {row.row.id: row for row in plan(read_table("geoselfsup/table3"), where, range(1, 2))}
    seconds = {"adv": 200.0, "ss": 800.0, "adv_ss": 2000.0}
    found = [
        {
            "table": "geoselfsup/table3",
            "row": name,
            "budget": "cpu",
            "cells": {"a": {"config": dict(seeds[name].cells[0].run.recipe), "origin": {"wall_seconds": wall}}},
        }
        for name, wall in seconds.items()
    ]
    monkeypatch.setattr("reproduction.estimate.results_in", lambda _: found)
    estimates = Estimates(where)
    for name, wall in seconds.items():
        assert 3600 * estimates.of(again[name].cells[0].run).hours == pytest.approx(wall)
    other = again["adv_da"].cells[0].run
    steps, of_measured = other.recipe["steps"], [again[name].cells[0].run.recipe["steps"] for name in seconds]
    median = sorted(wall / count for wall, count in zip(seconds.values(), of_measured, strict=True))[1]
    assert 3600 * estimates.of(other).hours == pytest.approx(steps * median)


def test_a_gpu_is_not_guessed_to_be_as_slow_as_a_core():
    where = Bench("h36m", Path("nowhere"), "paper", Path("results"), files_needed=False)
    for name, row in (("geoselfsup/table3", "adv"), ("georep/table1", "martinez")):
        run = plan(read_table(name), where, range(1), [row])[0].cells[0].run
        assert 0.1 < Estimates(where, gpu=True).of(run).hours < 24 < Estimates(where).of(run).hours


def test_data_that_posezoo_cannot_read_says_so(tmp_path):
    with pytest.raises(InputError, match="no reader for Elsewhere"):
        Dataset("elsewhere", "Elsewhere", "elsewhere").path(tmp_path)


def test_rows_are_checked_by_name():
    table = read_table("svma/table1")
    with pytest.raises(UnknownNameError, match="ours"):
        plan(table, bench(), range(1), ["our"])
    with pytest.raises(InputError, match="quoted"):
        plan(table, bench(), range(1), ["kudo"])
    with pytest.raises(UnknownNameError, match="svma/table4"):
        read_table("svma/table5")
    with pytest.raises(InputError, match="recipe"):
        budget_of("nobody", bench())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[1, 2]", "expected a mapping"),
        ("a: [", "not YAML"),
        (HEAD + "  r: {title: R, cited: true, published: {b: 3}}", "names column b"),
        (HEAD + "  r: {title: R}", "needs a recipe"),
        (HEAD + "  r: {title: R, cited: true, recipe: svma}", "needs a recipe"),
        (HEAD + "  r: {title: R, recipe: svma, added: true, published: {a: 3}}", "cannot have a published value"),
        (HEAD + "  r: {title: R, cited: true, published: {a: [3]}}", "expected a number or null"),
        (HEAD + "  r: {title: R, cited: true, publised: {a: 3}}", "has no 'publised'"),
        (HEAD + "  r: {cited: true}", "title"),
        (HEAD + "  r: {title: R, cited: true}\nstated: [{column: a, better: r, worse: s}]", "names what the table lacks"),
        (HEAD.replace("p_mpjpe", "mpjp") + "  r: {title: R, cited: true}", "known: .*p_mpjpe"),
        (HEAD.replace("data: h36m", "data: h37m") + "  r: {title: R, cited: true}", "no dataset 'h37m'"),
        (HEAD + "  r: {title: R, recipe: svma, train: {dataset: nope}}", "no dataset 'nope'"),
        (HEAD + "  r: {title: R, recipe: svma, cells: {a: {test: {keypoints: magic}}}}", "expected gt or detected"),
        ("curve: x\n" + HEAD + "  r: {title: R, recipe: svma, series: s, x: two}", "a number `x`"),
        ("curve: x\n" + HEAD + "  r: {title: R, recipe: svma, x: 2}", "needs `series`"),
        (HEAD.split("rows:")[0] + "rows: {}", "no rows"),
        (HEAD.replace("data: h36m\n", "") + "  r: {title: R, cited: true}", "data"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path, text, complaint):
    (tmp_path / "own_table1.yaml").write_text(text)
    with pytest.raises(CorruptFileError, match=complaint):
        read_table("own/table1", tmp_path)


def test_row_and_column_names_may_be_numbers(tmp_path):
    (tmp_path / "own_table1.yaml").write_text(HEAD.replace("  a:", "  5:") + "  7: {title: R, cited: true, published: {}}")
    table = read_table("own/table1", tmp_path)
    assert (list(table.columns), list(table.rows)) == (["5"], ["7"])


@pytest.mark.parametrize(("setting", "complaint"), [("steps: many", "whole number"), ("steps: -3", "whole number"),
                                                    ("stepz: 3", "no setting stepz")])  # fmt: skip
def test_recipes_are_checked(tmp_path, setting, complaint):
    (tmp_path / "own.yaml").write_text(f"smoke:\n  paper: svma\n  {setting}\n")
    with pytest.raises(InputError, match=complaint):
        budget_of("own", Bench("procedural", tmp_path, "smoke", tmp_path, tmp_path))


def test_the_values_of_hg3d_are_those_printed():
    # Zhou et al. 2017, averages of Table 1, Tables 2 to 4, read again from the paper by hand.
    def printed(name: str, column: str) -> list[float]:
        return [row.published[column] for row in read_table(name).rows.values() if not row.added]

    assert printed("hg3d/table1", "mpjpe") == [114.18, 88.39, 79.9, 74.14, 66.92, 82.44, 80.98, 65.69, 64.9]
    assert printed("hg3d/table2", "pckh") == [90.01, 90.57, 90.93, 91.62]
    assert printed("hg3d/table3", "pck") == [64.7, 31.5, 37.7, 65.8, 69.2, 72.5]
    assert printed("hg3d/table3", "auc") == [31.7, 18.0, 20.9, 32.1, 32.5, 36.9]
    assert printed("hg3d/table3", "outdoor") == [58.8, 13.6, 14.4, 67.5, 72.7, 59.6]
    whole = read_table("hg3d/table4").rows
    assert list(whole["wo_geo"].published.values()) == [42.4, 60.4, 43.5, 59.4, 6.27, 10.11, 6.89, 8.03]
    assert list(whole["w_geo"].published.values()) == [37.8, 50.7, 43.4, 47.8, 4.8, 6.64, 4.93, 6.22]


def test_rows_of_pictures_are_trained_on_what_they_say():
    planned = plan(read_table("hg3d/table3"), replace(bench("cpu"), files_needed=False), range(1))
    rows = {row.row.id: row.cells[0].run for row in planned}
    data = {name: run.recipe["data"] for name, run in rows.items()}
    assert data["w_geo"]["dataset"] == "rendered_studio"
    assert data["w_geo"]["annotated"] == "rendered_wild"
    assert data["wo_geo_3d"]["annotated"] is None
    assert "keypoints" not in data["w_geo"]
    for run in rows.values():  # stage 1 is one for all
        assert run.start.start.digest == rows["w_geo"].start.start.digest
        assert run.start.start.recipe["data"]["dataset"] is None
        assert run.start.start.recipe["data"]["annotated"] == "rendered_wild"
    assert rows["w_geo"].start.digest == rows["wo_geo"].start.digest != rows["w_geo_3d"].start.digest
    assert rows["w_geo_3d"].start.digest == rows["wo_geo_3d"].start.digest
    # It begins with ImageNet's weights, which are one of the row's files.
    assert {run.start.start.initial.id for run in rows.values()} == {"imagenet"}
    assert all("imagenet" in {dataset.id for dataset in row.datasets} for row in planned)
    assert "imagenet_start.py" in plan(read_table("hg3d/table3"), bench("cpu"), range(1))[0].impossible
    # Scenes are of the paper's data alone.
    assert {cell.column.id for cell in plan(read_table("hg3d/table3"), bench(), range(1))[0].cells} == {"pck", "auc"}


def test_a_row_of_pictures_may_start_from_what_keypoints_taught():
    # Regression #3 takes the very encoders of Regression #1: trained once for both figures.
    threes, ones = (
        {row.row.id.removesuffix("_1"): row.cells[0].run for row in plan(read_table(name), bench("cpu"), range(1))}
        for name in ("georep/figure6_pictures", "georep/figure6")
    )
    for name in ("bl_ae", "bl_sg", "bl_sg_aug", "bl_dg_aug"):
        assert threes[name].recipe["data"]["annotated"] == "rendered_wild"
        assert threes[name].start.recipe["data"]["keypoints"] == "detected"
        assert threes[name].start.digest == ones[name].start.digest
    assert threes["bl"].start is None
