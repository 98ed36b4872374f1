"""Test the cards of published weights: their text comes from headers, classes and papers."""

from __future__ import annotations

import json

import publish
import pytest

from posezoo.lifting.kinds import LIFTER, PICTURES, VIEWS
from posezoo.registry import PAPERS, describe
from posezoo.registry.cards import card

MODELS = json.loads((publish.CHECKPOINTS / "index.json").read_text())["models"]


@pytest.mark.parametrize("name", MODELS)
def test_a_card_says_what_training_needed_and_read(name):
    header = describe(publish.CHECKPOINTS / MODELS[name]["file"])
    kind = publish.KINDS[PAPERS[header["paper"]].kind]
    assert MODELS[name]["supervision"] == publish.trained_on(header).needed
    assert MODELS[name]["training_data"] == f"{kind.data(header)}; {publish.read(header)}"


def test_cards_say_what_training_knew_of_the_cameras():
    told = {name: entry["settings"] for name, entry in MODELS.items() if entry["settings"].get("pitch")}
    assert len(told) > 3
    for name, settings in told.items():
        words = f"their mean pitch, {settings['pitch']} rad, and its deviation, {settings['pitch_deviation']} rad"
        assert words in (publish.CHECKPOINTS / f"{name}.md").read_text(encoding="utf-8")
        assert words in card(name, MODELS[name])


@pytest.mark.parametrize(
    ("settings", "data", "needed", "words"),
    [
        ({"label_steps": 100}, {"label_fraction": 0.05}, "2D keypoints, 5 % of 3D labels", "drawn at random"),
        ({"student": "labels"}, {"label_fraction": 0.5}, "2D keypoints, 50 % of 3D labels", "drawn at random"),
        ({"student": "teacher"}, {}, "2D keypoints only", "no 3D label was read; what a teacher lifted of them"),
        ({}, {"augmentation": {}}, "2D keypoints only", publish.AUGMENTED),
    ],
)
def test_settings_change_the_words(settings, data, needed, words):
    header = {"paper": "geoselfsup", "settings": settings, "data": data}
    assert publish.trained_on(header).needed == needed
    assert publish.read(header).endswith(words)


def test_every_kind_of_models_is_measured():
    assert set(publish.KINDS) == {kind.name for kind in (LIFTER, PICTURES, VIEWS)}
