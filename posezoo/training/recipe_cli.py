"""Build model, data and trainer from a recipe and the overrides of a command line, by jsonargparse."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from jsonargparse import ArgumentError
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from posezoo.errors import InputError, PoseZooError
from posezoo.files.reading import reason
from posezoo.lifting import ZooModule
from posezoo.networks import synchronise_batch_norm
from posezoo.training.allowed import check_parsed
from posezoo.training.loggers import require_packages
from posezoo.training.names import check_sizes
from posezoo.training.progress import StepsDone
from posezoo.training.run_folder import checkpointing, keep_best, make_logger
from posezoo.training.stopping import StopAfter
from posezoo.training.wandb_report import WandbReport


class RecipeCLI(LightningCLI):
    """LightningCLI with the classes of the recipe's paper and the checkpoints and logger of the run."""

    def __init__(
        self,
        module: type[ZooModule],
        datamodule: type[pl.LightningDataModule],
        folder: Path,
        logger: str,
        end: StopAfter | None,
        allow: Collection[str],
        progress: bool,
        **settings: Any,
    ) -> None:
        self.folder, self.logger, self.end, self.shared = folder, logger, end, module.shared_settings
        self.allow, self.progress = allow, progress
        super().__init__(module, datamodule, **settings)

    def add_arguments_to_parser(self, parser: Any) -> None:
        """Link the settings that model and data share: the layout and what else the model names."""
        for name in self.shared:
            parser.link_arguments(f"model.{name}", f"data.{name}")

    def before_instantiate_classes(self) -> None:
        """Check that overrides name what a recipe may name, that sizes are positive and packages of loggers are there."""
        check_parsed(self.config, self.allow)
        check_sizes(self.config.as_dict())
        require_packages(self.config["trainer"]["logger"])

    def instantiate_trainer(self, **settings: object) -> pl.Trainer:
        configured = self._get(self.config_init, "trainer")
        callbacks = [*(configured.get("callbacks") or []), checkpointing(self.folder), *keep_best(self.folder, self.model)]
        if self.end is not None:
            callbacks.append(self.end)
            settings.setdefault("max_epochs", configured.get("max_epochs") or -1)
        if self.progress and configured.get("enable_progress_bar") is not False:
            callbacks.append(
                StepsDone(None if self.end is None else self.end.steps, None if self.end is None else self.end.minutes)
            )
        settings["enable_progress_bar"] = False  # Lightning's own, see StepsDone
        logger = configured.get("logger") or make_logger(self.logger, self.folder)
        loggers = logger if isinstance(logger, list) else [logger]
        if any(isinstance(each, Logger) and not isinstance(each, CSVLogger) for each in loggers):
            callbacks.append(LearningRateMonitor("step"))
        if any(isinstance(each, WandbLogger) for each in loggers):
            callbacks.append(WandbReport())
        if (
            configured.get("strategy") == "auto"
            and self._processes(configured) > 1
            and not self.model.automatic_optimization
        ):
            # A GAN's two backward passes each leave the other network's parameters unused, which plain DDP refuses.
            settings["strategy"] = "ddp_find_unused_parameters_true"
        # PoseZoo's batch norms synchronise by themselves, on the CPU too; Lightning would exchange them for torch's.
        synchronise_batch_norm(self.model, bool(configured.get("sync_batchnorm")))
        settings["sync_batchnorm"] = False
        return super().instantiate_trainer(callbacks=callbacks, logger=logger, **settings)

    @staticmethod
    def _processes(configured: Any) -> int:
        """Return the number of processes that the trainer's settings mean: 1, or more than 1."""
        devices, nodes = configured.get("devices"), int(configured.get("num_nodes") or 1)
        if isinstance(devices, list):
            return len(devices) * nodes
        if str(devices) in ("auto", "-1"):
            return max(1, torch.cuda.device_count()) * nodes
        return int(devices) * nodes


@contextlib.contextmanager
def one_sentence() -> Iterator[None]:
    """Raise jsonargparse's error without its pages of usage."""
    heard = io.StringIO()
    try:
        with contextlib.redirect_stderr(heard):
            yield
    except PoseZooError:
        raise
    except (ArgumentError, MisconfigurationException) as error:
        raise InputError(" ".join(str(error).split())) from error
    except Exception as error:  # constructors may raise anything for values that they do not expect
        raise InputError(f"the settings cannot be used ({type(error).__name__}: {reason(error)}).") from error
    except SystemExit as error:
        if not error.code:
            raise
        lines = [line.strip() for line in heard.getvalue().splitlines() if line.strip() and not line.startswith("usage")]
        raise InputError(" ".join(lines[-3:]) or "the settings are not valid") from error
    finally:
        # Pass on the warnings that were raised meanwhile.
        if heard.getvalue() and sys.exc_info()[0] is None:
            sys.stderr.write(heard.getvalue())
