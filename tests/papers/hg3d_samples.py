"""Make small pictures and networks for tests of Zhou et al. 2017."""

from __future__ import annotations

import torch

from posezoo.data.pictures import PicturesDataModule
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.papers.hg3d import HG3D
from tests import runs

TINY = {"size": 64, "width": 8, "stacks": 2, "modules": 1}


def run(model: HG3D, data: PicturesDataModule, steps: int) -> HG3D:
    runs.fit(model, data, max_steps=steps, num_sanity_val_steps=0)
    return model


def trained_parts(model: HG3D, data: PicturesDataModule) -> set[str]:
    """Train for two steps; return the parts of the network, ``pose`` or ``depth``, that changed."""
    before = {name: value.clone() for name, value in model.network.named_parameters()}
    run(model, data, 2)
    return {name.split(".")[0] for name, value in model.network.named_parameters() if not torch.equal(before[name], value)}


def data_of(labelled: PeopleInPictures | None, annotated: PeopleInPictures | None, **settings) -> PicturesDataModule:
    kinds = {"dataset": labelled, "annotated": annotated}
    given = {kind: None if people is None else {"train": people, "val": people} for kind, people in kinds.items()}
    return PicturesDataModule(**given, size=64, **{"batch_size": 6, **settings})
