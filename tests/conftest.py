"""Shared by all tests: fixed seeds, one thread where several test at once, and the optional real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

# Where the recordings named in the documentation lie, for those who have them.
POSEZOO_DATA = Path(os.environ.get("POSEZOO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


if "PYTEST_XDIST_WORKER" in os.environ:  # as many tests at a time as there are cores
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; tests that need it skip where it is absent."""
    if not (POSEZOO_DATA / "bvh" / "cmu").is_dir():
        pytest.skip(f"real recordings are not at {POSEZOO_DATA}; set POSEZOO_DATA to their folder")
    return POSEZOO_DATA
