"""Test that old names work for one release, with a warning."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings

import pytest

from posezoo.deprecation import MOVED_MODULES, install


@pytest.mark.parametrize("old", sorted(MOVED_MODULES))
def test_a_moved_module_gives_the_names_of_the_new_one(old, monkeypatch):
    new = importlib.import_module(MOVED_MODULES[old])
    for name in [name for name in sys.modules if name in MOVED_MODULES]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.warns(DeprecationWarning, match=f"{MOVED_MODULES[old]} now"):
        alias = importlib.import_module(old)
    public = [name for name in dir(new) if not name.startswith("_")]
    assert public
    assert all(getattr(alias, name) is getattr(new, name) for name in public)


@pytest.mark.slow
def test_the_warning_points_at_the_import():
    # Run a process, because the type checks of the test run add frames between the import and the warning.
    line = "from posezoo.data.tracking import fill_gaps; print(fill_gaps.__module__)"
    run = subprocess.run([sys.executable, "-W", "always", "-c", line], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "posezoo.video.tracking"
    assert "<string>:1: DeprecationWarning: posezoo.data.tracking is posezoo.video.tracking now" in run.stderr


def test_new_paths_are_silent_and_unknown_ones_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.import_module("posezoo.video.tracking")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("posezoo.data.nothing_here")


def test_installing_twice_changes_nothing():
    before = list(sys.meta_path)
    install()
    assert sys.meta_path == before
