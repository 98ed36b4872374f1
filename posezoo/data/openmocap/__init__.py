"""OpenMocap: a 3D pose benchmark made from motion capture that anyone may download.

:func:`prepare_openmocap` reads a folder of BVH files into one prepared file (:mod:`posezoo.data.prepared`).
:func:`load_openmocap` moves bodies of several shapes through these motions and projects them through the four calibrated
cameras of Human3.6M.
"""

from posezoo.data.openmocap.dataset import body_shape, load_openmocap, with_detection_errors
from posezoo.data.openmocap.preparing import h36m_residuals, prepare_openmocap, source_digest
from posezoo.data.openmocap.recordings import (
    FPS,
    content_digest,
    describe_openmocap,
    is_openmocap,
    read_detector_errors,
    read_motions,
)

__all__ = [
    "FPS",
    "body_shape",
    "content_digest",
    "describe_openmocap",
    "h36m_residuals",
    "is_openmocap",
    "load_openmocap",
    "prepare_openmocap",
    "read_detector_errors",
    "read_motions",
    "source_digest",
    "with_detection_errors",
]
