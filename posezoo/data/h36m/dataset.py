"""Convert Human3.6M from any of its files to one prepared file, and read poses of that."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch

from posezoo.data.h36m.facts import ACTIONS, FPS, FRAMES, RECORDINGS, SUBJECTS, WITHOUT
from posezoo.data.h36m.sources import Key, Source, check_subjects, find_h36m
from posezoo.data.prepared import Clip, Part, Prepared, read_prepared, sources_digest, write_prepared
from posezoo.errors import CorruptFileError, InputError, UnknownNameError
from posezoo.files.reading import PathLike
from posezoo.geometry import project
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import convert, get_skeleton

_SKELETON = get_skeleton("h36m17")
_VIEWS = (0, 1, 2, 3)
DETECTORS = {"sh_pt_mpii": "sh", "sh": "sh_pt_mpii"}
"""Detectors that have two names, each with the other."""


def prepare_h36m(source: PathLike, out: PathLike) -> Prepared:
    """Convert Human3.6M once.

    ======================= ================================================================================================
    the folder holds        which is
    ======================= ================================================================================================
    ``data_3d_h36m.npz``    VideoPose3D's archive; any ``data_2d_h36m_*.npz`` beside it are detections, by the end of their
                            names (``cpn_ft_h36m_dbb``, ``sh_ft_h36m``, ``detectron_ft_h36m``)
    ``S1/MyPoseFeatures``   official: ``D3_Positions/*.cdf``
    ``S1/MyPoses``          Martinez et al. 2017: ``3D_positions/*.h5``; detections ``sh`` are ``S1/StackedHourglass/*.h5``,
                            ``sh_ft_h36m`` those of ``S1/StackedHourglassFineTuned240``
    ======================= ================================================================================================

    ``metadata.xml`` or ``cameras.h5`` in it are the calibration; the published one where neither is there. 2D is projected
    through the lens, distortion included; detections that run on after the 3D are cut.

    Args:
        source: the folder.
        out: the HDF5 file to write.

    Returns:
        whether it was written, and each difference from the published subjects, actions, cameras and frames.

    Raises:
        MissingFileError: no such files.
        CorruptFileError: none of them can be read.
        InputError: cdflib is needed and not installed; an archive of detections is damaged; or ``out`` is another file.
        SaveError: the file cannot be written.

    Warns:
        UserWarning: a recording is damaged and left out.
    """
    folder = Path(source)
    found = find_h36m(folder)
    parts = [Part("/".join(key).rstrip("/"), partial(_clips, found, key)) for key in found.recordings]
    return write_prepared(out, "h36m", _SKELETON, parts, sources_digest(found.files, folder), _differences)


def _clips(found: Source, key: Key) -> list[Clip]:
    """Return a recording as its four cameras see it."""
    subject, action, trial = key
    world = convert(found.recordings[key]().astype(np.float64), "h36m32", _SKELETON).keypoints
    detected = {name: detector(key) for name, detector in found.detections.items()}
    clips = []
    for view, camera in enumerate(found.cameras(subject)):
        pose = camera.world_to_camera(torch.from_numpy(world))
        more = {}
        for name, views in detected.items():
            if len(views) != len(_VIEWS):
                raise CorruptFileError(f"{name}: {'/'.join(key)} has {len(views)} cameras; expected {len(_VIEWS)}.")
            values = views[view]
            if values is not None:
                if len(values) < len(world):
                    raise CorruptFileError(
                        f"{name}: {'/'.join(key)}, camera {view} has {len(values)} frames, the 3D poses {len(world)}."
                    )
                more[name] = values[: len(world)]
        sequence = Sequence(subject, action, trial, view, camera, camera.image_size, FPS)
        clips.append(Clip(sequence, pose.numpy(), project(pose, camera, frame="camera").numpy(), more=more))
    return clips


def _differences(found: dict[str, list[tuple[Sequence, int]]]) -> list[str]:
    """List the ways in which the clips differ from what was published."""
    clips = [(clip, count) for part in found.values() for clip, count in part]
    notes = []
    for subjects, published in FRAMES.items():
        for subject in subjects:
            own = {(clip.action, clip.trial) for clip, _ in clips if clip.subject == subject}
            expected = RECORDINGS - (subject == WITHOUT[0] and WITHOUT[1:] not in own)
            if len(own) != expected:
                notes.append(f"{subject} has {len(own)} recordings; published are {RECORDINGS}.")
            lacking = [action for action in ACTIONS if action not in {name for name, _ in own}] if own else []
            if lacking:
                notes.append(f"{subject} lacks {', '.join(lacking)}.")
        for view in _VIEWS:
            frames = sum(
                count for clip, count in clips
                if clip.subject in subjects and clip.view == view and (clip.subject, clip.action, clip.trial) != WITHOUT
            )  # fmt: skip
            if frames != published:
                notes.append(f"{' and '.join(subjects)}, camera {view}: {frames:,} frames; published are {published:,}.")
    return notes


def load_h36m(
    path: PathLike,
    split: str = "test",
    keypoints: str = "gt",
    views: tuple[int, ...] = _VIEWS,
    subjects: tuple[str, ...] | None = None,
) -> PoseData:
    """Read poses of a prepared file.

    Args:
        path: what :func:`prepare_h36m` wrote.
        split: ``train`` (S1 S5 S6 S7 S8), ``test`` (S9 S11), or ``val`` (S8: nothing should be chosen on the test subjects).
        keypoints: ``gt``; a detector's name; ``detected``: the only detector, or the fine-tuned stacked hourglass where
            there are more. The hourglass as it was before fine-tuning is ``sh`` of Martinez et al. and ``sh_pt_mpii`` of
            VideoPose3D: either name finds either.
        views: which of the cameras 54138969, 55011271, 58860488, 60457274.
        subjects: others than those of the split.

    Returns:
        h36m17. S11's first Directions, whose video is damaged, is left out, as everybody does.

    Raises:
        MissingFileError, CorruptFileError: no such file, or altered.
        UnknownNameError: no such split.
        InputError: no such subject, view or keypoints.
    """
    if split not in SUBJECTS:
        raise UnknownNameError.of("split", split, SUBJECTS)
    wrong = [view for view in views if view not in _VIEWS]
    if wrong or not views:
        raise InputError(f"views {tuple(views)}; Human3.6M's cameras are 0 to 3.")
    chosen = tuple(subjects or SUBJECTS[split])
    check_subjects(chosen)
    return read_prepared(
        path,
        "h36m",
        lambda clip: clip.subject in chosen and clip.view in views and (clip.subject, clip.action, clip.trial) != WITHOUT,
        keypoints,
        prefer="sh_ft_h36m" if keypoints == "detected" else DETECTORS.get(keypoints),
    )
