"""Synthetic people in motion, and a dataset of them seen by the cameras of Human3.6M."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import h36m_cameras
from posezoo.poses.posedata import PoseData
from posezoo.poses.views import concatenate, see_motion
from posezoo.synthetic.body import SKELETON, Body, random_body, stand_on_floor
from posezoo.synthetic.motions import MOTIONS, wander

FPS = 30.0

# The subject whose camera calibration a split has, and its people; no two splits share a body or a motion.
SUBJECTS: dict[str, tuple[str, ...]] = {"train": ("S1", "S5", "S6", "S7"), "val": ("S8",), "test": ("S9", "S11")}
_BODY, _HABIT, _MOTION, _NOISE = range(4)

Seed = int | tuple[int, ...]


def _generator(stream: int, seed: Seed) -> np.random.Generator:
    """Return a generator of its own for every purpose and seed."""
    parts = (seed,) if isinstance(seed, int) else seed
    if any(part < 0 for part in parts):
        raise InputError(f"seed {seed}; expected whole numbers from 0 upwards.")
    # NumPy pads short seeds with zeros, so the count keeps (1,) and (1, 0) apart.
    return np.random.default_rng([stream, len(parts), *parts])


def _posture(rng: np.random.Generator) -> dict[str, tuple[float, float, float]]:
    """Return the angles of a person who just stands, degrees by joint."""
    posture = {
        "trunk": (rng.uniform(-3.0, 8.0), rng.uniform(-2.0, 2.0), 0.0),
        "neck": (rng.uniform(-5.0, 12.0), 0.0, 0.0),
    }
    arms, turned, bent = rng.uniform(4.0, 14.0), rng.uniform(0.0, 20.0), rng.uniform(5.0, 20.0)
    stance, toes, knees = rng.uniform(1.0, 6.0), rng.uniform(-12.0, 0.0), rng.uniform(2.0, 7.0)
    for side in ("left", "right"):
        posture[f"{side}_shoulder"] = (rng.uniform(-4.0, 8.0), arms, turned)
        posture[f"{side}_elbow"] = (bent, 0.0, 0.0)
        posture[f"{side}_hip"] = (knees / 2, stance, toes)
        posture[f"{side}_knee"] = (knees, 0.0, 0.0)
    return posture


def procedural_body(seed: Seed) -> Body:
    """Return the person that a seed stands for: stature and proportions."""
    return random_body(_generator(_BODY, seed))


def procedural_motion(
    action: str, frames: int, seed: Seed, *, body_seed: Seed | None = None, fps: float | int = FPS
) -> Float32[np.ndarray, "frames 17 3"]:
    """Draw a synthetic person in motion, heading anywhere, around the world's origin.

    All joints keep the anatomical limits of :data:`JOINT_LIMITS`, bones their length, feet the floor.

    Args:
        action: a name in :data:`MOTIONS`.
        frames: how many.
        seed: of the motion: how fast, how far, which hand, which way.
        body_seed: of the person: shape and resting posture; ``seed`` where not given.
        fps: frames per second.

    Returns:
        (frames, 17, 3) mm, h36m17, world frame (z up, floor at 0). The same seeds give the same array.

    Raises:
        UnknownNameError: no such action.
        InputError: no frames, or a negative seed or rate.

    Example:
        >>> motion = procedural_motion("walk", frames=30, seed=1)
        >>> motion.shape, bool((motion[:, 10, 2] > motion[:, 0, 2]).all())  # the crown is above the pelvis
        ((30, 17, 3), True)
    """
    if action not in MOTIONS:
        raise UnknownNameError.of("action", action, MOTIONS)
    if frames < 1 or fps <= 0:
        raise InputError(f"{frames} frames at {fps} per second; expected positive numbers.")
    body_seed = seed if body_seed is None else body_seed
    posture = _posture(_generator(_HABIT, body_seed))
    rng = _generator(_MOTION, seed)
    time = np.arange(frames) / fps
    moves = MOTIONS[action](time, rng)
    joints = ["pelvis", *posture]
    # People never stand quite still: every angle sways slowly by a degree or two.
    sway = dict(zip(joints, 1.5 * wander(time, rng, 3 * len(joints)).reshape(len(joints), 3, frames), strict=True))
    angles = {}
    for joint in joints:
        columns = zip(posture.get(joint, (0.0,) * 3), moves.angles.get(joint, (0.0,) * 3), sway[joint], strict=True)
        angles[joint] = np.stack([rest + move + drift for rest, move, drift in columns], axis=-1)
    heading = rng.uniform(0.0, 360.0) + np.broadcast_to(moves.heading, time.shape)
    lift = np.broadcast_to(moves.lift_mm, time.shape).copy()
    world = stand_on_floor(procedural_body(body_seed), angles, heading, lift, inertia=round(moves.inertia * fps))
    world[..., :2] += world.new_tensor(rng.uniform(-250.0, 250.0, 2))
    return world.float().numpy()


def procedural_dataset(
    split: str = "train",
    *,
    subjects: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
    trials: int = 1,
    frames_per_clip: int = 90,
    views: tuple[int, ...] = (0, 1, 2, 3),
    seed: int = 0,
    noise_px: float | int = 0.0,
) -> PoseData:
    """Draw synthetic people before the four cameras of Human3.6M, lens distortion included; no file is needed.

    Every trial is another body. Splits share neither bodies nor motions, whatever the seed.

    Args:
        split: ``"train"``, ``"val"`` or ``"test"``.
        subjects: which of the split's subjects (their calibrations); all of them where not given.
        actions: names in :data:`MOTIONS`; all of them where not given.
        trials: clips of every action by every subject.
        frames_per_clip: at 30 frames per second; frames in which a joint leaves the image are dropped.
        views: which of the four cameras.
        seed: another one gives other people.
        noise_px: standard deviation of Gaussian noise on the 2D keypoints.

    Returns:
        2D in pixels, 3D in mm in each camera's frame, h36m17.

    Raises:
        UnknownNameError: no such split, subject or action.
        InputError: a count below 1, or negative noise.

    Example:
        >>> data = procedural_dataset("test", actions=["wave"], frames_per_clip=20)
        >>> len(data), sorted(set(data.subject.tolist())), data.keypoints_2d.shape[1:]
        (160, ['S11', 'S9'], (17, 2))
    """
    if split not in SUBJECTS:
        raise UnknownNameError.of("split", split, SUBJECTS)
    counts = (trials, frames_per_clip)
    if not all(isinstance(count, int) and count >= 1 for count in counts) or not noise_px >= 0:
        raise InputError(
            f"trials={trials!r}, frames_per_clip={frames_per_clip!r}, noise_px={noise_px}; expected whole numbers of 1 or "
            "more, and 0 or more."
        )
    for subject in subjects or ():
        if subject not in SUBJECTS[split]:
            raise UnknownNameError.of(f"{split} subject", subject, SUBJECTS[split])
    parts = []
    for subject in subjects or SUBJECTS[split]:
        cameras = h36m_cameras(subject)
        for trial in range(1, trials + 1):
            person = (list(SUBJECTS).index(split), seed, SUBJECTS[split].index(subject), trial)
            for action in actions or MOTIONS:
                if action not in MOTIONS:
                    raise UnknownNameError.of("action", action, MOTIONS)
                motion_seed = (*person, list(MOTIONS).index(action))
                world = procedural_motion(action, frames_per_clip, motion_seed, body_seed=person)
                parts.append(
                    see_motion(
                        world, cameras, SKELETON, subject=subject, action=action, trial=str(trial), fps=FPS, views=views
                    )
                )
    data = concatenate(parts)
    if noise_px:
        rng = _generator(_NOISE, (list(SUBJECTS).index(split), seed))
        data.keypoints_2d[...] += rng.normal(0.0, noise_px, data.keypoints_2d.shape).astype(np.float32)
    return data
