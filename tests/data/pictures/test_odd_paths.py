"""Test videos and pictures at odd paths, such as devices, folders and texts named as videos: one sentence, no hang."""

import os
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest

from posezoo.data.pictures import Frames, read_picture
from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError
from posezoo.video.clips import is_clip_file
from tests.video.samples import film

ODD = {
    "a FIFO": "is a FIFO; expected a regular file",
    "a folder": "is a folder|holds no picture",
    "a device": "is a device; expected a regular file",
    "a name that is no text": "is not UTF-8",
    "too long": "cannot be opened|is not there",
    "a null byte": "null byte|not there",
    "a broken link": "is not there",
}


def odd_path(kind, folder, ending):
    path = folder / f"odd{ending}"
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a name that is no text":
        return os.fsdecode(b"\xff\xfe") + ending
    elif kind == "too long":
        return folder / ("x" * 5000 + ending)
    elif kind == "a null byte":
        return f"{folder}/a\0b{ending}"
    else:
        path.symlink_to(folder / "nowhere")
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and devices are POSIX's")
@pytest.mark.parametrize("ending", [".mp4", ".png"])
@pytest.mark.parametrize("kind", ODD)
def test_odd_paths_are_one_sentence(tmp_path, kind, ending):
    path = odd_path(kind, tmp_path, ending)
    readers = [lambda p: list(Frames(p))]
    if ending == ".png" and kind != "a folder":
        readers.append(read_picture)
    for read in readers:
        with pytest.raises((InputError, MissingFileError), match=ODD[kind]) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    assert is_clip_file(path) is (kind != "a folder")


def test_a_fifo_among_pictures_is_left_out(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    os.mkfifo(tmp_path / "b.png")
    with pytest.warns(UserWarning, match=r"left out: .*b.png is a FIFO"):
        assert [frame.name for frame in Frames(tmp_path)] == ["a.png"]


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "ffconcat version 1.0\nfile /dev/zero\n", "v=0\nc=IN IP4 1\n"]
)
def test_playlists_under_the_name_of_a_video_are_not_followed(tmp_path, text):
    (tmp_path / "a.mp4").write_text(text)
    with pytest.raises(InputError, match="begins as a text does"):
        Frames(tmp_path / "a.mp4")


def test_names_that_ffmpeg_takes_for_protocols(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.rename(film(tmp_path / "plain.avi", frames=3), tmp_path / "take:1%02d.avi")
    assert len(list(Frames("take:1%02d.avi"))) == 3


def test_a_picture_that_claims_gigabytes(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    with pytest.raises(CorruptFileError, match="claims 60000 x 60000 pixels"):
        read_picture(path)


def test_a_video_that_claims_gigabytes(tmp_path, monkeypatch):
    path = film(tmp_path / "a.avi", frames=2)
    monkeypatch.setenv("POSEZOO_MAX_BYTES", "1000")
    with pytest.raises(PoseZooError, match="POSEZOO_MAX_BYTES"):
        list(Frames(path))
