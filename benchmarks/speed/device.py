"""Measure prediction, matrix products and rendering on one device, and write the figures as JSON.

python benchmarks/speed/device.py --device cuda --out timings.json [--bodies bodies.h5] [models ...]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

import posezoo
from posezoo.papers.martinez import Martinez

BATCHES = (1, 4096)
TURNS = 7


def seconds(call: Callable[[], object], device: torch.device, repeats: int = 10) -> float:
    """Return the median seconds of a call, after two calls to warm up; wait for the device after each."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    for _ in range(2):
        call()
    wait()
    turns = []
    for _ in range(TURNS):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        wait()
        turns.append((time.perf_counter() - start) / repeats)
    return float(np.median(turns))


def lifting(name: str, device: torch.device) -> dict[str, float]:
    """Return the seconds of ``predict`` for each of :data:`BATCHES`, from pixels on the host to poses on the host."""
    model = posezoo.load(name).to(device)
    generator = np.random.default_rng(0)
    found = {}
    for batch in BATCHES:
        keypoints = generator.uniform(0, 1000, (batch, 17, 2)).astype(np.float32)
        found[f"{name} predict, batch {batch}"] = seconds(partial(model.predict, keypoints, "h36m17", (1000, 1000)), device)
    return found


def training_step(device: torch.device, width: int = 1024, batch: int = 4096) -> dict[str, float]:
    """Return the seconds of a step of a residual lifter, and of its matrix products alone."""
    model = Martinez(width=width).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), fused=device.type == "cuda")
    data = {
        "keypoints_2d": torch.randn(batch, 17, 2, device=device) * 100 + 500,
        "pose_3d": torch.randn(batch, 17, 3, device=device) * 300,
    }

    def step() -> None:
        optimizer.zero_grad()
        model.lift(data["keypoints_2d"]).square().mean().backward()
        optimizer.step()

    pairs = [
        (
            torch.randn(batch, layer.in_features, device=device),
            torch.randn(layer.in_features, layer.out_features, device=device),
        )
        for layer in model.modules()
        if isinstance(layer, torch.nn.Linear)
    ]

    def products() -> None:
        for values, weights in pairs:
            made = values @ weights
            made @ weights.T  # the gradient of the input
            values.T @ made  # and of the weights

    title = f"lifter of width {width}, batch {batch}"
    return {f"{title}: training step": seconds(step, device), f"{title}: its products": seconds(products, device)}


def rendering(bodies: Path, device: torch.device, batch: int = 256, side: int = 160) -> dict[str, float]:
    """Return the seconds in which a body's picture is drawn."""
    from posezoo.data.rendered_bodies import rendered_bodies

    people = rendered_bodies("test", bodies=bodies, side=side, count=batch)
    rows, pictures = np.arange(batch), cast("Any", people.picture)
    drawn = seconds(lambda: pictures.batch(rows, device), device, repeats=2)
    return {f"a body's picture of {side} px": drawn / batch}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["svma", "geoselfsup", "martinez"])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bodies", type=Path, help="what posezoo data prepare bodies wrote")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    found: dict[str, float] = training_step(device, options.width, options.batch)
    for name in options.models:
        found |= lifting(name, device)
    if options.bodies:
        found |= rendering(options.bodies, device)
    for title, value in found.items():
        print(f"{value * 1000:10.3f} ms  {title}")
    if options.out:
        card = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
        report = {"device": card, "torch": torch.__version__, "seconds": found}
        options.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
