"""Make batches of simulated rigs: clips of people seen by calibrated cameras from anywhere, with a detector's errors.

One recording has few cameras, bodies, calibrations and errors; a model trained on these batches has seen many. The tensor
functions of :mod:`posezoo.papers.cvugcn.simulation` make each batch on the training device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry.double import to_double
from posezoo.papers.cvugcn.simulation import (
    STATURE_MM,
    RigSettings,
    calibrate,
    change_bodies,
    detection_errors,
    misplace,
    place_cameras,
)
from posezoo.poses.posedata import PoseData
from posezoo.poses.views import moments
from posezoo.skeletons import Skeleton, convert

_NEAREST_MM = 300.0


@dataclass(frozen=True)
class Motions:
    """Motions in the world's frame, concatenated.

    Attributes:
        frames: (N, J, 3) mm, z up.
        starts, lengths: of the clips, each of which has consecutive frames.
    """

    frames: Float[Tensor, "N J 3"]
    starts: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, data: PoseData, skeleton: Skeleton) -> Motions:
        """Collect the motions of labelled clips with cameras; a clip with a gap becomes two.

        Raises:
            InputError: no labels, or a clip without a camera.
        """
        if data.pose_3d is None or any(clip.camera is None for clip in data.sequences):
            raise InputError("simulated rigs look at 3D motion; this data has clips without 3D poses or without a camera.")
        rows = moments(data)
        pose = torch.from_numpy(convert(data.pose_3d[rows], data.skeleton, skeleton).keypoints).float()
        clips = [clip.camera for clip in data.sequences]
        R, t = (torch.stack([getattr(camera, name).float() for camera in clips]) for name in ("R", "t"))
        sequence = torch.from_numpy(data.sequence[rows].astype(np.int64))
        world = (pose - t[sequence][:, None]) @ R[sequence]
        names = [(clip.subject, clip.action, clip.trial) for clip in data.sequences]
        code = np.asarray([names.index(name) for name in names])[data.sequence[rows]]
        cut = (np.diff(code) != 0) | (np.diff(data.frame[rows]) != 1)
        starts = torch.from_numpy(np.concatenate([[0], np.flatnonzero(cut) + 1]))
        lengths = torch.diff(starts, append=torch.tensor([len(rows)]))
        keep = lengths > 1
        if not bool(keep.any()):
            raise InputError("simulated rigs look at motion; this data has no two consecutive frames.")
        return cls(world, starts[keep], lengths[keep])

    def to(self, device: torch.device | str | None) -> Motions:
        """Return the same motions on a device."""
        return Motions(self.frames.to(device), self.starts.to(device), self.lengths.to(device))

    def clips(self, count: int, frames: int) -> Float[Tensor, "B T J 3"]:
        """Draw clips of so many frames, at a quarter to double the speed; long motions are drawn more often."""
        device = self.frames.device
        uniform = draw(torch.rand, count, 3, device=device)
        ends, place = to_double(self.lengths.cumsum(0)), to_double(uniform[:, 0])
        chosen = torch.searchsorted(ends, place * ends[-1]).clamp_max(len(self.lengths) - 1).to(device)
        last = self.lengths[chosen] - 1.0
        step = torch.minimum(0.25 * 8.0 ** uniform[:, 1], last / max(frames - 1, 1))
        first = uniform[:, 2] * (last - step * (frames - 1)).clamp_min(0.0)
        time = first[:, None] + step[:, None] * torch.arange(frames, device=device)
        time = torch.minimum(time, last[:, None] - 1e-3)
        before = time.floor()
        share = (time - before)[..., None, None]
        rows = self.starts[chosen][:, None] + before.long()
        return self.frames[rows] * (1 - share) + self.frames[rows + 1] * share


class RigLoader:
    """Iterate over batches of simulated clips, which never repeat.

    A batch holds ``keypoints_2d`` (B, T, V, J, 2) px, the believed cameras ``K`` ``R`` ``t`` (B, V, ..), ``pose_3d``
    (B, T, V, J, 3) mm in each true camera's frame, and ``picked`` (B, S) frames to refine.

    Args:
        motions: of the split.
        skeleton: of the motions.
        settings: how rigs are drawn.
        batch_size: refined frames of two views a batch; clips with more views are fewer.
        device: where batches are made.
        seed: draw the same batches in every epoch, as validation needs it; other ones where None.
    """

    def __init__(
        self,
        motions: Motions,
        skeleton: Skeleton,
        settings: RigSettings,
        batch_size: int,
        device: torch.device | str | None = None,
        seed: int | None = None,
    ) -> None:
        self.motions, self.skeleton, self.settings = motions.to(device), skeleton, settings
        self.batch_size, self.seed = batch_size, seed

    def __len__(self) -> int:
        return self.settings.batches

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for number in range(len(self)):
            if self.seed is None:
                yield self.sample(*(int(_chosen(of)) for of in (self.settings.views, self.settings.frames)))
                continue
            device = self.motions.frames.device
            with torch.random.fork_rng([device] if device.type == "cuda" else []):
                torch.manual_seed(self.seed + number)
                views = sorted(set(self.settings.views))
                yield self.sample(views[number % len(views)], max(self.settings.frames))

    @torch.no_grad()
    def sample(self, views: int, frames: int) -> dict[str, Tensor]:
        """Return a batch of clips with so many views and frames."""
        settings, skeleton = self.settings, self.skeleton
        picked = min(settings.picked, frames)
        count = max(1, self.batch_size * 2 // (picked * views))
        world = change_bodies(self.motions.clips(count, frames), skeleton, settings)
        K, R, t = place_cameras(world, views, settings)
        pose = world[:, :, None] @ R[:, None].mT + t[:, None, :, None]
        found = misplace(world, views, skeleton, settings) @ R[:, None].mT + t[:, None, :, None]
        depth = found[..., 2:].clamp_min(_NEAREST_MM)
        seen = (found[..., :2] / depth) @ K[:, None, :, :2, :2].mT + K[:, None, :, None, :2, 2]
        height = STATURE_MM * K[..., 0, 0] / depth.mean((1, 3, 4))
        seen = seen + detection_errors(frames, height, skeleton, settings)
        K, R, t = calibrate(K, R, t, settings)
        rows = draw(torch.rand, count, frames, device=world.device).argsort(1)[:, :picked]
        return {"keypoints_2d": seen, "K": K, "R": R, "t": t, "pose_3d": pose, "picked": rows}


def _chosen(values: Sequence[int]) -> int:
    """Draw one of several numbers, the same on every process of a run."""
    return values[int(torch.randint(len(values), (1,)))]
