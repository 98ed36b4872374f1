"""Check that the public surface (names, commands, options, fields) is the one written down."""

from __future__ import annotations

import pytest
import yaml

from tests.public_surface import FILE, MODULES, surface


@pytest.fixture(scope="module")
def now():
    return surface()


@pytest.fixture(scope="module")
def pinned():
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("part", ["names", "methods", "commands", "results"])
def test_what_users_build_on_is_what_is_written_down(part, now, pinned):
    assert now[part] == pinned[part], "where this is meant: python tests/public_surface.py, and a line in CHANGELOG.md"


def test_the_surface_is_whole(now):
    # Said again by hand, so that a fault in how it is read from the code is not pinned as well.
    assert set(now["names"]) == set(MODULES)
    assert "p_mpjpe(pred, target, reduction, *, mask)" in now["names"]["posezoo.metrics.functional"]
    assert "load(name, device, *, kind)" in now["names"]["posezoo"]
    predict = "LiftingModule.predict(keypoints_2d, skeleton, image_size, confidence, batch_size, incomplete, camera)"
    assert predict in now["methods"]
    assert {"name", "input", "-o, --out", "--skeleton", "--cameras"} <= set(now["commands"]["posezoo predict"])
    assert now["commands"]["posezoo train"] == now["commands"]["posezoo fit"]
    assert "--source" in now["commands"]["posezoo data prepare"]
    assert {"pose_3d", "skeleton", "unit", "frame"} <= set(now["results"]["Prediction"])
    assert {"format", "joints", "parents", "pose_3d"} <= set(now["results"]["predict -o out.json"])
