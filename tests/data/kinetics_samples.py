"""Write clips as Kinetics-skeleton has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def person(rng: np.random.Generator, known: int) -> dict[str, list[float]]:
    """Return a person whose first ``known`` joints were found."""
    pose = rng.uniform(0.1, 0.9, (18, 2)).round(3)
    pose[known:] = 0
    score = np.where(np.arange(18) < known, 0.5, 0.0)
    return {"pose": pose.reshape(-1).tolist(), "score": score.tolist()}


def write_clips(folder: Path) -> dict[str, list[list[dict[str, list[float]]]]]:
    """Write two clips, one without a person, one that is damaged, and the labels of all."""
    rng = np.random.default_rng(0)
    (folder / "kinetics_train").mkdir(parents=True)
    clips = {
        "b": [[person(rng, 18)], [person(rng, 14), person(rng, 9)], [person(rng, 10)]],
        "a": [[], [person(rng, 18)], []],
        "empty": [[], []],
    }
    for name, frames in clips.items():
        data = [{"frame_index": i + 1, "skeleton": people} for i, people in enumerate(frames)]
        content = {"data": data, "label": "juggling", "label_index": 3}
        (folder / "kinetics_train" / f"{name}.json").write_text(json.dumps(content))
    (folder / "kinetics_train" / "torn.json").write_text('{"data": [')
    (folder / "kinetics_train_label.json").write_text(json.dumps({"a": {"has_skeleton": True}}))
    return clips
