"""Test ``posezoo data check``: no finding for correct people, the right finding for each kind of damage."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from posezoo.cli import main
from posezoo.formats.keypoints import inspect_keypoints, read_keypoints
from posezoo.poses.sides import exchanged_frames, sides_agreement
from posezoo.skeletons import convert, get_skeleton
from tests.conftest import POSEZOO_DATA
from tests.formats.keypoint_samples import SIZE, WRITERS

PEOPLE = {"split": "test"}

MPII = POSEZOO_DATA / "mpii"


def names(data):
    return [finding.name for finding in inspect_keypoints(data).findings]


def mirrored(data, rows=slice(None)):
    """Exchange left and right in some rows."""
    keypoints = data.keypoints_2d.copy()
    keypoints[rows] = keypoints[rows][:, list(data.skeleton.mirror)]
    return replace(data, keypoints_2d=keypoints)


def in_layout(data, layout):
    keypoints = convert(data.keypoints_2d, data.skeleton, layout).keypoints
    return replace(data, skeleton=get_skeleton(layout), keypoints_2d=keypoints, pose_3d=None)


def test_correct_people_raise_no_suspicion(people):
    found = inspect_keypoints(people)
    assert found.findings == ()
    assert (found.poses, found.joints, found.skeleton, found.units) == (len(people), 17, "h36m17", "pixels")
    assert found.sequences == len(people.sequences)
    assert found.people == len(set(people.subject))
    assert (found.missing, found.confidence, found.exchanged, found.duplicates) == ({}, None, 0, 0)
    assert found.x == (people.keypoints_2d[..., 0].min(), people.keypoints_2d[..., 0].max())
    assert found.image_sizes == ((1000, 1000), (1000, 1002))


@pytest.mark.parametrize("layout", ["h36m17", "coco17", "lsp14", "mpii16", "body25"])
def test_exchanged_sides_are_seen_in_every_layout(people, layout):
    data = people if layout == "h36m17" else in_layout(people, layout)
    assert "sides" not in names(data)
    assert "sides" in names(mirrored(data))
    # y up and sides exchanged are two findings.
    height = np.asarray([0, 1000], dtype=np.float32)
    flipped = replace(data, keypoints_2d=height + data.keypoints_2d * np.float32([1, -1]))
    assert {"upside down", "sides"} & set(names(flipped)) == {"upside down"}
    assert {"upside down", "sides"} <= set(names(mirrored(flipped)))


def test_the_agreement_of_exchanged_sides_is_the_complement(people):
    agree, votes = sides_agreement(people.keypoints_2d, people.skeleton)
    assert agree > 0.9
    swapped, same = sides_agreement(mirrored(people).keypoints_2d, people.skeleton)
    assert same == votes > 1000
    assert swapped < 0.1
    # A picture turned over and its labels with it is another correct picture.
    turned = mirrored(people).keypoints_2d * np.float32([-1, 1])
    assert sides_agreement(turned, people.skeleton)[0] == pytest.approx(agree, abs=1e-3)


def test_too_few_poses_tell_nothing(people):
    assert np.isnan(sides_agreement(people.keypoints_2d[:20], people.skeleton)[0])
    assert "sides" not in names(mirrored(people[:20]))


def test_no_clip_alone_is_suspected(people):
    for _, clip in people.by_sequence():
        assert "sides" not in names(clip)
        assert not len(exchanged_frames(clip.keypoints_2d, clip.skeleton, clip.sequence, clip.frame))


def test_frames_whose_sides_are_exchanged(people):
    clip = next(clip for _, clip in people.by_sequence() if len(clip) >= 60)
    damaged = mirrored(clip, [20, 40])
    rows = exchanged_frames(damaged.keypoints_2d, clip.skeleton, clip.sequence, clip.frame)
    assert rows.tolist() == [20, 21, 40, 41]
    found = inspect_keypoints(damaged)
    assert found.exchanged == 4
    assert f"4 times (first at frames {clip.frame[20]}, {clip.frame[21]}, {clip.frame[40]})" in found.findings[0].text
    # Frames that do not follow each other are no neighbours.
    assert not len(exchanged_frames(damaged.keypoints_2d, clip.skeleton, clip.sequence, clip.frame * 2))


def test_units(people):
    size = np.float32([1000, 1002])
    fractions = replace(people, keypoints_2d=people.keypoints_2d / size)
    found = inspect_keypoints(fractions)
    assert found.units == "fractions"
    assert "multiply x by its width" in found.findings[0].text
    around_zero = replace(people, keypoints_2d=people.keypoints_2d / 500 - 1)
    assert inspect_keypoints(around_zero).units == "normalised"


def test_missing_static_doubled_unsure_and_outside(people):
    data = people[:200]
    keypoints = data.keypoints_2d.copy()
    keypoints[:50, 10] = np.nan
    keypoints[100:140] = keypoints[100]
    confidence = np.full(keypoints.shape[:2], 0.2, np.float32)
    found = inspect_keypoints(replace(data, keypoints_2d=keypoints, confidence=confidence))
    assert found.missing == {"head_top": 0.25}
    assert found.static == pytest.approx(39 / 200, abs=0.011)  # a clip may begin among them
    assert found.confidence == pytest.approx((0.2, 0.2, 0.2))
    assert [finding.name for finding in found.findings] == ["missing", "confidence", "static"]
    assert "head_top 25%" in found.findings[0].text
    twice = data[np.r_[0:200, 0:150]]
    assert inspect_keypoints(replace(twice, frame=np.arange(350, dtype=np.int32))).duplicates == 150
    narrow = replace(data, sequences=tuple(replace(clip, image_size=(100, 1000)) for clip in data.sequences))
    assert names(narrow) == ["outside"]


@pytest.mark.skipif(not (MPII / "valid.h5").is_file(), reason="MPII's annotations are not there; set POSEZOO_DATA")
@pytest.mark.parametrize("name", ["valid.h5", "valid_stacked_hourglass.h5"])
def test_real_people_in_the_wild(name):
    data = read_keypoints(MPII / name)
    assert set(names(data)) <= {"missing"}  # many ankles are cut off
    assert "sides" in names(mirrored(data))
    assert "upside down" in names(replace(data, keypoints_2d=1000 - data.keypoints_2d))


# --- the command -----------------------------------------------------------------------------------------------------


def check(capsys, *arguments):
    code = main(["data", "check", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_checked(tmp_path, capsys, name):
    path, skeleton, keypoints, _ = WRITERS[name](tmp_path)
    code, out, _ = check(capsys, path, "--skeleton", skeleton, "--image-size", *SIZE, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["skeleton"], found["poses"]) == (skeleton, len(keypoints))
    assert found["file"] == str(path)
    assert found["format"]


def test_the_table_says_what_to_do(tmp_path, capsys, people):
    np.savez(tmp_path / "good.npz", keypoints=people.keypoints_2d, skeleton="h36m17")
    code, out, _ = check(capsys, tmp_path / "good.npz")
    assert code == 0
    assert "nothing suspicious" in out
    assert "PoseZoo's schema" in out
    assert "h36m17 (17 joints)" in out
    np.savez(tmp_path / "[b]ad.npz", keypoints=mirrored(people).keypoints_2d, skeleton="h36m17")
    code, out, _ = check(capsys, tmp_path / "[b]ad.npz")
    assert code == 0
    assert "[b]ad.npz" in out
    assert "sides: left and right look exchanged" in out


def test_a_layout_in_the_wrong_order_is_seen(tmp_path, capsys, people):
    """Read MPI-INF-3DHP's joints, which begin with the right arm, as another layout of 17: nothing fits."""
    np.save(tmp_path / "a.npy", people.keypoints_2d)
    _, out, _ = check(capsys, tmp_path / "a.npy", "--skeleton", "h36m17", "--json")
    assert json.loads(out)["findings"] == []
    code, _, err = check(capsys, tmp_path / "a.npy")
    assert code == 2
    assert err.count("\n") == 1
    assert "name the right one" in err


