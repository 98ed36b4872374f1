"""Run a training from a recipe to weights, metrics and logs in a folder."""

from __future__ import annotations

import inspect
import json
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import yaml
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from posezoo.distributed import leave
from posezoo.errors import InputError
from posezoo.files.writing import write_whole
from posezoo.lifting import ZooModule
from posezoo.registry import load, paper_class, save, settings_of
from posezoo.training.allocator import keep_freed_memory
from posezoo.training.allowed import import_class
from posezoo.training.loggers import in_run_folder, overrides_in_run_folder, without_run_folder
from posezoo.training.names import check_names, known_names
from posezoo.training.precision import usable_precision
from posezoo.training.progress import meant
from posezoo.training.provenance import provenance, without_folders
from posezoo.training.recipe_cli import RecipeCLI, one_sentence
from posezoo.training.recipes import read_recipe
from posezoo.training.run_folder import changed_setting, folder_for_run, writable
from posezoo.training.stopping import StopAfter, terminated_by_signal
from posezoo.training.wandb_report import log_weights, refused_by_wandb


def train(
    recipe: str | Path,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    logger: str = "csv",
    steps: int | None = None,
    start: str | Path | None = None,
    minutes: float | None = None,
    allow_classes: Collection[str] = (),
    seed: int | None = None,
    progress: bool = True,
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
        allow_classes: dotted paths of classes that recipe and overrides may name beside Lightning's own; they are imported.
        seed: of everything that is drawn; the recipe's where not given.
        progress: show how far the run is, and print where its results are.

    Returns:
        the weights: ``<out>/<recipe>.safetensors``. Beside them lie ``metrics.json``, ``config.yaml`` (all settings, as a
        recipe), the logs, and in ``checkpoints`` the last and the best checkpoint, see :func:`keep_best`.

    Raises:
        PoseZooError: a setting, file or folder that the user can mend.
    """
    keep_freed_memory()
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs that have it; no difference on the CPU
    for path in allow_classes:
        import_class(path)
    paper, settings = read_recipe(recipe, allow_classes)
    stated = {name: settings.pop(name, None) for name in ("steps", "start")}
    steps = stated["steps"] if steps is None else steps
    start = stated["start"] if start is None else start
    if steps is not None and (not isinstance(steps, int) or isinstance(steps, bool) or steps < 1):
        raise InputError(f"steps is {steps!r}; expected a whole number of batches, 1 or more.")
    if minutes is not None and not 0 < minutes < float("inf"):
        raise InputError(f"minutes is {minutes}; expected a positive number.")
    if start is not None and not isinstance(start, (str, Path)):
        raise InputError(f"start is {start!r}; expected the name of a model, or weights.")
    if any(override.split("=")[0] in ("--config", "-c") for override in overrides):
        raise InputError("--config is the recipe itself; give its file in place of the recipe's name.")
    stem = Path(recipe).name.removesuffix(".yaml").removesuffix(".yml")
    folder, checkpoint = folder_for_run(out or Path("runs") / stem, resume)
    module, datamodule = paper_class(paper), paper_class(paper, "datamodule")
    check_names(settings, overrides, known_names(module, datamodule))
    if seed is not None:
        overrides = [*overrides, "--seed_everything", str(seed)]
        if "seed" in inspect.signature(datamodule).parameters:
            overrides += ["--data.seed", str(seed)]
    if progress and steps is not None and stated["steps"] is not None and steps != stated["steps"]:
        print(f"{steps} steps in place of {stated['steps']}: schedules of the recipe stay as they are", flush=True)
    trainer_settings = settings.get("trainer") or {}
    if "logger" in trainer_settings:
        trainer_settings["logger"] = in_run_folder(trainer_settings["logger"], folder)
    overrides = overrides_in_run_folder(overrides, folder)
    if (precision := usable_precision(trainer_settings, overrides)) is not None:
        if progress:
            print(f"precision {precision} in place of {trainer_settings['precision']}: this CPU has no bfloat16", flush=True)
        overrides = [*overrides, "--trainer.precision", precision]
    with meant(), tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(settings, file)
        file.flush()
        with one_sentence():
            cli = RecipeCLI(
                module,
                datamodule,
                run=False,
                args=["--config", file.name, *overrides],
                seed_everything_default=0,
                save_config_callback=None,
                parser_kwargs={"allow_abbrev": False, "exit_on_error": False},
                trainer_defaults={"use_distributed_sampler": False, "enable_model_summary": False, "sync_batchnorm": True},
                folder=folder,
                logger=logger,
                end=None if steps is None and minutes is None else StopAfter(steps, minutes),
                allow=allow_classes,
                progress=progress,
            )
    model, trainer = cli.model, cli.trainer
    origin = provenance(cli.config["seed_everything"])
    origin["data"] = without_folders(dict(cli.config["data"]))
    if start is not None:
        begin_from(model, start)  # of a resumed run too, whose checkpoint holds no teacher; its own weights come after
        origin["started_from"] = str(start)
    if trainer.is_global_zero:
        said = {"paper": paper, "steps": steps, "start": start}
        config = _write_config(folder / "config.yaml", cli, said, resumed=checkpoint is not None)
        for each in trainer.loggers:
            if not isinstance(each, CSVLogger):  # config.yaml and metrics.json in the same folder say the same
                with refused_by_wandb():
                    each.log_hyperparams({**origin, **config})
    with meant(), terminated_by_signal():
        with _refused_by_torch():
            trainer.fit(model, cli.datamodule, ckpt_path=checkpoint)
        weights = finish(trainer, model, cli.datamodule, folder / f"{stem}.safetensors", origin, progress)
    leave()  # later scores of the model must not wait for processes that have ended
    return weights


def _write_config(path: Path, cli: LightningCLI, said: Mapping[str, object], resumed: bool) -> dict[str, object]:
    """Write all settings of a run as a recipe that ``posezoo train`` takes, and return them.

    Raises:
        InputError: a run is resumed with other settings than it began with.
        SaveError: the folder cannot be written to.
    """
    settings = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False, skip_validation=True))
    # Of model and data null is a choice, which a resumed run must share; elsewhere it is what nobody has set.
    settings = {name: value for name, value in settings.items() if value is not None}
    settings["trainer"] = {name: value for name, value in settings["trainer"].items() if value is not None}
    if "logger" in settings["trainer"]:
        settings["trainer"]["logger"] = without_run_folder(settings["trainer"]["logger"], path.parent)
    if resumed and path.is_file():
        _refuse_other_settings(yaml.safe_load(path.read_text(encoding="utf-8")), settings)
    told = {key: value if isinstance(value, int) else str(value) for key, value in said.items() if value is not None}
    writable(path.parent)
    write_whole(path, yaml.safe_dump({**told, **settings}, sort_keys=False))
    return {**told, **settings}


@contextmanager
def _refused_by_torch() -> Iterator[None]:
    """Raise what torch and Lightning say of settings that only training uses as a sentence to the user.

    Raises:
        InputError: a rate or a decay of an optimizer that cannot be, a batch of one where there are batch norms, or what the
            trainer leaves to models that have two optimizers.
    """
    try:
        yield
    except MisconfigurationException as error:
        raise InputError(" ".join(str(error).split())) from error
    except ValueError as error:
        text = " ".join(str(error).split())
        if text.startswith("Invalid "):  # of torch.optim: learning rate, beta parameter, weight_decay value
            raise InputError(f"the model's settings cannot be used: {text.rstrip('.')}.") from error
        if text.startswith("Expected more than 1 value per channel"):
            raise InputError("batch norms need several poses: raise data.batch_size to 2 or more.") from error
        raise


def _refuse_other_settings(begun: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse to resume a run with another model, data or seed: a checkpoint holds the optimizer's settings and the weights.

    How long it trains, and on which devices, may change; so may the place of files.

    Raises:
        InputError: a setting differs.
    """
    before, now = _decisive(begun), _decisive(settings)
    if (name := changed_setting(before, now)) is not None:
        raise InputError(
            f"the run to resume has {name} {_said(before[name])}, not {_said(now[name])}: "
            f"give --{name} {_said(before[name])}, or choose another --out to begin anew."
        )


def _said(setting: object) -> str:
    """Return a setting as a command line has it: null, true, 0.5."""
    return setting if isinstance(setting, str) else json.dumps(setting)


def _decisive(config: Mapping[str, Any]) -> dict[str, object]:
    """Return the settings that a resumed run must share, by their names on the command line."""
    found: dict[str, object] = {"seed_everything": config.get("seed_everything")}
    for part in ("model", "data"):
        for name, value in (config.get(part) or {}).items():
            if not name.endswith("path") and name != "workers":
                found[f"{part}.{name}"] = value
    return found


def begin_from(model: ZooModule, start: str | Path) -> None:
    """Load the weights of another model of the same architecture.

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
    trainer: pl.Trainer,
    model: ZooModule,
    data: pl.LightningDataModule | None,
    path: Path,
    origin: Mapping[str, object],
    progress: bool = True,
) -> Path:
    """Write a trained model's weights and its test metrics, if there are any; with ``progress``, print where."""
    results = trainer.test(model, data, verbose=False) if data is not None else []
    if trainer.is_global_zero:
        save(model, path, **origin)
        log_weights(trainer, path, origin)
        report = {"metrics": results[0] if results else {}, "settings": settings_of(model), **origin}
        write_whole(path.parent / "metrics.json", json.dumps(report, indent=2, default=str) + "\n")
        if progress:
            print(f"weights -> {path}\nmetrics -> {path.parent / 'metrics.json'}")
    return path
