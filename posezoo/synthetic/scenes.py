"""Render people in two domains: a studio, and the wild."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from posezoo.files.opencv import opencv
from posezoo.synthetic.capsules import PARTS, SURFACES, Outfit, facing, person
from posezoo.synthetic.tracing import Traced, trace

_HEAD = PARTS.index("head")
_WARDROBE = 7
_SKIN = np.array([[0.95, 0.78, 0.66], [0.87, 0.66, 0.52], [0.70, 0.48, 0.34], [0.48, 0.31, 0.21], [0.33, 0.21, 0.15]])
_SLEEVES = ("right_forearm", "left_forearm"), ("right_forearm", "left_forearm", "right_upper_arm", "left_upper_arm")
_HAIR = np.array([[0.10, 0.08, 0.07], [0.28, 0.18, 0.10], [0.55, 0.40, 0.22], [0.75, 0.66, 0.48], [0.55, 0.55, 0.55]])


@dataclass(frozen=True)
class View:
    """A person before a camera.

    Attributes:
        pose_mm: (17, 3) h36m17, camera frame.
        K: (3, 3) intrinsics in px of the picture.
        up: (3,) unit vector against gravity, camera frame.
        floor_mm: how far the floor is below the camera.
        size: (width, height) in px.
    """

    pose_mm: np.ndarray
    K: np.ndarray
    up: np.ndarray
    floor_mm: float
    size: tuple[int, int]


def studio(view: View, rng: np.random.Generator, actor: int = 0) -> UInt8[np.ndarray, "H W 3"]:
    """Draw a plain room with even light, where each actor wears the same all day.

    Args:
        view: who, and from where.
        rng: what differs from picture to picture: the camera's noise, a little of the light.
        actor: whose clothes.
    """
    outfit = _clothes(np.random.default_rng([_WARDROBE, actor]), plain=True)
    light = _unit(view.up + 0.15 * rng.standard_normal(3) - np.array([0.0, 0.0, 0.5]))
    image = _room(view)
    _draw_person(image, view, outfit, light, ambient=0.55)
    image += np.float32(0.008) * rng.standard_normal(image.shape, dtype=np.float32)
    return _to_bytes(image)


def wild(view: View, rng: np.random.Generator, actor: int = 0) -> UInt8[np.ndarray, "H W 3"]:
    """Draw a person in random clothes, light and clutter; some pictures are blurred, noisy, too bright or too dark."""
    outfit = _clothes(rng, plain=False)
    light = _unit(rng.uniform(0.0, 1.0) * view.up + rng.standard_normal(3) * [1.0, 1.0, 0.5] - np.array([0.0, 0.0, 0.5]))
    image = _clutter(view, rng)
    _draw_person(image, view, outfit, light, ambient=rng.uniform(0.25, 0.7))
    if rng.random() < 0.4:
        _occlude(image, view, rng)
    return _to_bytes(_photograph(image, rng))


DOMAINS = {"studio": studio, "wild": wild}


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def _to_bytes(image: np.ndarray) -> UInt8[np.ndarray, "H W 3"]:
    return (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _clothes(rng: np.random.Generator, plain: bool) -> Outfit:
    """Return skin, hair and garments; without patterns where ``plain``."""
    count = len(SURFACES)
    color = rng.uniform(0.05, 0.95, (count, 3))
    skin = _SKIN[rng.integers(len(_SKIN))]
    color[SURFACES.index("skin")] = skin
    color[SURFACES.index("hair")] = _HAIR[rng.integers(len(_HAIR))]
    pattern = rng.uniform(0.0, 1.0, (count, 3))
    stripes, sectors, contrast = np.zeros(count), np.zeros(count), np.zeros(count)
    if not plain:
        for name in ("shirt", "trousers", "shoes"):
            index = SURFACES.index(name)
            if rng.random() < 0.5:
                contrast[index] = rng.uniform(0.3, 1.0)
                stripes[index] = rng.choice([0.0, 1.0]) * 2 * np.pi / rng.uniform(25.0, 120.0)
                sectors[index] = rng.integers(1, 6) if stripes[index] == 0 or rng.random() < 0.5 else 0
    for name, garment in (("sleeves", "shirt"), ("shins", "trousers")):
        for values in (color, pattern, stripes, sectors, contrast):
            values[SURFACES.index(name)] = values[SURFACES.index(garment)]
    bare: tuple[str, ...] = ()
    sleeves, legs = rng.random(2)
    if sleeves < 0.6:
        bare += _SLEEVES[int(sleeves < 0.15)]
    if legs < 0.35:
        bare += ("right_shin", "left_shin")
    return Outfit(color, pattern, stripes, sectors, contrast, float(rng.uniform(0.88, 1.15)), bare)


def _draw_person(image: np.ndarray, view: View, outfit: Outfit, light: np.ndarray, ambient: float) -> None:
    """Draw the person, patterned and shaded by one far light, into the picture."""
    body = person(view.pose_mm, outfit)
    seen = trace(body, view.K, view.size)
    surface = body.surface[seen.capsule]
    face = (seen.capsule == _HEAD) & (seen.normal @ facing(view.pose_mm).astype(np.float32) > 0.25)
    surface = np.where(face, SURFACES.index("skin"), surface)
    color = outfit.color[surface]
    patterned = outfit.contrast[surface] > 0
    if patterned.any():
        color[patterned] = _patterned(seen, patterned, surface, outfit, body.end - body.start)
    diffuse = np.clip(seen.normal @ light.astype(np.float32), 0.0, 1.0)
    # Surfaces seen edge-on are a little darker, so that limbs of one colour are distinct.
    edge = np.clip(-np.einsum("md,md->m", seen.normal, seen.point) / np.linalg.norm(seen.point, axis=1), 0.0, 1.0)
    shade = (ambient + (1.0 - ambient) * diffuse) * (0.65 + 0.35 * edge)
    image[seen.rows, seen.columns] = color * shade[:, None]


def _patterned(seen: Traced, rows: np.ndarray, surface: np.ndarray, outfit: Outfit, axes: np.ndarray) -> np.ndarray:
    """Return colours of patterned surfaces: stripes across a limb, stripes along it, or checks."""
    capsule, which = seen.capsule[rows], surface[rows]
    axis = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-6)
    side = np.cross(axis, np.where(np.abs(axis[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(axis, side)
    normal = seen.normal[rows]
    around = np.arctan2(
        np.einsum("md,md->m", normal, other[capsule]), np.einsum("md,md->m", normal, side[capsule])
    )  # fmt: skip
    wave = np.cos(outfit.stripes[which] * seen.along[rows]) * np.cos(outfit.sectors[which] * around)
    amount = outfit.contrast[which] * np.clip(0.5 + 4.0 * wave, 0.0, 1.0)
    return outfit.color[which] + amount[:, None] * (outfit.pattern_color[which] - outfit.color[which])


def _rays(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (H, W) how much each pixel's ray (x, y, 1) rises, and its x (1, W) and y (H, 1)."""
    x = ((np.arange(view.size[0]) - view.K[0, 2]) / view.K[0, 0]).astype(np.float32)
    y = ((np.arange(view.size[1]) - view.K[1, 2]) / view.K[1, 1]).astype(np.float32)
    up = view.up.astype(np.float32)
    return x[None] * up[0] + (y[:, None] * up[1] + up[2]), x[None], y[:, None]


