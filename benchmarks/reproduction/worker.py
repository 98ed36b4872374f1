"""Work on one run in a process of its own: train it, or resume its training, then run every test that is asked for.

    python benchmarks/reproduction/worker.py RUN_FOLDER

``RUN_FOLDER/run.json`` says what to do. Exit codes: 0 done; 1 failed, and will fail again (``error.json`` says why); 75
another process works on the run. A process that is killed leaves no ``error.json``; the next call resumes from its last
checkpoint.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

BUSY = 75
WEIGHTS = "train/recipe.safetensors"


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    from posezoo.files.writing import write_whole

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, indent=1, default=str) + "\n")


def train(folder: Path, spec: dict[str, Any]) -> None:
    """Train the recipe, from its last checkpoint where there is one; return the weights."""
    import yaml

    from posezoo.errors import InputError
    from posezoo.files.writing import write_whole
    from posezoo.terminal import without_advertisements
    from posezoo.training import train as train_recipe

    recipe, devices = dict(spec["recipe"]), int(spec["devices"])
    batch = recipe["data"].get("batch_size")
    if devices > 1:
        # The global batch stays what the recipe says, so that the result does not depend on the number of processes.
        if not batch or batch % devices:
            raise InputError(f"a batch of {batch} does not divide over {devices} devices; choose another --devices.")
        recipe["data"] = {**recipe["data"], "batch_size": batch // devices}
    if spec.get("sources"):
        recipe["data"] = {**recipe["data"], "source": spec["sources"]}
    for key in ("start", "initial"):  # provenance of the weights that training begins from, whose file ``spec`` names
        recipe.pop(key, None)
    path = folder / "recipe.yaml"
    write_whole(path, yaml.safe_dump(recipe))
    last = folder / "train" / "checkpoints" / "last.ckpt"
    clock = Clock(folder / "wall.json", last)
    overrides = ["--trainer.devices", str(devices), "--trainer.accelerator", spec["accelerator"]]
    overrides += ["--trainer.enable_progress_bar", "false"]
    if spec["train_path"]:
        overrides += ["--data.path", spec["train_path"]]
    if spec.get("annotated_path"):
        overrides += ["--data.annotated_path", spec["annotated_path"]]
    # wandb reads these variables: a table is a group of runs, and a run has the name of its row.
    for variable, key in (("WANDB_RUN_GROUP", "group"), ("WANDB_NAME", "title")):
        if key in spec:
            os.environ.setdefault(variable, spec[key])
    begin, logger = spec.get("start") or None, spec.get("logger", "csv")
    with without_advertisements():
        train_recipe(path, folder / "train", overrides, resume=last.is_file(), start=begin, logger=logger)
    clock.stop()


class Clock:
    """Counts the seconds of training; sessions that were killed count up to their last checkpoint."""

    def __init__(self, path: Path, checkpoint: Path) -> None:
        self.path, self.start, self.seconds = path, time.time(), 0.0
        if not is_first_process():
            return
        if path.is_file():
            before = json.loads(path.read_text())
            self.seconds = before["seconds"]
            if before["start"] is not None and checkpoint.is_file():
                self.seconds += max(0.0, checkpoint.stat().st_mtime - before["start"])
        write_json(path, {"seconds": self.seconds, "start": self.start})

    def stop(self) -> None:
        if is_first_process():
            write_json(self.path, {"seconds": self.seconds + time.time() - self.start, "start": None})


def is_first_process() -> bool:
    """Return whether this process was started by the launcher.

    Lightning starts the other processes of a distributed run with the same command line and sets ``LOCAL_RANK``.
    """
    return os.environ.get("LOCAL_RANK", "0") == "0"


def evaluate(folder: Path, spec: dict[str, Any]) -> None:
    """Run every test that has no result yet."""
    import posezoo
    from posezoo.data import load_dataset
    from posezoo.data.pictures import load_pictures

    model: Any = None
    for test in spec["tests"]:
        path = folder / "tests" / f"{test['key']}.json"
        if path.is_file():
            continue
        baseline = spec["recipe"].get("baseline")
        if model is None and not baseline:
            model = posezoo.load(folder / WEIGHTS)
        if test["pictures"]:
            data: Any = load_pictures(test["loader"], test["split"], path=test["path"], **test["settings"])
        else:
            data = load_dataset(test["loader"], test["split"], test["path"], **test["settings"])
        score = BASELINES[baseline] if baseline else model.evaluate
        write_json(path, rounded(score(data, **test["evaluate"])))


def flat_depth(data: Any, **settings: Any) -> dict[str, Any]:
    """Score the 2D pose with all depths equal."""
    from posezoo.lifting import evaluate as score

    return score(None, data, **settings)


def triangulation(data: Any, model: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    """Score what :class:`posezoo.papers.cvugcn.CVUGCN` with the settings ``model`` refines, without its refinement."""
    from posezoo.papers.cvugcn import CVUGCN

    return CVUGCN(data.skeleton.name, width=1, refinement=False, **model).eval().evaluate(data, **settings)


BASELINES: Mapping[str, Callable[..., dict[str, Any]]] = {
    "flat_depth": flat_depth,
    "flat_depth_14": functools.partial(flat_depth, skeleton="common14"),
    "triangulation": functools.partial(triangulation, model={"triangulation": "dlt"}),
    "triangulation_alone": functools.partial(triangulation, model={"triangulation": "dlt", "reach_mm": None}),
    "triangulation_rays": functools.partial(triangulation, model={"triangulation": "rays", "reach_mm": None}),
}


def rounded(values: Any) -> Any:
    """Round every number of a result to four decimals, a ten-thousandth of a millimetre."""
    if isinstance(values, dict):
        return {key: rounded(value) for key, value in values.items()}
    return round(values, 4) if isinstance(values, float) else values


def hardware() -> str:
    """Return the name of the processor or the accelerator, and how many cores this process may use."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    names = {line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")}
    return f"{', '.join(sorted(names)) or 'CPU'}, {torch.get_num_threads()} thread(s)"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def work(folder: Path) -> int:
    """Do what ``run.json`` says."""
    from filelock import FileLock, Timeout

    from posezoo.errors import PoseZooError

    spec = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    for variable in [name for name in os.environ if name.startswith(("SLURM_", "SRUN_"))]:
        # Lightning takes a Slurm task for one of its processes; here a task starts its processes itself.
        del os.environ[variable]
    if not is_first_process():
        train(folder, spec)
        return 0
    try:
        with FileLock(folder / "lock", timeout=0):
            try:
                if "baseline" not in spec["recipe"] and not (folder / WEIGHTS).is_file():
                    train(folder, spec)
                evaluate(folder, spec)
                from posezoo.training.provenance import provenance

                origin = provenance(spec["recipe"].get("seed_everything"))
                trained = folder / "train" / "metrics.json"
                if trained.is_file():
                    report = json.loads(trained.read_text())
                    origin |= {key: report[key] for key in ("seed", "commit", "versions", "machine")}
                    origin["wall_seconds"] = round(json.loads((folder / "wall.json").read_text())["seconds"], 1)
                del origin["command"]
                if not (folder / "origin.json").is_file():
                    write_json(folder / "origin.json", {**origin, "hardware": hardware(), "devices": spec["devices"]})
            except Exception as error:
                sentence = str(error) if isinstance(error, PoseZooError) else f"{type(error).__name__}: {error}"
                write_json(folder / "error.json", {"error": sentence, "at": time.strftime("%Y-%m-%d %H:%M:%S")})
                if isinstance(error, PoseZooError):
                    print(f"error: {error}", file=sys.stderr)
                    return 1
                raise
    except Timeout:
        print("another process is at this run", file=sys.stderr)
        return BUSY
    return 0


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
