"""Test that random points are told from a person, and that the layout which fits is named."""

import numpy as np
import pytest

import posezoo
from posezoo.data import load_dataset, read_keypoints
from posezoo.errors import InputError
from posezoo.poses.inspection import inspect_keypoints
from posezoo.poses.plausibility import plausibility
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import SKELETONS, convert, get_skeleton

PEOPLE = {"split": "test", "frames_per_clip": 20}


@pytest.fixture(scope="module")
def poses(people):
    return people.keypoints_2d


def in_layout(poses, name):
    """Return Human3.6M's joints in another layout; what it lacks is put near what it has."""
    layout = get_skeleton(name)
    result = convert(poses, "h36m17", layout).keypoints
    near = {"eye": "nose", "ear": "nose", "mouth": "nose", "toe": "ankle", "heel": "ankle", "foot": "ankle"}
    for place, joint in enumerate(layout.joints):
        side = joint.partition("_")[0]
        for word, other in near.items():
            if word in joint and np.isnan(result[:, place]).any():
                source = other if other == "nose" else f"{side}_{other}"
                result[:, place] = poses[:, get_skeleton("h36m17").index(source)] + [3.0 * place + 0.5, 5]
    return result


@pytest.mark.parametrize("name", ["h36m17", "coco17", "mpii16", "openpose18", "body25", "halpe26", "lsp14", "mpi3dhp17"])
def test_people_are_people(poses, name):
    found = plausibility(in_layout(poses, name), get_skeleton(name))
    assert found.is_person
    assert found.deviation < 1


@pytest.mark.parametrize(
    ("true", "assumed"),
    [
        ("coco17", "h36m17"),
        ("h36m17", "coco17"),
        ("mpi3dhp17", "coco17"),
        ("openpose18", "trtpose18"),
        ("lsp14", "common14"),
    ],
)
def test_another_layout_is_told(poses, true, assumed):
    found = plausibility(in_layout(poses, true), get_skeleton(assumed))
    assert not found.is_person
    assert set(SKELETONS[found.layout].joints) == set(get_skeleton(true).joints)
    assert "do not make a person" in found.sentence(get_skeleton(assumed))


@pytest.mark.parametrize("name", ["h36m17", "coco17", "halpe26", "mediapipe33", "mpii16"])
def test_joints_off_by_one_are_told(poses, name):
    layout, right = get_skeleton(name), in_layout(poses, name)
    assert plausibility(right, layout).order is None
    for places, words in (
        (1, "every joint one place further to the front"),
        (-1, "every joint one place further to the back"),
    ):
        found = plausibility(np.roll(right, places, axis=1), layout)
        assert not found.is_person
        assert found.layout is None or found.order == words
        assert words in found.sentence(layout) or found.layout in found.sentence(layout)


@pytest.mark.parametrize(("one", "other"), [("knee", "ankle"), ("hip", "knee"), ("shoulder", "elbow")])
def test_exchanged_joints_are_told(poses, one, other):
    layout, wrong = get_skeleton("coco17"), in_layout(poses, "coco17")
    for side in ("left", "right"):
        pair = [layout.index(f"{side}_{joint}") for joint in (one, other)]
        wrong[:, pair] = wrong[:, pair[::-1]]
    found = plausibility(wrong, layout)
    assert (found.is_person, found.order) == (False, f"{one}s and {other}s exchanged")
    with pytest.warns(UserWarning, match=f"with {one}s and {other}s exchanged they do; check the order of the joints"):
        posezoo.load("svma").predict(wrong, "coco17")


@pytest.mark.parametrize("action", ["walk", "sit", "bow", "wave", "squat"])
def test_postures_of_right_order_are_people(action):
    people = load_dataset("procedural", split="train")
    rows = [people.sequences[clip].action == action for clip in people.sequence]
    found = plausibility(people.keypoints_2d[rows], people.skeleton)
    assert found.is_person, found


def inspected(keypoints, name, size=(1000, 1002)):
    count = len(keypoints)
    clip = Sequence(image_size=size)
    data = PoseData(get_skeleton(name), keypoints.astype(np.float32), np.zeros(count, np.int32), np.arange(count), (clip,))
    return inspect_keypoints(data)


def names(inspection):
    return {finding.name for finding in inspection.findings}


def test_advice_fits_what_is_wrong(poses):
    turned = poses * [1, -1] + [0, 1000]
    assert "upside down" in names(inspected(turned, "h36m17"))
    swapped = names(inspected(poses[..., ::-1], "h36m17"))
    assert "axes" in swapped
    assert "upside down" not in swapped
    wrong = names(inspected(poses, "coco17"))
    assert "layout" in wrong
    assert not {"upside down", "sides", "axes"} & wrong


def test_units(poses):
    size = np.array([1000, 1002])
    (found,) = [f for f in inspected(poses / size, "h36m17").findings if f.name == "units"]
    assert "multiply x by its width (1000) and y by its height (1002)" in found.text
    screen = inspected(poses / 500 - [1, 1.002], "h36m17", None)
    assert (screen.units, "units" in names(screen)) == ("normalised", False)  # a lifter takes them as they are


def test_frames_out_of_order(poses):
    order = np.random.default_rng(0).permutation(len(poses))
    assert "jitter" in names(inspected(poses[order], "h36m17"))
    assert "jitter" not in names(inspected(poses[:20], "h36m17"))


def test_predict_warns(poses, recwarn):
    model = posezoo.load("svma")
    model.predict(poses[:40], "h36m17")
    model.predict(poses[:40] / 500 - [1, 1.002], "h36m17")
    assert not [str(warning.message) for warning in recwarn if warning.category is UserWarning]
    with pytest.warns(UserWarning, match="they fit h36m17: name it"):
        model.predict(poses[:40], "coco17")
    with pytest.warns(UserWarning, match="y stands before x"):
        model.predict(poses[:40, :, ::-1], "h36m17")
    with pytest.warns(UserWarning, match=r"width and height \(1000 and 1002\)"):
        model.predict(poses[:40] / [1000, 1002], "h36m17", (1000, 1002))


def test_a_count_of_several_layouts_says_which_fits(tmp_path, poses):
    np.save(tmp_path / "a.npy", poses[:40])
    with pytest.raises(InputError, match="and fits h36m17 best; name the right one"):
        read_keypoints(tmp_path / "a.npy")
