"""Read folders of JSON files, one a frame: OpenPose, EasyMocap, labelme, MMPose, OpenPifPaf, Ultralytics, TensorFlow.js."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posezoo.errors import InputError
from posezoo.files.reading import load_json
from posezoo.formats.keypoints import easymocap, labelme, mmpose, openpifpaf, tfjs, ultralytics
from posezoo.formats.keypoints.clips import Clips, looks_normalised
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.framing import IsPerson, Parse, frames_in, some_person
from posezoo.formats.keypoints.openpose import read_frames
from posezoo.formats.keypoints.people import Frame, gather
from posezoo.terminal import progress


@dataclass(frozen=True)
class _FrameFormat:
    """A format of single frames: its name, whether a JSON value is of it, its frame, the layouts that it is used with."""

    name: str
    matches: Callable[[Any], bool]
    frame: Callable[[Any, Path], Frame]
    implied: tuple[str, ...] = ()


def _people(module: str, is_person: IsPerson, parse: Parse, *implied: str) -> _FrameFormat:
    """Return a format whose frame is a list of people."""

    def frame(value: object, path: Path) -> Frame:
        people = [person for found in frames_in(value, is_person, parse, path) for person in found.people]
        return Frame(tuple(people))

    return _FrameFormat(module, lambda value: some_person(value, is_person), frame, implied)


_FORMATS = (
    _FrameFormat("EasyMocap", easymocap.is_easymocap_frame, easymocap.easymocap_frame, easymocap.IMPLIED),
    _FrameFormat("labelme", labelme.is_labelme_frame, labelme.labelme_frame),
    _people("MMPose", mmpose.is_mmpose_person, mmpose.parse_mmpose, *mmpose.IMPLIED),
    _people("Ultralytics", ultralytics.is_ultralytics_person, ultralytics.parse_ultralytics, "coco17"),
    _people("TensorFlow.js", tfjs.is_tfjs_person, tfjs.parse_tfjs),
    _people("OpenPifPaf", openpifpaf.is_openpifpaf_person, openpifpaf.parse_openpifpaf, "coco17", "wholebody133"),
)


def is_frame(content: Content) -> bool:
    """Return whether a single file is a frame of EasyMocap or of labelme, which are always one file a frame."""
    return content.kind == "json" and any(form.matches(content.value) for form in _FORMATS[:2])


def read_frame(content: Content) -> Clips:
    """Read the people of one frame."""
    return _read([(content.path, content.value)], content.path)


def is_folder(content: Content) -> bool:
    """Return whether this is a folder of JSON files."""
    return content.kind == "folder"


def read_folder(content: Content) -> Clips:
    """Read frame by frame in the order of the names; the number in the name is ``frame``, what stands before it ``trial``.

    ``subject`` is who it is where tracking was on, else the person's place in the frame's list.
    """
    files = progress(content.value, f"Reading {content.path.name}")
    return _read([(file, load_json(file)) for file in files], content.path)


def _read(frames: list[tuple[Path, object]], path: Path) -> Clips:
    """Read by the first format of which a frame is; the frames of OpenPose have nothing that a person could be told by."""
    form = next((form for _, value in frames for form in _FORMATS if form.matches(value)), None)
    if form is None:
        return read_frames(frames, path)
    found = []
    named = frames_of(_stems([file for file, _ in frames]))
    for order, ((file, value), (video, number)) in enumerate(zip(frames, named, strict=True)):
        if value and not form.matches(value):
            raise InputError(f"{file} is not a frame of {form.name}, as others in its folder are; move it elsewhere.")
        frame = form.frame(value, file) if value else Frame(())
        found.append(replace(frame, number=order if number is None else number, video=video if number is not None else ""))
    clips = gather(found, path, form.name, implied=form.implied)
    clips.normalised = looks_normalised(clips.keypoints)
    return clips


def _stems(files: list[Path]) -> list[str]:
    """Return names up to their first dot, which parts several endings (``7.jpg.predictions.json``), or a time's decimals."""
    names = [file.name.partition(".")[0] for file in files]
    return names if len(set(names)) == len(files) else [file.stem for file in files]
