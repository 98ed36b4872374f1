"""Find weights by name, verify them, and build models from them.

Only the last step needs torch; names and cards are read without it.
"""

from posezoo.registry.building import build
from posezoo.registry.index import DEFAULT_LIFTER, card_text, checkpoint_folders, info, list_models, resolve
from posezoo.registry.loading import is_path, load, locate
from posezoo.registry.papers import PAPERS, Paper, find_paper, paper_class, register_model, unregister_model
from posezoo.registry.weights import FORMAT, describe, save, settings_of

__all__ = [
    "DEFAULT_LIFTER",
    "FORMAT",
    "PAPERS",
    "Paper",
    "build",
    "card_text",
    "checkpoint_folders",
    "describe",
    "find_paper",
    "info",
    "is_path",
    "list_models",
    "load",
    "locate",
    "paper_class",
    "register_model",
    "resolve",
    "save",
    "settings_of",
    "unregister_model",
]
