"""Run ``posezoo predict`` on files of several cameras."""

from __future__ import annotations

import json

import numpy as np

from posezoo.data import Prediction
from tests.cli.commands import run


def calibration(path, cameras):
    """Write cameras as a file that the command reads; return the file."""
    entries = [
        {"name": c.name, "K": c.K.tolist(), "R": c.R.tolist(), "t": c.t.tolist(), "distortion": c.distortion.tolist()}
        for c in cameras
    ]
    path.write_text(json.dumps(entries))
    return path


def predict(tmp_path, capsys, weights, views, cameras, *options, frames=None):
    """Run the command on files of the views, (T, J, 2) or (T, people, J, 2); return the prediction and what it said."""
    for view, pixels in enumerate(views):
        frame = np.arange(len(pixels)) if frames is None else frames[view]
        np.savez(tmp_path / f"view{view}.npz", keypoints=pixels, skeleton="h36m17", frame=frame)
    files = [tmp_path / f"view{view}.npz" for view in range(len(views))]
    rig = calibration(tmp_path / "rig.json", cameras)
    assert run("predict", weights, *files, "--cameras", rig, "-o", tmp_path / "out.npz", *options) == 0
    out, err = capsys.readouterr()
    return Prediction.load(tmp_path / "out.npz"), out, err
