"""Leeds Sports Pose (Johnson and Everingham 2010) and its extended training set (2011): photographs with 2D joints."""

from posezoo.data.lsp.pictures import lsp_pictures, prepare_lsp

__all__ = ["lsp_pictures", "prepare_lsp"]
