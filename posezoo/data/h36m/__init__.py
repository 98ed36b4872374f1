"""Human3.6M's poses."""

from posezoo.data.h36m.dataset import load_h36m, prepare_h36m

__all__ = ["load_h36m", "prepare_h36m"]
