"""The table of formats. One more is a file beside this one and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posezoo.formats.keypoints.alphapose import (
    is_alphapose,
    is_alphapose_frames,
    read_alphapose,
    read_alphapose_frames,
)
from posezoo.formats.keypoints.clips import Clips
from posezoo.formats.keypoints.coco import is_coco, is_coco_results, read_coco, read_coco_results
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.deeplabcut import is_deeplabcut, read_deeplabcut
from posezoo.formats.keypoints.hourglass import is_hourglass, read_hourglass
from posezoo.formats.keypoints.kinetics import is_kinetics, read_kinetics
from posezoo.formats.keypoints.lsp import is_lsp, read_lsp
from posezoo.formats.keypoints.mediapipe import is_mediapipe, read_mediapipe
from posezoo.formats.keypoints.mpii import is_mpii, read_mpii_people
from posezoo.formats.keypoints.openpose import is_folder, is_openpose, read_folder, read_openpose
from posezoo.formats.keypoints.plain import is_array, is_plain, read_array, read_plain
from posezoo.formats.keypoints.table import is_table, read_table
from posezoo.formats.keypoints.videopose3d import is_videopose3d, read_videopose3d


@dataclass(frozen=True)
class Format:
    """One way in which keypoints are written.

    Attributes:
        name: what messages call it.
        matches: whether a file's content is of this format, told from the content alone.
        read: the content as clips.
    """

    name: str
    matches: Callable[[Content], bool]
    read: Callable[[Content], Clips]


# The first that matches reads: the particular before the general.
FORMATS: tuple[Format, ...] = (
    Format("VideoPose3D archives", is_videopose3d, read_videopose3d),
    Format("COCO annotations", is_coco, read_coco),
    Format("AlphaPose results", is_alphapose, read_alphapose),
    Format("COCO results", is_coco_results, read_coco_results),
    Format("Kinetics-skeleton", is_kinetics, read_kinetics),
    Format("MediaPipe landmarks", is_mediapipe, read_mediapipe),
    Format("AlphaPose frames", is_alphapose_frames, read_alphapose_frames),
    Format("OpenPose frames", is_openpose, read_openpose),
    Format("folders of OpenPose frames", is_folder, read_folder),
    Format("DeepLabCut tables", is_deeplabcut, read_deeplabcut),
    Format("LSP's joints.mat", is_lsp, read_lsp),
    Format("MPII's annotations", is_mpii, read_mpii_people),
    Format("stacked-hourglass arrays", is_hourglass, read_hourglass),
    Format("PoseZoo's schema (keypoints)", is_plain, read_plain),
    Format("tables with <joint>_x, <joint>_y", is_table, read_table),
    Format("one array (..., joints, 2)", is_array, read_array),
)
