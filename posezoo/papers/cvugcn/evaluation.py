"""Score poses from two cameras, beside the triangulation that they started from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.data import PoseData
from posezoo.data.realbench import LIMBS
from posezoo.errors import InputError
from posezoo.lifting import ZooModule
from posezoo.lifting.evaluation import about_the_pelvis
from posezoo.papers.cvugcn.pairs import PAIRS, CalibrationError, paired_tensors, pairs_by_name
from posezoo.papers.cvugcn.refinement import Refinement
from posezoo.papers.cvugcn.rig import Rig
from posezoo.papers.cvugcn.simulation import trunk_axes
from posezoo.settings import settings_of
from posezoo.skeletons import Skeleton, convert

_OF = ("", "_triangulated")
"""Suffixes of the metrics of refined poses and of what they were refined from."""


class MultiViewMetrics(nn.Module):
    """Errors in mm over all views, of refined poses and of what they were refined from.

    ``mpjpe`` is root-relative in each camera's frame (protocol #1), ``mpjpe_absolute`` has the root in place.

    Args:
        skeleton: of predictions and labels.
        scored: the layout that both are converted to first; ``skeleton`` where not given.
    """

    def __init__(self, skeleton: Skeleton, scored: Skeleton | None = None) -> None:
        # Here, so that models can be imported without torchmetrics.
        from posezoo.metrics import MPJPE, PMPJPE, SymmetryError

        super().__init__()
        self.skeleton, self.scored = skeleton, scored or skeleton
        kinds: dict[str, Any] = {
            "mpjpe": MPJPE,
            "mpjpe_absolute": MPJPE,
            "p_mpjpe": PMPJPE,
            "symmetry_error": partial(SymmetryError, skeleton=self.scored),
        }
        names = {f"{name}{suffix}": kind for suffix in _OF for name, kind in kinds.items()}
        self.metrics: Any = nn.ModuleDict({name: kind() for name, kind in names.items()})

    @torch.no_grad()
    def update(
        self, pose: Float[Tensor, "B V J 3"], coarse: Float[Tensor, "B V J 3"], target: Float[Tensor, "B V J 3"]
    ) -> None:
        """Count a batch: camera frames, mm."""
        label, *others = (self._converted(points.flatten(0, 1)) for points in (target, pose, coarse))
        for suffix, flat in zip(_OF, others, strict=True):
            relative, truth = (about_the_pelvis(points, self.scored) for points in (flat, label))
            self.metrics[f"mpjpe{suffix}"].update(relative, truth)
            self.metrics[f"mpjpe_absolute{suffix}"].update(flat, label)
            self.metrics[f"p_mpjpe{suffix}"].update(relative, truth)
            self.metrics[f"symmetry_error{suffix}"].update(relative)

    def _converted(self, points: Float[Tensor, "B J 3"]) -> Float[Tensor, "B K 3"]:
        return points if self.scored == self.skeleton else convert(points, self.skeleton, self.scored).keypoints

    def report(self) -> dict[str, float]:
        """Return every metric by name."""
        return {name: float(metric.compute()) for name, metric in self.metrics.items()}


def lasting_error(pose: Float[Tensor, "B V J 3"], target: Float[Tensor, "B V J 3"], skeleton: Skeleton) -> Float[Tensor, ""]:
    """Return the part of the root-relative error that is the same in all poses, in the axes of the trunk, mm.

    Where a detector always puts a joint beside its place, and where the cameras' calibration puts it there, all frames of a
    recording are off alike; no frame tells another. It is the mean over joints of the length of the mean error.

    Args:
        pose, target: camera frames, mm.
        skeleton: of both, with hips and shoulders.
    """
    found, truth = (about_the_pelvis(points.flatten(0, 1), skeleton) for points in (pose, target))
    axes = trunk_axes(truth[None], skeleton)[0]
    return ((found - truth) @ axes.mT).mean(0).norm(dim=-1).mean()


def _clips(pair: Tensor, clip: Tensor) -> tuple[Tensor, ...]:
    """Return the rows of each clip for each pair of cameras; rows of a clip and pair are consecutive."""
    changes = (torch.diff(pair) != 0) | (torch.diff(clip) != 0)
    return torch.arange(len(pair)).tensor_split(changes.nonzero()[:, 0] + 1)


@torch.inference_mode()
def evaluate_views(
    model: Refinement,
    data: PoseData,
    *,
    skeleton: Skeleton | None = None,
    pairs: Sequence[str] | None = None,
    noise_px: float = 0.0,
    noise_mm: float = 0.0,
    noise_per_view: bool = False,
    undistort: bool = True,
    calibration: dict[str, object] | None = None,
    seed: int = 0,
    batch_size: int = 4096,
) -> dict[str, Any]:
    """Score a model on labelled views.

    Args:
        model: in eval mode.
        data: several calibrated views of the same clips, with labels.
        skeleton: the layout to score in; the model's where not given.
        pairs: names of camera pairs; the four of Human3.6M where not given.
        noise_px: standard deviation of Gaussian noise on the keypoints.
        noise_mm: the same on the triangulated poses (Table 7), drawn once in the world and so alike in both views.
        noise_per_view: draw that noise for each view anew instead.
        undistort: take the lens' distortion out of the keypoints.
        calibration: errors of the cameras, see :class:`posezoo.papers.cvugcn.pairs.CalibrationError`.
        seed: of the noise.
        batch_size: pairs at a time.

    Returns:
        the metrics of :class:`MultiViewMetrics`, ``pairs`` (the same by pair), ``mpjpe_lasting`` (see
        :func:`lasting_error`, of each pair; the mean of pairs), ``per_action`` MPJPE and ``mpjpe_mean_over_actions``,
        ``keypoint_error_px``
        (mean distance between keypoints and labels as the cameras see them), ``megabytes`` of weights,
        ``poses`` and ``undefined`` joints.

    Raises:
        InputError: no labels, no cameras, no common frame.
    """
    from posezoo.metrics import MPJPE

    if data.pose_3d is None or not len(data):
        raise InputError("evaluation needs poses with 3D labels; this data has none.")
    names = list(pairs or PAIRS)
    tensors = paired_tensors(
        data,
        pairs_by_name(pairs),
        model.skeleton,
        noise_px=noise_px,
        calibration=settings_of(CalibrationError, calibration, "calibration"),
        labels=True,
        undistort=undistort,
        seed=seed,
    )
    generator = torch.Generator().manual_seed(seed)
    parts = []
    clips = torch.from_numpy(data.sequence[tensors["row"].numpy()].astype(np.int64))
    for rows in _clips(tensors["pair"], clips) if model.hp.context else torch.arange(len(clips)).split(batch_size):
        batch = {name: values[rows].to(model.device) for name, values in tensors.items()}
        rig, keypoints = Rig.of(batch), batch["keypoints_2d"]
        given = model.coarse(keypoints, rig)
        undefined = torch.isnan(given[:, 0]).any(-1).sum()
        coarse = model.fill(given)
        if noise_mm and noise_per_view:
            coarse = coarse + noise_mm * torch.randn(coarse.shape, generator=generator).to(coarse)
        elif noise_mm:
            noise = noise_mm * torch.randn(coarse[:, 0].shape, generator=generator).to(coarse)
            coarse = coarse + noise[:, None] @ rig.R.mT
        if model.hp.context and model.hp.refinement:
            # The rows are the frames of one clip, all seen by one pair of cameras.
            one = Rig(rig.K[:1], rig.R[:1], rig.t[:1])
            world, numbers = rig.to_world(coarse)[None, :, 0], torch.from_numpy(data.frame[batch["row"].cpu().numpy()])
            _, pose = model.refine_clips(world, keypoints[None], one, numbers.to(model.device), batch_size=batch_size)
            refined = pose[0]
        else:
            refined = model.refine(coarse, keypoints, rig)
        parts.append((coarse.cpu(), refined.cpu(), int(undefined)))
    coarse, refined = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])

    scored = skeleton or model.skeleton

    def score(chosen: Tensor) -> dict[str, float]:
        metrics = MultiViewMetrics(model.skeleton, scored)
        metrics.update(refined[chosen], coarse[chosen], tensors["pose_3d"][chosen])
        return metrics.report()

    def lasting(chosen: Tensor) -> dict[str, float]:
        label, *others = (
            convert(points[chosen], model.skeleton, scored).keypoints for points in (tensors["pose_3d"], refined, coarse)
        )
        return {f"mpjpe_lasting{of}": float(lasting_error(own, label, scored)) for of, own in zip(_OF, others, strict=True)}

    seen = Rig.of(tensors).project(tensors["pose_3d"])
    names_of_actions, codes = np.unique(data.action[tensors["row"].numpy()], return_inverse=True)
    by_action = MPJPE(actions=[str(name) for name in names_of_actions])
    found, truth = (
        about_the_pelvis(convert(points.flatten(0, 1), model.skeleton, scored).keypoints, scored)
        for points in (refined, tensors["pose_3d"])
    )
    by_action.update(found, truth, torch.from_numpy(codes)[:, None].expand(refined.shape[:2]).reshape(-1))
    per_action = {name: float(value) for name, value in by_action.per_action().items()}
    everything = torch.ones(len(refined), dtype=torch.bool)
    by_pair = {}
    for number, name in enumerate(names):
        rows = tensors["pair"] == number
        by_pair[name] = {**score(rows), **lasting(rows)}
    return {
        **score(everything),
        **{f"mpjpe_lasting{of}": float(np.mean([own[f"mpjpe_lasting{of}"] for own in by_pair.values()])) for of in _OF},
        "poses": len(refined),
        "keypoint_error_px": float((tensors["keypoints_2d"] - seen).norm(dim=-1).nanmean()),
        "megabytes": sum(p.numel() * p.element_size() for p in model.network.parameters()) / 1e6,
        "undefined": sum(part[2] for part in parts),
        "pairs": by_pair,
        "mpjpe_mean_over_actions": float(np.mean(list(per_action.values()))),
        "per_action": per_action,
    }


def evaluate_real_video(model: ZooModule, data: PoseData) -> dict[str, Any]:
    """Score every pair of cameras of a recording, on the joints that detectors and the recording's truth define alike.

    Args:
        model: of several views.
        data: of :func:`posezoo.data.realbench.load_realbench`.

    Returns:
        what ``model.evaluate`` gives.
    """
    views = sorted(set(data.view.tolist()))
    pairs = [f"c{one + 1}c{two + 1}" for one, two in combinations(views, 2)]
    # The dataset names a camera as the action, so that lifters are scored by camera; here all cameras see one action.
    clips = tuple(replace(clip, action="recording") for clip in data.sequences)
    return model.evaluate(replace(data, sequences=clips), skeleton=LIMBS, pairs=pairs)
