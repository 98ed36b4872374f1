"""Lift pixels and go round the loop of the figure in ``module.py``; that file trains what this one defines."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry import center_and_scale, even_views, mirror
from posezoo.lifting import FineTuning, LiftingModule
from posezoo.networks import AveragedNetwork, PoseCritic
from posezoo.papers.geoselfsup.networks import Completion, Lifter, complete


class GeometricLifter(FineTuning, LiftingModule):
    """The lifter G with its normalisation and its camera, Chen, Tyagi et al. 2019, Sec. 3.

    Attributes:
        hips: the pelvis, or both hips in layouts without one: the root that poses are about.
        lifter: the network that trains; ``average``: its moving average, which predicts.
        critic: the discriminator; None where there is none.
        completion: fills in missing joints.
        head_px: mean distance in px from root to head of the training keypoints, of models with one scale for all data.
    """

    fills_missing = True

    hips: list[int]
    lifter: Lifter
    average: AveragedNetwork
    critic: PoseCritic | None
    completion: Completion
    head_px: Tensor

    def normalize(self, keypoints_2d: Float[Tensor, "*B J 2"]) -> Float[Tensor, "*B J 2"]:
        """Sec. 3: root at the origin; heads, the pose's own head or its joints 1 / c from it, see ``normalization``."""
        return self._normalized(keypoints_2d)[0]

    def _normalized(self, keypoints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        origin = keypoints[..., self.hips, :].mean(-2, keepdim=True)
        centered = keypoints - origin
        if self.hp.normalization == "dataset":
            # Before training, the scale is that of the poses at hand.
            size = torch.where(self.head_px > 0, self.head_px, self.mean_head(keypoints)).expand(keypoints.shape[:-2])
        elif self.hp.normalization == "head":
            size = centered[..., self.skeleton.index("head_top"), :].norm(dim=-1)
        else:
            size = centered.norm(dim=-1).mean(-1)
        scale = (size * self.hp.distance).clamp_min(torch.finfo(keypoints.dtype).tiny)[..., None, None]
        return centered / scale, origin, scale

    def mean_head(self, keypoints_2d: Float[Tensor, "*B J 2"]) -> Float[Tensor, ""]:
        """Return the mean distance between root and head."""
        root = keypoints_2d[..., self.hips, :].mean(-2)
        return (keypoints_2d[..., self.skeleton.index("head_top"), :] - root).norm(dim=-1).mean()

    def as_input(self, view: Float[Tensor, "B J 2"]) -> tuple[Float[Tensor, "B J 2"], Float[Tensor, "B 1 1"]]:
        """Return a projected view at the scale of all inputs, and the factor that it was divided by.

        With one scale for all data a view is what it is (Sec. 3.2): it is not scaled again.
        """
        if self.hp.normalization == "dataset":
            return view, torch.ones_like(view[:, :1, :1])
        seen, _, scale = self._normalized(view)
        return seen, scale

    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        lifter, x = self.for_inference(self.average.module), self.normalize(keypoints_2d)
        if not self.hp.mirrored:
            return center_and_scale(lifter(x), self.skeleton.root)[0]
        pose, image = lifter(torch.cat([x, mirror(x, self.skeleton)])).view(2, *x.shape[:-1], 3).unbind()
        return center_and_scale((pose + mirror(image, self.skeleton)) / 2, self.skeleton.root)[0]

    def complete(self, keypoints_2d: Float[Tensor, "B J 2"], present: Float[Tensor, "B J"]) -> Float[Tensor, "B J 2"]:
        """Sec. 4.6: pixels with the joints that are not ``present`` filled in, from the others alone."""
        return complete(self.completion, keypoints_2d, present)

    def judge(self, keypoints_2d: Float[Tensor, "B J 2"]) -> dict[str, Float[Tensor, "B"]]:
        """Compare x~ with x after one loop of the figure, with evenly spread angles instead of random ones.

        Not trivial: X itself lies on the rays of x, but x~ is of what was lifted from the other view.
        """
        x = self.normalize(keypoints_2d)
        turn = even_views(len(x), self.mean_pitch, self.device)
        y = self.project(self.relative(x, averaged=True) @ turn.mT)
        seen, scale = self.as_input(y)
        again = self.relative(seen, averaged=True) * scale
        gap = (self.project(again @ turn) - x).norm(dim=-1).mean(1)
        judged = {"reprojection": gap / x.norm(dim=-1).mean(1)}
        if self.critic is not None:
            judged["critic"] = self.critic(x) - self.critic(y / scale)
        return judged

    def relative(self, keypoints: Float[Tensor, "B J 2"], averaged: bool = False) -> Float[Tensor, "B J 3"]:
        """Return X - X_r, the skeleton about its root, lifted by the trained network or by its average."""
        pose = (self.average.module if averaged else self.lifter)(keypoints)
        return pose - pose[:, self.hips].mean(1, keepdim=True)

    def project(self, pose: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 2"]:
        """Return the perspective projection P of a skeleton about its root, placed at distance c (Eq. 3)."""
        depth = (pose[..., 2:] + self.hp.distance).clamp_min(1.0)
        return pose[..., :2] / depth