def test_what_cannot_be_read_is_one_sentence(tmp_path, capsys):
    path, *_ = WRITERS["mediapipe"](tmp_path)
    code, out, err = check(capsys, path)
    assert (code, out) == (2, "")
    assert "fractions of the picture" in err
    assert err.count("\n") == 1
    code, _, err = check(capsys, tmp_path / "nothing.json")
    assert code == 2
    assert "is not there" in err
    code, _, err = check(capsys, path, "--image-size", 0, 10)
    assert code == 2
    assert "expected (width, height) in pixels" in err


def test_predict_warns_of_exchanged_sides(people, tmp_path, capsys):
    blocks = np.arange(len(people)) // 10 % 2 == 1
    for name, data, words in (
        ("all", mirrored(people), "left and right look exchanged"),
        ("blocks", mirrored(people, blocks), "left and right change places between frames"),
        ("right", people, ""),
    ):
        clips = {"video": [str(clip) for clip in data.sequence], "frame": data.frame}
        np.savez(tmp_path / f"{name}.npz", keypoints=data.keypoints_2d, skeleton="h36m17", **clips)
        for out in ("o.npz", "o.csv"):
            assert main(["predict", "svma", str(tmp_path / f"{name}.npz"), "-o", str(tmp_path / out)]) == 0
            said = capsys.readouterr().err
            assert words in said, (name, out)
            assert words or not said, (name, out)
