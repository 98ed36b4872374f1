"""Test the scores on validation rigs: of passes and of numbers of views, against the model's own loop."""

from __future__ import annotations

import pytest
import score_rigs

from posezoo.errors import InputError
from posezoo.papers.cvugcn import CVUGCN
from posezoo.registry import save


def test_every_number_of_passes_and_of_views_gets_a_line(tmp_path, capsys, monkeypatch):
    path = save(CVUGCN(width=8, residual=True, any_views=True, context=True), tmp_path / "small.safetensors")
    command = f"score_rigs.py {path} --batches 1 --batch-size 8 --passes 1 2"
    monkeypatch.setattr("sys.argv", [*command.split(), "--rigs", "{frames: [3], views: [2], noise: [0.01, 0.01]}"])
    score_rigs.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if "mm" in line]
    assert [line.split(":")[0] for line in lines] == [
        f"{passes} passes, {rigs}" for passes in (1, 2) for rigs in ("all rigs", "views 2")
    ]
    # The model is untrained, and with one number of views all rigs are those.
    assert all(one.split(": ")[1] == other.split(": ")[1] for one, other in zip(lines[::2], lines[1::2], strict=True))
    assert lines[0].split("->")[0].split(": ")[1] == lines[2].split("->")[0].split(": ")[1]


def test_models_that_know_no_rigs_are_refused(monkeypatch):
    monkeypatch.setattr("sys.argv", ["score_rigs.py", "cvugcn.cmu"])
    with pytest.raises(InputError, match=r"cvugcn\.mocap"):
        score_rigs.main()
