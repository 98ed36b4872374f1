"""Draw bodies in batches, in torch on any device: a z-buffer of points, clothes, light and clutter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from posezoo.synthetic.bodies import PARTS, SIDES, SPICE, Bodies, mixed
from posezoo.synthetic.turning import unit

_LEVELS, _POINTS = 2**14, 2**17
"""Depths and points that a pixel's key of 31 bits tells apart."""
GARMENTS = ("skin", "hair", "shirt", "sleeves", "trousers", "shins", "shoes")
_GARMENT_OF = {
    "pelvis": "trousers", "belly": "shirt", "chest": "shirt", "neck": "skin", "head": "skin", "upper_arm": "shirt",
    "forearm": "sleeves", "hand": "skin", "thigh": "trousers", "shin": "shins", "foot": "shoes",
}  # fmt: skip
_SKIN = ((0.95, 0.78, 0.66), (0.87, 0.66, 0.52), (0.70, 0.48, 0.34), (0.48, 0.31, 0.21), (0.33, 0.21, 0.15))
_THINGS = 4
_COARSE = 6
# The meaning of a row's uniform random numbers, in this order, and how many each takes.
_DRAWS = {
    "shapes": 3, "spice": SPICE, "loose": 3, "skin": 2, "bare": 2, "color": 3 * len(GARMENTS), "second": 3 * len(GARMENTS),
    "wave": 3 * len(GARMENTS), "contrast": len(GARMENTS), "light": 4, "coarse": 3 * _COARSE**2, "grain": 2,
    "things": 8 * _THINGS,
}  # fmt: skip
DRAWS = sum(_DRAWS.values())
"""Uniform random numbers that a picture takes."""


def _named(draws: Float[Tensor, "B _"]) -> dict[str, Tensor]:
    return dict(zip(_DRAWS, draws.split(list(_DRAWS.values()), 1), strict=True))


@dataclass(frozen=True)
class Seen:
    """Which point each pixel of square pictures shows.

    Attributes:
        point: (B, S * S) its number; 0 where there is none.
        hit: (B, S * S) whether there is one.
    """

    point: Int[Tensor, "B pixels"]
    hit: Bool[Tensor, "B pixels"]


def splat(
    points: Float[Tensor, "B P 3"], facing: Bool[Tensor, "B P"], intrinsics: Float[Tensor, "B 3 3"], side: int
) -> Seen:
    """Return the nearest point of each pixel; a point covers 2 x 2 px around it.

    Args:
        points: camera frame, any unit.
        facing: points to draw; those that look away would shine through gaps of those in front.
        intrinsics: px, without skew.
        side: of the pictures, px.

    Example:
        >>> import torch
        >>> points, facing = torch.tensor([[[0.0, 0.0, 2.0], [0.0, 0.0, 1.0]]]), torch.ones(1, 2, dtype=torch.bool)
        >>> seen = splat(points, facing, torch.tensor([[[4.0, 0, 1.5], [0, 4, 1.5], [0, 0, 1]]]), 4)
        >>> seen.point.view(4, 4)[1, 1].item(), int(seen.hit.sum())
        (1, 4)
    """
    batch, count = facing.shape
    z = points[..., 2].clamp_min(1e-3)
    x = points[..., 0] / z * intrinsics[:, 0, 0, None] + intrinsics[:, 0, 2, None]
    y = points[..., 1] / z * intrinsics[:, 1, 1, None] + intrinsics[:, 1, 2, None]
    column, row = (x - 0.5).round(), (y - 0.5).round()
    drawn = facing & (points[..., 2] > 1e-3) & (column >= 0) & (row >= 0) & (column < side - 1) & (row < side - 1)
    near, far = z.amin(1, keepdim=True), z.amax(1, keepdim=True)
    level = ((z - near) / (far - near).clamp_min(1e-6) * (_LEVELS - 1)).int()
    key = level * _POINTS + torch.arange(count, device=points.device, dtype=torch.int32)
    offset = torch.arange(batch, device=points.device)[:, None] * side**2
    place, key = (offset + row.long() * side + column.long())[drawn], key[drawn]
    nothing = torch.iinfo(torch.int32).max
    nearest = torch.full((batch * side**2,), nothing, dtype=torch.int32, device=points.device)
    for step in (0, 1, side, side + 1):
        nearest.scatter_reduce_(0, place + step, key, "amin")
    nearest = nearest.view(batch, -1)
    hit = nearest != nothing
    return Seen(torch.where(hit, nearest % _POINTS, 0).long(), hit)


