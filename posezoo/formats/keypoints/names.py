"""Read the names of joints in files, in common spellings."""

from __future__ import annotations

import re
from pathlib import Path

from posezoo.errors import InputError
from posezoo.skeletons import SKELETONS, Skeleton
from posezoo.skeletons.conversion import conversion_matrix

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_PARTS = {joint.removeprefix("left_") for layout in SKELETONS.values() for joint in layout.joints if "right_" not in joint}

# Other names of joints, best first.
_OTHER_NAMES = {
    "pelvis": ("mid_hip", "midhip", "hip_center", "center_hip", "hips", "hip", "root"),
    "thorax": ("neck", "neck_base", "base_neck", "chin"),
    "upper_neck": ("head_bottom", "neck", "chin"),
    "nose": ("neck_nose", "neck_base", "head"),
    "head_top": ("headtop", "top_head", "head", "forehead"),
    "spine": ("belly", "torso", "mid_spine", "spine_mid", "chest"),
    **{f"{side}_ankle": (f"{side}_foot",) for side in ("left", "right")},
    **{f"{side}_wrist": (f"{side}_hand",) for side in ("left", "right")},
    **{f"{side}_big_toe": (f"{side}_toe", f"{side}_bigtoe") for side in ("left", "right")},
    **{f"{side}_small_toe": (f"{side}_smalltoe", f"{side}_little_toe") for side in ("left", "right")},
}
# Names that mean these joints where all 17 stand in Human3.6M's order, in which the neck is the point at the nose.
_IN_ORDER = {
    "spine": ("spine1", "waist", "abdomen"),
    "thorax": ("chest", "upper_chest", "sternum", "upper_spine", "spine_upper", "spine1", "spine2", "spine3",
               "spine_shoulder", "shoulder_center", "center_shoulder", "mid_shoulder", "neck_base"),
    "nose": ("neck", "neck1", "neck_head", "face", "jaw", "chin"),
}  # fmt: skip
# DeepLabCut's `full_human` counts the sides as DeeperCut does: 1 is the right one.
_COUNTED = {
    f"{part}{number}": f"{side}_{part}"
    for part in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
    for number, side in ((1, "right"), (2, "left"))
}
# Abbreviations of some detectors.
_SHORT = {"sho": "shoulder", "elb": "elbow", "wri": "wrist", "kne": "knee", "ank": "ankle"}
# Parents of joints in a layout made of a file's own names; the nearest existing one is taken.
_TREE = {
    "spine": "pelvis",
    "thorax": "spine",
    "upper_neck": "thorax",
    "nose": "upper_neck",
    "head": "upper_neck",
    "head_top": "upper_neck",
    **{f"{side}_eye": "nose" for side in ("left", "right")},
    **{f"{side}_ear": f"{side}_eye" for side in ("left", "right")},
    **{f"{side}_shoulder": "thorax" for side in ("left", "right")},
    **{f"{side}_hip": "pelvis" for side in ("left", "right")},
    **{f"{side}_{part}": f"{side}_{upper}" for side in ("left", "right") for part, upper in (
        ("elbow", "shoulder"), ("wrist", "elbow"), ("knee", "hip"), ("ankle", "knee"),
        ("big_toe", "ankle"), ("small_toe", "ankle"), ("heel", "ankle"), ("foot_index", "ankle"), ("toe", "ankle"),
    )},
}  # fmt: skip


def joint_name(name: str) -> str:
    """Return a joint's name with case, spaces and the side written as in the layouts.

    Example:
        >>> [joint_name(name) for name in ("LShoulder", "Right Knee", "elbow_l", "lankle", "Nose")]
        ['left_shoulder', 'right_knee', 'left_elbow', 'left_ankle', 'nose']
    """
    words = re.split(r"[^a-z0-9]+", _HUMPS.sub("_", name).lower().strip())
    words = [_SHORT.get(word, word) for word in words if word]
    sides = [word for word in words if word in _SIDES]
    if len(sides) == 1:
        words.remove(sides[0])
        return "_".join([_SIDES[sides[0]], *words])
    whole = "_".join(words)
    for prefix, side in sorted(_SIDES.items(), key=lambda item: -len(item[0])):
        for rest in (whole.removeprefix(prefix), whole.removesuffix(prefix)):
            if rest != whole and rest.strip("_") in _PARTS:
                return f"{side}_{rest.strip('_')}"
    return _COUNTED.get(whole, whole)


