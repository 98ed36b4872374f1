"""Report a run to Weights & Biases beside its metrics: errors by action and joint, pictures of poses, the weights."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import WandbLogger
from torch import Tensor

from posezoo.errors import InputError
from posezoo.files.reading import reason
from posezoo.lifting import LiftingMetrics, ZooModule
from posezoo.viz import Clip, picture

PEOPLE = 6
"""So many people of the test data are drawn."""


@contextmanager
def refused_by_wandb() -> Iterator[None]:
    """Raise what W&B refuses as a sentence to the user.

    Raises:
        InputError: no account, no network, or no such project.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "wandb":
            raise
        raise InputError(
            f"Weights & Biases cannot be used ({reason(error)}); WANDB_MODE=offline logs into the run's folder, without an "
            "account."
        ) from error


class WandbReport(pl.Callback):
    """Log a table of P-MPJPE by action and joint, and a picture of the first people, of the test after training."""

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: object,
        batch: Mapping[str, Tensor],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Draw people of the first batch."""
        loggers = wandb_loggers(trainer)
        if batch_idx or dataloader_idx or not loggers or not trainer.is_global_zero:
            return
        clips = people_of(module, batch)
        if clips:
            with tempfile.TemporaryDirectory() as folder:
                path = picture(clips, Path(folder) / "poses.png")
                for logger in loggers:
                    logger.log_image("test/poses", [str(path)])

    def on_test_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Log the table, before the module reports and forgets what it counted."""
        loggers = wandb_loggers(trainer)
        if not loggers or not isinstance(module, ZooModule):
            return
        counted = module.counted("test")
        metrics = getattr(counted, "poses", counted)  # pictures count those with a 3D label apart
        if not isinstance(metrics, LiftingMetrics):
            return
        error = metrics.p_mpjpe
        values = error.table().tolist()  # by every process: the sums of all are added
        if trainer.is_global_zero:
            rows = [[action, *row] for action, row in zip(error.actions or ("all",), values, strict=True)]
            for logger in loggers:
                logger.log_table("test/p_mpjpe_mm", ["action", *(error.columns or ("all",))], rows)


def wandb_loggers(trainer: pl.Trainer) -> list[WandbLogger]:
    """Return those of a trainer's loggers that are of Weights & Biases."""
    return [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]


@torch.no_grad()
def people_of(module: pl.LightningModule, batch: Mapping[str, Tensor]) -> list[Clip]:
    """Return the first people of a batch as a model sees them, beside their labels; none where it has nothing to show."""
    if not isinstance(module, ZooModule) or (people := module.shown(batch, PEOPLE)) is None:
        return []
    labels = batch["pose_3d"][:PEOPLE].cpu().numpy() if "pose_3d" in batch else None
    seen = None if people.pictures is None else people.pictures.movedim(1, -1).cpu().numpy()
    flat, lifted = people.keypoints_2d.float().cpu().numpy(), people.pose_3d.float().cpu().numpy()
    clips = []
    for row in range(len(lifted)):
        shown = {module.zoo_name: lifted[[row]]}
        if labels is not None:
            shown["ground truth"] = labels[[row]]
        clips.append(Clip(flat[[row]], shown, module.skeleton, pictures=None if seen is None else seen[[row]]))
    return clips


def log_weights(trainer: pl.Trainer, path: Path, said: Mapping[str, object]) -> None:
    """Log a file of weights as an artifact of the run, named after the file.

    Args:
        trainer: of the run.
        path: the weights.
        said: what they come from, which becomes the artifact's metadata.
    """
    loggers = wandb_loggers(trainer)
    if not loggers:
        return
    import wandb

    for logger in loggers:
        artifact = wandb.Artifact(re.sub(r"[^\w.-]", "-", path.stem), type="model", metadata=dict(said))
        artifact.add_file(str(path))
        logger.experiment.log_artifact(artifact)
