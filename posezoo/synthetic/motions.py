"""Compose named motions: joint angles as smooth functions of time, different for every repetition and person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Value = float | np.ndarray
# (flexion, abduction, inward rotation) in degrees by joint, as in `JOINT_LIMITS`; the pelvis: pitch, tilt, turn.
Angles = dict[str, tuple[Value, Value, Value]]


@dataclass(frozen=True)
class Moves:
    """Angles of a motion, added to the person's resting posture.

    Attributes:
        angles: degrees by joint, (T,) arrays or constants.
        heading: degrees turned to the left.
        lift_mm: height of both feet above the floor.
        inertia: seconds over which the pelvis evens out the passing of the weight from foot to foot.
    """

    angles: Angles
    heading: Value = 0.0
    lift_mm: Value = 0.0
    inertia: float = 0.0


def wander(
    time: np.ndarray, rng: np.random.Generator, count: int, slowest: float = 0.1, fastest: float = 0.6, terms: int = 4
) -> np.ndarray:
    """Return (count, T) smooth random signals within -1..1: a few sines with random frequencies (Hz), squashed."""
    frequency = rng.uniform(slowest, fastest, (count, terms, 1))
    phase = rng.uniform(0.0, 2 * np.pi, (count, terms, 1))
    size = rng.uniform(0.5, 1.0, (count, terms, 1))
    return np.tanh((size * np.sin(2 * np.pi * frequency * time + phase)).sum(1))


def _between(low: float, high: float, signal: np.ndarray) -> np.ndarray:
    """Return a signal of -1..1 stretched to low..high."""
    return (low + high) / 2 + (high - low) / 2 * signal


def _pulse(time: np.ndarray, rng: np.random.Generator, shortest: float, longest: float) -> np.ndarray:
    """Return (T,) back and forth between 0 and 1, resting a little longer at 1; the period is drawn, in seconds."""
    cycle = time / rng.uniform(shortest, longest) + rng.random()
    push, bias = 3.5, 0.8
    low, high = 1.0 / (1.0 + np.exp(push - bias)), 1.0 / (1.0 + np.exp(-push - bias))
    return (1.0 / (1.0 + np.exp(-push * np.sin(2 * np.pi * cycle) - bias)) - low) / (high - low)


def _bump(cycle: np.ndarray, center: float, width: float) -> np.ndarray:
    """Return a periodic bump of height 1: the von Mises function of a cycle of length 1."""
    return np.exp((np.cos(2 * np.pi * (cycle - center)) - 1.0) / (2 * np.pi * width) ** 2)


def _sides(rng: np.random.Generator) -> tuple[str, str]:
    """Return left and right, in random order."""
    return ("left", "right") if rng.random() < 0.5 else ("right", "left")


def _gait(time: np.ndarray, rng: np.random.Generator, running: bool) -> Moves:
    """Walk or run in a circle; the shape of the curves follows Winter's mean sagittal joint angles.

    A cycle begins as the right heel strikes: that hip is most flexed, its knee yields a little in stance and bends
    most in swing; each arm swings against the leg of its side, the shoulders turn against the hips.
    """
    size = rng.uniform(0.85, 1.15)
    cycle = time * (rng.uniform(1.25, 1.5) if running else rng.uniform(0.8, 1.1)) + rng.random()
    hip_mean, hip_swing, knee_yield, knee_swing = (16.0, 26.0, 28.0, 85.0) if running else (10.0, 23.0, 12.0, 54.0)
    arm_mean, arm_swing, elbow, elbow_swing = (-8.0, 32.0, 75.0, 20.0) if running else (-2.0, 20.0, 8.0, 18.0)
    lean = rng.uniform(5.0, 12.0) if running else rng.uniform(0.0, 4.0)
    elbow *= rng.uniform(0.7, 1.2)
    turn = 4.0 * size * np.cos(2 * np.pi * (cycle - 0.97))
    tilt = 3.5 * size * np.cos(2 * np.pi * (cycle - 0.8))
    angles: Angles = {
        "pelvis": (lean, tilt, turn),
        "trunk": (lean / 2, -tilt, -2.5 * turn),
        "neck": (-lean, 0.0, 1.5 * turn),
    }
    for side, start, sign in (("right", 0.0, 1.0), ("left", 0.5, -1.0)):
        step = cycle + start
        forward = np.cos(2 * np.pi * (step - 0.97))
        knee = knee_yield * _bump(step, 0.14, 0.06) + size * knee_swing * _bump(step, 0.73, 0.09)
        angles[f"{side}_hip"] = (lean + hip_mean + size * hip_swing * forward, sign * tilt - 2.0, 0.0)
        angles[f"{side}_knee"] = (knee, 0.0, 0.0)
        angles[f"{side}_shoulder"] = (arm_mean - size * arm_swing * forward, 0.0, 5.0)
        angles[f"{side}_elbow"] = (elbow + elbow_swing * (1.0 - forward) / 2, 0.0, 0.0)
    # Both feet are off the ground before each of the two heel strikes of a cycle.
    lift = 60.0 * size * ((1.0 + np.cos(2 * np.pi * (2 * cycle - 0.85))) / 2) ** 2 if running else 0.0
    rate = rng.choice([-1.0, 1.0]) * rng.uniform(40.0, 75.0) * (1.9 if running else 1.0)
    return Moves(angles, heading=rate * time, lift_mm=lift, inertia=0.07)


def walk(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Walk in a circle."""
    return _gait(time, rng, running=False)


