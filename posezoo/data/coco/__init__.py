"""COCO's people (Lin et al. 2014): photographs with 2D keypoints."""

from posezoo.data.coco.pictures import coco_pictures, prepare_coco_pictures

__all__ = ["coco_pictures", "prepare_coco_pictures"]
