"""Test every reader on files made by hand to harm: a result or one sentence, and nothing executed, within time and memory.

``PYTHONPATH=.:benchmarks python -m tests.files.test_targeted`` reads all of them and counts the outcomes; ``WORD`` after it
takes those whose name holds the word.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.files import targeted_arrays, targeted_models, targeted_texts
from tests.files.answering import SLOW_S, answer
from tests.files.targeted_arrays import Case


def cases(folder: Path) -> Iterator[Case]:
    """Yield all hostile files; what they would execute creates the file ``canary`` in the folder."""
    canary, fifo = folder / "canary", folder / "fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    yield from targeted_arrays.cases(folder, canary, fifo)
    yield from targeted_texts.cases(folder, fifo)
    yield from targeted_models.cases(folder, canary)


def campaign(folder: Path, every: int = 1, word: str = "") -> tuple[Counter[str], list[str]]:
    """Read each of ``every`` files; return how they ended, and what should not have happened."""
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    canary = folder / "canary"
    for number, case in enumerate(cases(folder)):
        if number % every or word not in case.name:
            continue
        path = folder / case.file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(case.content)
        end, failures = answer(case.name, path, case.read)
        ends[end] += 1
        wrong += failures
        if case.refused and end == "read":
            wrong.append(f"{case.name}: read, not refused")
        if canary.exists():
            wrong.append(f"{case.name}: executed")
            canary.unlink()
    return ends, wrong


def test_hostile_files_are_answered_or_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ends, wrong = campaign(tmp_path, every=293)
    assert not wrong, "\n".join(wrong[:5])
    assert ends["one sentence"] > 10


@pytest.mark.slow
def test_many_hostile_files_are_answered_or_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ends, wrong = campaign(tmp_path, every=9)
    assert not wrong, "\n".join(wrong[:5])
    assert sum(ends.values()) > 500


@pytest.mark.slow
def test_the_hostile_files_are_different_ones(tmp_path):
    assert len({(case.file, case.content) for case in cases(tmp_path)}) > 500


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        faulthandler.dump_traceback_later(60 * SLOW_S, exit=True)
        found, failed = campaign(Path(place), word=" ".join(sys.argv[1:]))
    print(dict(found), sum(found.values()), "inputs", len(failed), "failures", *failed[:400], sep="\n")
