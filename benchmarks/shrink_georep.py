"""Reduce the points of a georep's code, so that its weights become smaller.

    python benchmarks/shrink_georep.py georep.safetensors smaller.safetensors --points 58 --data openmocap.h5

A code is M points. Rotations act on each point alike, so they commute with any linear mixing of the points. The new points
are the mixtures that hold most of the code's energy over augmented training poses (principal components). Encoder and
decoder take the mixing into their linear layers; the regressor's first layer is fitted again by least squares.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import posezoo
from posezoo.data import load_openmocap
from posezoo.data.augmentation import Augmentation
from posezoo.papers.georep import GeoRep
from posezoo.poses.views import moments, world_poses
from posezoo.registry import describe, save
from posezoo.registry.publishing import ORIGIN

POSES = 2000


@torch.no_grad()
def shrink(model: GeoRep, keypoints: torch.Tensor, points: int) -> GeoRep:
    """Return the same model with fewer points.

    Args:
        model: a model with a representation.
        keypoints: (N, J, 2) px, for the energy and the fit.
        points: how many points to keep.
    """
    code = torch.cat([model.samples(part) for part in keypoints.split(250)]).double()
    first = model.regression.network[0]
    wanted = first(model.regression.inputs(code.float()).flatten(1)).double()
    mixing = torch.linalg.eigh(torch.einsum("nac,nbc->ab", code, code))[1][:, -points:]
    mixed = torch.einsum("mk,nmc->nkc", mixing, code)
    smaller = GeoRep(**{**dict(model.hp), "points": points}).eval()
    state = model.state_dict()
    weights = {name: state[name] for name in smaller.state_dict() if name in state}
    before = len(mixing)
    for name in ("generator", "inverse"):
        if f"{name}.encoder.code.weight" not in state:
            continue
        for part in ("weight", "bias"):
            key = f"{name}.encoder.code.{part}"
            rows = state[key].double().view(before, 3, -1)
            weights[key] = torch.einsum("mk,mcf->kcf", mixing, rows).reshape(3 * points, -1).squeeze(-1).float()
        key = f"{name}.decoder.code.weight"
        columns = state[key].double().view(-1, before, 3)
        weights[key] = torch.einsum("mk,omc->okc", mixing, columns).flatten(1).float()
    mean, deviation = mixed.mean(0), mixed.std(0).clamp_min(1e-6)
    known = ((mixed - mean) / deviation).flatten(1)
    known = torch.cat([known, torch.ones_like(known[:, :1])], 1)
    ridge = 1e-3 * len(known) * torch.eye(known.shape[1], dtype=known.dtype)
    fitted = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted).float()
    weights |= {
        "regression.inputs.mean": mean.float(),
        "regression.inputs.deviation": deviation.float(),
        "regression.network.0.weight": fitted[:-1].T.contiguous(),
        "regression.network.0.bias": fitted[-1],
    }
    smaller.load_state_dict(weights)
    return smaller


def main() -> None:
    """Read weights, reduce them, and write them with the provenance of the original."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--points", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="openmocap.h5")
    options = parser.parse_args()
    model = posezoo.load(options.weights)
    torch.manual_seed(0)
    data = load_openmocap(options.data, "train", views=(0,))
    poses = Augmentation()(world_poses(data[moments(data)], model.skeleton), POSES, model.skeleton)
    header = describe(options.weights)
    smaller = shrink(model, poses["keypoints_2d"], options.points)
    save(smaller, options.out, **{key: header[key] for key in ORIGIN if key in header})


if __name__ == "__main__":
    main()
