"""One HDF5 file for a whole dataset: what ``posezoo data prepare`` writes, and how it is read.

A group for each clip holds arrays with a row for each frame. Of a clip that a camera sees these are ``pose_3d`` (N, J, 3)
mm, camera frame, ``gt`` (N, J, 2) px, ``frame`` (N,), and whatever else the dataset has, such as a detector's keypoints
under its name. Of a motion that is seen later they are ``pose_world`` (N, J, 3) mm and ``frame``. ``tables`` holds arrays
that belong to no clip. ``contents`` is JSON: the sources' digest, every clip with its camera, and the SHA-256 of every
array; the SHA-256 of the JSON stands beside it.
"""

from posezoo.data.prepared.reading import describe_prepared, detectors, read_prepared
from posezoo.data.prepared.writing import Clip, Part, Prepared, sources_digest, write_prepared

__all__ = [
    "Clip",
    "Part",
    "Prepared",
    "describe_prepared",
    "detectors",
    "read_prepared",
    "sources_digest",
    "write_prepared",
]