@torch.inference_mode()
def draw_bodies(
    bodies: Bodies,
    pose: Float[Tensor, "B 17 3"],
    intrinsics: Float[Tensor, "B 3 3"],
    draws: Float[Tensor, "B _"],
    side: int,
) -> UInt8[Tensor, "B S S 3"]:
    """Return pictures of bodies in poses, in random clothes and light, before clutter.

    Args:
        bodies: see :func:`posezoo.synthetic.bodies.load_bodies`.
        pose: h36m17, mm, camera frame; see :meth:`Bodies.wrap`.
        intrinsics: px of the pictures.
        draws: :data:`DRAWS` uniform random numbers in [0, 1) of each picture.
        side: of the pictures, px.
    """
    said = _named(draws)
    which, spice = shape_of(bodies, said["shapes"]), 2 * said["spice"] - 1
    _, affine = bodies.wrap(mixed(bodies.joints, *which), pose, spice)
    worn = _worn(bodies)
    loose = _loose(said["loose"])[:, worn]
    points = mixed(bodies.points, *which) + loose[..., None] * bodies.normals
    rest = points
    points, normals = bodies.surface(points, affine)
    seen = splat(points, (normals * points).sum(-1) < 0, intrinsics, side)
    picture = _clutter(said, side, draws.device)
    color = _clothes(said, worn)
    rows, pixels = seen.hit.nonzero(as_tuple=True)
    point = seen.point[rows, pixels]
    garment = worn[point]
    pattern = _pattern(said, rows, garment, rest[rows, point])
    tone = torch.lerp(color[0][rows, garment], color[1][rows, garment], pattern[:, None])
    picture[rows, pixels] = tone * _shade(said["light"], rows, normals[rows, point], points[rows, point])[:, None]
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8).view(-1, side, side, 3)


def shape_of(bodies: Bodies, shapes: Float[Tensor, "B 3"]) -> tuple[Tensor, Tensor, Tensor]:
    """Return two bodies and the share of the second, from three random numbers."""
    count = len(bodies.points)
    return (shapes[:, 0] * count).long(), (shapes[:, 1] * count).long(), shapes[:, 2]


def joints_of(bodies: Bodies, pose: Float[Tensor, "B 17 3"], draws: Float[Tensor, "B _"]) -> Float[Tensor, "B 17 3"]:
    """Return the joints of the bodies that :func:`draw_bodies` draws, mm, camera frame."""
    said = _named(draws)
    rest = mixed(bodies.joints, *shape_of(bodies, said["shapes"]))
    return bodies.wrap(rest, pose, 2 * said["spice"] - 1)[0]


def _worn(bodies: Bodies) -> Int[Tensor, "P"]:
    """Return what covers each point: by its part, and hair on top and at the back of the head."""
    names = [part.split("_", 1)[1] if part.split("_")[0] in SIDES else part for part in PARTS]
    of_part = torch.tensor([GARMENTS.index(_GARMENT_OF[name]) for name in names], device=bodies.points.device)
    part = bodies.part
    worn = of_part[part]
    head = part == PARTS.index("head")
    first, joints = bodies.points[0], bodies.joints[0]
    crown, nose = joints[10], joints[9]
    height = (first[:, 2] - nose[2]) / (crown[2] - nose[2])
    behind = (first[:, 1] - nose[1]) / (crown[2] - nose[2])
    hair = head & ((height > 0.62) | ((behind > 0.75) & (height > -0.35)))
    return torch.where(hair, GARMENTS.index("hair"), worn)


