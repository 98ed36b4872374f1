"""Files of the field, read into poses, motions and cameras."""

from posezoo.formats.bvh import Motion, read_bvh
from posezoo.formats.cameras import read_cameras
from posezoo.formats.keypoints import read_keypoints

__all__ = ["Motion", "read_bvh", "read_cameras", "read_keypoints"]
