"""Triangulate poses and refine them: the prediction of Hua et al. 2021, without its training."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry import triangulate
from posezoo.geometry.double import to_double
from posezoo.geometry.pieces import pieces
from posezoo.geometry.robust import trusted
from posezoo.lifting import MultiViewModule
from posezoo.papers.cvugcn.context import describe, disagreement
from posezoo.papers.cvugcn.networks import CrossViewNetwork
from posezoo.papers.cvugcn.rays import triangulate_rays
from posezoo.papers.cvugcn.rig import Rig

# Scales that bring the network's inputs to about 1.
_SCALE_MM = 500.0  # joints relative to the middle of the pose
_PLACE_MM = 5000.0  # the places where people stand
_RESIDUAL_MM = 50.0  # the errors of detectors
_ERROR_MM = 1500.0  # larger disagreements are clamped, because they say no more than this
_EXACT_MM = 0.25  # views that disagree by less have exact keypoints
_SHIFT = 5.0  # shifts are a few times the disagreement of a clip's views


class Refinement(MultiViewModule):
    """The part of :class:`posezoo.papers.cvugcn.CVUGCN` that turns keypoints into poses.

    Attributes:
        network: the shifts of joints, in units of about 500 mm.
    """

    network: CrossViewNetwork

    def coarse(
        self, keypoints: Float[Tensor, "B V J 2"], rig: Rig, confidence: Float[Tensor, "B V J"] | None = None
    ) -> Float[Tensor, "B V J 3"]:
        """Triangulate two views, mm, in each camera's frame; NaN where there is no point."""
        if self.hp.triangulation == "rays":
            return triangulate_rays(keypoints, rig, confidence)
        return rig.to_cameras(triangulate(keypoints, rig.projections, confidence))

    def refine(
        self, coarse: Float[Tensor, "B V J 3"], keypoints: Float[Tensor, "B V J 2"], rig: Rig
    ) -> Float[Tensor, "B V J 3"]:
        """Return X = G(X~) + X~, mm.

        Args:
            coarse: triangulated poses, camera frames, without NaN, see :meth:`fill`.
            keypoints: px, without distortion; NaN where there are none.
            rig: the cameras.
        """
        start, middle = self.within_reach(coarse)
        if not self.hp.refinement:
            return start
        features = [(start - middle) / _SCALE_MM, (middle / _PLACE_MM).expand_as(coarse)]
        if self.hp.residual or self.hp.gate_mm:
            # The distance of each view's keypoints from the coarse pose, at the pose's own depth.
            residual = (keypoints - rig.project(coarse)) * coarse[..., 2:] / rig.focal
            residual = residual.clamp(-_ERROR_MM, _ERROR_MM)
            residual = torch.where(torch.isfinite(residual), residual, 0.0)
            if self.hp.residual:
                features.append((residual / _RESIDUAL_MM).asinh())
        shift = self.in_training(self.for_inference(self.network), torch.cat(features, -1)) * _SCALE_MM
        if self.hp.gate_mm:
            off = residual.square().sum(-1).mean((1, 2)).sqrt()[:, None, None, None]
            shift = shift * off / (off + self.hp.gate_mm)
        return start + shift

    def within_reach(self, coarse: Float[Tensor, "*B V J 3"]) -> tuple[Tensor, Tensor]:
        """Return poses whose joints are all within ``reach_mm``, and the middles of the given poses."""
        middle = coarse.median(-2, keepdim=True).values  # not the root, which may be a misdetection itself
        if self.hp.reach_mm is None:
            return coarse, middle
        far = (coarse - middle).norm(dim=-1, keepdim=True) > self.hp.reach_mm
        return self.fill(torch.where(far, torch.nan, coarse)), middle

    def coarse_clips(
        self, keypoints: Float[Tensor, "B T V J 2"], rig: Rig, confidence: Float[Tensor, "B T V J"] | None = None
    ) -> Float[Tensor, "B T J 3"]:
        """Triangulate clips in the world's frame, mm; of three or more views, those that agree weigh most.

        Args:
            keypoints: px, without distortion; NaN where there are none.
            rig: the cameras of each clip.
            confidence: weights of the views.

        Returns:
            NaN where there is no point.
        """
        frames, joints = keypoints.shape[1], keypoints.shape[3]
        pixels, P = to_double(keypoints).transpose(1, 2).flatten(2, 3), rig.projections
        weights = None if confidence is None else to_double(confidence).transpose(1, 2).flatten(2, 3)
        if keypoints.shape[2] > 2:
            error = triangulate(pixels, P, weights, details=True).reprojection_px
            typical = torch.nan_to_num(error.flatten(1).nanmedian(1).values)[:, None, None]
            weights = trusted(pixels, P, weights, typical_px=typical, consensus=not self.training)
        points = triangulate(pixels, P, weights)
        return points.to(keypoints).unflatten(1, (frames, joints))

    def refine_clips(
        self,
        world: Float[Tensor, "B T J 3"],
        keypoints: Float[Tensor, "B T V J 2"],
        rig: Rig,
        follows: Tensor | None = None,
        picked: Tensor | None = None,
        batch_size: int | None = None,
    ) -> tuple[Float[Tensor, "B S V J 3"], Float[Tensor, "B S V J 3"]]:
        """Refine the frames of clips, mm; each frame is described by its whole clip.

        In prediction with ``passes`` above 1, what was refined is refined again, and the passes are averaged.

        Args:
            world: triangulated poses, world frame, without NaN.
            keypoints: px, without distortion; NaN where there are none.
            rig: the cameras of each clip.
            follows: (T,) numbers of the frames, see :func:`describe`.
            picked: (B, S) the frames to refine; all where not given.
            batch_size: frames that the network takes at a time; all where not given.

        Returns:
            what the refined poses started from, and the refined poses, both in each camera's frame.
        """
        passes = 1 if self.training or picked is not None else self.hp.passes
        start, mean, noise = self._refine_once(world, keypoints, rig, follows, picked, batch_size)
        for done in range(1, passes):
            again = ((mean - rig.t[:, None, :, None]) @ rig.R[:, None]).mean(2)
            _, pose, _ = self._refine_once(again, keypoints, rig, follows, picked, batch_size, first_noise_mm=noise)
            mean = mean + (pose - mean) / (done + 1)
        return start, mean

    def _refine_once(
        self,
        world: Float[Tensor, "B T J 3"],
        keypoints: Float[Tensor, "B T V J 2"],
        rig: Rig,
        follows: Tensor | None,
        picked: Tensor | None,
        batch_size: int | None,
        first_noise_mm: Float[Tensor, " B"] | None = None,
    ) -> tuple[Float[Tensor, "B S V J 3"], Float[Tensor, "B S V J 3"], Float[Tensor, " B"]]:
        """Refine once, see :meth:`refine_clips`; return the clips' noise too, which is the unit of shifts.

        Args:
            world, keypoints, rig, follows, picked, batch_size: of :meth:`refine_clips`.
            first_noise_mm: of what was triangulated, in later passes. That noise tells whether keypoints are exact; what was
                shifted since disagrees with exact keypoints, and would be shifted again.
        """
        pose = world[:, :, None] @ rig.R[:, None].mT + rig.t[:, None, :, None]
        start, middle = self.within_reach(pose)
        context = describe(world, pose, keypoints, rig, self.skeleton, follows)
        features = [(start - middle) / _SCALE_MM, (middle / _PLACE_MM).expand_as(pose), context.features]
        if self.hp.residual:
            features.append((disagreement(pose, keypoints, rig) / _RESIDUAL_MM).asinh())
        seen = torch.cat(features, -1)
        if picked is not None:
            rows = torch.arange(len(picked), device=picked.device)[:, None]
            seen, start = seen[rows, picked], start[rows, picked]
        network, flat = self.for_inference(self.network), seen.flatten(0, 1)
        parts = pieces(flat, batch_size) if batch_size else (flat,)
        shift = torch.cat([self.in_training(network, part) for part in parts]).unflatten(0, seen.shape[:2])
        noise = context.noise_mm
        first = noise if first_noise_mm is None else first_noise_mm
        # Training knows no views that agree as exactly as this; what they see stays.
        unit = _SHIFT * noise * first.square() / (first.square() + _EXACT_MM**2)
        return start, start + shift * unit[:, None, None, None, None], noise

    def fill(self, pose: Float[Tensor, "*B J 3"]) -> Float[Tensor, "*B J 3"]:
        """Replace joints that are NaN by the nearest known joint up the tree, or by the middle of the others."""
        middle = torch.nan_to_num(pose.nanmean(-2))
        filled: dict[int, Tensor] = {-1: middle}
        while len(filled) <= len(self.skeleton):
            for joint, parent in enumerate(self.skeleton.parents):
                if parent in filled and joint not in filled:
                    own = pose[..., joint, :]
                    filled[joint] = torch.where(torch.isnan(own), filled[parent], own)
        return torch.stack([filled[joint] for joint in range(len(self.skeleton))], -2)
