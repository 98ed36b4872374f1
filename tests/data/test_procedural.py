"""Test procedural people: anatomy and motion measured on positions alone, cameras against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from posezoo.data import load_dataset
from posezoo.data.procedural import MOTIONS, SUBJECTS, procedural_body, procedural_dataset, procedural_motion
from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import Camera, h36m_cameras
from posezoo.poses.views import concatenate, see_motion
from posezoo.skeletons import get_skeleton
from posezoo.synthetic.body import JOINT_LIMITS, SKELETON, stand_on_floor

ACTIONS = sorted(MOTIONS)
J = {name: index for index, name in enumerate(SKELETON.joints)}
TOLERANCE = 0.1  # degrees, of float32 positions


def clips(action: str, count: int = 4, frames: int = 90) -> np.ndarray:
    return np.stack([procedural_motion(action, frames, seed).astype(np.float64) for seed in range(count)])


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1)


def bone(world: np.ndarray, parent: str, child: str) -> np.ndarray:
    return unit(world[..., J[child], :] - world[..., J[parent], :])


def bend(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return degrees between two bones; the arctangent is exact near zero, where the arccosine is not."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second), axis=-1), dot(first, second)))


def shoulder_angles(world: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (flexion, abduction) of the upper arm against the chest, and which way the elbow turns, in degrees."""
    right, up = bone(world, "left_shoulder", "right_shoulder"), bone(world, "spine", "thorax")
    chest = np.stack([right, np.cross(up, right), up], axis=-2)
    upper = (chest @ bone(world, f"{side}_shoulder", f"{side}_elbow")[..., None])[..., 0]
    fore = (chest @ bone(world, f"{side}_elbow", f"{side}_wrist")[..., None])[..., 0]
    down = np.broadcast_to([0.0, 0.0, -1.0], upper.shape)
    axis = np.cross(down, upper)
    angle = np.radians(bend(down, upper))[..., None]
    swing = np.degrees(angle) * axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-12)
    # Turn the arm back to hanging (Rodrigues with the opposite angle): where the forearm then points is the twist.
    k = unit(np.where(np.abs(axis).sum(-1, keepdims=True) > 1e-9, axis, [1.0, 0.0, 0.0]))
    hanging = fore * np.cos(angle) - np.cross(k, fore) * np.sin(angle) + k * dot(k, fore)[..., None] * (1 - np.cos(angle))
    outward = 1.0 if side == "right" else -1.0
    twist = np.degrees(np.arctan2(-outward * hanging[..., 0], hanging[..., 1]))
    return swing[..., 0], -outward * swing[..., 1], twist


@pytest.mark.parametrize("action", ACTIONS)
def test_knees_and_elbows_bend_the_right_way_and_not_too_far(action):
    world = clips(action)
    across = bone(world, "left_hip", "right_hip")
    for side in ("left", "right"):
        thigh, shank = bone(world, f"{side}_hip", f"{side}_knee"), bone(world, f"{side}_knee", f"{side}_ankle")
        knee = bend(thigh, shank)
        assert knee.max() <= JOINT_LIMITS["knee"][0][1] + TOLERANCE
        backward = dot(np.cross(shank, thigh), across)
        assert (backward[knee > 3.0] > 0).all(), "a knee bends forward"

        upper, fore = bone(world, f"{side}_shoulder", f"{side}_elbow"), bone(world, f"{side}_elbow", f"{side}_wrist")
        elbow = bend(upper, fore)
        assert elbow.max() <= JOINT_LIMITS["elbow"][0][1] + TOLERANCE
        low, high = JOINT_LIMITS["shoulder"][2]
        _, _, twist = shoulder_angles(world, side)
        clear = twist[elbow > 3.0]
        assert low - 1.0 <= clear.min(initial=0.0), "an elbow bends outward or backward"
        assert clear.max(initial=0.0) <= high + 1.0, "an elbow bends inward or backward"


