"""Test reading a video of a walking box through a detector, to keypoints of tracked people."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

import posezoo
from posezoo.data import Prediction, read_keypoints
from posezoo.data.pictures import Frames
from posezoo.errors import CorruptFileError, InputError
from posezoo.video import lift
from posezoo.video.detectors import RTMLib, read_video
from posezoo.video.tracking import tracks_of
from tests.video.samples import BODY, FPS, HEIGHT, WIDTH, box_of, film, rtmlib_model


def test_a_video_becomes_the_keypoints_of_its_people(tmp_path):
    data = read_video(film(tmp_path / "walk.avi", absent=(0, 5, 6)), RTMLib(rtmlib_model))
    assert data.skeleton.name == "coco17"
    assert data.frame.tolist() == [1, 2, 3, 4, 7, 8, 9, 10, 11]
    (clip,) = data.sequences
    assert (clip.subject, clip.trial, clip.image_size, clip.fps) == ("1", "walk", (WIDTH, HEIGHT), FPS)
    for row, frame in enumerate(data.frame.tolist()):
        x, y, width, height = box_of(frame)
        np.testing.assert_allclose(data.keypoints_2d[row], np.array([x, y]) + BODY * [width, height], atol=1.5)
    (track,) = tracks_of(data)
    assert (track.first_frame, len(track), int(track.seen.sum())) == (1, 11, 9)


def test_who_comes_back_late_is_another_person(tmp_path):
    path = film(tmp_path / "walk.avi", frames=14, absent=range(3, 9))
    assert [clip.subject for clip in read_video(path, RTMLib(rtmlib_model), max_gap=3).sequences] == ["1", "2"]
    assert len(read_video(path, RTMLib(rtmlib_model), max_gap=30).sequences) == 1


def test_pictures_of_a_folder_come_in_the_order_of_their_numbers(tmp_path):
    """Find a person who walks through frame1.png to frame12.png, and nobody in frame3.png."""
    (tmp_path / "walk").mkdir()
    numbers = [number for number in range(1, 13) if number != 3]
    for number in range(1, 13):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        x, y, width, height = box_of(number)
        picture[y : y + height, x : x + width, 2] = 255 * (number != 3)
        cv2.imwrite(str(tmp_path / "walk" / f"frame{number}.png"), picture)
    (tmp_path / "walk" / "._frame1.png").write_bytes(b"what macOS writes")
    data = read_video(tmp_path / "walk", RTMLib(rtmlib_model))
    assert data.picture.tolist() == [f"frame{number}.png" for number in numbers]
    lefts = [box_of(number)[0] for number in numbers]
    np.testing.assert_allclose(data.keypoints_2d[:, 0, 0], np.array(lefts) + BODY[0, 0] * box_of(1)[2], atol=1.5)
    # The names stay beside the keypoints, and beside what is lifted from them.
    again = read_keypoints(data.save(tmp_path / "found.npz"))
    assert again.picture.tolist() == data.picture.tolist()
    result = posezoo.load("svma").predict(again.keypoints_2d, again.skeleton).labelled(again)
    loaded = Prediction.load(result.save(tmp_path / "result.npz"))
    assert loaded.picture.tolist() == data.picture.tolist()
    assert read_keypoints(tmp_path / "result.npz").picture.tolist() == data.picture.tolist()
    (lifted,) = lift(tmp_path / "walk", posezoo.load("svma"), detector=RTMLib(rtmlib_model), max_gap=0)
    assert lifted.picture.tolist() == ["frame1.png", "frame2.png", "", *(f"frame{number}.png" for number in numbers[2:])]


def test_nobody_is_said(tmp_path):
    with pytest.raises(InputError, match="finds nobody"):
        read_video(film(tmp_path / "dark.avi", absent=range(12)), RTMLib(rtmlib_model))


def test_headers_say_the_rate(tmp_path):
    frames = Frames(film(tmp_path / "walk.avi", frames=5))
    assert (frames.fps, len(frames)) == (FPS, 5)
    assert read_video(tmp_path / "walk.avi", RTMLib(rtmlib_model), fps=50).sequences[0].fps == 50


def test_broken_videos_are_one_sentence(tmp_path):
    whole = film(tmp_path / "walk.avi", frames=40).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match=r"cut.avi ends after \d+ of the 40 frames"):
        data = read_video(tmp_path / "cut.avi", RTMLib(rtmlib_model))
    assert 5 < len(data) < 40
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mkv").write_bytes(np.random.default_rng(0).bytes(4000))
    (tmp_path / "head.avi").write_bytes(whole[:64])
    for name in ("empty.mp4", "noise.mkv", "head.avi"):
        with pytest.raises(CorruptFileError, match=r"no video that can be read|is empty \(0 bytes\)") as caught:
            read_video(tmp_path / name, RTMLib(rtmlib_model))
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_ffmpeg_says_nothing_beside_it(tmp_path):
    (tmp_path / "noise.mkv").write_bytes(np.random.default_rng(0).bytes(4000))
    code = f"""
from posezoo.data.pictures.frames import Frames
from posezoo.errors import CorruptFileError
try:
    list(Frames({str(tmp_path / "noise.mkv")!r}))
except CorruptFileError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "no video that can be read" in done.stdout
    assert done.stderr == ""
