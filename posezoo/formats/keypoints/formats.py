"""List the formats of 2D keypoints. Each is a module beside this one and an entry here."""

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
from posezoo.formats.keypoints.cvat import is_cvat, read_cvat
from posezoo.formats.keypoints.deeplabcut import is_deeplabcut, read_deeplabcut
from posezoo.formats.keypoints.detectron2 import is_detectron2, read_detectron2
from posezoo.formats.keypoints.easy_vitpose import is_easy_vitpose, read_easy_vitpose
from posezoo.formats.keypoints.frame_arrays import is_frame_arrays, is_freemocap, read_frame_arrays, read_freemocap
from posezoo.formats.keypoints.frame_folder import is_folder, is_frame, read_folder, read_frame
from posezoo.formats.keypoints.hourglass import is_hourglass, read_hourglass
from posezoo.formats.keypoints.kinetics import is_kinetics, read_kinetics
from posezoo.formats.keypoints.label_studio import is_label_studio, read_label_studio
from posezoo.formats.keypoints.lsp import is_lsp, read_lsp
from posezoo.formats.keypoints.mediapipe import (
    is_mediapipe,
    is_mediapipe_array,
    read_mediapipe,
    read_mediapipe_array,
)
from posezoo.formats.keypoints.mmpose import (
    is_mmpose,
    is_mmpose_batches,
    is_mmpose_dump,
    read_mmpose,
    read_mmpose_batches,
    read_mmpose_dump,
)
from posezoo.formats.keypoints.movenet import is_movenet, read_movenet
from posezoo.formats.keypoints.mpii import is_mpii, read_mpii_people
from posezoo.formats.keypoints.openpifpaf import is_openpifpaf, read_openpifpaf
from posezoo.formats.keypoints.openpose import is_opencap, is_openpose, read_opencap, read_openpose
from posezoo.formats.keypoints.plain import is_array, is_plain, read_array, read_plain
from posezoo.formats.keypoints.sleap import is_sleap, is_slp, read_sleap, read_slp
from posezoo.formats.keypoints.table import is_headerless, is_table, read_headerless, read_table
from posezoo.formats.keypoints.tfjs import is_tfjs, read_tfjs
from posezoo.formats.keypoints.ultralytics import (
    is_ultralytics,
    is_ultralytics_text,
    read_ultralytics,
    read_ultralytics_text,
)
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


# The first format that matches reads the file, so special formats stand before general ones.
FORMATS: tuple[Format, ...] = (
    Format("VideoPose3D archives", is_videopose3d, read_videopose3d),
    Format("Detectron2 by VideoPose3D's infer_video", is_detectron2, read_detectron2),
    Format("SLEAP analysis", is_sleap, read_sleap),
    Format("SLEAP projects", is_slp, read_slp),
    Format("MMPose instances", is_mmpose, read_mmpose),
    Format("MMPose's test results", is_mmpose_dump, read_mmpose_dump),
    Format("MMPose 0.x's test results", is_mmpose_batches, read_mmpose_batches),
    Format("Ultralytics results", is_ultralytics, read_ultralytics),
    Format("Ultralytics labels", is_ultralytics_text, read_ultralytics_text),
    Format("TensorFlow.js poses", is_tfjs, read_tfjs),
    Format("easy_ViTPose", is_easy_vitpose, read_easy_vitpose),
    Format("OpenPifPaf predictions", is_openpifpaf, read_openpifpaf),
    Format("Label Studio exports", is_label_studio, read_label_studio),
    Format("CVAT's XML", is_cvat, read_cvat),
    Format("EasyMocap and labelme frames", is_frame, read_frame),
    Format("COCO annotations", is_coco, read_coco),
    Format("AlphaPose results", is_alphapose, read_alphapose),
    Format("COCO results", is_coco_results, read_coco_results),
    Format("Kinetics-skeleton", is_kinetics, read_kinetics),
    Format("MediaPipe landmarks", is_mediapipe, read_mediapipe),
    Format("MediaPipe arrays", is_mediapipe_array, read_mediapipe_array),
    Format("MoveNet outputs", is_movenet, read_movenet),
    Format("FreeMoCap arrays", is_freemocap, read_freemocap),
    Format("arrays of (people, joints, 2) by frame", is_frame_arrays, read_frame_arrays),
    Format("AlphaPose frames", is_alphapose_frames, read_alphapose_frames),
    Format("OpenPose frames", is_openpose, read_openpose),
    Format("OpenCap's pickles", is_opencap, read_opencap),
    Format("folders of frames", is_folder, read_folder),
    Format("DeepLabCut tables", is_deeplabcut, read_deeplabcut),
    Format("LSP's joints.mat", is_lsp, read_lsp),
    Format("MPII's annotations", is_mpii, read_mpii_people),
    Format("stacked-hourglass arrays", is_hourglass, read_hourglass),
    Format("PoseZoo's schema (keypoints)", is_plain, read_plain),
    Format("tables with <joint>_x, <joint>_y", is_table, read_table),
    Format("tables without a header", is_headerless, read_headerless),
    Format("one array (..., joints, 2)", is_array, read_array),
)