def run(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Run in a circle."""
    return _gait(time, rng, running=True)


def wave(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Raise one hand, wave it from the elbow, and lower it."""
    raised, (side, _) = _pulse(time, rng, 2.5, 5.0), _sides(rng)
    swing = np.sin(2 * np.pi * rng.uniform(1.2, 2.2) * time) * rng.uniform(12.0, 25.0)
    return Moves(
        {
            f"{side}_shoulder": (
                raised * rng.uniform(10.0, 35.0),
                raised * rng.uniform(60.0, 100.0),
                raised * (rng.uniform(-75.0, -55.0) + swing / 2),
            ),
            f"{side}_elbow": (raised * (rng.uniform(60.0, 95.0) + swing), 0.0, 0.0),
            "trunk": (0.0, raised * rng.uniform(-4.0, 4.0), 0.0),
        }
    )


def talk(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Stand, gesture with both forearms, and look around."""
    angles: Angles = {}
    look, bend, gaze, shift = wander(time, rng, 4)
    for side in ("left", "right"):
        flex, out, turn, elbow = wander(time, rng, 4, 0.3, 1.0)
        angles[f"{side}_shoulder"] = (_between(-5.0, 40.0, flex), _between(0.0, 25.0, out), _between(-15.0, 45.0, turn))
        angles[f"{side}_elbow"] = (_between(25.0, 105.0, elbow), 0.0, 0.0)
    angles["neck"] = (8.0 * bend, 5.0 * shift, 30.0 * look)
    angles["trunk"] = (4.0 * bend, 4.0 * shift, 12.0 * gaze)
    return Moves(angles, heading=15.0 * gaze)


def reach(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Stretch one hand, at times both, to a place that changes, and take it back."""
    angles: Angles = {}
    side, other = _sides(rng)
    height, aside, stoop = wander(time, rng, 3)
    for arm, share in ((side, 1.0), (other, 1.0 if rng.random() < 0.3 else 0.15)):
        out = share * _pulse(time, rng, 2.0, 4.0)
        angles[f"{arm}_shoulder"] = (out * _between(60.0, 150.0, height), out * _between(-15.0, 50.0, aside), out * 15.0)
        angles[f"{arm}_elbow"] = (25.0 + 50.0 * out * (1.0 - out) * 2.0 - 15.0 * out, 0.0, 0.0)
        if arm == side:
            turn = out * (25.0 if side == "right" else -25.0)
            angles["trunk"] = (out * _between(0.0, 35.0, stoop), 0.0, turn)
            angles["neck"] = (out * _between(-20.0, 10.0, -height), 0.0, -turn / 2)
    return Moves(angles)


def _crouch(depth: np.ndarray, thigh: float, shank: float, lean: Value) -> Angles:
    """Bend hips and knees until thighs lie ``thigh`` and shanks ``shank`` degrees off the vertical at depth 1."""
    angles: Angles = {"pelvis": (lean, 0.0, 0.0)}
    for side in ("left", "right"):
        angles[f"{side}_hip"] = (depth * thigh + lean, 0.0, 0.0)
        angles[f"{side}_knee"] = (depth * (thigh + shank), 0.0, 0.0)
    return angles


def squat(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Bend the knees, trunk forward and arms held out for balance, and rise."""
    depth = _pulse(time, rng, 1.8, 3.5)
    angles = _crouch(depth, rng.uniform(50.0, 85.0), rng.uniform(22.0, 32.0), depth * rng.uniform(15.0, 28.0))
    angles["trunk"] = (depth * rng.uniform(5.0, 20.0), 0.0, 0.0)
    angles["neck"] = (-depth * rng.uniform(5.0, 25.0), 0.0, 0.0)
    arms = rng.uniform(60.0, 110.0)
    for side in ("left", "right"):
        angles[f"{side}_shoulder"] = (depth * arms, 0.0, depth * 15.0)
    return Moves(angles)


def sit(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Sit down on an imagined chair, hands towards the lap, and rise; the trunk leans forward on the way."""
    down = _pulse(time, rng, 4.0, 8.0)
    on_the_way = 4.0 * down * (1.0 - down)
    angles = _crouch(
        down, rng.uniform(78.0, 90.0), rng.uniform(-4.0, 12.0), 22.0 * on_the_way + down * rng.uniform(-8.0, 6.0)
    )
    angles["trunk"] = (15.0 * on_the_way + down * rng.uniform(0.0, 15.0), 0.0, 0.0)
    look, left, right = wander(time, rng, 3)
    angles["neck"] = (-10.0 * on_the_way, 0.0, 25.0 * look)
    for side, signal in (("left", left), ("right", right)):
        angles[f"{side}_shoulder"] = (down * _between(15.0, 40.0, signal), 0.0, down * rng.uniform(10.0, 35.0))
        angles[f"{side}_elbow"] = (down * _between(35.0, 75.0, signal), 0.0, 0.0)
    return Moves(angles)


def jumping_jack(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Move legs and arms out and in, with a hop each way."""
    cycle = time * rng.uniform(0.8, 1.15) + rng.random()
    out = (1.0 - np.cos(2 * np.pi * cycle)) / 2
    landing = np.cos(2 * np.pi * cycle) ** 2
    arms, legs, yielding = rng.uniform(120.0, 155.0), rng.uniform(15.0, 27.0), landing * rng.uniform(10.0, 25.0)
    angles: Angles = {"pelvis": (yielding * 0.2, 0.0, 0.0)}
    for side in ("left", "right"):
        angles[f"{side}_shoulder"] = (10.0 * out, arms * out, -20.0 * out)
        angles[f"{side}_hip"] = (yielding * 0.7, legs * out, 0.0)
        angles[f"{side}_knee"] = (yielding, 0.0, 0.0)
    return Moves(angles, lift_mm=rng.uniform(50.0, 120.0) * (1.0 - landing))


def bow(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Bend forward from hips and back, arms hanging, and rise."""
    down = _pulse(time, rng, 2.2, 4.5)
    hips, back = rng.uniform(15.0, 50.0), rng.uniform(15.0, 50.0)
    angles = _crouch(down, 10.0, rng.uniform(-8.0, 5.0), down * hips)
    angles["trunk"] = (down * back, 0.0, down * rng.uniform(-15.0, 15.0))
    angles["neck"] = (down * rng.uniform(-20.0, 20.0), 0.0, 0.0)
    for side in ("left", "right"):
        angles[f"{side}_shoulder"] = (down * (hips + back) * rng.uniform(0.7, 1.1), down * rng.uniform(0.0, 15.0), 0.0)
    return Moves(angles)


def dance(time: np.ndarray, rng: np.random.Generator) -> Moves:
    """Move every joint smoothly at random, while turning about."""
    trunk, bend, twist, nod, aside, look, turn = wander(time, rng, 7)
    angles: Angles = {
        "pelvis": (_between(-3.0, 12.0, trunk), 6.0 * bend, 0.0),
        "trunk": (_between(-10.0, 35.0, trunk), 20.0 * bend, 30.0 * twist),
        "neck": (20.0 * nod, 15.0 * aside, 40.0 * look),
    }
    for side in ("left", "right"):
        flex, out, inward, elbow = wander(time, rng, 4)
        thigh, spread, toes, knee = wander(time, rng, 4, fastest=0.4)
        angles[f"{side}_shoulder"] = (_between(-35.0, 120.0, flex), _between(0.0, 110.0, out), _between(-60.0, 50.0, inward))
        angles[f"{side}_elbow"] = (_between(10.0, 120.0, elbow), 0.0, 0.0)
        # The knee bends about twice as far as the thigh, so that the foot stays under the body.
        angles[f"{side}_hip"] = (_between(-10.0, 50.0, thigh), _between(-4.0, 20.0, spread), 20.0 * toes)
        angles[f"{side}_knee"] = (_between(0.0, 95.0, 0.8 * thigh + 0.2 * knee), 0.0, 0.0)
    return Moves(angles, heading=120.0 * turn, inertia=0.07)


MOTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], Moves]] = {
    motion.__name__: motion for motion in (walk, run, wave, talk, reach, squat, sit, jumping_jack, bow, dance)
}
"""Every motion by name: ``motion(time in seconds (T,), generator) -> Moves``."""
