"""Interpolate between two poses by their codes, as in Fig. 4 of Chen, Lin et al. 2019."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Interpolation:
    """Codes on the line between two codes, decoded and lifted.

    Attributes:
        codes: (steps, M, 3 eta).
        maps: (steps, bones, S, S), as the decoder draws them in the same view.
        pose_3d: (steps, J, 3) mm, root-relative, camera frame.
    """

    codes: np.ndarray
    maps: np.ndarray
    pose_3d: np.ndarray


@torch.inference_mode()
def interpolate(
    ends: Float[Tensor, "2 M E"], steps: int, decode: Callable[[Tensor], Tensor], regress: Callable[[Tensor], Tensor]
) -> Interpolation:
    """Decode and lift codes on the line between two codes.

    Args:
        ends: the codes of two poses that the same camera sees.
        steps: how many codes, both ends included.
        decode: codes to maps of bones.
        regress: codes to poses in mm.
    """
    share = torch.linspace(0, 1, steps, device=ends.device)[:, None, None]
    codes = torch.lerp(ends[:1], ends[1:], share)
    return Interpolation(*(values.cpu().numpy() for values in (codes, decode(codes), regress(codes))))
