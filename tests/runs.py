"""Train in this process, on the CPU, without files or output."""

from __future__ import annotations

import pytorch_lightning as pl


def fit(model: pl.LightningModule, data: pl.LightningDataModule, **settings: object) -> pl.Trainer:
    """Train a model and return the trainer.

    Args:
        model: is trained in place.
        data: of the model.
        settings: of the trainer; neither epochs nor steps end the training, and nothing is validated, unless they say so.
    """
    quiet = dict.fromkeys(["logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"], False)
    trainer = pl.Trainer(**{"accelerator": "cpu", "max_epochs": -1, "limit_val_batches": 0, **quiet, **settings})
    trainer.fit(model, data)
    return trainer
