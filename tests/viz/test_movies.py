"""Test animations, read back by other programs: number of frames, speed, content."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from PIL import Image

from posezoo.errors import InputError, SaveError
from posezoo.viz import movie
from posezoo.viz.movies import delays_ms
from tests.viz.people import assert_upright_facing_us, clip_of, coloured, facing_the_camera


@pytest.mark.parametrize(
    ("count", "stride", "fps"), [(30, 1, 30.0), (7, 1, 24.0), (100, 2, 60.0), (11, 3, 25.0), (1, 1, 50.0)]
)
def test_delays_add_up_to_the_length_of_the_clip(count, stride, fps):
    delays = delays_ms(count, stride, fps)
    assert len(delays) == len(range(0, count, stride))
    assert sum(delays) == pytest.approx(1000 * count / fps, abs=5)
    assert all(delay >= 20 and delay % 10 == 0 for delay in delays)


def test_a_gif_plays_round_at_the_clips_own_speed_upright(tmp_path):
    clip = clip_of(facing_the_camera(6), fps=24.0)
    seen: list[int] = []

    def track(numbers):
        for number in numbers:
            seen.append(number)
            yield number

    path = movie(clip, tmp_path / "a.gif", track=track)
    assert seen == list(range(6))
    assert os.listdir(tmp_path) == ["a.gif"]
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        assert image.n_frames == 6
        frames, total = [], 0
        for number in range(6):
            image.seek(number)
            total += image.info["duration"]
            frames.append(np.asarray(image.convert("RGB")))
    assert total == 250
    panel = frames[0].shape[1] // 3
    for frame in frames:
        assert_upright_facing_us(frame[30:-50, panel : 2 * panel - 10])
    # They lean to their left: the head moves, and the frame around it does not.
    head = [coloured(frame[30:-50, panel : 2 * panel - 10], "centre")[:, 0].mean() for frame in (frames[0], frames[-1])]
    assert head[1] > head[0] + 3
    np.testing.assert_allclose(frames[0][:24].astype(int), frames[-1][:24].astype(int), atol=20)


def test_an_mp4_holds_every_frame_upright(tmp_path):
    cv2 = pytest.importorskip("cv2")
    path = movie(clip_of(facing_the_camera(9), fps=25.0), tmp_path / "a.mp4", dpi=101)
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(25.0)
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    assert len(frames) == 9
    height, width = frames[0].shape[:2]
    assert (width % 2, height % 2) == (0, 0)
    assert_upright_facing_us(frames[8][30:-50, width // 3 : 2 * width // 3 - 10])


@pytest.mark.parametrize(
    ("kind", "module", "name"), [("gif", "imageio", "ImageIO"), ("mp4", "imageio_ffmpeg", "imageio-ffmpeg")]
)
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, kind, module, name):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"{name}, which is not installed; pip install 'posezoo\[video\]'"):
        movie(clip_of(facing_the_camera()), tmp_path / f"a.{kind}")
    assert os.listdir(tmp_path) == []


def test_an_animation_that_was_broken_off_leaves_what_was_there(tmp_path):
    target = tmp_path / "a.gif"
    target.write_bytes(b"what was there before")

    def stop(numbers):
        yield numbers[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        movie(clip_of(facing_the_camera(3)), target, track=stop)
    assert os.listdir(tmp_path) == ["a.gif"]
    assert target.read_bytes() == b"what was there before"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit the size of files")
@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_no_room_for_the_whole_animation_is_one_sentence(tmp_path, kind):
    """Let no file grow beyond 4 kB, which stops a writer as a full disk does, in its midst."""
    import resource

    clip = clip_of(facing_the_camera(5))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(SaveError, match=f"a.{kind} was not written"):
            movie(clip, tmp_path / f"a.{kind}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


def test_ffmpeg_that_stops_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false")
    with pytest.raises(SaveError, match=r"a\.mp4 was not written"):
        movie(clip_of(facing_the_camera(2)), tmp_path / "a.mp4")
    assert os.listdir(tmp_path) == []
