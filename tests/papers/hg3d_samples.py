"""Make small pictures and networks for tests of Zhou et al. 2017."""

from __future__ import annotations

from posezoo.data.pictures import PicturesDataModule
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.papers.hg3d import HG3D
from tests import runs

TINY = {"size": 64, "width": 8, "stacks": 2, "modules": 1}


def run(model: HG3D, data: PicturesDataModule, steps: int) -> HG3D:
    runs.fit(model, data, max_steps=steps, num_sanity_val_steps=0)
    return model


def data_of(labelled: PeopleInPictures | None, annotated: PeopleInPictures | None, **settings) -> PicturesDataModule:
    kinds = {"dataset": labelled, "annotated": annotated}
    given = {kind: None if people is None else {"train": people, "val": people} for kind, people in kinds.items()}
    return PicturesDataModule(**given, size=64, **{"batch_size": 6, **settings})
