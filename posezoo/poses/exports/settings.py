"""Hold the settings of exported motions: rate, size, body, floor, axes and names."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from posezoo.errors import InputError

UNITS_MM = {"m": 1000.0, "cm": 10.0, "mm": 1.0}
UPS = ("y", "z")
MARKERS = ("skeleton", "pose2sim")


@dataclass(frozen=True)
class MotionSettings:
    """Settings of :meth:`posezoo.data.Prediction.save` for the files of one person's motion, ``.bvh`` and ``.trc``.

    Attributes:
        fps: frames per second, where the prediction does not say it.
        height_mm: the person's stature, of predictions without a scale; 1700 where not given.
        level: turn the motion so that gravity points down: True estimates gravity from a person who stands or walks most of
            the time, a number is the angle in radians by which the camera looks down. Of camera-frame predictions only.
        floor: put the lowest foot at height 0, in every frame of root-relative poses, of the whole clip otherwise. Where not
            given, root-relative poses are put on the floor, and poses in a world frame keep their place.
        one_body: give every frame the same bones, alike on both sides. BVH has one body in any case. Where not given,
            predictions without a scale get one, and measured poses in mm stay as they are in TRC.
        unit: ``m``, ``cm`` or ``mm``; BVH in m and TRC in mm where not given. Blender takes a BVH unit for a metre.
        up: the axis that points up, ``y`` or ``z``.
        markers: names of TRC's markers: ``skeleton``, or ``pose2sim`` for those of Pose2Sim's and OpenSim's models.

    Raises:
        InputError: a value that cannot be.
    """

    fps: float | int | None = None
    height_mm: float | int | None = None
    level: bool | float | int = False
    floor: bool | None = None
    one_body: bool | None = None
    unit: str | None = None
    up: str = "y"
    markers: str = "skeleton"

    def __post_init__(self) -> None:
        for name, known in (("unit", (None, *UNITS_MM)), ("up", UPS), ("markers", MARKERS)):
            if getattr(self, name) not in known:
                choices = " or ".join(str(value) for value in known if value is not None)
                raise InputError(f"{name} is {getattr(self, name)!r}; expected {choices}.")
        if not isinstance(self.level, bool) and not abs(self.level) <= math.pi / 2:
            raise InputError(f"level is {self.level}; expected True, or the camera's pitch in radians, -pi/2 to pi/2.")

    @property
    def pitch(self) -> float | None:
        """The camera's pitch in radians; None where it is to be estimated or nothing is to be levelled."""
        return None if isinstance(self.level, bool) else float(self.level)

    @property
    def levels(self) -> bool:
        """Whether the motion is turned upright; a pitch of 0 counts as asked for, although it turns nothing."""
        return self.level is True or self.pitch is not None

    def changed(self) -> tuple[str, ...]:
        """Return the names of the settings other than the rate that differ from their defaults."""
        return tuple(f.name for f in fields(self) if f.name != "fps" and getattr(self, f.name) != f.default)
