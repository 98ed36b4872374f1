"""Test one model in several threads, processes and copies."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import posezoo
from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.geometry import h36m_cameras
from posezoo.lifting import processes

LIFTERS = ("svma", "geoselfsup", "georep", "martinez")
WALK = load_dataset("procedural").keypoints_2d[:64]
PICTURE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


def predicted(model) -> np.ndarray:
    """Return what a model of any kind makes of its kind of input."""
    if model.kind == "pictures":
        return model.predict_image(PICTURE).pose_3d
    if model.kind == "views":
        return model.predict_views(np.stack([WALK, WALK + 5])[:, :8], h36m_cameras("S1")[:2], skeleton="h36m17").camera_mm
    return model.predict(WALK).pose_3d


@pytest.mark.parametrize("name", LIFTERS)
def test_eight_threads_use_one_model(name):
    model = posezoo.load(name)
    parts = np.array_split(WALK, 8)
    expected = [copy.deepcopy(model).predict(part).pose_3d for part in parts]
    threads = torch.get_num_threads()
    model.to("cpu")  # forgets the folded copy, so that all threads make one at once
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            found = pool.map(lambda part: model.predict(part).pose_3d, parts)
            for here, there in zip(expected, found, strict=True):
                np.testing.assert_allclose(there, here, atol=1e-5)
    assert torch.get_num_threads() == threads


def test_weights_that_change_are_seen():
    """Compare with a model that had these weights from the start, whichever way they came in."""
    model = posezoo.load("svma")
    predicted(model)
    halved = torch.nn.utils.parameters_to_vector(model.parameters()).detach() / 2
    fresh = posezoo.load("svma")
    torch.nn.utils.vector_to_parameters(halved, fresh.parameters())
    expected = predicted(fresh)
    torch.nn.utils.vector_to_parameters(halved, model.parameters())
    np.testing.assert_array_equal(predicted(model), expected)
    other = posezoo.load("svma")
    predicted(other)
    for parameter in other.parameters():
        parameter.data.mul_(0.5)
    np.testing.assert_array_equal(predicted(other.eval()), expected)
    with torch.inference_mode():
        np.testing.assert_array_equal(predicted(posezoo.load("svma")), predicted(posezoo.load("svma")))


@pytest.mark.parametrize("name", [*LIFTERS, "cvugcn.cmu", "hg3d.render_small"])
def test_copies_and_pickles_are_the_model(name):
    model = posezoo.load(name)
    expected = predicted(model)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(predicted(other), expected)
        assert other.zoo_name == model.zoo_name
        next(other.parameters()).data.zero_()
        np.testing.assert_array_equal(predicted(model), expected)


def forked(action) -> int | None:
    """Return the exit code of a child process that calls a function, -9 where it does not end."""
    child = multiprocessing.get_context("fork").Process(target=lambda: os._exit(int(action())))
    child.start()
    child.join(60)
    child.kill()
    child.join()
    return child.exitcode


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_of_a_process_that_has_predicted():
    model = posezoo.load("svma")
    expected = model.predict(WALK).pose_3d

    def alone() -> bool:
        torch.set_num_threads(1)
        return np.array_equal(model.predict(WALK).pose_3d, expected)

    def with_threads() -> bool:
        torch.set_num_threads(2)
        with pytest.raises(InputError, match=r"torch.set_num_threads\(1\)"):
            model.predict(WALK)
        return True

    assert forked(alone) == forked(with_threads) == 1


def test_a_child_may_be_the_first_to_predict(monkeypatch):
    monkeypatch.setattr(processes, "_computed_in", set())
    processes.check_process()
    monkeypatch.setattr(processes, "_computed_in", {os.getpid() + 1})
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    processes.check_process()
