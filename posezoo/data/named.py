"""Load datasets by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from posezoo.data.h36m import load_h36m
from posezoo.data.humaneva import load_humaneva
from posezoo.data.mpi_inf_3dhp import load_mpi_inf_3dhp
from posezoo.data.openmocap import load_openmocap
from posezoo.data.procedural import procedural_dataset
from posezoo.data.realbench import load_realbench
from posezoo.errors import InputError, UnknownNameError
from posezoo.poses.posedata import PoseData

DATASETS: dict[str, Callable[..., PoseData]] = {
    "procedural": procedural_dataset,
    "openmocap": load_openmocap,
    "h36m": load_h36m,
    "mpi_inf_3dhp": load_mpi_inf_3dhp,
    "humaneva": load_humaneva,
    "realbench": load_realbench,
}
"""The loaders of :func:`load_dataset`. A loader takes ``split``, its own settings, and its file as ``path``."""


def load_dataset(name: str, split: str = "test", path: str | Path | None = None, **settings: object) -> PoseData:
    """Load the poses of a named dataset.

    Args:
        name: ``procedural`` (needs no file); ``openmocap``, ``h36m``, ``mpi_inf_3dhp``, ``humaneva`` (what ``posezoo data
            prepare`` wrote); ``realbench`` (a folder, see :mod:`posezoo.data.realbench`).
        split: ``train``, ``val`` or ``test``.
        path: the dataset's file, where it has one.
        settings: others the dataset takes, such as ``keypoints="detected"`` or ``views=(0, 1)``.

    Raises:
        UnknownNameError: no such dataset.
        InputError: a file is needed and none was given, or the reverse; or a setting the dataset does not have.

    Example:
        >>> from posezoo.data import load_dataset
        >>> data = load_dataset("procedural", split="test")
        >>> data.keypoints_2d.shape[1:], data.pose_3d.shape[1:]
        ((17, 2), (17, 3))
    """
    if name not in DATASETS:
        raise UnknownNameError.of("dataset", name, DATASETS)
    loader = DATASETS[name]
    known = inspect.signature(loader).parameters
    if "path" in known:
        if path is None:
            if name == "realbench":
                raise InputError(f"dataset {name} lives in a folder; give path=FOLDER (see posezoo.data.realbench).")
            raise InputError(
                f"dataset {name} lives in a file; give path=FILE (`posezoo data prepare {name}` makes such a file)."
            )
        settings["path"] = path
    elif path is not None:
        raise InputError(f"dataset {name} needs no file; leave path={str(path)!r} out.")
    for plural in ("actions", "subjects"):
        if isinstance(settings.get(plural), str):
            settings[plural] = (settings[plural],)
    # Every dataset has ground truth, also those whose loader has no setting `keypoints`.
    if settings.get("keypoints") == "gt" and "keypoints" not in known:
        del settings["keypoints"]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(f"dataset {name} has no setting {', '.join(unknown)}; it takes {', '.join(known)}.")
    return loader(split=split, **settings)
