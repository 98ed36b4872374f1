"""Make the lifted poses of a recording agree on one body, without a label."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from posezoo.skeletons import Skeleton

_SIZE = 4.0
"""Sum of a body's mean bones in the unit that distances are solved in: about metres."""
_NEAREST, _FARTHEST = 1.0, 40.0


@dataclass(frozen=True)
class OneBody:
    """Solve for the depths of all joints of all frames, along their rays, by Adam.

    In a recording bones keep their lengths, left ones are as long as right ones, and nothing moves by jerks. The 2D
    keypoints stay as they are; where a bone leans towards or away from the camera, its length says how far, and what was
    lifted says which way.

    Attributes:
        steps, rate: of the solver; the rate falls to zero.
        lengths: weight of the squared differences of bones from the recording's mean.
        motion: weight of the accelerations.
        lifted: weight of the distance from the lifted depths; large distances count alike, since a wrong sign is one.
    """

    steps: int = 800
    rate: float = 2e-3
    lengths: float = 100.0
    motion: float = 10.0
    lifted: float = 0.5

    def __call__(
        self,
        rays: Float[Tensor, "N J 2"],
        pose: Float[Tensor, "N J 3"],
        recording: Int[Tensor, " N"],
        frame: Int[Tensor, " N"],
        skeleton: Skeleton,
    ) -> Float[Tensor, "N J 3"]:
        """Return root-relative poses on the rays, in the frame of the camera that looks at the root, one scale for all.

        Args:
            rays: (x/z, y/z) of keypoints in the camera that looks at the root, see :func:`posezoo.geometry.face_root`.
            pose: what was lifted of each, in that camera's frame, any scale.
            recording: number of each pose's recording, from 0.
            frame: of each pose; rows of a recording follow each other in time.
            skeleton: the layout.
        """
        directions = torch.cat([rays, torch.ones_like(rays[..., :1])], -1)
        start, distance = self._start(rays, pose, skeleton)
        offset = start.clone().requires_grad_()
        logarithm = distance.log().requires_grad_()
        optimizer = torch.optim.Adam([offset, logarithm], lr=self.rate)
        parents, children = (list(joints) for joints in zip(*skeleton.bones, strict=True))
        mirrored = _mirrored_bones(skeleton, rays.device)
        count = torch.bincount(recording)[:, None].clamp_min(1)
        follows = (recording[2:] == recording[:-2]) & (frame[2:] - frame[:-2] == 2)
        with torch.enable_grad():
            for step in range(self.steps):
                optimizer.param_groups[0]["lr"] = self.rate * (1 - step / self.steps)
                points = self._points(directions, offset, logarithm, skeleton.root)
                length = (points[:, children] - points[:, parents]).square().sum(-1).add(1e-8).sqrt()
                body = length.new_zeros(len(count), length.shape[1]).index_add(0, recording, length) / count
                size = body.sum(1)
                body = (body + body[:, mirrored]) / 2
                jerk = (points[2:] - 2 * points[1:-1] + points[:-2]).square().sum(-1).add(1e-6).sqrt()
                jerk = (jerk * follows[:, None]).sum() / follows.sum().clamp_min(1) / points.shape[1]
                moved = (8 * (offset - start)).square()
                loss = (
                    self.lengths * (length - body[recording]).square().sum(1).mean()
                    + 100 * (size / _SIZE).log().square().mean()
                    + self.motion * jerk
                    + self.lifted * (moved / (moved + 0.04)).mean()
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            points = self._points(directions, offset, logarithm, skeleton.root)
        return points - points[:, skeleton.root : skeleton.root + 1]

    @staticmethod
    def _points(directions: Tensor, offset: Tensor, logarithm: Tensor, root: int) -> Tensor:
        """Return points at ``distance * (1 + offset)``; the root's offset is 0."""
        depth = logarithm.exp()[:, None] * (1 + offset - offset[:, root : root + 1])
        return directions * depth[..., None]

    @staticmethod
    def _start(rays: Tensor, pose: Tensor, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
        """Return each joint's depth beyond the root over the root's distance, and that distance.

        The distance is the one from which the pose, at its natural size, is seen as large as it is.
        """
        parents, children = (list(joints) for joints in zip(*skeleton.bones, strict=True))
        pose = pose - pose[:, skeleton.root : skeleton.root + 1]
        size = (pose[:, children] - pose[:, parents]).norm(dim=-1).sum(1).clamp_min(1e-9)
        pose = pose * (_SIZE / size)[:, None, None]
        across = pose[..., :2] - rays * pose[..., 2:]
        distance = (rays * across).sum((1, 2)) / rays.square().sum((1, 2)).clamp_min(1e-9)
        distance = distance.clamp(_NEAREST, _FARTHEST)
        return (pose[..., 2] / distance[:, None]).detach(), distance.detach()


def _mirrored_bones(skeleton: Skeleton, device: torch.device) -> Tensor:
    """Return the index of each bone's mirror image; a bone without one has its own."""
    bones = list(skeleton.bones)
    return torch.tensor([bones.index((skeleton.mirror[a], skeleton.mirror[b])) for a, b in bones], device=device)
