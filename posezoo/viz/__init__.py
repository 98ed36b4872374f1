"""Draw pictures, animations and interactive pages of 2D keypoints beside 3D poses."""

from posezoo.viz.clip import Clip
from posezoo.viz.interactive import figure
from posezoo.viz.movies import movie
from posezoo.viz.overlays import overlay
from posezoo.viz.pages import page
from posezoo.viz.static import drawing, picture

__all__ = ["Clip", "drawing", "figure", "movie", "overlay", "page", "picture"]
