"""Human3.6M's CDF files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from posezoo.errors import CorruptFileError, MissingFileError
from posezoo.extras import require
from posezoo.files.reading import PathLike, reading


def read_cdf_pose(path: PathLike, dimensions: int) -> Float[np.ndarray, "N 32 D"]:
    """Return the 32 joints of one of Human3.6M's CDF files.

    Args:
        path: of the file; variable ``Pose``, (1, N, 32 D).
        dimensions: D, 2 or 3.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: no CDF, damaged, or another shape.
        InputError: cdflib is not installed.
    """
    cdflib = require("cdflib", "a CDF file", "'posezoo[h36m]'")
    if not Path(path).is_file():
        raise MissingFileError(f"{path} is not there; it belongs to the same archive as its video.")
    with reading(path, "CDF"):
        pose = np.asarray(cdflib.CDF(str(path))["Pose"], np.float64)
    if pose.shape[-1:] != (32 * dimensions,) or not pose.size or not np.isfinite(pose).all():
        raise CorruptFileError(f"{path} holds an array {pose.shape}, or NaN; expected (1, frames, {32 * dimensions}).")
    return pose.reshape(-1, 32, dimensions)
