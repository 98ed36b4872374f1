"""Export predictions to files that animation and biomechanics tools open: BVH, TRC, CSV.

:meth:`posezoo.data.Prediction.save` picks one by the ending of the name. One more is a file beside these and an entry in
:data:`EXPORTS`.
"""

from __future__ import annotations

from collections.abc import Callable

from posezoo.poses.exports.bvh_writing import bvh
from posezoo.poses.exports.clip import Poses
from posezoo.poses.exports.settings import MotionSettings
from posezoo.poses.exports.table import csv
from posezoo.poses.exports.trc import trc

__all__ = ["EXPORTS", "MotionSettings", "bvh", "csv", "trc"]

EXPORTS: dict[str, Callable[[Poses, MotionSettings, str], str]] = {
    ".bvh": bvh,
    ".trc": trc,
    ".csv": csv,
}
"""The writer of each ending, which returns a file's text from (poses, settings, the file's name)."""
