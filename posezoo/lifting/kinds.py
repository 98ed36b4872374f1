"""Define the kinds of models: what a model of each kind takes, and where its part of the command line is.

Three kinds are built in. :func:`register_kind` adds one; nothing else has to change for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from posezoo.errors import InputError, UnknownNameError


@dataclass(frozen=True)
class Kind:
    """A kind of models.

    Attributes:
        name: what :attr:`posezoo.lifting.ZooModule.kind` says.
        input: what the model predicts from, in a few words.
        normalisation: how the input is normalised, for the model's card.
        usage: a line of Python that predicts with ``model``, for the model's card.
        data: the dataset that ``posezoo eval`` scores on where none is named.
        datamodule: the dotted path of the DataModule that trains a model without one of its own.
        commands: the dotted path of the module whose ``predict(model, options)`` and ``evaluate(model, options)`` the
            command line calls; see :mod:`posezoo.cli.kinds`.
    """

    name: str
    input: str
    normalisation: str
    usage: str
    data: str
    datamodule: str
    commands: str


_KINDS: dict[str, Kind] = {}


def register_kind(kind: Kind) -> Kind:
    """Add a kind.

    Raises:
        InputError: another kind has this name.
    """
    if _KINDS.setdefault(kind.name, kind) != kind:
        raise InputError(f"there is a kind {kind.name!r} already; give yours another name.")
    return kind


def get_kind(name: str) -> Kind:
    """Return the kind of a name.

    Raises:
        UnknownNameError: there is no such kind.
    """
    if name not in _KINDS:
        raise UnknownNameError.of("kind of model", name, _KINDS)
    return _KINDS[name]


LIFTER = register_kind(
    Kind(
        name="lifter",
        input="2D keypoints",
        normalisation="pelvis at the origin, mean distance of the other joints from it constant",
        usage='model.predict(keypoints_2d, skeleton="coco17", image_size=(1920, 1080))',
        data="procedural",
        datamodule="posezoo.data.LiftingDataModule",
        commands="posezoo.cli.kinds.lifter",
    )
)
PICTURES = register_kind(
    Kind(
        name="pictures",
        input="picture",
        normalisation="a square crop around the person, its side 1.25 times the longer side of their box; "
        "RGB from -0.5 to 0.5",
        usage='model.predict_image("photo.jpg")',
        data="rendered_wild",
        datamodule="posezoo.data.pictures.PicturesDataModule",
        commands="posezoo.cli.kinds.pictures",
    )
)
VIEWS = register_kind(
    Kind(
        name="views",
        input="2D keypoints of two calibrated views",
        normalisation="triangulated joints about their median, over 500 mm; the median's place, over 5 m; camera frames",
        usage='model.predict_views(keypoints_2d, cameras, skeleton="coco17")',
        data="procedural",
        datamodule="posezoo.papers.cvugcn.CVUGCNDataModule",
        commands="posezoo.cli.kinds.views",
    )
)
