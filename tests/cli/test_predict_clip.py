"""Test ``posezoo predict`` on videos and on the keypoints of a clip."""

from __future__ import annotations

import sys
import types

import cv2
import numpy as np
import pytest

from posezoo.data import Prediction, load_dataset, read_bvh, read_keypoints
from tests.cli.commands import refused, run
from tests.video.samples import BODY, FPS, HEIGHT, WIDTH, box_of, film, rtmlib_model

PICTURE = "data:image\\u002fjpeg"
"""How a picture of a page begins."""


@pytest.fixture
def rtmlib(monkeypatch):
    """Stand in for rtmlib with a model that finds the film's person."""
    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=lambda **settings: rtmlib_model))


@pytest.fixture
def two_people(tmp_path):
    """Write a file of two people: one in frames 0 to 19, one in frames 5 to 9."""
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=20)
    walk = people.keypoints_2d[people.sequence == 0]
    path = tmp_path / "two.npz"
    np.savez(
        path,
        keypoints=np.concatenate([walk[5:10] + 50, walk]),
        skeleton="h36m17",
        frame=np.concatenate([np.arange(5, 10), np.arange(20)]),
        person=np.repeat(["b", "a"], [5, 20]),
    )
    return path


def test_a_video_is_lifted_frame_by_frame(rtmlib, tmp_path, capsys):
    clip, out = film(tmp_path / "walk.avi", frames=14, absent=(0, 5, 6)), tmp_path / "out.npz"
    assert run("predict", "svma", clip, "--detector", "rtmlib", "-o", out) == 0
    said = capsys.readouterr().out
    assert "13 of 14 frames of person 1 of 1, lifted by svma.mocap, 34 joints interpolated" in said
    result = Prediction.load(out)
    assert (result.pose_3d.shape, result.fps, result.image_size) == ((14, 17, 3), FPS, (WIDTH, HEIGHT))
    assert np.isnan(result.pose_3d[0]).all()
    assert np.isfinite(result.pose_3d[1:]).all()
    assert result.filled.any(1).tolist() == [frame in (5, 6) for frame in range(14)]
    assert run("predict", "svma", clip, "--detector", "rtmlib", "--fill-gaps", 1, "-o", out) == 0
    assert np.isnan(Prediction.load(out).pose_3d[5:7]).all()
    page = tmp_path / "page.html"
    assert run("predict", "svma", clip, "--detector", "rtmlib", "--smooth", "--html", page, "-o", tmp_path / "out.bvh") == 0
    motion = read_bvh(tmp_path / "out.bvh")
    assert (len(motion.pose_world_mm), round(motion.fps)) == (14, FPS)
    assert page.stat().st_size > 1000


def test_the_detector_that_is_installed_is_taken(rtmlib, tmp_path, capsys):
    clip = film(tmp_path / "walk.avi", frames=4)
    assert run("predict", "svma", clip, "-o", tmp_path / "named.npz", "--detector", "rtmlib") == 0
    assert run("predict", "svma", clip, "-o", tmp_path / "found.npz") == 0
    named, found = (Prediction.load(tmp_path / f"{name}.npz").pose_3d for name in ("named", "found"))
    np.testing.assert_array_equal(named, found)


def test_one_person_of_a_file_to_every_format(two_people, tmp_path, capsys):
    for ending in ("bvh", "trc", "csv", "json"):
        out = tmp_path / f"out.{ending}"
        assert run("predict", "svma", two_people, "-o", out, "--person", 1, "--fps", 30) == 0
        assert "20 of 20 frames of person 1 of 2" in capsys.readouterr().out
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 21
    assert run("predict", "svma", two_people, "-o", tmp_path / "b.json", "--person", 2, "--smooth", "--fps", 30) == 0
    second = Prediction.load(tmp_path / "b.json")
    assert (len(second), second.notes[-1]) == (5, "row 0 is frame 5")
    capsys.readouterr()
    assert run("predict", "svma", two_people, "-o", tmp_path / "all.npz", "--smooth", "--fps", 30) == 0
    assert "20 of 20 frames of person 1, 5 of 5 frames of person 2 of 2" in capsys.readouterr().out
    everybody = Prediction.load(tmp_path / "all.npz")
    assert everybody.person.tolist() == ["a"] * 20 + ["b"] * 5
    assert everybody.frame_number.tolist() == [*range(20), *range(5, 10)]
    np.testing.assert_allclose(everybody.pose_3d[20:], second.pose_3d, rtol=1e-5, atol=1e-6)
    assert run("predict", "svma", two_people, "-o", tmp_path / "tall.trc", "--fps", 30, "--height", 2) == 0

    def spread(name):
        rows = [line.split("\t")[:-1] for line in (tmp_path / name).read_text().splitlines()[6:]]
        return np.ptp(np.array(rows, dtype=float)[:, 2:])

    assert spread("tall.trc") == pytest.approx(spread("out.trc") * 2 / 1.7, rel=1e-5)


