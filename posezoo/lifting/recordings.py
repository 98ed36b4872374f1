"""Make the lifted poses of a recording agree on one body, without a label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from posezoo.skeletons import Skeleton

_SIZE = 4.0
"""Sum of a body's mean bones in the unit that distances are solved in: about metres."""
_NEAREST, _FARTHEST = 1.0, 40.0


_POSES_AT_A_TIME = {"cpu": 4096, "cuda": 65_536}
"""So many stay in the cache of a CPU's core; a GPU takes as many as keep it busy."""


@dataclass(frozen=True)
class _Part:
    """Some recordings of many.

    Attributes:
        member: (N, R) 1 where a pose is of a recording, else 0.
        follows: (N - 2,) 1 where a pose and the two after it follow each other in one recording.
        poses, recordings, triples: how many there are in all parts.
    """

    member: Tensor
    follows: Tensor
    poses: int
    recordings: int
    triples: int


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
        order = recording.argsort(stable=True)
        solved = torch.empty_like(pose)
        for place, part in _parts(recording[order], frame[order], rays.dtype):
            rows = order[place]
            solved[rows] = self._solved(rays[rows], pose[rows], part, skeleton)
        return solved

    def _solved(
        self, rays: Float[Tensor, "N J 2"], pose: Float[Tensor, "N J 3"], part: _Part, skeleton: Skeleton
    ) -> Float[Tensor, "N J 3"]:
        """Return the poses of some recordings.

        Poses are the last axis: with joints or coordinates there, a CPU takes twice as long.
        """
        directions = torch.cat([rays, torch.ones_like(rays[..., :1])], -1).permute(2, 1, 0).contiguous()
        start, distance = self._start(rays, pose, skeleton)
        start = start.T.contiguous()
        offset = start.clone().requires_grad_()
        logarithm = distance.log().requires_grad_()
        optimizer = torch.optim.Adam([offset, logarithm], lr=self.rate)
        parents, children = rays.new_tensor(skeleton.bones, dtype=torch.long).T
        mirrored = _mirrored_bones(skeleton, rays.device)
        joints, count = len(skeleton), part.member.sum(0)
        with torch.enable_grad():
            for step in range(self.steps):
                optimizer.param_groups[0]["lr"] = self.rate * (1 - step / self.steps)
                points = self._points(directions, offset, logarithm, skeleton.root)
                bones = points.index_select(1, children) - points.index_select(1, parents)
                length = bones.square().sum(0).add(1e-8).sqrt()
                body = length @ part.member / count
                size = body.sum(0)
                body = (body + body.index_select(0, mirrored)) / 2
                jerk = (points[..., 2:] - 2 * points[..., 1:-1] + points[..., :-2]).square().sum(0).add(1e-6).sqrt()
                moved = (8 * (offset - start)).square()
                # Means over all recordings, of which these are a part.
                loss = (
                    self.lengths * (length - body @ part.member.T).square().sum() / part.poses
                    + 100 * (size / _SIZE).log().square().sum() / part.recordings
                    + self.motion * (jerk * part.follows).sum() / part.triples / joints
                    + self.lifted * (moved / (moved + 0.04)).sum() / part.poses / joints
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            points = self._points(directions, offset, logarithm, skeleton.root).permute(2, 1, 0)
        return points - points[:, skeleton.root : skeleton.root + 1]

    @staticmethod
    def _points(directions: Tensor, offset: Tensor, logarithm: Tensor, root: int) -> Tensor:
        """Return points (3, J, N) at ``distance * (1 + offset)``; the root's offset is 0."""
        return directions * (logarithm.exp() * (1 + offset - offset[root : root + 1]))

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


def _parts(recording: Int[Tensor, " N"], frame: Int[Tensor, " N"], dtype: torch.dtype) -> Iterator[tuple[slice, _Part]]:
    """Yield the rows of a few recordings at a time.

    Args:
        recording, frame: of all poses, those of a recording next to each other.
        dtype: of the tables.
    """
    _, number, count = torch.unique_consecutive(recording, return_inverse=True, return_counts=True)
    follows = (recording[2:] == recording[:-2]) & (frame[2:] - frame[:-2] == 2)
    most = _POSES_AT_A_TIME.get(recording.device.type, _POSES_AT_A_TIME["cuda"])
    triples = max(int(follows.sum()), 1)
    begin = first = 0
    ends = count.cumsum(0).tolist()
    for last, end in enumerate(ends, 1):
        if last == len(ends) or ends[last] - begin > most:
            part = _Part(
                member=functional.one_hot(number[begin:end] - first, last - first).to(dtype),
                follows=follows[begin : max(end - 2, begin)].to(dtype),
                poses=len(recording),
                recordings=len(count),
                triples=triples,
            )
            yield slice(begin, end), part
            begin, first = end, last


def _mirrored_bones(skeleton: Skeleton, device: torch.device) -> Tensor:
    """Return the index of each bone's mirror image; a bone without one has its own."""
    bones = list(skeleton.bones)
    return torch.tensor([bones.index((skeleton.mirror[a], skeleton.mirror[b])) for a, b in bones], device=device)
