"""``annot_data.mat`` of MPI-INF-3DHP's test sequences: MATLAB 7.3, which is HDF5."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posezoo.data.mpi_inf_3dhp.facts import ACTIVITIES
from posezoo.errors import CorruptFileError
from posezoo.files.hdf5 import open_hdf5, read_dataset


def read_test_sequence(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read the valid frames of a sequence.

    Returns:
        2D (N, 17, 2) px; 3D (N, 17, 3) mm, camera frame: as measured, and scaled to one size for all people, which is what
        is scored; numbers of the frames; activities, 1 to 7.

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, or not of version 7.3.
    """
    with open_hdf5(path) as file:
        valid = read_dataset(file, "valid_frame").reshape(-1) > 0
        count = len(valid)
        # MATLAB's (2, 17, 1, N), whose axes are reversed in HDF5.
        two, three, universal = (
            read_dataset(file, key, (count, 1, 17, axes))[valid, 0].astype(np.float32)
            for key, axes in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3))
        )
        activity = read_dataset(file, "activity_annotation").reshape(-1)
    finite = all(np.isfinite(values).all() for values in (two, three, universal))
    if len(activity) != count or not valid.any() or not finite:
        raise CorruptFileError(f"{path}: {len(activity)} activities for {count} frames, none valid, or joints not finite.")
    activity = activity[valid].astype(np.int64)
    if not 1 <= activity.min() <= activity.max() <= len(ACTIVITIES):
        raise CorruptFileError(f"{path}: activities {activity.min()} to {activity.max()}; expected 1 to {len(ACTIVITIES)}.")
    return two, three, universal, np.flatnonzero(valid).astype(np.int32), activity
