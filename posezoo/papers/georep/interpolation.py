"""Between two poses by way of their codes: Chen, Lin et al. 2019, Fig. 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from posezoo.errors import InputError
from posezoo.lifting.inputs import check_keypoints

if TYPE_CHECKING:
    from posezoo.papers.georep.module import GeoRep


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
def interpolate(model: GeoRep, first: object, second: object, steps: int, skeleton: object = None) -> Interpolation:
    """Return codes on the line from one pose's to another's, decoded and lifted.

    Args:
        model: with a representation.
        first, second: (J, 2) px, as the same camera sees them.
        steps: how many, both poses included.
        skeleton: the keypoints' layout; the model's own where not given.

    Raises:
        InputError: fewer than two steps, poses that cannot be encoded, or a model without a representation.
    """
    if model.generator is None or steps < 2:
        raise InputError(f"interpolation needs a representation and 2 steps or more; {steps} were asked for.")
    poses = check_keypoints(np.stack([np.asarray(first), np.asarray(second)]), skeleton, model.skeleton).values
    start, end = model.samples(torch.from_numpy(poses).to(model.device))
    share = torch.linspace(0, 1, steps, device=model.device)[:, None, None]
    codes = torch.lerp(start[None], end[None], share)
    maps, pose = model.for_inference(model.generator.decoder)(codes), model.regression(codes)
    return Interpolation(*(values.cpu().numpy() for values in (codes, maps, pose)))
