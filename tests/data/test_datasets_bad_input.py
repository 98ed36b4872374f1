"""Test every dataset reader on files with flipped bytes and on truncated files: one sentence, no hang.

Where a file has checksums, no altered value is returned.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posezoo.data.h36m import load_h36m, prepare_h36m
from posezoo.data.h36m.cdf import read_cdf_pose
from posezoo.data.h36m.sources import read_martinez
from posezoo.data.humaneva import prepare_humaneva
from posezoo.data.mpi_inf_3dhp import prepare_mpi_inf_3dhp
from posezoo.data.mpi_inf_3dhp.test_set import read_test_sequence
from posezoo.data.mpi_inf_3dhp.training_set import read_calibration, read_training_sequence
from posezoo.errors import PoseZooError
from posezoo.formats.videopose3d import positions_2d, positions_3d
from posezoo.poses.posedata import PoseData
from tests.data.dataset_samples import (
    write_humaneva,
    write_martinez,
    write_mpi_test,
    write_mpi_training,
    write_official,
    write_videopose3d,
)

ROUNDS = 250


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    write_official(folder / "official")
    write_martinez(folder / "martinez")
    write_videopose3d(folder / "archives")
    write_mpi_training(folder / "mpi", "S1", "Seq1", 3)
    write_mpi_test(folder / "mpi", "TS1", 9)
    write_humaneva(folder / "humaneva")
    prepare_h36m(folder / "archives", folder / "h36m.h5")
    return {
        "cdf": folder / "official/S1/MyPoseFeatures/D3_Positions/Sitting.cdf",
        "martinez": folder / "martinez/S1/MyPoses/3D_positions/Sitting.h5",
        "archive_3d": folder / "archives/data_3d_h36m.npz",
        "archive_2d": folder / "archives/data_2d_h36m_sh_ft_h36m.npz",
        "annot": folder / "mpi/S1/Seq1/annot.mat",
        "calibration": folder / "mpi/S1/Seq1/camera.calibration",
        "annot_data": folder / "mpi/TS1/annot_data.mat",
        "prepared": folder / "h36m.h5",
    }


READERS: dict[str, Callable[[Path], Any]] = {
    "cdf": lambda path: read_cdf_pose(path, 3),
    "martinez": read_martinez,
    "archive_3d": lambda path: positions_3d(path, 32),
    "archive_2d": lambda path: positions_2d(path, (16, 17)),
    "annot": read_training_sequence,
    "calibration": read_calibration,
    "annot_data": read_test_sequence,
    "prepared": lambda path: load_h36m(path, "test", "cpn_ft_h36m_dbb"),
}


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with a few changed, or with the end or a piece removed."""
    kind, size = rng.integers(4), len(data)
    if kind == 0:
        return data[: rng.integers(size)]
    if kind == 1:
        start = rng.integers(size)
        return data[:start] + data[start + rng.integers(1, 64) :]
    changed = bytearray(data)
    for _ in range(1 if kind == 2 else 8):
        changed[rng.integers(size)] ^= 1 << rng.integers(8)
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name == "cdf" else name for name in READERS])
def test_damage_is_one_sentence(name, files, tmp_path):
    rng, read, data = np.random.default_rng(0), READERS[name], files[name].read_bytes()
    path = tmp_path / files[name].name
    shutil.copy(files[name], path)
    whole, refused, accepted = read(path), 0, 0
    rounds = 30 if name in ("prepared", "cdf") else ROUNDS  # these two take long to read
    for _ in range(rounds):
        path.write_bytes(damaged(data, rng))
        try:
            with at_most(20):
                result = read(path)
        except PoseZooError as error:
            refused += path.name in str(error) and len(str(error).splitlines()) == 1
        else:
            accepted += 1
            if name == "prepared":  # its checksums tell
                assert isinstance(result, PoseData)
                np.testing.assert_array_equal(result.pose_3d, whole.pose_3d)
                np.testing.assert_array_equal(result.keypoints_2d, whole.keypoints_2d)
    assert refused + accepted == rounds
    assert refused > rounds // 4


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("prepare", "write"),
    [
        (prepare_h36m, write_official), (prepare_h36m, write_martinez), (prepare_h36m, write_videopose3d),
        (prepare_humaneva, write_humaneva),
        (prepare_mpi_inf_3dhp, lambda folder: write_mpi_training(folder, "S1", "Seq1", 3)),
    ],
)  # fmt: skip
def test_empty_files_are_one_sentence(prepare, write, tmp_path):
    write(tmp_path / "s")
    for path in (tmp_path / "s").rglob("*.*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(PoseZooError, match=r"empty|0 bytes|no .* can be read|none of"):
        prepare(tmp_path / "s", tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()