def columns_of(names: tuple[str, ...], wanted: Skeleton | None, path: Path) -> tuple[Skeleton, list[int]]:
    """Return the layout whose joints are all named, and where each of them stands; names beyond these are not used.

    Args:
        names: as the file has them.
        wanted: the layout, else the one with the most joints is taken.
        path: for messages.

    Raises:
        InputError: a joint is missing, or two names mean the same joint.
    """
    plain = [joint_name(name) for name in names]
    repeated = [name for name, clean in zip(names, plain, strict=True) if plain.count(clean) > 1]
    if repeated:
        raise InputError(f"{path}: {' and '.join(repeated[:2])} are the same body part; rename or remove one of them.")
    human36m = SKELETONS["h36m17"]
    if wanted in (None, human36m) and _in_order_of(plain, human36m):
        return human36m, list(range(len(human36m)))
    found = {layout: _places(plain, layout) for layout in ([wanted] if wanted else SKELETONS.values())}
    complete = [layout for layout, places in found.items() if None not in places]
    own = None if wanted else _own_layout(plain)
    richer = own is not None and all(len(own[0]) > len(layout) and _adds(own[0], layout) for layout in complete)
    if complete and not richer:
        # Of several layouts with the same joints, take the one with the file's order.
        layout = max(complete, key=lambda layout: (len(layout), found[layout] == list(range(len(layout)))))
        return layout, [place for place in found[layout] if place is not None]
    if own is not None:
        return own
    near = max(found, key=lambda layout: (len(layout) - found[layout].count(None)) / len(layout))
    absent = [joint for joint, place in zip(near.joints, found[near], strict=True) if place is None]
    raise InputError(
        f"{path}: its {len(names)} body parts ({', '.join(names)[:80]}) are not those of "
        f"{'' if wanted else 'a named skeleton, the nearest being '}{near.name}: missing "
        f"{', '.join(absent[:8])}{', ...' if len(absent) > 8 else ''}; rename or add them, or name another skeleton."
    )


def _in_order_of(names: list[str], layout: Skeleton) -> bool:
    """Return whether names are those of a layout's joints one by one, by any word for each."""
    return len(names) == len(layout) and all(
        name == joint or name in (*_OTHER_NAMES.get(joint, ()), *_IN_ORDER.get(joint, ()))
        for name, joint in zip(names, layout.joints, strict=True)
    )


def _places(names: list[str], layout: Skeleton) -> list[int | None]:
    """Return where each joint of a layout stands among the names; the joint's own name before others."""
    free = {name: index for index, name in enumerate(names)}
    places: dict[str, int | None] = {joint: free.pop(joint, None) for joint in layout.joints}
    for joint, place in places.items():
        if place is not None or (joint == "thorax" and "upper_neck" in layout.joints):  # where "neck" means the upper neck
            continue
        other = next((name for name in _OTHER_NAMES.get(joint, ()) if name in free), None)
        # Only MPI-INF-3DHP, which names the crown, too, calls the middle of the head so.
        if joint == "nose" and other == "head" and "head_top" not in names:
            continue
        places[joint] = free.pop(other) if other else None
    return list(places.values())


def are_joints(names: tuple[str, ...]) -> bool:
    """Return whether most of the names are those of joints, rather than numbers or something else."""
    known = {joint for layout in SKELETONS.values() for joint in layout.joints}
    known |= {other for others in _OTHER_NAMES.values() for other in others}
    return sum(joint_name(name) in known for name in names) * 2 > len(names)


def _adds(own: Skeleton, layout: Skeleton) -> bool:
    """Return whether one of the 17 joints of Human3.6M is named that a layout lacks."""
    return any(joint in own.joints and joint not in layout.joints for joint in SKELETONS["h36m17"].joints)


def _own_layout(names: list[str]) -> tuple[Skeleton, list[int]] | None:
    """Return a layout of the joints that a file names, if the 17 of Human3.6M can be made of them."""
    body = Skeleton("body", ("pelvis", *_TREE), (-1, *(("pelvis", *_TREE).index(parent) for parent in _TREE.values())))
    found = {joint: place for joint, place in zip(body.joints, _places(names, body), strict=True) if place is not None}
    joints = tuple(found)
    if not joints:
        return None
    parents = []
    for joint in joints:
        parent = _TREE.get(joint)
        while parent is not None and parent not in found:
            parent = _TREE.get(parent)
        parents.append(-1 if joint == joints[0] else 0 if parent is None else joints.index(parent))
    own = Skeleton("joints of the file", joints, tuple(parents))
    return None if conversion_matrix(own, SKELETONS["h36m17"])[2] else (own, list(found.values()))
