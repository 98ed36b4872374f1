"""Skeletons: the joint layouts of the field, and conversion between them."""

from posezoo.skeletons.conversion import Conversion, convert
from posezoo.skeletons.layouts import SKELETONS, get_skeleton, list_skeletons
from posezoo.skeletons.skeleton import Skeleton

__all__ = ["SKELETONS", "Conversion", "Skeleton", "convert", "get_skeleton", "list_skeletons"]
