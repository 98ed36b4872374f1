"""Kill commands at random moments: what is begun again ends in the bytes of what nothing interrupted.

``python -m tests.training.test_killed COUNT SEED`` kills trainings of four papers, fine-tuning, preparing of data,
predicting and publishing as often as is asked for, and counts.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from posezoo.cli import main
from posezoo.data import load_dataset
from posezoo.data.named import DATASETS
from posezoo.registry import paper_class, save
from tests.data.kinetics_samples import write_clips

LONGEST_S = 300
_TRAIN = [
    "--data.dataset", "procedural", "--data.path", "null", "--data.batch_size", "64", "--data.keypoints", "gt",
    "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.limit_train_batches", "3",
    "--steps", "9", "--model.width", "16", "--quiet",
]  # fmt: skip


class Job:
    """Describe a command, what it writes, and how it is begun again.

    Args:
        command: of ``posezoo``; ``{}`` is the folder of one run.
        results: patterns of the files that must be equal to the last byte.
        resumed: what is added where the run has left a checkpoint.
    """

    def __init__(self, command: list[str], results: str, resumed: tuple[str, ...] = ()) -> None:
        self.command, self.results, self.resumed = command, results, resumed

    def run(self, folder: Path) -> None:
        """Run the command to its end, in a process that does nothing else."""
        going_on = bool(self.resumed) and (folder / "run" / "checkpoints" / "last.ckpt").is_file()
        command = [part.replace("{}", str(folder)) for part in (*self.command, *(self.resumed if going_on else ()))]
        with open(folder / "said.txt", "a") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os._exit(main(command))

    def start(self, folder: Path) -> multiprocessing.process.BaseProcess:
        """Start the command, or start it again."""
        folder.mkdir(exist_ok=True)
        process = multiprocessing.get_context("fork").Process(target=self.run, args=(folder,))
        process.start()
        return process

    def finish(self, folder: Path) -> int | None:
        """Run to the end; return the exit code, -9 of what does not end."""
        process = self.start(folder)
        process.join(LONGEST_S)
        process.kill()
        process.join()
        return process.exitcode

    def found(self, folder: Path) -> dict[str, str]:
        """Return the SHA-256 of every result, and names of whatever lies beside it that a writer forgot."""
        files = sorted(path for path in folder.glob(self.results) if path.is_file())
        hidden = [path for path in folder.rglob("*") if path.name.startswith(".") or path.suffix in (".tmp", ".part")]
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files} | {
            str(path.relative_to(folder)): "left behind" for path in hidden
        }


def jobs(folder: Path) -> Iterator[tuple[str, Job]]:
    """Yield every command that writes for long enough to be killed."""
    for paper in ("martinez", "svma", "geoselfsup", "cvugcn"):
        command = ["train", f"{paper}.cmu", *_TRAIN, "--out", "{}/run"]
        yield f"train {paper}", Job(command, "run/*.safetensors", ("--resume",))
    people = load_dataset("procedural", split="train")
    np.savez(folder / "own.npz", keypoints=people.keypoints_2d[:400], skeleton="h36m17")
    torch.manual_seed(3)
    tiny = save(paper_class("svma")(width=16, critic_width=16, dropout=0.0, average_decay=0.9), folder / "tiny.safetensors")
    finetune = ["finetune", str(tiny), str(folder / "own.npz"), "--out", "{}/run", "--epochs", "3", "--quiet"]
    yield "finetune", Job(finetune, "run/*.safetensors", ("--resume",))
    write_clips(folder / "kinetics")
    source = str(folder / "kinetics")
    yield (
        "data prepare",
        Job(["data", "prepare", "kinetics", "--source", source, "--out", "{}/k.h5", "--every", "1"], "k.h5"),
    )
    yield "predict", Job(["predict", str(tiny), str(folder / "own.npz"), "-o", "{}/out.npz"], "out.npz")
    yield "publish", Job(["publish", "svma", "--repo", "a/b", "--dry-run", "-o", "{}/hub"], "hub/*")


def campaign(
    folder: Path, count: int, seed: int, say: Callable[[str], object] = lambda text: None, only: Collection[str] = ()
) -> tuple[Counter, list[str]]:
    """Kill every job, or those of ``only``, ``count`` times; return the kills by job, and what then went wrong."""
    kills, wrong = Counter[str](), list[str]()
    for name, job in jobs(folder):
        if only and name not in only:
            continue
        dice, place = random.Random(f"{seed} {name}"), folder / name.replace(" ", "_")
        begun = time.monotonic()
        code = job.finish(place)
        lasted = time.monotonic() - begun
        expected = job.found(place)
        if code or not expected or "left behind" in expected.values():
            wrong.append(f"{name}, unbroken: exit code {code}, {expected}: {(place / 'said.txt').read_text()[-500:]}")
            continue
        number, rounds = 0, 0
        while rounds < count:
            again = folder / f"{place.name}_{number}"
            ended, before = False, kills[name]
            for _ in range(dice.choice((1, 2, 3))):
                process = job.start(again)
                process.join(dice.uniform(0, lasted))
                kills[name] += process.is_alive()
                process.kill()
                process.join()
                ended |= process.exitcode == 0
            begun = time.monotonic()
            code, found = job.finish(again), job.found(again)
            lasted = min(lasted, time.monotonic() - begun)  # of a machine that does other things as well
            refused = code and not ended  # what had ended before it was to be killed may refuse to begin again
            if refused or found != expected:
                said = (again / "said.txt").read_text()[-500:]
                wrong.append(f"{name} {number}: exit code {code}, {found} for {expected}: {said}")
            number += 1
            if kills[name] > before:
                rounds += 1
            else:  # all ended before they were to be killed, because the machine is less busy than it was
                lasted /= 2
        say(f"{name}: {kills[name]} kills, {len(wrong)} failures so far, {lasted:.1f} s unbroken")
    return kills, wrong


def _brief() -> None:
    """Make procedural people short and few, once for all processes."""
    make = DATASETS["procedural"]
    made = {split: make(split=split, actions=["walk"], frames_per_clip=40) for split in ("train", "val", "test")}
    DATASETS["procedural"] = lambda split="test", **_: made[split]


@pytest.mark.slow
def test_what_is_killed_ends_as_what_is_not(tmp_path, monkeypatch):
    monkeypatch.setitem(DATASETS, "procedural", DATASETS["procedural"])  # put back afterwards
    _brief()
    torch.set_num_threads(1)
    kills, wrong = campaign(tmp_path, 1, 20261128, only=("train martinez", "finetune", "publish"))
    assert not wrong, "\n".join(wrong[:5])
    assert kills["train martinez"]
    assert kills["finetune"]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _brief()
    torch.set_num_threads(1)  # the threads of this process are not there in those forked from it
    with tempfile.TemporaryDirectory() as root:
        killed, failures = campaign(Path(root), int(sys.argv[1]), int(sys.argv[2]), lambda text: print(text, flush=True))
    print(f"{sum(killed.values())} kills, {len(failures)} failures", *failures[:20], sep="\n")
