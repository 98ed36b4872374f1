"""Test the fine-tuning benchmark: its halves share no picture, and its report agrees with its results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from finetune_mpii import MAY_RISE, MUST_FALL, RESULTS, halves, main, markdown

from posezoo.data import PoseData
from posezoo.poses.posedata import Sequence
from posezoo.skeletons import get_skeleton

FILES = sorted(RESULTS.glob("mpii_*.json"))


def test_halves_share_no_picture_and_leave_nobody_out():
    pictures = np.random.default_rng(0).integers(0, 60, 100)
    people = PoseData(
        skeleton=get_skeleton("mpii16"),
        keypoints_2d=np.arange(3200, dtype=np.float32).reshape(100, 16, 2),
        sequence=np.arange(100, dtype=np.int32),
        frame=np.zeros(100, dtype=np.int32),
        sequences=tuple(Sequence(subject="0", trial=f"{picture}.jpg") for picture in pictures),
    )
    first, second = halves(people, seed=0)
    assert set(pictures[first.sequence]).isdisjoint(pictures[second.sequence])
    assert sorted([*first.sequence, *second.sequence]) == list(range(100))
    assert 30 < len(first) < 70
    assert halves(people, seed=1)[0].sequence.tolist() != first.sequence.tolist()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_committed_results_agree_with_themselves(path: Path):
    result = json.loads(path.read_text(encoding="utf-8"))
    for part, values in result["before"].items():
        for name, value in values.items():
            assert result["change"][part][name] == pytest.approx(result["after"][part][name] / value - 1)
    fell = all(result["change"]["mpii_unseen_half"][name] < 0 for name in MUST_FALL)
    assert result["within_bounds"] == (fell and result["change"]["openmocap_test"]["p_mpjpe"] <= MAY_RISE)
    chosen = [run for run in result["chosen_among"] if run.get("chosen")]
    assert [run["score"] for run in chosen] == [min(run["score"] for run in result["chosen_among"])]


def test_the_committed_report_is_of_the_committed_results():
    results = [json.loads(path.read_text(encoding="utf-8")) for path in FILES]
    assert (RESULTS / "report.md").read_text(encoding="utf-8") == markdown(results)


def test_a_missing_file_is_one_sentence(tmp_path, capsys):
    assert main(["svma", "--mpii", str(tmp_path / "a.h5"), "--openmocap", str(tmp_path / "b.h5")]) == 2
    assert "a.h5 is not there" in capsys.readouterr().err
