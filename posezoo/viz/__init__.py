"""Pictures and interactive pages of 2D keypoints beside 3D poses."""

from posezoo.viz.interactive import page
from posezoo.viz.scene import Clip
from posezoo.viz.static import picture

__all__ = ["Clip", "page", "picture"]
