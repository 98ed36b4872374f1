"""Test the comparison of weights without a test split."""

from __future__ import annotations

import pytest
from choose import variants

from posezoo.errors import InputError
from posezoo.papers.svma import SVMA
from posezoo.registry import save


def test_variants_change_one_setting_of_prediction(tmp_path):
    path = str(save(SVMA(width=8, critic_width=8), tmp_path / "small.safetensors"))
    found = dict(variants(path, ["mirrored=true", "distance=5"]))
    assert {name: (model.hparams["mirrored"], model.hparams["distance"]) for name, model in found.items()} == {
        path: (False, 10.0),
        f"{path} mirrored=true": (True, 10.0),
        f"{path} distance=5": (False, 5),
    }
    with pytest.raises(InputError, match="no setting 'widht'"):
        dict(variants(path, ["widht=3"]))
