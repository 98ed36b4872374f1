"""Simulate what calibrated cameras see of moving people: bodies, cameras, calibration errors and detection errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from posezoo.data.augmentation.bodies import joint_offsets
from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import look_at, mirror_half, rotation_about, rotation_vector_to_matrix
from posezoo.papers.cvugcn.graph import BodyGraph
from posezoo.settings import check_sizes
from posezoo.skeletons import Skeleton

STATURE_MM = 1700.0
_PICTURE_PX = 1000.0


@dataclass(frozen=True)
class RigSettings:
    """How rigs, people and detections are drawn. A recipe gives the fields by name (``data.rigs``).

    Attributes:
        views: numbers of cameras; one is drawn for each batch.
        frames: lengths of clips; one is drawn for each batch.
        picked: how many frames of a clip are refined; the others are seen as their context alone.
        batches: how many batches are an epoch.
        distance_mm, height_mm: nearest and farthest camera, lowest and highest.
        apart_deg: least and largest angle between neighbouring cameras of two.
        calibration_deg: largest error of a camera's rotation. Half of the rigs have less than a sixth of it. Errors of
            12 mm a degree in place and 0.5 % a degree in focal length come with it.
        noise: least and largest deviation of the errors of keypoints, in shares of the person's height in the picture.
        outliers: largest share of the joints that begin to be far off in a frame.
        bones: deviation of the logarithm of a bone's length, alike on both sides.
        definition_mm: deviation of where a joint is said to be, alike on both sides and in all frames of a clip.
        lasting_mm: largest deviation of where one view's detector puts a joint, beside where it is, in the axes of the trunk
            and in all frames of a clip. Frames cannot tell each other of such errors, the body's build can.

    Raises:
        InputError: fewer than two views, no frame, limits in the wrong order, no noise or distance, or errors that are
            no sizes.
    """

    views: Sequence[int] = (2, 2, 2, 3, 4, 5)
    frames: Sequence[int] = (1, 9, 16, 24)
    picked: int = 4
    batches: int = 200
    distance_mm: tuple[float, float] = (2200.0, 6500.0)
    height_mm: tuple[float, float] = (300.0, 2600.0)
    apart_deg: tuple[float, float] = (20.0, 160.0)
    calibration_deg: float = 1.0
    noise: tuple[float, float] = (0.003, 0.02)
    outliers: float = 0.03
    bones: float = 0.1
    definition_mm: float = 12.0
    lasting_mm: float = 0.0

    def __post_init__(self) -> None:
        ordered = all(low <= high for low, high in (self.distance_mm, self.height_mm, self.apart_deg, self.noise))
        if min(self.views) < 2 or min(self.frames) < 1 or min(self.picked, self.batches) < 1 or not ordered:
            raise InputError(f"{self}; expected two or more views, one or more frames, and limits in ascending order.")
        if min(self.noise[0], self.distance_mm[0]) <= 0:
            raise InputError(f"{self}; expected noise and distances above 0.")
        check_sizes(self, "rigs", ["calibration_deg", "bones", "definition_mm", "lasting_mm"], ["outliers"])


def change_bodies(world: Float[Tensor, "B T J 3"], skeleton: Skeleton, settings: RigSettings) -> Float[Tensor, "B T J 3"]:
    """Give each clip a body of its own: mirrored or not, with its own size, bones, and definition of joints."""
    count, joints, device = len(world), len(skeleton), world.device
    (world,) = mirror_half(world, skeleton=skeleton)
    partner = torch.tensor(skeleton.mirror, device=device)
    one_side = torch.minimum(partner, torch.arange(joints, device=device))
    size = 0.8 + 0.35 * draw(torch.rand, count, 1, device=device)
    bones = (settings.bones * draw(torch.randn, count, joints, device=device)).exp()[:, one_side]
    uneven = (0.01 * draw(torch.randn, count, joints, device=device)).exp()
    factors = (size * bones * uneven).clamp(0.5, 1.6)
    parents = [joint if parent < 0 else parent for joint, parent in enumerate(skeleton.parents)]
    above = torch.zeros(joints, joints)
    for joint in range(joints):
        node = joint
        while skeleton.parents[node] >= 0:
            above[joint, node] = 1
            node = skeleton.parents[node]
    root = world[:, :, skeleton.root : skeleton.root + 1]
    body = root + above.to(device) @ ((world - world[:, :, parents]) * factors[:, None, :, None])
    off = joint_offsets(count, skeleton, settings.definition_mm, device)
    return body + off[:, None] @ trunk_axes(body, skeleton)


def trunk_axes(body: Float[Tensor, "B T J 3"], skeleton: Skeleton) -> Float[Tensor, "B T 3 3"]:
    """Return the trunk's axes as rows: to the left, up, and forward."""
    left, right, top = (body[:, :, skeleton.index(name)] for name in ("left_hip", "right_hip", "left_shoulder"))
    top = (top + body[:, :, skeleton.index("right_shoulder")]) / 2
    across = normalize(left - right, dim=-1)
    up = top - (left + right) / 2
    up = normalize(up - (up * across).sum(-1, keepdim=True) * across, dim=-1)
    return torch.stack([across, up, torch.linalg.cross(across, up)], -2)


def misplace(
    body: Float[Tensor, "B T J 3"], views: int, skeleton: Skeleton, settings: RigSettings
) -> Float[Tensor, "B T V J 3"]:
    """Return where each view's detector sees the joints: beside them, by the same vector of the trunk's axes in all frames.

    Vectors of different views and joints have nothing to do with each other; their deviation is drawn for each clip, up to
    ``lasting_mm``.
    """
    count, joints, device = len(body), len(skeleton), body.device
    size = settings.lasting_mm * draw(torch.rand, count, 1, 1, 1, 1, device=device)
    off = size * draw(torch.randn, count, 1, views, joints, 3, device=device)
    return body[:, :, None] + off @ trunk_axes(body, skeleton)[:, :, None]


