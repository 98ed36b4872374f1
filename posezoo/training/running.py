"""One training run, from a recipe to weights, metrics and logs in a folder."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import yaml
from jsonargparse import ArgumentError
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from posezoo.distributed import leave
from posezoo.errors import InputError, SaveError
from posezoo.extras import require
from posezoo.files.writing import atomic_write
from posezoo.lifting import ZooModule
from posezoo.registry import load, paper_class, save, settings_of
from posezoo.training.allocator import keep_freed_memory
from posezoo.training.provenance import provenance
from posezoo.training.recipes import read_recipe


class _CLI(LightningCLI):
    """LightningCLI without a class to choose: the recipe's paper says it; checkpoints and logger are the run's."""

    def __init__(
        self, module: type[ZooModule], datamodule: type, folder: Path, logger: str, end: StopAfter | None, **settings: Any
    ) -> None:
        self.folder, self.logger, self.end, self.shared = folder, logger, end, module.shared_settings
        super().__init__(module, datamodule, **settings)

    def add_arguments_to_parser(self, parser: Any) -> None:
        """Data come in the model's layout, and what else they share."""
        for name in self.shared:
            parser.link_arguments(f"model.{name}", f"data.{name}")

    def instantiate_trainer(self, **settings: Any) -> pl.Trainer:
        configured = self._get(self.config_init, "trainer")
        callbacks = [*(configured.get("callbacks") or []), checkpointing(self.folder)]
        if self.end is not None:
            callbacks.append(self.end)
            settings.setdefault("max_epochs", configured.get("max_epochs") or -1)
        if configured.get("enable_progress_bar") is None and not is_watched():
            settings["enable_progress_bar"] = False
        logger = configured.get("logger") or make_logger(self.logger, self.folder)
        if (
            configured.get("strategy") == "auto"
            and self._processes(configured) > 1
            and not self.model.automatic_optimization
        ):
            # A GAN's two backward passes each leave the other network's parameters unused, which plain DDP refuses.
            settings["strategy"] = "ddp_find_unused_parameters_true"
        return super().instantiate_trainer(callbacks=callbacks, logger=logger, **settings)

    @staticmethod
    def _processes(configured: Any) -> int:
        """How many processes the trainer's settings mean, as far as it matters: one or more."""
        devices, nodes = configured.get("devices"), int(configured.get("num_nodes") or 1)
        if isinstance(devices, list):
            return len(devices) * nodes
        if str(devices) in ("auto", "-1"):
            return max(1, torch.cuda.device_count()) * nodes
        return int(devices) * nodes


@contextlib.contextmanager
def _one_sentence() -> Iterator[None]:
    """jsonargparse's complaint without its pages of usage."""
    heard = io.StringIO()
    try:
        with contextlib.redirect_stderr(heard):
            yield
    except (ArgumentError, MisconfigurationException) as error:
        raise InputError(" ".join(str(error).split())) from error
    except SystemExit as error:
        if not error.code:
            raise
        lines = [line.strip() for line in heard.getvalue().splitlines() if line.strip() and not line.startswith("usage")]
        raise InputError(" ".join(lines[-3:]) or "the settings are not valid") from error
    finally:
        # Warnings that were raised meanwhile still reach the user.
        if heard.getvalue() and sys.exc_info()[0] is None:
            sys.stderr.write(heard.getvalue())


def folder_for_run(out: str | Path, resume: bool) -> tuple[Path, Path | None]:
    """The folder of a run and the checkpoint to go on from.

    Raises:
        InputError: there is a run already and ``resume`` is not set, or the other way round.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is no folder; a run needs a folder of its own.")
    last = out / "checkpoints" / "last.ckpt"
    if last.is_file() and not resume:
        raise InputError(f"{out} holds a run already; go on with --resume or choose another --out.")
    if resume and not last.is_file():
        raise InputError(f"{out} holds no run to resume: {last} is not there.")
    return out, last if resume else None


def is_watched() -> bool:
    """Whether output goes to a terminal or a notebook; elsewhere Lightning's bar would leave its control characters."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