def test_a_video_alone_becomes_every_format(rtmlib, tmp_path, capsys):
    clip = film(tmp_path / "walk.mp4", frames=10, absent=(0,), codec="mp4v")
    for ending in ("npz", "json", "csv", "bvh", "trc", "html"):
        assert run("predict", clip, "-o", tmp_path / f"out.{ending}") == 0
        said = capsys.readouterr().out
        assert "9 of 10 frames of person 1 of 1, lifted by geoselfsup.mocap" in said
        assert said.endswith(f"out.{ending}\n")
    assert Prediction.load(tmp_path / "out.npz").pose_3d.shape == (10, 17, 3)
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 11
    assert len(read_bvh(tmp_path / "out.bvh").pose_world_mm) == 10
    assert len((tmp_path / "out.trc").read_text().splitlines()) == 5 + 1 + 10
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "scatter3d" in page
    assert page.count(PICTURE) == 11  # one a frame, and what is shown before it plays
    assert page.count('"name":"2D left"') == 1


def test_a_page_of_a_long_video_holds_some_of_its_frames(rtmlib, tmp_path, monkeypatch):
    monkeypatch.setattr("posezoo.viz.pages._MAX_PICTURES", 4)
    clip = film(tmp_path / "walk.avi", frames=10)
    assert run("predict", clip, "-o", tmp_path / "out.html") == 0
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count(PICTURE) == 4 + 1
    assert all(f'"name":"{number}"' in page for number in (0, 3, 6, 9))
    assert f"(time - start.time) / {3 * 1000 / FPS}" in page  # at the clip's own speed


def test_a_page_of_keypoints_shows_poses_alone(two_people, tmp_path, capsys):
    assert run("predict", two_people, "-o", tmp_path / "out.html", "--person", 2) == 0
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "scatter3d" in page
    assert PICTURE not in page
    assert "--up is for .bvh and .trc" in refused(capsys, "predict", two_people, "-o", tmp_path / "o.html", "--up", "z")


