"""Calibrated cameras with radial and tangential distortion (OpenCV's model and order)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

import torch
from jaxtyping import Float, Real
from torch import Tensor

from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry.rotations import as_real

_UNDISTORTED = 1e-3
"""How near rays must come to distorted ones when they are distorted again: about 1 px. Ordinary lenses come to 1e-10."""


def _tensor(value: object, name: str, shape: tuple[int, ...]) -> Tensor:
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"camera {name} is {type(value).__name__}, no array of numbers; expected shape {shape}.") from error
    if tensor.is_complex():
        raise InputError(f"camera {name} is complex; expected real numbers of shape {shape}.")
    tensor = as_real(tensor)
    if tuple(tensor.shape) != shape:
        raise InputError(f"camera {name} has shape {tuple(tensor.shape)}; expected {shape}.")
    if not bool(torch.isfinite(tensor).all()):
        raise InputError(f"camera {name} holds NaN or infinite values.")
    return tensor


def _check_size(image_size: object) -> None:
    """Refuse what is no (width, height) in px."""
    try:
        width, height = (float(side) for side in image_size)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        width = height = 0.0
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise InputError(f"camera image_size is {str(image_size)[:60]!r}; expected (width, height) in pixels.")


def _points(values: object, camera: object, axes: int, name: str) -> Tensor:
    """Return points (..., axes) as a floating tensor; refuse what is no tensor of that shape, and what is no camera.

    Raises:
        InputError: one of these.
    """
    if not isinstance(camera, Camera):
        raise InputError(f"the camera is of type {type(camera).__name__}; expected a posezoo.geometry.Camera.")
    if not isinstance(values, Tensor):
        raise InputError(
            f"{name} are of type {type(values).__name__}; expected a tensor: torch.as_tensor({name}) makes one."
        )
    if values.ndim < 1 or values.shape[-1] != axes:
        raise InputError(f"{name} have shape {tuple(values.shape)}; expected (..., {axes}).")
    return as_real(values)


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera: ``x_cam = R @ x_world + t``, then division by depth, distortion, ``K``.

    Args:
        K: (3, 3) intrinsics in pixels.
        R: (3, 3) rotation, world to camera.
        t: (3,) translation, world to camera, mm.
        distortion: (5,) k1 k2 p1 p2 k3 (OpenCV's order), or None.
        image_size: (width, height) in px.
        name: what the dataset calls it.

    Raises:
        InputError: wrong shape, NaN, R is no rotation, the last row of K is not 0 0 1, or image_size is no size.

    Example:
        >>> import torch
        >>> from posezoo.geometry import Camera, project
        >>> camera = Camera(torch.tensor([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]]), torch.eye(3), torch.zeros(3))
        >>> project(torch.tensor([[100.0, 0.0, 1000.0]]), camera).tolist()
        [[600.0, 500.0]]
    """

    K: Any  # arrays and lists become tensors in the constructor
    R: Any
    t: Any
    distortion: Any = None
    image_size: Any = None
    name: str = ""

    def __post_init__(self) -> None:
        for field, shape in {"K": (3, 3), "R": (3, 3), "t": (3,)}.items():
            object.__setattr__(self, field, _tensor(getattr(self, field), field, shape))
        common = torch.promote_types(torch.promote_types(self.K.dtype, self.R.dtype), self.t.dtype)
        for field in ("K", "R", "t"):
            object.__setattr__(self, field, getattr(self, field).to(common))
        K, R = self.K.detach().cpu().double(), self.R.detach().cpu().double()
        if not bool(torch.linalg.det(K).abs() > 1e-9) or K[0, 0] == 0 or K[1, 1] == 0:
            raise InputError(f"camera K is singular ({self.K.tolist()}); expected focal lengths, a centre and 0 0 1.")
        if not torch.allclose(K[2], K.new_tensor([0.0, 0.0, 1.0]), atol=1e-6):
            raise InputError(
                f"the last row of camera K is {self.K[2].tolist()}; expected 0 0 1: transpose a K of MATLAB, divide others "
                "by their last value."
            )
        if self.distortion is not None:
            object.__setattr__(self, "distortion", _tensor(self.distortion, "distortion", (5,)).to(common))
        if not torch.allclose(R @ R.T, torch.eye(3, dtype=torch.float64), atol=1e-4) or torch.linalg.det(R) < 0:
            raise InputError("camera R is not a rotation (R @ R.T is not the identity, or its determinant is negative).")
        if self.image_size is not None:
            _check_size(self.image_size)

    @property
    def center(self) -> Float[Tensor, "3"]:
        """Where the camera stands, in world coordinates, mm."""
        return -self.R.T @ self.t

    @property
    def projection(self) -> Float[Tensor, "3 4"]:
        """``K @ [R | t]``, without distortion."""
        return self.K @ torch.cat([self.R, self.t[:, None]], dim=1)

    def to(self, *args: Any, **kwargs: Any) -> Camera:
        """Return the same camera with another dtype or on another device."""
        fields = {name: getattr(self, name) for name in ("K", "R", "t", "distortion")}
        moved: dict[str, Any] = {
            name: None if value is None else value.to(*args, **kwargs) for name, value in fields.items()
        }
        return replace(self, **moved)

    def world_to_camera(self, points: Real[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Bring world coordinates to camera coordinates."""
        points = as_real(points)
        return points @ self.R.to(points).T + self.t.to(points)

    def camera_to_world(self, points: Real[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Bring camera coordinates to world coordinates."""
        points = as_real(points)
        return (points - self.t.to(points)) @ self.R.to(points)

    def project(self, points: Real[Tensor, "*batch 3"], frame: str = "world") -> Float[Tensor, "*batch 2"]:
        """See :func:`project`."""
        return project(points, self, frame)

    def unproject(
        self, pixels: Real[Tensor, "*batch 2"], depth: Real[Tensor, "*batch"], frame: str = "world"
    ) -> Float[Tensor, "*batch 3"]:
        """See :func:`unproject`."""
        return unproject(pixels, depth, self, frame)

    def undistort(self, pixels: Real[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Return pixels as the same camera without distortion would see them; NaN where its lens shows nothing."""
        pixels = as_real(pixels)
        rays = _pixels_to_rays(pixels, self)
        K = self.K.to(pixels)
        return rays @ K[:2, :2].T + K[:2, 2]


def _check_frame(frame: str) -> None:
    if frame not in ("world", "camera"):
        raise InputError(f"frame {frame!r}; expected 'world' or 'camera'.")


def _distortion_terms(
    rays: Float[Tensor, "*batch 2"], coefficients: Float[Tensor, "5"]
) -> tuple[Float[Tensor, "*batch 1"], Float[Tensor, "*batch 2"]]:
    """Return the radial factor and the tangential shift: ``distorted = ray * factor + shift``."""
    k1, k2, p1, p2, k3 = coefficients.to(rays).unbind()
    x, y = rays.unbind(-1)
    squared = x * x + y * y
    factor = 1 + squared * (k1 + squared * (k2 + squared * k3))
    shift = torch.stack([2 * p1 * x * y + p2 * (squared + 2 * x * x), p1 * (squared + 2 * y * y) + 2 * p2 * x * y], dim=-1)
    return factor[..., None], shift


def project(points: Real[Tensor, "*batch 3"], camera: Camera, frame: str = "world") -> Float[Tensor, "*batch 2"]:
    """Project points to pixels.

    Args:
        points: mm, in world coordinates, or in camera coordinates with ``frame="camera"``.
        camera: the camera, its distortion applied where it has one.
        frame: ``"world"`` or ``"camera"``.

    Returns:
        pixels, y down; NaN for points on or behind the camera's plane.

    Raises:
        InputError: no tensor (..., 3), no camera, or another frame.
    """
    _check_frame(frame)
    points = _points(points, camera, 3, "points")
    points = camera.world_to_camera(points) if frame == "world" else points
    depth = points[..., 2:]
    rays = points[..., :2] / torch.where(depth > 0, depth, torch.full_like(depth, float("nan")))
    if camera.distortion is not None:
        factor, shift = _distortion_terms(rays, camera.distortion)
        rays = rays * factor + shift
    K = camera.K.to(points)
    return rays @ K[:2, :2].T + K[:2, 2]


def _pixels_to_rays(pixels: Float[Tensor, "*batch 2"], camera: Camera) -> Float[Tensor, "*batch 2"]:
    """Return undistorted (x/z, y/z) of pixels; the distortion is inverted by fixed-point iteration."""
    K = camera.K.to(pixels)
    distorted = torch.linalg.solve(K[:2, :2], (pixels - K[:2, 2]).unsqueeze(-1)).squeeze(-1)
    return distorted if camera.distortion is None else undistort_rays(distorted, camera.distortion)


def undistort_rays(distorted: Float[Tensor, "*batch 2"], coefficients: Float[Tensor, "5"]) -> Float[Tensor, "*batch 2"]:
    """Return (x/z, y/z) without distortion from those with it, by fixed-point iteration; NaN where that finds none.

    Distortion is a polynomial that was fitted within the picture. Beyond, it may turn back: then no ray is seen there, or
    several are.
    """
    rays = distorted
    for _ in range(20):
        factor, shift = _distortion_terms(rays, coefficients)
        rays = (distorted - shift) / factor
    factor, shift = _distortion_terms(rays, coefficients)
    gap = (rays * factor + shift - distorted).abs().amax(-1, keepdim=True)
    found = gap < _UNDISTORTED * (1 + distorted.abs().amax(-1, keepdim=True))
    return torch.where(found, rays, torch.full_like(rays, float("nan")))


def unproject(
    pixels: Real[Tensor, "*batch 2"], depth: Real[Tensor, "*batch"], camera: Camera, frame: str = "world"
) -> Float[Tensor, "*batch 3"]:
    """Return points that lie at a depth behind pixels; the inverse of :func:`project`.

    Args:
        pixels: y down, as seen through the camera's distortion.
        depth: mm along the optical axis.
        camera: the camera.
        frame: the frame of the result, ``"world"`` or ``"camera"``.

    Returns:
        points, mm; NaN for pixels so far out that the lens' distortion has no inverse there.

    Raises:
        InputError: pixels that are no tensor (..., 2), a depth of another shape than (...), no camera, or another frame.
    """
    _check_frame(frame)
    pixels = _points(pixels, camera, 2, "pixels")
    if not isinstance(depth, Tensor) or depth.shape != pixels.shape[:-1]:
        found = f"of shape {tuple(depth.shape)}" if isinstance(depth, Tensor) else f"of type {type(depth).__name__}"
        raise InputError(f"the depth is {found}; expected a tensor {tuple(pixels.shape[:-1])}, one value a pixel.")
    rays = _pixels_to_rays(pixels, camera)
    points = torch.cat([rays, torch.ones_like(rays[..., :1])], dim=-1) * depth[..., None]
    return camera.camera_to_world(points) if frame == "world" else points


@lru_cache(maxsize=1)
def _h36m_calibration() -> dict[str, Any]:
    return json.loads(files("posezoo.geometry").joinpath("h36m_cameras.json").read_text())


def h36m_subjects() -> tuple[str, ...]:
    """Return the subjects of Human3.6M whose cameras :func:`h36m_cameras` knows."""
    return tuple(_h36m_calibration()["extrinsics"])


def h36m_cameras(subject: str) -> tuple[Camera, ...]:
    """Return the four cameras of Human3.6M as calibrated for a subject (54138969, 55011271, 58860488, 60457274).

    Args:
        subject: S1, S5, S6, S7, S8, S9 or S11.

    Raises:
        UnknownNameError: another subject.

    Example:
        >>> from posezoo.geometry import h36m_cameras
        >>> [camera.name for camera in h36m_cameras("S9")]
        ['54138969', '55011271', '58860488', '60457274']
    """
    table = _h36m_calibration()
    if subject not in table["extrinsics"]:
        raise UnknownNameError.of("Human3.6M subject", subject, table["extrinsics"])
    cameras = []
    for lens, pose in zip(table["intrinsics"], table["extrinsics"][subject], strict=True):
        (fx, fy), (cx, cy) = lens["focal_length"], lens["center"]
        # The published matrices are rounded to nine digits; take the nearest rotation.
        u, _, vh = torch.linalg.svd(torch.tensor(pose["R"], dtype=torch.float64))
        cameras.append(
            Camera(
                K=torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64),
                R=u @ vh,
                t=torch.tensor(pose["t_mm"], dtype=torch.float64),
                distortion=torch.tensor(lens["distortion"], dtype=torch.float64),
                image_size=(lens["width"], lens["height"]),
                name=lens["id"],
            )
        )
    return tuple(cameras)
