"""Share fixtures: fixed seeds, one thread where several tests run at once, people in pixels, and the optional real data."""

from __future__ import annotations

import copy
import functools
import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from posezoo.data import PoseData  # at run time not before the type checks of the test run are in place

# Where the recordings named in the documentation lie, for those who have them.
POSEZOO_DATA = Path(os.environ.get("POSEZOO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


if "PYTEST_XDIST_WORKER" in os.environ:
    import torch  # the process that only hands out tests does without

    # As many tests run at a time as there are cores. Threads of one process would wait for cores that the others use.
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of processes that tests start

gc.disable()  # while modules are imported, which stay


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what is there when tests begin: a pass over all of torch takes half a second."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    import torch

    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture
def without_type_checks() -> Iterator[None]:
    """Turn off the type checks of the test run: users do without, and a compiler cannot trace them."""
    import jaxtyping

    was = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", was)


@pytest.fixture(scope="session", autouse=True)
def _procedural_people_are_made_once() -> Iterator[None]:
    """Keep every procedural dataset that :func:`posezoo.data.load_dataset` has made, and hand out copies of it."""
    from posezoo.data.named import DATASETS

    make: Callable[..., PoseData] = DATASETS["procedural"]
    made: dict[str, PoseData] = {}

    @functools.wraps(make)
    def kept(**settings: object) -> PoseData:
        key = repr(sorted(settings.items()))
        if key not in made:
            made[key] = make(**settings)
        return copy.deepcopy(made[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "procedural", kept)
        yield


@pytest.fixture(scope="module")
def people(request: pytest.FixtureRequest) -> PoseData:
    """Return the procedural people that ``PEOPLE`` of the requesting module describes."""
    from posezoo.data import load_dataset

    return load_dataset("procedural", **request.module.PEOPLE)


@pytest.fixture
def brief_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten procedural clips to 12 frames, so that training on them and scoring take less than a second."""
    from posezoo.data.named import DATASETS

    make: Callable[..., PoseData] = DATASETS["procedural"]

    @functools.wraps(make)
    def brief(**settings: object) -> PoseData:
        return make(**{"frames_per_clip": 12, **settings})

    monkeypatch.setitem(DATASETS, "procedural", brief)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real recordings; skip the test where it is absent."""
    if not (POSEZOO_DATA / "bvh" / "cmu").is_dir():
        pytest.skip(f"real recordings are not at {POSEZOO_DATA}; set POSEZOO_DATA to their folder")
    return POSEZOO_DATA
