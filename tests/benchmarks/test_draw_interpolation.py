"""Test Figure 4 of georep: bones in the colours of their sides, every step drawn, an error for a model without codes."""

from __future__ import annotations

import io

import draw_interpolation
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from posezoo.papers.georep.interpolation import Interpolation
from posezoo.skeletons import get_skeleton
from posezoo.viz.scene import PALETTES

H36M = get_skeleton("h36m17")


def test_each_bone_has_the_colour_of_its_side_on_white():
    maps = np.zeros((16, 4, 4))
    children = [child for _, child in H36M.bones]
    maps[children.index(H36M.index("left_knee")), 1, 2] = 1.0
    maps[children.index(H36M.index("right_wrist")), 3, 0] = 0.5
    picture = draw_interpolation.colored(maps, H36M)
    assert picture[1, 2] == pytest.approx(to_rgb(PALETTES[0]["left"]))
    assert picture[3, 0] == pytest.approx((1 + np.asarray(to_rgb(PALETTES[0]["right"]))) / 2)
    assert (picture[0] == 1).all()


def test_a_picture_shows_every_step_of_every_pair():
    between = Interpolation(np.zeros((5, 4, 3)), np.zeros((5, 16, 8, 8)), np.random.default_rng(0).normal(size=(5, 17, 3)))
    one, two = (imread(io.BytesIO(draw_interpolation.draw([("model", H36M, between)] * count))) for count in (1, 2))
    assert two.shape[0] > 1.8 * one.shape[0]
    assert abs(two.shape[1] - one.shape[1]) < 0.1 * one.shape[1]
    assert one[..., :3].min() < 0.5


def test_a_model_without_codes_is_one_sentence(tmp_path, capsys):
    out = tmp_path / "figure.png"
    assert draw_interpolation.main(["svma", "-o", str(out)]) == 2
    assert "svma is a SVMA, of kind lifter; expected a GeoRep" in capsys.readouterr().err
    assert draw_interpolation.main(["svma", "--pairs", "0", "-o", str(out)]) == 2
    assert not out.exists()
