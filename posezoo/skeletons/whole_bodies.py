"""Hands and faces of whole-body layouts, in the notation of :mod:`posezoo.skeletons.layouts`.

The points of a face are named by the pair that a mirror exchanges, so that flipping a whole body is right:
``right_face_0`` is the first point of the jaw, at the right ear, and ``left_face_0`` the last.
"""

from __future__ import annotations

# The 68 points of iBUG 300-W: those on the person's right, and which point on the left mirrors each.
_MIRRORED = {
    **{point: 16 - point for point in range(8)},  # jaw
    **{point: 43 - point for point in range(17, 22)},  # brows
    31: 35, 32: 34,  # nostrils
    36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46,  # eyes
    48: 54, 49: 53, 50: 52, 59: 55, 58: 56,  # outer lips
    60: 64, 61: 63, 67: 65,  # inner lips
    68: 69,  # pupils, in OpenPose's 70 points
}  # fmt: skip
_LEFT = {left: right for right, left in _MIRRORED.items()}


def _face(points: int) -> str:
    """Return the points of a face, all hanging on the nose."""
    names = (
        f"right_face_{point}" if point in _MIRRORED else f"left_face_{_LEFT[point]}" if point in _LEFT else f"face_{point}"
        for point in range(points)
    )
    return " ".join(f"{name}<nose" for name in names)


_DIGITS = ("thumb", "index", "middle", "ring", "pinky")

FACE68 = _face(68)
"""COCO-WholeBody's and Halpe's face."""
FACE70 = _face(70)
"""OpenPose's face, with pupils."""
FINGERS = " ".join(
    f"{{S}}_{digit}_{knuckle}<{{S}}_{f'{digit}_{knuckle - 1}' if knuckle > 1 else 'wrist'}"
    for digit in _DIGITS
    for knuckle in (1, 2, 3, 4)
)
"""Four points a finger, from the palm to the tip, ``{S}`` being the side; OpenPose's BODY_135 has no root of the hand."""
HAND = "{S}_hand_root<{S}_wrist " + FINGERS.replace("1<{S}_wrist", "1<{S}_hand_root")
"""A hand of 21 points: its root at the wrist, then the fingers."""
