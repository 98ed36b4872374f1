"""Export a cross-view model: keypoints of two views and their cameras to metric poses."""

from __future__ import annotations

from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry import h36m_cameras
from posezoo.geometry.cameras import undistort_rays
from posezoo.lifting.export_graph import BATCH, ExportGraph, Port, example_people
from posezoo.papers.cvugcn.refinement import Refinement
from posezoo.papers.cvugcn.rig import Rig
from posezoo.skeletons import Skeleton

_VIEWS = 2


class CrossViewGraph(ExportGraph):
    """Compute what :meth:`posezoo.lifting.MultiViewModule.predict_views` gives for two views, cameras of a batch alike."""

    frame = "world, as the cameras are calibrated"
    refused = MappingProxyType(
        {"onnx": "its triangulation inverts matrices, for which ONNX has no operator; use torchscript"}
    )

    def __init__(self, model: Refinement, skeleton: Skeleton | None = None) -> None:
        source = skeleton or model.skeleton
        super().__init__(model, source)
        joints, layout, double = len(source), f"joints of {source.name}", torch.float64
        self.inputs = (
            Port("keypoints_2d", (BATCH, _VIEWS, joints, 2), f"px, y down, {layout}; NaN is a missing joint"),
            Port("confidence", (BATCH, _VIEWS, joints), f"weights of the views, 0 a missing joint, 1 by default; {layout}"),
            Port("K", (_VIEWS, 3, 3), "intrinsics, px", double),
            Port("R", (_VIEWS, 3, 3), "rotation, x_camera = R x_world + t", double),
            Port("t", (_VIEWS, 3), "translation, mm", double),
            Port("distortion", (_VIEWS, 5), "k1 k2 p1 p2 k3 as OpenCV has them, 0 without", double),
        )
        poses = f"joints of {self.skeleton.name}; NaN where fewer than two views define a joint"
        self.outputs = (
            Port("world_mm", (BATCH, len(self.skeleton), 3), f"mm, {self.frame}, {poses}"),
            Port(
                "camera_mm",
                (BATCH, _VIEWS, len(self.skeleton), 3),
                f"mm, each camera's frame (x right, y down, z forward), {poses}",
            ),
            Port("triangulated_mm", (BATCH, len(self.skeleton), 3), f"mm, what was refined; {self.frame}, {poses}"),
        )

    def forward(
        self,
        keypoints_2d: Float[Tensor, "B 2 I 2"],
        confidence: Float[Tensor, "B 2 I"],
        K: Float[Tensor, "2 3 3"],
        R: Float[Tensor, "2 3 3"],
        t: Float[Tensor, "2 3"],
        distortion: Float[Tensor, "2 5"],
    ) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B 2 J 3"], Float[Tensor, "B J 3"]]:
        if self.convert is not None:
            keypoints_2d = self.convert(keypoints_2d)
            unused = self.convert.matrix == 0
            confidence = torch.where(unused, torch.inf, confidence[..., None, :]).amin(-1)
        keypoints_2d = torch.where(confidence[..., None] > 0, keypoints_2d, torch.nan)
        pixels = torch.stack([_undistorted(keypoints_2d[:, view].double(), K[view], distortion[view]) for view in (0, 1)], 1)
        frames = pixels.float()
        rig = Rig(K.float()[None], R.float()[None], t.float()[None])
        given = self.model.coarse(frames, rig, confidence)
        pose = torch.where(torch.isnan(given), torch.nan, self.model.refine(self.model.fill(given), frames, rig))
        world = rig.to_world(pose)
        R32, t32 = R.float(), t.float()
        return world.mean(1), world @ R32.mT + t32[:, None], rig.to_world(given)[:, 0]

    def examples(self, count: int = 3) -> tuple[Tensor, ...]:
        assert self.source is not None
        cameras, noise = h36m_cameras("S9")[:_VIEWS], torch.Generator().manual_seed(0)
        x, down, forward = example_people(count, self.source)[1].unbind(-1)
        people = torch.stack([x, forward, 900 - down], -1)
        views = torch.stack([camera.project(people.double()) for camera in cameras], 1)
        views = (views + 5 * torch.randn(views.shape, generator=noise)).float()
        K, R, t, distortion = (
            torch.stack([getattr(camera, name).double() for camera in cameras]) for name in ("K", "R", "t", "distortion")
        )
        return views, torch.ones(views.shape[:-1]), K, R, t, distortion


def _undistorted(pixels: Float[Tensor, "B J 2"], K: Float[Tensor, "3 3"], distortion: Float[Tensor, "5"]) -> Tensor:
    """Return pixels as the camera would see them without distortion; see :meth:`posezoo.geometry.Camera.undistort`."""
    (a, b), (c, d) = (row.unbind() for row in K[:2, :2].unbind())
    inverse = torch.stack([d, -b, -c, a]).view(2, 2) / (a * d - b * c)
    rays = undistort_rays((pixels - K[:2, 2]) @ inverse.mT, distortion)
    return rays @ K[:2, :2].mT + K[:2, 2]