def _room(view: View) -> Float[np.ndarray, "H W 3"]:
    """Draw a wall, a carpet, and the person's soft shadow on the carpet."""
    rise, x, y = _rays(view)
    wall, carpet = np.array([[0.46, 0.52, 0.46], [0.52, 0.24, 0.20]], np.float32)
    image = wall * (0.85 + 0.35 * np.clip(rise, -0.2, 0.6))[..., None]
    on_floor = rise * 8000.0 < -view.floor_mm
    depth = np.float32(-view.floor_mm) / rise[on_floor]
    root = view.pose_mm[0]
    spot = (root - (root @ view.up + view.floor_mm) * view.up).astype(np.float32)  # the pelvis, straight down
    columns, rows = np.broadcast_to(x, rise.shape)[on_floor], np.broadcast_to(y, rise.shape)[on_floor]
    away = (columns * depth - spot[0]) ** 2 + (rows * depth - spot[1]) ** 2 + (depth - spot[2]) ** 2
    shadow = 1.0 - 0.45 * np.exp(-away / np.float32(2 * 300.0**2))
    image[on_floor] = carpet * (shadow * (1.05 - 4e-5 * depth))[:, None]
    return image


def _clutter(view: View, rng: np.random.Generator) -> Float[np.ndarray, "H W 3"]:
    """Draw a random background: changing light, ground or not, things of all shapes, bits of people's colours."""
    cv2 = opencv()
    width, height = view.size
    coarse = rng.uniform(0.0, 1.0, (rng.integers(2, 6), rng.integers(2, 6), 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.6:
        ground = _rays(view)[0] < rng.uniform(-0.1, 0.1)
        tinted = 0.35 * image + 0.65 * rng.uniform(0.05, 0.9, 3).astype(np.float32)
        np.copyto(image, tinted, where=ground[..., None])
    for _ in range(rng.integers(4, 18)):
        _thing(image, rng, rng.uniform(0.05, 0.5) * width)
    grain = rng.standard_normal((height // rng.integers(2, 9), width // 4, 1)).astype(np.float32)
    return image + np.float32(rng.uniform(0.0, 0.08)) * cv2.resize(grain, (width, height))[..., None]


def _thing(image: np.ndarray, rng: np.random.Generator, reach: float, center: np.ndarray | None = None) -> None:
    """Draw one shape of one colour, or striped, into the picture."""
    cv2 = opencv()
    height, width = image.shape[:2]
    middle = rng.uniform(0.0, 1.0, 2) * (width, height) if center is None else center
    tone = _SKIN[rng.integers(len(_SKIN))] if rng.random() < 0.2 else rng.uniform(0.0, 1.0, 3)
    color: object = tuple(float(value) for value in tone)
    angle, kind = rng.uniform(0.0, 180.0), rng.integers(4)
    long, short = reach * rng.uniform(0.4, 1.0), reach * rng.uniform(0.1, 0.6)
    if kind == 0:
        cv2.ellipse(image, ((*middle,), (long, short), angle), color, -1, cv2.LINE_AA)
    elif kind == 1:
        corners = cv2.boxPoints(((*middle,), (long, short), angle))
        cv2.fillConvexPoly(image, corners.astype(np.int32), color, cv2.LINE_AA)
    elif kind == 2:
        corners = middle + rng.uniform(-0.5, 0.5, (rng.integers(3, 7), 2)) * reach
        cv2.fillPoly(image, [corners.astype(np.int32)], color, cv2.LINE_AA)
    else:
        way = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]) * long / 2
        ends = (middle - way).astype(int).tolist(), (middle + way).astype(int).tolist()
        cv2.line(image, *ends, color, max(1, int(short / 4)), cv2.LINE_AA)


def _occlude(image: np.ndarray, view: View, rng: np.random.Generator) -> None:
    """Draw one or two things before the person, somewhere on them."""
    pixels = view.pose_mm @ view.K.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    extent = float(np.ptp(pixels, axis=0).max())
    for _ in range(rng.integers(1, 3)):
        _thing(image, rng, extent * rng.uniform(0.12, 0.35), pixels[rng.integers(len(pixels))])


def _photograph(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, expose and add noise as lens and sensor do."""
    cv2 = opencv()
    scale = image.shape[0] / 256.0
    kind = rng.random()
    if kind < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), max(0.05, rng.uniform(0.3, 1.6) * scale))
    elif kind < 0.55:
        length = max(3, int(rng.uniform(3.0, 9.0) * scale))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1.0 / length
        turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0.0, 180.0), 1.0)
        turned = np.asarray(cv2.warpAffine(kernel, turn, (length, length)))
        image = cv2.filter2D(image, -1, turned / max(float(turned.sum()), 1e-6))
    image = cv2.pow(np.clip(image, 0.0, 1.0), rng.uniform(0.6, 1.6))  # NumPy's power takes ten times as long
    tint = (rng.uniform(0.75, 1.25) * rng.uniform(0.85, 1.15, 3)).astype(np.float32)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0.0, 0.06))
    return image * tint + noise