@pytest.mark.parametrize("action", ACTIONS)
def test_shoulders_and_neck_stay_within_their_limits(action):
    world = clips(action)
    for side in ("left", "right"):
        for angle, (low, high) in zip(shoulder_angles(world, side)[:2], JOINT_LIMITS["shoulder"][:2], strict=True):
            assert low - TOLERANCE <= angle.min()
            assert angle.max() <= high + TOLERANCE
    # Thighs against the lower trunk, half of whose bend the lumbar spine may add.
    spread = bend(bone(world, "left_hip", "left_knee"), bone(world, "right_hip", "right_knee"))
    assert spread.max() <= 150.0
    assert bend(bone(world, "pelvis", "spine"), bone(world, "spine", "thorax")).max() <= JOINT_LIMITS["trunk"][0][1] / 2


@pytest.mark.parametrize("joint", ["left_hip", "right_hip"])
@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_hips_are_held_at_their_limits_whatever_a_motion_asks(joint, column, sign):
    asked = np.zeros((2, 3))
    asked[:, column] = sign * 170.0
    still = np.zeros(2)
    world = stand_on_floor(procedural_body(0), {joint: asked}, still, still).numpy()
    thigh = bone(world, joint, joint.replace("hip", "knee"))[0]
    outward = 1.0 if joint.startswith("right") else -1.0
    # Facing world y with an upright pelvis: flexion takes the thigh to +y, abduction outwards.
    found = np.degrees(np.arctan2(thigh[1] if column == 0 else outward * thigh[0], -thigh[2]))
    assert found == pytest.approx(JOINT_LIMITS["hip"][column][0 if sign < 0 else 1], abs=TOLERANCE)


@pytest.mark.parametrize("action", ACTIONS)
def test_bones_keep_their_length_and_are_alike_left_and_right(action):
    for world in clips(action):
        lengths = {
            (parent, child): np.linalg.norm(world[:, child] - world[:, parent], axis=-1) for parent, child in SKELETON.bones
        }
        for (parent, child), length in lengths.items():
            assert np.ptp(length) < 0.01, (SKELETON.joints[parent], SKELETON.joints[child])
        for left, right in SKELETON.bone_pairs:
            np.testing.assert_allclose(lengths[left], lengths[right], atol=0.01)


def test_bodies_have_human_proportions():
    bodies = [procedural_body(seed) for seed in range(100)]
    stature = np.array([body.stature_mm for body in bodies])
    assert 1550 <= stature.min() < 1650
    assert 1850 < stature.max() <= 1950
    standing = [stand_on_floor(body, {"trunk": np.zeros((1, 3))}, np.zeros(1), np.zeros(1))[0].numpy() for body in bodies]
    for body, pose in zip(bodies, standing, strict=True):
        assert pose[J["head_top"], 2] == pytest.approx(body.stature_mm)
        assert 0.45 < pose[J["right_hip"], 2] / body.stature_mm < 0.60
        assert 0.33 * body.stature_mm > np.linalg.norm(pose[J["left_shoulder"]] - pose[J["left_wrist"]]) * 0.9
        assert pose[J["right_wrist"], 0] > 0 > pose[J["left_wrist"], 0]  # facing y, the right hand is on the side of x
        assert pose[J["nose"], 1] > 0


@pytest.mark.parametrize("action", ACTIONS)
def test_feet_are_on_the_floor_and_do_not_slide(action):
    for seed in range(4):
        world = procedural_motion(action, 90, seed).astype(np.float64)
        ankle_height = procedural_body(seed).ankle_height_mm
        ankles = world[:, [J["right_ankle"], J["left_ankle"]]]
        lowest = ankles[..., 2].min(1)
        assert lowest.min() > ankle_height - 0.01
        assert lowest.min() < ankle_height + (15.0 if action == "run" else 3.0), "nobody touches the ground"
        if action in ("run", "jumping_jack"):
            assert lowest.max() > ankle_height + 20.0, "nobody leaves the ground"
        else:
            # The heels of those who walk and dance may rise a little as the weight passes from foot to foot.
            steps = action in ("walk", "dance")
            assert np.median(lowest) < ankle_height + (15.0 if steps else 0.01)
            assert lowest.max() < ankle_height + (100.0 if steps else 0.01)
            # Where one foot bears all the weight, it hardly moves.
            alone = np.abs(np.diff(ankles[..., 2], axis=1))[:, 0] > 120.0
            both = alone[1:] & alone[:-1] & (ankles[1:, :, 2].argmin(1) == ankles[:-1, :, 2].argmin(1))
            step = np.linalg.norm(np.diff(ankles[..., :2], axis=0), axis=-1)[np.arange(89), ankles[1:, :, 2].argmin(1)]
            assert not both.any() or step[both].mean() < 25.0
        assert np.abs(world[..., :2]).max() < 2600.0, "the person walks off"


