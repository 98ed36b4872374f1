"""Measure P-MPJPE against a batched SVD, triangulation against OpenCV, and the share of skeleton maps in a training step."""

from __future__ import annotations

import numpy as np
import torch

from speed.ratios import Ratio, fastest


def svd_p_mpjpe(pred: np.ndarray, target: np.ndarray) -> float:
    """Return P-MPJPE of poses (N, J, 3) as the field computes it: one batched NumPy SVD, determinants mended."""
    pred_centroid, target_centroid = pred.mean(1, keepdims=True), target.mean(1, keepdims=True)
    centred_pred, centred_target = pred - pred_centroid, target - target_centroid
    pred_size = np.sqrt((centred_pred**2).sum((1, 2), keepdims=True))
    target_size = np.sqrt((centred_target**2).sum((1, 2), keepdims=True))
    covariance = np.matmul((centred_target / target_size).transpose(0, 2, 1), centred_pred / pred_size)
    left, singular, right = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(np.matmul(left, right)))
    left[:, :, 2] *= sign[:, None]
    singular[:, 2] *= sign
    rotation = np.matmul(left, right).transpose(0, 2, 1)
    scale = singular.sum(1)[:, None, None] * target_size / pred_size
    aligned = scale * np.matmul(pred, rotation) + (target_centroid - scale * np.matmul(pred_centroid, rotation))
    return float(np.linalg.norm(aligned - target, axis=-1).mean())


def p_mpjpe(poses: int = 100_000) -> list[Ratio]:
    """Time P-MPJPE of 17 joints in float32 against the batched NumPy SVD."""
    from posezoo.metrics.functional import p_mpjpe as closed_form

    generator = np.random.default_rng(0)
    target = (generator.standard_normal((poses, 17, 3)) * [150, 500, 100]).astype(np.float32)
    pred = (target + generator.standard_normal(target.shape) * 50).astype(np.float32)
    tensors = torch.from_numpy(pred), torch.from_numpy(target)
    seconds = fastest({"svd": lambda: svd_p_mpjpe(pred, target), "closed form": lambda: closed_form(*tensors)})
    exact = svd_p_mpjpe(pred.astype(np.float64), target.astype(np.float64))
    return [
        Ratio(
            name="P-MPJPE throughput, over the batched NumPy SVD",
            value=seconds["svd"] / seconds["closed form"],
            goal=3.0,
            at_least=True,
            detail=f"{1e6 * seconds['closed form'] / poses:.3f} against {1e6 * seconds['svd'] / poses:.3f} us a pose; "
            f"off the float64 SVD by {abs(closed_form(*tensors).item() - exact):.0e} of {exact:.0f} mm",
        )
    ]


def triangulation(joints: int = 100_000) -> list[Ratio]:
    """Time two views of joints in float64 against OpenCV's ``triangulatePoints``, each with as many threads.

    Once as OpenCV takes them, all seen by the same two cameras; once with 5 px of noise; once as frames of 17 joints, each
    with cameras of its own, which OpenCV takes in a call for each frame.
    """
    import cv2

    from posezoo.geometry import Camera, h36m_cameras, triangulate

    cv2.setNumThreads(torch.get_num_threads())
    cameras = [Camera(camera.K, camera.R, camera.t) for camera in h36m_cameras("S9")[:2]]
    generator = torch.Generator().manual_seed(0)
    frames = joints // 17
    joints = 17 * frames
    world = (torch.rand(joints, 3, dtype=torch.float64, generator=generator) - 0.5) * 2000 + torch.tensor([0, 0, 1000.0])
    pixels = torch.stack([camera.project(world) for camera in cameras])
    noisy = pixels + 5 * torch.randn(pixels.shape, dtype=torch.float64, generator=generator)
    projections = torch.stack([camera.projection for camera in cameras])
    by_frame, of_frames = pixels.unflatten(1, (frames, 17)).movedim(0, 1).contiguous(), projections.repeat(frames, 1, 1, 1)
    given = [value.numpy() for value in (*projections, *(view.T.contiguous() for view in pixels))]
    contestants = {
        "exact keypoints": lambda: triangulate(pixels, projections),
        "keypoints off by 5 px": lambda: triangulate(noisy, projections),
        "cameras of each frame": lambda: triangulate(by_frame, of_frames),
    }
    frame_by_frame = [
        [*matrices.numpy(), *(view.T.contiguous().numpy() for view in views)]
        for matrices, views in zip(of_frames, by_frame, strict=True)
    ]
    opencv = {
        "at once": lambda: cv2.triangulatePoints(*given),
        "frame by frame": lambda: [cv2.triangulatePoints(*frame) for frame in frame_by_frame],
    }
    seconds = fastest({**opencv, **contestants})
    exact = (triangulate(pixels, projections) - world).abs().max()

    def ratio(name: str, other: str) -> Ratio:
        return Ratio(
            name=f"triangulation of {joints:,} joints in two views, {name}, over OpenCV {other}",
            value=seconds[other] / seconds[name],
            goal=4.0,
            at_least=True,
            detail=f"{1e6 * seconds[name] / joints:.3f} against {1e6 * seconds[other] / joints:.3f} us a joint; "
            f"exact keypoints: off the points by {exact:.0e} mm",
        )

    return [ratio(name, "frame by frame" if name == "cameras of each frame" else "at once") for name in contestants]


def skeleton_maps(batch: int = 64) -> list[Ratio]:
    """Time drawing both views' maps as a share of a training step that draws them, of georep as it ships."""
    from posezoo.papers.georep import GeoRep
    from posezoo.training import read_recipe

    torch.manual_seed(0)
    model = GeoRep(**read_recipe("georep.cmu")[1]["model"]).train()
    assert model.generator is not None
    encoder = model.generator.encoder
    poses = torch.randn(2, batch, len(model.skeleton), 2)
    views = {"source_2d": poses[0], "target_2d": poses[1], "rotation": torch.eye(3).expand(batch, 3, 3)}

    def step() -> None:
        model.zero_grad()
        torch.stack(list(model.synthesis_losses(views).values())).sum().backward()

    seconds = fastest({"draw": lambda: [encoder.maps(keypoints) for keypoints in poses], "step": step}, rounds=3)
    return [
        Ratio(
            name=f"drawing the skeleton maps of {batch} pairs, of a training step's time",
            value=seconds["draw"] / seconds["step"],
            goal=0.15,
            at_least=False,
            detail=f"{1e3 * seconds['draw']:.0f} of {1e3 * seconds['step']:.0f} ms",
        )
    ]
