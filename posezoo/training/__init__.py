"""Run recipes through LightningCLI, fine-tune on 2D alone, and write what a run leaves behind."""

from posezoo.training.finetuning import finetune
from posezoo.training.recipes import list_recipes, read_recipe
from posezoo.training.running import train

__all__ = ["finetune", "list_recipes", "read_recipe", "train"]