@pytest.mark.parametrize("action", ACTIONS)
def test_heads_are_above_hips_and_motion_is_smooth(action):
    world = clips(action)
    above = world[..., J["head_top"], 2] > world[..., [J["left_hip"], J["right_hip"]], 2].max(-1)
    assert above.mean() > (0.8 if action == "bow" else 0.999)
    upright = dot(bone(world, "pelvis", "thorax"), np.array([0.0, 0.0, 1.0]))
    assert (upright > 0.5).mean() > (0.3 if action == "bow" else 0.9)
    # No hand or foot is faster than 15 m/s, none jumps: the fastest punches are about 10 m/s.
    assert np.linalg.norm(np.diff(world, axis=1), axis=-1).max() * 30 / 1000 < 15.0
    assert np.ptp(world - world[:, :, :1], axis=1).max() > 100.0, "nothing moves"


def test_arms_swing_against_legs_and_running_is_faster_than_walking():
    speed = {}
    for action in ("walk", "run"):
        world = clips(action, count=8)
        right = bone(world, "left_hip", "right_hip")
        forward = unit(np.cross([0.0, 0.0, 1.0], right))
        for side in ("left", "right"):
            foot = dot(world[:, :, J[f"{side}_ankle"]] - world[:, :, J["pelvis"]], forward)
            hand = dot(world[:, :, J[f"{side}_wrist"]] - world[:, :, J[f"{side}_shoulder"]], forward)
            assert all(np.corrcoef(f, h)[0, 1] < -0.5 for f, h in zip(foot, hand, strict=True))
        travelled = np.diff(world[:, :, J["pelvis"]], axis=1)
        assert (dot(travelled, forward[:, 1:]).mean(1) > 0).all(), "somebody walks backwards"
        speed[action] = np.linalg.norm(travelled[..., :2], axis=-1).mean(1) * 30 / 1000
    assert speed["walk"].min() > 0.6
    assert speed["walk"].max() < 2.0
    assert speed["run"].min() > speed["walk"].max()


