"""One HDF5 file for a whole dataset: what ``posezoo data prepare`` writes, and how it is read.

A group for each clip and camera: ``pose_3d`` (N, J, 3) mm, camera frame; ``gt`` (N, J, 2) px; ``frame`` (N,); whatever
else the dataset has of the same length, such as a detector's keypoints under its name. ``contents`` is JSON: what the file
is made from, every clip with its camera, and the SHA-256 of every array; its own stands beside it.
"""

from posezoo.data.prepared.reading import describe_prepared, detectors, is_prepared, read_prepared
from posezoo.data.prepared.writing import Clip, Part, Prepared, sources_digest, write_prepared

__all__ = [
    "Clip",
    "Part",
    "Prepared",
    "describe_prepared",
    "detectors",
    "is_prepared",
    "read_prepared",
    "sources_digest",
    "write_prepared",
]