def writable(folder: Path) -> None:
    """Make a folder, before any work is done that it is to hold.

    Raises:
        SaveError: it cannot be made, or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "not writable")
    except OSError as error:
        raise SaveError(f"--out {folder} cannot be used ({error.strerror or error}); choose another folder.") from error


def make_logger(kind: str, out: Path) -> Logger:
    """``csv`` writes ``metrics.csv``; ``wandb`` logs to Weights & Biases, offline with ``WANDB_MODE=offline``."""
    if kind == "csv":
        # Lightning empties a log folder that is there already; a resumed run gets the next.
        runs = len(list(out.glob("logs*")))
        return CSVLogger(out, name="", version=f"logs-{runs}" if runs else "logs")
    require("wandb", "--logger wandb", "'posezoo[wandb]'")
    out.mkdir(parents=True, exist_ok=True)
    return WandbLogger(project="posezoo", name=out.name, save_dir=str(out))


def checkpointing(out: Path) -> ModelCheckpoint:
    """The last state, every epoch: what ``--resume`` goes on from."""
    return ModelCheckpoint(dirpath=out / "checkpoints", filename="last", every_n_epochs=1, enable_version_counter=False)


class StopAfter(pl.Callback):
    """End training after so many batches or minutes, whichever comes first, and tell the model how far it is.

    Lightning's ``max_steps`` counts every optimizer's steps: two a batch for a GAN.

    Args:
        steps: batches; no limit where not given.
        minutes: of training; no limit where not given. A resumed run starts to count again.
    """

    def __init__(self, steps: int | None = None, minutes: float | None = None) -> None:
        self.steps, self.minutes = steps, minutes
        self._begun = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._begun = time.monotonic()

    def done(self, batches: int) -> float:
        """Return the share of the run that so many batches, at this moment, are."""
        shares = [0.0]
        if self.steps is not None:
            shares.append(batches / self.steps)
        if self.minutes is not None:
            shares.append((time.monotonic() - self._begun) / 60 / self.minutes)
        return max(shares)

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, index: int) -> None:
        if isinstance(module, ZooModule):
            module.progress.done = self.done(trainer.fit_loop.total_batch_idx + 1)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        if self.done(trainer.fit_loop.total_batch_idx + 1) >= 1:
            trainer.should_stop = True


def train(
    recipe: str | Path,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    logger: str = "csv",
    steps: int | None = None,
    start: str | Path | None = None,
    minutes: float | None = None,
) -> Path:
    """Train a recipe.

    Args:
        recipe: a name or a YAML file, see :func:`posezoo.training.read_recipe`.
        out: the run's folder; ``runs/<recipe>`` where not given.
        overrides: settings as on the command line, ``["--model.width", "512"]``.
        resume: go on from the folder's last checkpoint.
        logger: ``csv`` or ``wandb``.
        steps: how many batches to train on; the recipe's ``steps`` where not given.
        start: a model of the zoo, or weights, to start from; the recipe's ``start`` where not given, else from scratch.
        minutes: end after so many minutes of training if ``steps`` would take longer; recipes whose rate decays over the run
            (``model.cosine``) end decayed either way.

    Returns:
        the weights: ``<out>/<recipe>.safetensors``; beside them ``metrics.json``, the logs and the last checkpoint.

    Raises:
        PoseZooError: a setting, file or folder that the user can mend.
    """
    keep_freed_memory()
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs that have it; no difference on the CPU
    paper, settings = read_recipe(recipe)
    stated = {name: settings.pop(name, None) for name in ("steps", "start")}
    steps = stated["steps"] if steps is None else steps
    start = stated["start"] if start is None else start
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise InputError(f"steps is {steps!r}; expected a whole number of batches, 1 or more.")
    if minutes is not None and not 0 < minutes < float("inf"):
        raise InputError(f"minutes is {minutes}; expected a positive number.")
    stem = Path(recipe).name.removesuffix(".yaml").removesuffix(".yml")
    folder, checkpoint = folder_for_run(out or Path("runs") / stem, resume)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(settings, file)
        file.flush()
        with _one_sentence():
            cli = _CLI(
                paper_class(paper),
                paper_class(paper, "datamodule"),
                run=False,
                args=["--config", file.name, *overrides],
                seed_everything_default=0,
                save_config_callback=None,
                parser_kwargs={"allow_abbrev": False, "exit_on_error": False},
                trainer_defaults={"use_distributed_sampler": False, "enable_model_summary": False},
                folder=folder,
                logger=logger,
                end=None if steps is None and minutes is None else StopAfter(steps, minutes),
            )
    model, trainer = cli.model, cli.trainer
    origin = provenance(cli.config["seed_everything"])
    origin["data"] = {key: value for key, value in dict(cli.config["data"]).items() if key not in ("path", "source")}
    if start is not None and not resume:
        begin_from(model, start)
        origin["started_from"] = str(start)
    trainer.fit(model, cli.datamodule, ckpt_path=checkpoint)
    weights = finish(trainer, model, cli.datamodule, folder / f"{stem}.safetensors", origin)
    leave()  # whoever scores the model next must not wait for processes that are gone
    return weights


def begin_from(model: ZooModule, start: str | Path) -> None:
    """Give a model the weights of another of the same architecture.

    Raises:
        InputError: it is of another paper or architecture.
        UnknownNameError, MissingFileError, CorruptFileError: it cannot be loaded.
    """
    try:
        model.start_from(load(start))
    except (RuntimeError, KeyError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise InputError(f"start {start} has another architecture than the recipe's model: {first}") from error


def finish(
    trainer: pl.Trainer, model: ZooModule, data: pl.LightningDataModule | None, path: Path, origin: dict[str, Any]
) -> Path:
    """Write a trained model's weights, and its test metrics where there are any."""
    results = trainer.test(model, data, verbose=False) if data is not None else []
    if trainer.is_global_zero:
        save(model, path, **origin)
        report = {"metrics": results[0] if results else {}, "settings": settings_of(model), **origin}
        with atomic_write(path.parent / "metrics.json") as temporary:
            temporary.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")
        print(f"weights -> {path}\nmetrics -> {path.parent / 'metrics.json'}")
    return path
