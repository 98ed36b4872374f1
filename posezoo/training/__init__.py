"""Runs: recipes through LightningCLI, fine-tuning on 2D alone, and what a run leaves behind."""

import warnings

from posezoo.training.finetuning import finetune
from posezoo.training.recipes import list_recipes, read_recipe
from posezoo.training.running import train

# What Lightning warns of and is meant: the moving average stays in eval mode, LightningCLI gets its arguments from us,
# batches are cut from memory without workers, and a resumed run goes on in its own folder.
for _message in (
    "Found .* module.* in eval mode at the start of training",
    "LightningCLI's args parameter",
    "The '.*_dataloader' does not have many workers",
    "Checkpoint directory .* exists and is not empty",
):
    warnings.filterwarnings("ignore", message=_message)

__all__ = ["finetune", "list_recipes", "read_recipe", "train"]
