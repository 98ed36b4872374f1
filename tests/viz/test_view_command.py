"""Test ``posezoo view``: its output, messages and errors."""

from __future__ import annotations

import base64
import io
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from posezoo.cli import main, parser
from posezoo.cli.video_pictures import over_video
from posezoo.cli.view_command import read_clip
from posezoo.data import Prediction
from posezoo.skeletons import get_skeleton
from posezoo.viz.interactive import figure_of
from tests.video.samples import BODY, FPS, HEIGHT, WIDTH, box_of, film
from tests.viz.people import H36M, facing_the_camera


@pytest.fixture
def out(tmp_path):
    pose = facing_the_camera(8)
    path = tmp_path / "out.json"
    keypoints = (pose[..., :2] / pose[..., 2:] * 1000 + 500).astype(np.float32)
    root_relative = ((pose - pose[:, :1]) * 0.01).astype(np.float32)
    Prediction(root_relative, H36M, "relative", keypoints_2d=keypoints, image_size=(1000, 1000), model="a.b").save(path)
    np.savez(tmp_path / "truth.npz", pose_3d=pose / 1000, skeleton="h36m17", unit="m")
    return path


def view(*arguments: object) -> int:
    try:
        return main(["view", *map(str, arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)


def refuse(capsys, *arguments: object) -> str:
    assert view(*arguments) == 2
    return capsys.readouterr().err


def test_a_page_beside_the_input_is_what_comes_by_default(out, capsys):
    assert view(out) == 0
    assert capsys.readouterr().out == f"8 frames, a.b -> {out.with_suffix('.html')}\n"
    assert "plotly" in out.with_suffix(".html").read_text(encoding="utf-8")


def test_pictures_and_animations_of_several_models_and_the_truth(out, tmp_path, capsys):
    other = Prediction.load(out).save(tmp_path / "second.npz")
    targets = {kind: tmp_path / f"seen.{kind}" for kind in ("png", "gif")}
    options = ["-o", targets["png"], "--gif", targets["gif"]]
    assert view(out, "--with", other, "--truth", tmp_path / "truth.npz", "--frames", "2:6", "--fps", 10, *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("a.b (out), a.b (second), ground truth" in line for line in lines)
    with Image.open(targets["gif"]) as image:
        assert image.n_frames == 4
        assert image.info["duration"] == 100
    with Image.open(targets["png"]) as image:
        assert image.width > 1000, "four frames, two side by side"
    assert not out.with_suffix(".html").exists()


def test_a_name_that_ends_in_nothing_drawn_or_a_second_one_is_refused(out, tmp_path, capsys):
    assert "--out x.txt: expected a name that ends in .html or .gif" in refuse(capsys, out, "-o", "x.txt")
    assert "two names of one result" in refuse(capsys, out, "-o", tmp_path / "a.gif", "--gif", tmp_path / "b.gif")


def test_quiet_prints_nothing(out, tmp_path, capsys):
    assert view(out, "--quiet", "--frames", "3", "--html", tmp_path / "a.html") == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_results_in_the_world_say_what_is_taken_for_the_vertical(tmp_path, capsys):
    pose = facing_the_camera(2).astype(np.float32)
    world = Prediction(pose, H36M, "mm", frame="world, as the cameras are calibrated").save(tmp_path / "world.npz")
    assert view(world, "--png", tmp_path / "a.png") == 0
    assert "z is drawn as the vertical" in capsys.readouterr().out
    assert view(world, "--up=-y", "--png", tmp_path / "b.png") == 0
    assert "vertical" not in capsys.readouterr().out
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (lambda d: [d / "none.npz"], "not there"),
        (lambda d: [d], ".npz or .json"),
        (lambda d: [""], ".npz or .json"),
        (lambda d: [write(d / "k.npz", keypoints=np.zeros((2, 17, 2)))], "format 'unknown'"),
        (lambda d: [d / "cut.npz"], "cut.npz"),
        (lambda d: [d / "empty.json"], "empty"),
        (lambda d: [d / "nothing.npz"], "no pose"),
        (lambda d: [d / "damaged.json"], "damaged prediction"),
        (lambda d: [d / "out.json", "--with", d / "short.npz"], "short.npz"),
        (lambda d: [d / "out.json", "--truth", write(d / "t.npz", x=np.zeros(3))], "no pose_3d"),
        (lambda d: [d / "out.json", "--truth", write(d / "t.npz", pose_3d=np.zeros((8, 17, 3)))], "does not say its layout"),
        (
            lambda d: [d / "out.json", "--truth", write(d / "t.npz", pose_3d=np.zeros((8, 16, 3)), skeleton="h36m17")],
            "expected (N, 17, 3)",
        ),
        (
            lambda d: [d / "out.json", "--truth", write(d / "t.npz", pose_3d=np.array([["a"]]), skeleton="h36m17")],
            "something else than numbers",
        ),
        (lambda d: [d / "out.json", "--frames", "8:"], "frames 0 to 7"),
        (lambda d: [d / "out.json", "--frames", "1-2"], "expected A:B"),
        (lambda d: [d / "out.json", "--frames", ":"], "expected A:B"),
        (lambda d: [d / "out.json", "--fps", "0"], "fps is 0"),
        (lambda d: [d / "out.json", "--fps", "nan"], "fps is nan"),
        (lambda d: [d / "out.json", "--gif", d / "a.html"], ".gif"),
        (lambda d: [d / "out.json", "--html", d / "no" / "a.html"], "no folder"),
        (lambda d: [d / "out.json", "--up", "w"], "known: x, y, z"),
    ],
)
def test_wrong_files_are_one_sentence(out, tmp_path, capsys, arguments, says):
    whole = Prediction.load(out)
    saved = whole.save(tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(saved[: len(saved) // 2])
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "damaged.json").write_text(json.dumps(json.loads(out.read_text()) | {"pose_3d": [[1, 2], [3]]}))
    Prediction(np.zeros((0, 17, 3), np.float32), H36M, "mm").save(tmp_path / "nothing.npz")
    Prediction(whole.pose_3d[:3], H36M, "mm", model="short.npz").save(tmp_path / "short.npz")
    command = arguments(tmp_path)
    before = sorted(os.listdir(tmp_path))
    assert view(*command) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert says in lines[0]
    assert sorted(os.listdir(tmp_path)) == before


def test_one_person_of_a_clip_of_two_is_drawn(out, tmp_path, capsys):
    one = Prediction.load(out)
    fields = {"fps": 30.0, "frame_number": np.repeat(np.arange(8), 2), "person": np.array(["a", "b"] * 8)}
    poses = np.stack([one.pose_3d, -one.pose_3d], 1).reshape(16, 17, 3)
    both = Prediction(poses, H36M, "relative", model="a.b", **fields).save(tmp_path / "both.npz")
    clip = read_clip(parser().parse_args(["view", str(both)]))
    np.testing.assert_allclose(clip.poses["a.b"], one.pose_3d)
    assert "a clip of 2 people: person 1 (a), seen longest and best, is drawn" in capsys.readouterr().out
    clip = read_clip(parser().parse_args(["view", str(both), "--person", "2"]))
    np.testing.assert_allclose(clip.poses["a.b"], -one.pose_3d)
    assert capsys.readouterr().out == ""
    assert "--person 3" in refuse(capsys, both, "--person", 3)


def test_the_truth_is_drawn_of_the_same_frames(out, tmp_path):
    whole = Prediction.load(out)
    some = replace(whole, pose_3d=whole.pose_3d[:5], keypoints_2d=None, frame_number=np.arange(5)).save(
        tmp_path / "some.npz"
    )
    late = write(
        tmp_path / "late.npz", pose_3d=facing_the_camera(8)[2:], skeleton="h36m17", unit="mm", frame=np.arange(2, 8)
    )
    clip = read_clip(parser().parse_args(["view", str(some), "--truth", str(late)]))
    np.testing.assert_allclose(clip.poses["ground truth"], facing_the_camera(8)[2:5], atol=0.01)
    assert len(clip.poses["a.b"]) == 3


def test_a_page_says_the_score_against_the_truth(out, tmp_path):
    assert view(out, "--truth", tmp_path / "truth.npz") == 0
    assert "<p>out: P-MPJPE 0.0 m" in out.with_suffix(".html").read_text(encoding="utf-8")


def test_the_skeleton_lies_over_the_video_frame_by_frame(tmp_path, capsys):
    video = film(tmp_path / "clip.avi", frames=6)
    boxes = np.array([box_of(number) for number in (1, 3, 4)], dtype=np.float32)
    keypoints = boxes[:, None, :2] + BODY * boxes[:, None, 2:]
    pose = np.random.default_rng(0).normal(size=(3, 17, 3)).astype(np.float32)
    numbers = np.array([1, 3, 4])
    result = Prediction(pose, get_skeleton("coco17"), "relative", keypoints_2d=keypoints.astype(np.float32), model="a.b")
    path = replace(result, frame_number=numbers, image_size=(WIDTH, HEIGHT)).save(tmp_path / "out.npz")
    clip = read_clip(parser().parse_args(["view", str(path), "--video", str(video)]))
    assert clip.fps == FPS
    drawn = figure_of(over_video(clip, Prediction.load(path), video))
    images = [frame["layout"]["images"] for frame in drawn["frames"]]
    assert images[0] == drawn["layout"]["images"]
    for (image,), (x, y, width, height) in zip(images, boxes, strict=True):
        assert (image["sizex"], image["sizey"], image["layer"]) == (WIDTH, HEIGHT, "below")
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["source"].partition(",")[2]))))
        rows, columns = np.where(picture[..., 0] > 128)
        found = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
        np.testing.assert_allclose(found, (x, y, width, height), atol=2)  # JPEG
    assert view(path, "--video", video, "--png", tmp_path / "over.png") == 0
    assert "is it the clip's video?" in refuse(capsys, path, "--video", film(tmp_path / "short.avi", frames=3))