def test_same_seed_same_motion_and_global_state_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first, again = procedural_motion("dance", 40, 5), procedural_motion("dance", 40, 5)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(before, np.random.get_state()[1])
    assert first.dtype == np.float32
    assert np.abs(first - procedural_motion("dance", 40, 6)).max() > 100.0
    other_body = procedural_motion("dance", 40, 5, body_seed=6)
    assert np.abs(bone(first, "left_hip", "left_knee") - bone(other_body, "left_hip", "left_knee")).max() < 0.2
    assert abs(np.linalg.norm(first[0, 2] - first[0, 1]) - np.linalg.norm(other_body[0, 2] - other_body[0, 1])) > 0.1
    data = [procedural_dataset("val", actions=["sit", "run"], frames_per_clip=8, noise_px=2.0, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(data[0].keypoints_2d, data[1].keypoints_2d)
    np.testing.assert_array_equal(data[0].pose_3d, data[1].pose_3d)


def test_splits_share_neither_subjects_nor_bodies_nor_motions():
    splits = {
        split: procedural_dataset(split, actions=["walk", "dance"], trials=2, frames_per_clip=4, views=(0,))
        for split in SUBJECTS
    }
    seen: dict[str, set] = {}
    for split, data in splits.items():
        assert set(data.subject.tolist()) == set(SUBJECTS[split])
        root = data.pose_3d.astype(np.float64)
        lengths = np.stack(
            [np.linalg.norm(root[:, child] - root[:, parent], axis=-1) for parent, child in SKELETON.bones], axis=1
        )
        bodies = {tuple(row) for row in lengths[:, [1, 2, 7]].round(0).tolist()}
        seen[split] = bodies
        # One body a subject and trial (millimetres may be rounded two ways), the same in all its actions.
        shapes = {
            tuple(row)
            for row in np.stack([lengths[data.sequence == i].mean(0) for i in range(len(data.sequences))]).round(1)
        }
        assert 2 * len(SUBJECTS[split]) <= len(shapes) <= 4 * len(SUBJECTS[split]) * 2
    assert not seen["train"] & seen["val"]
    assert not seen["train"] & seen["test"]
    assert not seen["val"] & seen["test"]
    thighs = [unit(data.pose_3d[:, 2] - data.pose_3d[:, 1]) for data in splits.values()]
    assert all(np.abs(a[:, None] - b[None]).sum(-1).min() > 0 for i, a in enumerate(thighs) for b in thighs[i + 1 :])


def test_dataset_agrees_with_opencv_and_says_what_it_is():
    data = procedural_dataset("test", frames_per_clip=12)
    assert data.keypoints_2d.dtype == data.pose_3d.dtype == np.float32
    assert set(data.action.tolist()) == set(MOTIONS)
    assert set(data.view.tolist()) == {0, 1, 2, 3}
    for clip, part in data.by_sequence():
        camera = clip.camera
        expected, _ = cv2.projectPoints(
            part.pose_3d.reshape(-1, 3).astype(np.float64),
            np.zeros(3),
            np.zeros(3),
            camera.K.numpy(),
            camera.distortion.numpy(),
        )
        np.testing.assert_allclose(part.keypoints_2d.reshape(-1, 2), expected[:, 0], atol=1e-2)
        width, height = clip.image_size
        assert (part.keypoints_2d >= 0).all()
        assert (part.keypoints_2d <= [width - 1, height - 1]).all()
        assert clip.fps == 30.0
        assert clip.trial == "1"
        assert camera.name == h36m_cameras(clip.subject)[clip.view].name
        # People are upright in the image, too.
        if clip.action != "bow":
            assert (part.keypoints_2d[:, J["head_top"], 1] < part.keypoints_2d[:, J["pelvis"], 1]).all()


def test_noise_is_gaussian_and_on_the_2d_only():
    clean = procedural_dataset("test", actions=["talk"], frames_per_clip=60, seed=1)
    noisy = procedural_dataset("test", actions=["talk"], frames_per_clip=60, seed=1, noise_px=5.0)
    np.testing.assert_array_equal(clean.pose_3d, noisy.pose_3d)
    residual = noisy.keypoints_2d - clean.keypoints_2d
    assert residual.std() == pytest.approx(5.0, rel=0.05)
    assert abs(residual.mean()) < 0.1


def camera_ahead(**changes) -> Camera:
    """Return a camera at the world's origin that looks along world y, upright."""
    rotation = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    lens = torch.tensor([[1000.0, 0.0, 500.0], [0.0, 1000.0, 500.0], [0.0, 0.0, 1.0]])
    return Camera(**({"K": lens, "R": rotation, "t": torch.zeros(3), "image_size": (1000, 1000)} | changes))


def test_frames_that_leave_the_image_or_go_behind_the_camera_are_dropped():
    world = np.zeros((6, 17, 3))
    world[..., 1] = 4000.0
    world[1, 3, 0] = 2100.0  # one joint right of the image
    world[2, 5, 2] = -2100.0  # one below it
    world[3, :, 1] = -4000.0  # behind
    world[4, 9, 1] = -1.0  # one joint behind
    data = see_motion(world, [camera_ahead()] * 2, SKELETON, subject="S", action="a", trial="t", fps=25.0, views=(1,))
    assert data.frame.tolist() == [0, 5]
    assert data.sequences[0].view == 1
    assert data.sequences[0].fps == 25.0
    nobody = see_motion(world[3:4], [camera_ahead()], SKELETON, subject="S", action="a", trial="t", fps=25.0, views=(0,))
    assert len(nobody) == 0
    assert nobody.sequences == ()


def test_rays_that_distortion_folds_back_into_the_image_are_not_seen():
    world = np.zeros((2, 17, 3))
    world[..., 1] = 1000.0
    world[1, :, 0] = 2100.0  # 65 degrees off the axis, where r (1 - 0.22 r^2) has come back to 0.06
    lens = camera_ahead(distortion=torch.tensor([-0.22, 0.0, 0.0, 0.0, 0.0]))
    assert 0 < float(lens.project(torch.from_numpy(world[1, :1]))[0, 0]) < 1000
    data = see_motion(world, [lens], SKELETON, subject="S", action="a", trial="t", fps=25.0, views=(0,))
    assert data.frame.tolist() == [0]


def test_bad_motion_and_bad_rigs_are_refused():
    says = {"subject": "S", "action": "a", "trial": "t", "fps": 25.0}
    good = np.zeros((2, 17, 3)) + [0.0, 3000.0, 0.0]
    with pytest.raises(InputError, match=r"\(2, 16, 3\)"):
        see_motion(good[:, :16], [camera_ahead()], SKELETON, **says)
    with pytest.raises(InputError, match="NaN"):
        see_motion(np.full((2, 17, 3), np.nan), [camera_ahead()], SKELETON, **says)
    with pytest.raises(InputError, match="view 3"):
        see_motion(good, [camera_ahead()], SKELETON, views=(3,), **says)
    with pytest.raises(InputError, match="image_size"):
        see_motion(good, [camera_ahead(image_size=None)], SKELETON, views=(0,), **says)


def test_concatenation_shifts_the_sequences_and_checks_what_it_is_given():
    parts = [procedural_dataset("test", actions=[action], frames_per_clip=3) for action in ("walk", "sit")]
    both = concatenate(parts)
    assert both.action.tolist() == parts[0].action.tolist() + parts[1].action.tolist()
    np.testing.assert_array_equal(both.pose_3d[len(parts[0]) :], parts[1].pose_3d)
    assert len(both.sequences) == 16
    with pytest.raises(InputError, match="nothing"):
        concatenate([])
    unlabelled = type(both)(both.skeleton, both.keypoints_2d, both.sequence, both.frame, both.sequences)
    with pytest.raises(InputError, match="pose_3d"):
        concatenate([both, unlabelled])
    assert concatenate([unlabelled, unlabelled]).pose_3d is None
    coco = type(both)(get_skeleton("coco17"), both.keypoints_2d, both.sequence, both.frame, both.sequences)
    with pytest.raises(InputError, match="coco17, h36m17"):
        concatenate([unlabelled, coco])


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: procedural_motion("walks", 10, 0), UnknownNameError, "did you mean walk"),
        (lambda: procedural_motion("walk", 0, 0), InputError, "0 frames"),
        (lambda: procedural_motion("walk", 10, -1), InputError, "seed -1"),
        (lambda: procedural_dataset("dev"), UnknownNameError, "split"),
        (lambda: procedural_dataset("test", subjects=["S1"]), UnknownNameError, "test subject"),
        (lambda: procedural_dataset("test", actions=["fly"]), UnknownNameError, "action"),
        (lambda: procedural_dataset("test", noise_px=-1.0), InputError, "noise_px"),
        (lambda: load_dataset("procedural", frames_per_clip=1.5), InputError, "frames_per_clip=1.5"),
        (lambda: load_dataset("procedural", actions="walks"), UnknownNameError, "did you mean walk"),
        (lambda: load_dataset("procedural", path="people.h5"), InputError, "needs no file"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_bad_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