def test_what_cannot_be_done_is_one_sentence(two_people, tmp_path, capsys, monkeypatch):
    clip, out = film(tmp_path / "walk.avi", frames=3), tmp_path / "out.npz"
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    assert "pip install rtmlib" in refused(capsys, "predict", "svma", clip, "--detector", "rtmlib", "-o", out)
    for name in ("mediapipe", "torchvision"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "no detector of people is installed" in refused(capsys, "predict", "svma", clip, "-o", out)
    assert "not there" in refused(capsys, "predict", "svma", tmp_path / "no.mp4", "--detector", "rtmlib", "-o", out)
    assert "need no detector" in refused(capsys, "predict", "svma", two_people, "--detector", "rtmlib", "-o", out)
    assert "rtmlib" in refused(capsys, "predict", "svma", clip, "--detector", "openpose", "-o", out)
    monkeypatch.setitem(sys.modules, "mediapipe", types.SimpleNamespace(__version__="1.2.0"))
    assert ".task" in refused(capsys, "predict", "svma", clip, "--detector", "mediapipe", "-o", out)
    assert "give --fps" in refused(capsys, "predict", "svma", two_people, "-o", tmp_path / "o.bvh")
    assert "give --fps" in refused(capsys, "predict", "svma", two_people, "--smooth", "-o", out)
    assert "holds 2" in refused(capsys, "predict", "svma", two_people, "--person", 3, "-o", out)
    assert "counted from 1" in refused(capsys, "predict", "svma", two_people, "--person", 0, "-o", out)
    assert "--fill-gaps -1" in refused(capsys, "predict", "svma", two_people, "--fill-gaps", -1, "-o", out)
    assert "0.3 to 3" in refused(capsys, "predict", "svma", two_people, "--height", 180, "-o", tmp_path / "o.bvh")
    assert "--fps 0" in refused(capsys, "predict", "svma", two_people, "--fps", 0, "-o", out)
    assert "leave out --detector" in refused(capsys, "predict", "hg3d", clip, "--detector", "rtmlib", "-o", out)
    assert "leave out --smooth" in refused(capsys, "predict", "hg3d", clip, "--smooth", "-o", out)
    assert not list(tmp_path.glob("o*.*"))


def test_what_detect_writes_is_what_the_detector_found_and_is_lifted_as_the_video_is(rtmlib, tmp_path, capsys):
    clip, found, out = film(tmp_path / "walk.avi", frames=9, absent=(4,)), tmp_path / "found.npz", tmp_path / "out.npz"
    assert run("detect", clip, "-o", found) == 0
    assert "8 poses of coco17, 1 people in 8 frames" in capsys.readouterr().out
    data = read_keypoints(found)
    assert data.frame.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert {(clip.fps, clip.image_size) for clip in data.sequences} == {(FPS, (WIDTH, HEIGHT))}
    for row, frame in enumerate(data.frame):
        left, top, width, height = box_of(int(frame))
        np.testing.assert_allclose(data.keypoints_2d[row], BODY * [width, height] + [left, top], atol=4)  # the film's codec
    np.testing.assert_allclose(data.confidence, 0.9)
    assert run("predict", "svma", found, "--person", 1, "-o", out) == 0
    assert run("predict", "svma", clip, "-o", tmp_path / "direct.npz") == 0
    once, twice = Prediction.load(tmp_path / "direct.npz"), Prediction.load(out)
    assert twice.fps == once.fps == FPS
    np.testing.assert_allclose(twice.pose_3d, once.pose_3d, atol=1e-4)


def test_what_cannot_be_detected(rtmlib, two_people, tmp_path, capsys):
    clip, out = film(tmp_path / "walk.avi", frames=2), tmp_path / "found.npz"
    assert "not there" in refused(capsys, "detect", tmp_path / "no.mp4", "-o", out)
    assert "needs no detector" in refused(capsys, "detect", two_people, "-o", out)
    assert ".npz" in refused(capsys, "detect", clip, "-o", tmp_path / "found.bvh")
    assert "--fps 0" in refused(capsys, "detect", clip, "--fps", 0, "-o", out)
    assert "--detector rtmlib" in refused(capsys, "detect", clip, "--detector-model", "balanced", "-o", out)
    nobody = film(tmp_path / "empty.avi", frames=2, absent=(0, 1))
    assert "finds nobody" in refused(capsys, "detect", nobody, "-o", out)
    assert not out.exists()


def test_a_motion_of_one_frame_is_refused_with_the_reason(tmp_path, capsys):
    walk = load_dataset("procedural")[:12].keypoints_2d
    np.savez(
        tmp_path / "a.npz", keypoints=walk, skeleton="h36m17", frame=np.zeros(12, int), person=np.arange(12).astype(str)
    )
    for ending in ("bvh", "trc"):
        said = refused(capsys, "predict", "svma", tmp_path / "a.npz", "--fps", 30, "-o", tmp_path / f"o.{ending}")
        assert "in one frame alone (12 poses, 12 people)" in said
        assert "which axis of the file counts frames" in said
    assert not list(tmp_path.glob("o.*"))


def test_a_folder_of_pictures_needs_its_rate(rtmlib, tmp_path, capsys):
    (tmp_path / "frames").mkdir()
    for number in range(3):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[20:100, 10 + 3 * number : 50 + 3 * number, 2] = 255
        cv2.imwrite(str(tmp_path / "frames" / f"{number:03}.png"), picture)
    call = ("predict", "svma", tmp_path / "frames", "--detector", "rtmlib", "-o", tmp_path / "o.bvh")
    assert "give --fps" in refused(capsys, *call)
    assert run(*call, "--fps", 24) == 0
    motion = read_bvh(tmp_path / "o.bvh")
    assert (len(motion.pose_world_mm), round(motion.fps)) == (3, 24)