def place_cameras(world: Float[Tensor, "B T J 3"], views: int, settings: RigSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Place cameras around each clip's people, level or nearly so; K (B, V, 3, 3), R (B, V, 3, 3), t (B, V, 3)."""
    count, device = len(world), world.device
    middle = world.flatten(1, 2).mean(1)[:, None]
    uniform = draw(torch.rand, count, views, 5, device=device)
    normal = draw(torch.randn, count, views, 5, device=device)
    least, most = (math.radians(angle) for angle in settings.apart_deg)
    apart = least + (most - least) * uniform[..., 0] if views == 2 else (0.35 * normal[..., 0]).exp() * 2 * math.pi / views
    heading = 2 * math.pi * uniform[:, :1, 1] + apart.cumsum(1)
    near, far = settings.distance_mm
    # Cameras of one room have similar distances.
    distance = near + (far - near) * (0.6 * uniform[:, :1, 2] + 0.4 * uniform[..., 2])
    low, high = settings.height_mm
    height = low + (high - low) * uniform[..., 3]
    flat = middle[..., :2] + distance[..., None] * torch.stack([heading.cos(), heading.sin()], -1)
    center = torch.cat([flat, height[..., None]], -1)
    target = middle + normal[..., 1:4] * middle.new_tensor([250.0, 250.0, 150.0])
    R, _ = look_at(center, target)
    roll = 0.05 * normal[..., 4] + (uniform[..., 4] < 0.05) * (math.pi / 2)  # one in twenty is held upright
    R = rotation_about("z", roll) @ R
    share = 0.35 + 0.4 * draw(torch.rand, count, 1, device=device)  # of the picture, filled by a person
    K = torch.zeros(count, views, 3, 3, device=device)
    K[..., 0, 0] = K[..., 1, 1] = share * _PICTURE_PX / STATURE_MM * distance
    K[..., :2, 2] = _PICTURE_PX / 2
    K[..., 2, 2] = 1
    return K, R, -(R @ center[..., None])[..., 0]


def calibrate(K: Tensor, R: Tensor, t: Tensor, settings: RigSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Return the cameras with calibration errors, whose size each rig has in common."""
    count, views, device = *t.shape[:2], t.device
    uniform = draw(torch.rand, count, views + 2, device=device)
    size = settings.calibration_deg * torch.where(uniform[:, :1] < 0.5, 0.15, 1.0) * uniform[:, 1:2]
    normal = draw(torch.randn, count, views, 7, device=device)
    angle = torch.deg2rad(size * (0.5 + 0.5 * uniform[:, 2:]))[..., None]
    turned = rotation_vector_to_matrix(normalize(normal[..., :3], dim=-1) * angle) @ R
    center = -(R.mT @ t[..., None])[..., 0] + 12.0 * size[..., None] * normal[..., 3:6]
    zoomed = K.clone()
    zoomed[..., :2, :2] *= (1 + 0.005 * size * normal[..., 6])[..., None, None]
    return zoomed, turned, -(turned @ center[..., None])[..., 0]


def detection_errors(
    frames: int, height: Float[Tensor, "B V"], skeleton: Skeleton, settings: RigSettings
) -> Float[Tensor, "B T V J 2"]:
    """Draw a detector's errors, px; their size differs by clip and joint, and they correlate along the body and in time.

    Args:
        frames: T.
        height: of the person in the picture, px.
        skeleton: the layout.
        settings: how large they are.
    """
    (count, views), joints, device = height.shape, len(skeleton), height.device
    uniform = draw(torch.rand, count, 8, 1, 1, 1, 1, device=device)
    least, most = settings.noise
    level = least * (most / least) ** uniform[:, 0]
    spread = (0.25 * draw(torch.randn, count, 1, views, 1, 1, device=device)).exp()
    spread = spread * (0.35 * draw(torch.randn, count, 1, 1, joints, 1, device=device)).exp()
    spread = spread * (0.25 * draw(torch.randn, count, 1, views, joints, 1, device=device)).exp()
    steps = draw(torch.randn, count, frames, views, joints, 2, device=device)
    # A first-order autoregressive process that forgets within 2 to 30 frames.
    kept = torch.exp(-0.5 * 15.0 ** -uniform[:, 1, 0])
    lasting = [steps[:, 0]]
    for frame in range(1, frames):
        lasting.append(kept * lasting[-1] + (1 - kept * kept).sqrt() * steps[:, frame])
    share = uniform[:, 2]
    errors = share.sqrt() * torch.stack(lasting, 1) + (1 - share).sqrt() * draw(torch.randn, *steps.shape, device=device)
    neighbours = BodyGraph.of(skeleton).neighbours("physical").to(device)
    beside = 1.4 * (neighbours / neighbours.sum(1, keepdim=True)) @ errors
    along = 0.5 * uniform[:, 3]
    errors = level * spread * ((1 - along) * errors + along * beside)
    # Large errors, for limbs that the detector confuses, in one frame or several.
    rate = settings.outliers * uniform[:, 4] * (uniform[:, 5] < 0.7)
    begins = draw(torch.rand, *steps.shape[:-1], 1, device=device) < rate
    far = begins.clone()
    for frame in range(1, min(4, frames)):
        longer = draw(torch.rand, count, 1, views, joints, 1, device=device) < 0.5
        far[:, frame:] |= begins[:, :-frame] & longer
    place = 0.06 * draw(torch.randn, count, 1, views, joints, 2, device=device)
    place = place + 0.02 * draw(torch.randn, *steps.shape, device=device)
    return (errors + far * place) * height[:, None, :, None, None]
