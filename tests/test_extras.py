"""Test optional packages: missing and broken ones have different errors, each one sentence."""

from __future__ import annotations

import sys

import pytest

from posezoo.errors import InputError
from posezoo.extras import require


def test_a_package_that_is_there_is_imported():
    assert require("xml.dom", "a test", "xml") is sys.modules["xml.dom"]


def test_a_missing_package_is_named_with_what_brings_it():
    with pytest.raises(InputError, match=r"a GIF file.*Nothing.*not installed.*pip install 'posezoo\[video\]'"):
        require("no_such_package_here.sub", "a GIF file", "'posezoo[video]'", "Nothing")


@pytest.mark.parametrize(
    "fault", ["import no_such_dependency", "raise ImportError('libGL.so.1: cannot open')", "raise OSError"]
)
def test_a_broken_package_is_told_from_a_missing_one(fault, tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text(fault)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"is installed and cannot be imported \(.*\); pip install -U broken") as caught:
        require("broken_package", "a test", "broken")
    assert "\n" not in str(caught.value)
