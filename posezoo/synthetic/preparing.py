"""Reduce Anny's parametric body (Brégier et al. 2025, MakeHuman's CC0 meshes) to the points that small pictures need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from posezoo.errors import InputError
from posezoo.files.reading import PathLike
from posezoo.synthetic.bodies import PARTS, SIDES, Bodies, save_bodies
from posezoo.synthetic.capsules import SKELETON

_MM = 1000.0
_TRIED = 8
"""How many places of the surface are tried for each that is kept."""
# How the names of the rig's bones begin, by the part that the bones carry.
_BONES = {
    "pelvis": ("root", "pelvis", "spine05"),
    "belly": ("spine04", "spine03"),
    "chest": ("spine02", "spine01", "clavicle", "shoulder01"),
    "neck": ("neck",),
    "head": ("head", "eye"),
    "upper_arm": ("upperarm",),
    "forearm": ("lowerarm",),
    "hand": ("wrist", "metacarpal", "finger"),
    "thigh": ("upperleg",),
    "shin": ("lowerleg",),
    "foot": ("foot", "toe"),
}
# Joints at the beginning of a bone of the rig, by the bone's name.
_HEADS = {
    "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot", "shoulder": "upperarm01", "elbow": "lowerarm01",
    "wrist": "wrist",
}  # fmt: skip


def prepare_bodies(out: PathLike, shapes: int = 40, points: int = 7000, seed: int = 0) -> Path:
    """Write bodies of many shapes and ages, as :func:`posezoo.data.rendered_bodies.rendered_bodies` draws them.

    A fifth are children from about 5 years on; the others are 16 or older. The first is average in everything.

    Args:
        out: the .h5 file to write: 2 MB.
        shapes: so many bodies.
        points: of the surface, evenly.
        seed: of shapes and points.

    Returns:
        ``out``.

    Raises:
        InputError: Anny is not installed, or less than one shape, or less than a thousand points.
        SaveError: the file cannot be written.
    """
    if shapes < 1 or not 1000 <= points <= 100_000:
        raise InputError(f"{shapes} shapes of {points} points; expected one or more, and 1,000 to 100,000.")
    try:
        import anny
    except ImportError as error:
        raise InputError("bodies are made of Anny's: pip install posezoo[bodies].") from error
    model = anny.Anny()
    rng = np.random.default_rng(seed)
    looks = {name: rng.random(shapes) for name in model.phenotype_labels}
    looks["age"] = np.where(rng.random(shapes) < 0.2, rng.uniform(0.3, 0.55, shapes), rng.uniform(0.6, 1.0, shapes))
    for name, values in looks.items():
        values[0] = 0.7 if name == "age" else 0.5
    rest = model(phenotype_kwargs={name: torch.from_numpy(values) for name, values in looks.items()})
    surface = rest["rest_vertices"].numpy() * _MM
    heads = dict(zip(model.bone_labels, np.moveaxis(rest["rest_bone_heads"].numpy() * _MM, 1, 0), strict=True))
    carried = np.zeros((surface.shape[1], len(PARTS)))
    part = np.array([PARTS.index(part_of(name)) for name in model.bone_labels])
    np.add.at(
        carried,
        (np.arange(len(carried))[:, None], part[model.vertex_bone_indices.numpy()]),
        model.vertex_bone_weights.numpy(),
    )
    faces = model.faces.numpy()
    corners, share, normals = _scattered(surface[0], faces, points, rng)
    weights = (carried[corners] * share[..., None]).sum(1)
    arrays = {
        "points": (surface[:, corners] * share[..., None]).sum(2),
        "normals": normals,
        "weights": weights / weights.sum(1, keepdims=True),
        "joints": _joints(surface, heads),
    }
    return save_bodies(Bodies(**{name: torch.from_numpy(values).float() for name, values in arrays.items()}), out)


def part_of(bone: str) -> str:
    """Return the part that a bone of the rig carries: ``lowerarm01.L`` the left forearm.

    Raises:
        InputError: a bone that no part knows.
    """
    name, _, end = bone.partition(".")
    for part, beginnings in _BONES.items():
        if name.startswith(beginnings):
            sided = f"{SIDES['LR'.index(end)]}_{part}" if end in ("L", "R") else part
            return sided if sided in PARTS else part
    raise InputError(
        f"the rig has a bone {bone!r} that no part of a body knows; use the version of Anny that setup.cfg names."
    )


def _scattered(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], count: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, "P 3"], Float[np.ndarray, "P 3"], Float[np.ndarray, "P 3"]]:
    """Return points far from each other on a surface: corners of their triangles, shares of those, and smooth normals."""
    corner = vertices[faces]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(across, axis=1)
    face = rng.choice(len(faces), _TRIED * count, p=area / area.sum())
    share = rng.dirichlet(np.ones(3), len(face))  # even over a triangle
    place = (corner[face] * share[..., None]).sum(1).astype(np.float32)
    kept = np.empty(count, np.int64)
    kept[0], distance = 0, np.full(len(place), np.inf, np.float32)
    for number in range(1, count):  # the farthest from all that are kept
        distance = np.minimum(distance, ((place - place[kept[number - 1]]) ** 2).sum(1))
        kept[number] = distance.argmax()
    smooth = np.zeros_like(vertices)
    for axis in range(3):
        np.add.at(smooth, faces[:, axis], across)
    corners, share = faces[face[kept]], share[kept]
    normals = (smooth[corners] * share[..., None]).sum(1)
    return corners, share, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _joints(surface: Float[np.ndarray, "M V 3"], heads: dict[str, np.ndarray]) -> Float[np.ndarray, "M 17 3"]:
    """Return h36m17 from the rig: where its bones begin; the crown is the highest point, over the head."""
    at = {f"{side}_{joint}": heads[f"{bone}.{side[0].upper()}"] for side in SIDES for joint, bone in _HEADS.items()}
    at["pelvis"] = (at["left_hip"] + at["right_hip"]) / 2
    at["spine"], at["thorax"] = heads["spine03"], heads["neck01"]
    rows = np.arange(len(surface))
    crown = surface[rows, surface[..., 2].argmax(1)]
    at["head_top"] = np.stack([np.zeros(len(rows)), heads["head"][:, 1], crown[:, 2]], 1)
    nose = (heads["eye.L"] + heads["eye.R"]) / 2
    nose[:, 2] -= 0.3 * (nose[:, 2] - heads["head"][:, 2])
    at["nose"] = nose
    return np.stack([at[joint] for joint in SKELETON.joints], 1)
