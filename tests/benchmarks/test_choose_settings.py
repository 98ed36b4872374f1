"""Test the choice of settings without labels."""

from __future__ import annotations

import pytest
from choose_settings import candidates, main, pairs_of, scores

from posezoo.data.procedural import procedural_dataset
from posezoo.errors import InputError
from posezoo.training import read_recipe


def test_candidates_change_one_setting_of_the_recipe():
    assert candidates(["model.penalty=0,0.1", "steps=5"], 10) == {
        "as it is": {"steps": "10"},
        "model.penalty=0": {"steps": "10", "model.penalty": "0"},
        "model.penalty=0.1": {"steps": "10", "model.penalty": "0.1"},
        "steps=5": {"steps": "5"},
    }
    for wrong in ("model.penalty", "model.penalty=", "=3", "model.penalty=1,,2"):
        with pytest.raises(InputError, match="SETTING=VALUE"):
            candidates([wrong], 10)


def test_a_score_is_the_mean_of_what_needs_no_label_over_the_recipes_own():
    own = {"symmetry_error": 0.2, "bone_spread": 0.1, "reprojection": 0.5, "critic": 3.0, "depth_spread": 0.4}
    other = {"symmetry_error": 0.1, "bone_spread": 0.1, "reprojection": 0.75, "critic": -9.0, "depth_spread": 0.1}
    assert scores({"as it is": own, "other": other}) == pytest.approx({"as it is": 1.0, "other": (0.5 + 1 + 1.5) / 3})
    own["view_disagreement"], other["view_disagreement"] = 0.2, 0.15
    assert scores({"as it is": own, "other": other}) == pytest.approx({"as it is": 1.0, "other": 0.75})


def test_pairs_are_instants_that_two_cameras_see():
    data = procedural_dataset("val", actions=["wave"], frames_per_clip=5, views=(0, 2, 3))
    pairs = pairs_of(data)
    assert pairs is not None
    first, second = data[pairs[:, 0].numpy()], data[pairs[:, 1].numpy()]
    assert (first.frame == second.frame).all()
    assert (first.subject == second.subject).all()
    assert set(zip(first.view.tolist(), second.view.tolist(), strict=True)) == {(0, 2), (0, 3), (2, 3)}
    assert pairs_of(data[data.view == 0]) is None


@pytest.mark.slow
def test_candidates_are_trained_once_and_scored_without_labels(tmp_path, monkeypatch, capsys):
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        "paper: svma\nsteps: 9\nmodel: {width: 8, critic_width: 8, cosine_steps: 9}\n"
        "data: {dataset: procedural, batch_size: 64}\n"
    )
    command = [str(recipe), "--steps", "3", "--out", str(tmp_path / "runs"), "--try", "steps=2"]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert "1.000  as it is" in first
    _, settings = read_recipe(tmp_path / "runs" / "steps=2 0" / "config.yaml")
    assert (settings["steps"], settings["model"]["cosine_steps"]) == (2, 2)
    monkeypatch.setattr("choose_settings.train", None)  # nothing is trained again
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == first.splitlines()[-2:]
