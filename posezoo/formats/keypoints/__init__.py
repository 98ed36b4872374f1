"""2D keypoints from whatever file holds them.

A file is opened by :mod:`~posezoo.formats.keypoints.containers` (what kind of file), recognised by
:mod:`~posezoo.formats.keypoints.formats` (what is in it), read by that format's own file, and checked in
:mod:`~posezoo.formats.keypoints.clips`, which all formats share.
"""

from __future__ import annotations

import os

from posezoo.errors import InputError
from posezoo.files.reading import affordable, as_path
from posezoo.formats.keypoints import plain, table
from posezoo.formats.keypoints.beside import names_beside
from posezoo.formats.keypoints.clips import picture_size, to_posedata
from posezoo.formats.keypoints.containers import Content, load_content
from posezoo.formats.keypoints.formats import FORMATS, Format
from posezoo.formats.keypoints.unknown import unrecognised
from posezoo.formats.keypoints.wrapping import inside
from posezoo.poses.checks import looks_upside_down, upside_down_fraction
from posezoo.poses.inspection import Finding, Inspection, inspect_keypoints
from posezoo.poses.posedata import PoseData
from posezoo.skeletons import Skeleton, get_skeleton

__all__ = [
    "FORMATS",
    "SCHEMA",
    "Finding",
    "Format",
    "Inspection",
    "inspect_keypoints",
    "looks_upside_down",
    "read_keypoints",
    "read_with_format",
    "upside_down_fraction",
]

SCHEMA = plain.SCHEMA + "\n" + table.SCHEMA


def read_keypoints(
    path: str | os.PathLike[str],
    skeleton: str | Skeleton | None = None,
    image_size: object = None,
) -> PoseData:
    """Read 2D keypoints from a file, or from a folder of frames.

    The kind of file is told by its content, then by its extension; the layout by what the file says, by its format
    (COCO, OpenPose, stacked hourglass), by the joints' names, or by the number of joints where only one named layout has as
    many.

    Args:
        path: ``.npz .npy .json .jsonl .csv .tsv .h5 .slp .pkl .mat .xml .txt`` or a folder; formats: :data:`FORMATS`,
            own schema: :data:`SCHEMA`.
        skeleton: the layout, where the file does not tell it.
        image_size: (width, height) of the pictures in px, where the file does not tell it; formats whose coordinates are
            fractions of the picture (MediaPipe, Kinetics-skeleton) need it.

    Returns:
        keypoints_2d (N, J, 2) in pixels, y down, NaN where a joint is unknown; the confidence in [0, 1] where the file has
        one (0 where unknown); person, video and picture size, where known, in ``sequences``. Arrays keep their rows.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: empty, truncated, altered, or a pickle of more than arrays and plain containers.
        InputError: an unknown format, no people, text for numbers, infinite values, unequal numbers of joints, a number
            of joints that is not the layout's, a layout that cannot be told, confidences outside 0 to 1, fractions of a
            picture whose size is not known.
        UnknownNameError: no such skeleton.

    Example:
        >>> import json, pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "people.json"
        >>> joints = [value for joint in range(17) for value in (100.0 + joint, 50.0 + 9 * joint, 0.9)]
        >>> _ = file.write_text(json.dumps([{"image_id": 7, "keypoints": joints, "score": 1.0}]))
        >>> people = read_keypoints(file)
        >>> people.skeleton.name, people.keypoints_2d.shape, people.frame.tolist()
        ('coco17', (1, 17, 2), [7])
    """
    return read_with_format(path, skeleton, image_size)[1]


def read_with_format(
    path: str | os.PathLike[str],
    skeleton: str | Skeleton | None = None,
    image_size: object = None,
) -> tuple[Format, PoseData]:
    """Read as :func:`read_keypoints` does, and return the file's format too."""
    # Refuse wrong arguments before a large file is read.
    layout = None if skeleton is None else get_skeleton(skeleton)
    path = as_path(path)
    size = None if image_size is None else picture_size(image_size, path)
    with affordable(path):
        return read_content(load_content(path), layout, size)


def read_content(
    content: Content, skeleton: str | Skeleton | None = None, image_size: object = None
) -> tuple[Format, PoseData]:
    """Read as :func:`read_with_format` does, a file or folder that is already open."""
    size = None if image_size is None else picture_size(image_size, content.path)
    with affordable(content.path):
        for candidate in (content, *inside(content, lambda held: _format_of(held) is not None)):
            form = _format_of(candidate)
            if form is not None:
                clips = form.read(candidate)
                if not clips.names and clips.keypoints.ndim == 3:
                    clips.beside = names_beside(content.value, clips.keypoints.shape[1])
                return form, to_posedata(clips, skeleton, content.path, size)
        raise InputError(unrecognised(content))


def _format_of(content: Content) -> Format | None:
    return next((form for form in FORMATS if form.matches(content)), None)