def _loose(draws: Float[Tensor, "B 3"]) -> Float[Tensor, "B garments"]:
    """Return how far each garment stands off the skin, mm."""
    shirt, trousers, hair = (draws**2).unbind(1)
    off = {"skin": 0 * shirt, "hair": 30 * hair, "shirt": 25 * shirt, "sleeves": 15 * shirt, "trousers": 22 * trousers}
    off |= {"shins": 22 * trousers, "shoes": 8 + 0 * shirt}
    return torch.stack([off[name] for name in GARMENTS], 1)


def _clothes(said: dict[str, Tensor], worn: Tensor) -> tuple[Float[Tensor, "B garments 3"], Float[Tensor, "B garments 3"]]:
    """Return two colours of each garment; sleeves and legs are bare in some pictures."""
    color, second = (said[name].unflatten(1, (len(GARMENTS), 3)).clone() for name in ("color", "second"))
    skin = torch.tensor(_SKIN, device=worn.device)
    tone = skin[(said["skin"][:, 0] * len(skin)).long()] * (0.85 + 0.3 * said["skin"][:, 1:])
    index = {name: number for number, name in enumerate(GARMENTS)}
    color[:, index["skin"]] = second[:, index["skin"]] = tone
    color[:, index["hair"]] *= said["bare"][:, :1]  # mostly dark
    for values in (color, second):
        values[:, index["sleeves"]] = torch.where(said["bare"][:, :1] < 0.5, tone, values[:, index["shirt"]])
        values[:, index["shins"]] = torch.where(said["bare"][:, 1:] < 0.4, tone, values[:, index["trousers"]])
    return color, second


def _pattern(said: dict[str, Tensor], rows: Tensor, garment: Tensor, place: Float[Tensor, "M 3"]) -> Float[Tensor, "M"]:
    """Return how much of the second colour a point has: stripes of any direction and width, on two garments of three."""
    wave = (said["wave"].unflatten(1, (len(GARMENTS), 3)) - 0.5)[rows, garment]
    contrast = said["contrast"][rows, garment]
    stripes = torch.cos((wave * place).sum(1) * 0.2)
    return (0.5 + 3 * stripes).clamp(0, 1) * ((contrast - 0.35) / 0.65).clamp_min(0)


def _shade(draws: Float[Tensor, "B 4"], rows: Tensor, normals: Float[Tensor, "M 3"], points: Float[Tensor, "M 3"]) -> Tensor:
    """Return the light of one far lamp and from all around; surfaces seen edge-on are darker: limbs stand out."""
    way = draws[:, :3] * torch.tensor([2.0, 2.0, 1.0], device=draws.device) - torch.tensor(
        [1.0, 1.6, 1.2], device=draws.device
    )
    diffuse = (normals * unit(way)[rows]).sum(1).clamp(0, 1)
    ambient = 0.3 + 0.45 * draws[rows, 3]
    edge = -(normals * unit(points)).sum(1).clamp(-1, 0)
    return (ambient + (1 - ambient) * diffuse) * (0.65 + 0.35 * edge)


def _clutter(said: dict[str, Tensor], side: int, device: torch.device) -> Float[Tensor, "B pixels 3"]:
    """Draw random backgrounds: changing light, grain, boxes and ellipses of any colour, as bright as people."""
    coarse = said["coarse"].unflatten(1, (3, _COARSE, _COARSE))
    picture = functional.interpolate(coarse, (side, side), mode="bilinear", align_corners=False)
    contrast = 0.2 + 0.8 * said["grain"][:, :1, None, None]
    picture = 0.5 + (picture - 0.5) * contrast
    line = (torch.arange(side, device=device) + 0.5) / side
    for thing in said["things"].unflatten(1, (_THINGS, 8)).unbind(1):
        x, y, wide, high, angle = (thing[:, number, None, None] for number in range(5))
        across, down = line[None, None] - x, line[None, :, None] - y
        cos, sin = (angle * torch.pi).cos(), (angle * torch.pi).sin()
        u, v = (across * cos + down * sin) / (0.03 + 0.35 * wide), (down * cos - across * sin) / (0.03 + 0.35 * high)
        inside = torch.where((wide + high) % 0.2 < 0.1, u.abs().maximum(v.abs()), u.square() + v.square()) < 1
        picture = torch.where(inside[:, None], thing[:, 5:, None, None], picture)
    return picture.flatten(2).mT.contiguous()
