"""Read subject, trial, action and split of OpenMocap's recordings from the names of their files."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Recording:
    """A recording of motion capture.

    Attributes:
        subject: who moves: ``CMU02``, or the name that another collection gives.
        trial: two digits of CMU; of other collections the file's name without ending.
        action: what the subject does.
    """

    subject: str
    trial: str
    action: str

    @property
    def is_cmu(self) -> bool:
        """Whether CMU recorded it."""
        return self.subject.startswith("CMU") and self.trial.isdigit()

    @property
    def split(self) -> str:
        """The split. Of CMU's trials those divisible by 4 test, and those that leave 7 when divided by 8 validate.

        Any other collection is a test set as a whole.
        """
        if not self.is_cmu or int(self.trial) % 4 == 0:
            return "test"
        return "val" if int(self.trial) % 8 == 7 else "train"

    def described(self) -> dict[str, str]:
        """Return subject, trial, action and split by name."""
        return {"subject": self.subject, "trial": self.trial, "action": self.action, "split": self.split}


def recording_of(path: Path, index: dict[tuple[int, int], str]) -> Recording:
    """Return subject, trial and action of a file, from its name.

    Args:
        path: CMU's files are called ``<subject>_<trial>``; others ``<set>_<action>_<subject>``, or anything.
        index: what :func:`read_index` returns.
    """
    cmu = re.fullmatch(r"(\d+)_(\d+)", path.stem)
    if cmu:
        subject, trial = int(cmu[1]), int(cmu[2])
        words = re.split(r"[,\-(/]", index.get((subject, trial), f"subject {subject}"))[0]
        return Recording(f"CMU{subject:02d}", f"{trial:02d}", words.strip())
    parts = path.stem.split("_")
    return Recording("_".join(parts[2:]) or "unknown", path.stem, parts[1] if len(parts) > 2 else parts[0])


def read_index(folder: Path) -> dict[tuple[int, int], str]:
    """Return CMU's description of each (subject, trial), from the ``index.csv`` beside the files; empty without one."""
    path = folder / "index.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if len(row) > 2 and row[0].isdigit() and row[1].isdigit()]
    return {(int(row[0]), int(row[1])): row[2] for row in rows}
