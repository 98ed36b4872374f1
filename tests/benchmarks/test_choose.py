"""Test the comparison of weights without a test split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from choose import of_people, variants

import posezoo
from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.lifting import evaluate_2d
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


def test_people_who_lack_a_joint_are_left_out_():
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=4)
    two = people.keypoints_2d.copy()
    two[1, 3] = np.nan
    model = posezoo.load("svma.cmu")
    whole = [row for row in range(len(two)) if row != 1]
    expected = evaluate_2d(model, torch.from_numpy(people.keypoints_2d[whole]))
    found = of_people(model, replace(people, keypoints_2d=two))
    assert found == pytest.approx([expected["symmetry_error"], expected["limb_ratio_spread"]])
