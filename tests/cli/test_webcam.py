"""Test ``posezoo webcam`` with a simulated camera and detector: what is lifted, shown and refused."""

from __future__ import annotations

import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

import posezoo
from posezoo.cli import main
from posezoo.cli.webcam_command import _Page
from posezoo.video.detectors import RTMLib
from posezoo.video.live import lift_pictures, side_by_side
from tests.video.samples import HEIGHT, WIDTH, box_of, film, rtmlib_model


@pytest.fixture
def camera(tmp_path, monkeypatch):
    """Replace camera 0 by a film of six frames, the second without a person; let no other camera open."""
    path, real = film(tmp_path / "film.avi", frames=6, absent=(1,)), cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda index: real(str(path) if index == 0 else "nothing.avi"))
    asked = []
    monkeypatch.setattr("posezoo.video.detectors.get_detector", lambda *given: asked.append(given) or RTMLib(rtmlib_model))
    return asked


def test_a_camera_is_lifted_until_it_ends(camera, capsys):
    assert main(["webcam", "svma", "--port", "0"]) == 0
    said = capsys.readouterr().out
    assert "svma" in said
    assert "open http://127.0.0.1:" in said
    assert "6 pictures, a person lifted in 5" in said
    assert main(["webcam", "svma", "--port", "0", "--frames", "2", "--detector", "rtmlib", "--detector-device", "cuda"]) == 0
    assert "2 pictures, a person lifted in 1" in capsys.readouterr().out
    assert camera == [(None, None, "cpu"), ("rtmlib", None, "cuda")]


def test_what_cannot_be_watched_is_said(camera, capsys):
    for arguments, says in (
        (["svma", "--camera", "3"], "there is no camera 3"),
        (["cvugcn"], "of kind views; expected a LiftingModule"),
        (["svma", "--camera", "-1"], "--camera is 0 or more"),
    ):
        assert main(["webcam", *arguments, "--port", "0"]) == 2
        assert says in capsys.readouterr().err


def test_the_skeleton_is_drawn_where_the_person_is_and_the_pose_beside():
    x, y, width, height = box_of(4)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[y : y + height, x : x + width, 0] = 255
    model = posezoo.load("svma")
    nobody, somebody = lift_pictures([np.zeros_like(picture), picture], RTMLib(rtmlib_model), model)
    assert nobody.pose_3d is None
    assert (side_by_side(nobody)[:, WIDTH:] == 255).all()
    assert somebody.pose_3d.shape == (17, 3)
    drawn = side_by_side(somebody)
    assert drawn.shape == (HEIGHT, WIDTH + HEIGHT, 3)
    changed = np.argwhere((drawn[:, :WIDTH] != picture).any(-1))
    assert (changed.min(0) >= (y - 3, x - 3)).all()
    assert (changed.max(0) <= (y + height + 3, x + width + 3)).all()
    figure = np.argwhere((drawn[:, WIDTH:] != 255).any(-1))
    assert np.ptp(figure[:, 0]) > HEIGHT / 2  # a person fills the panel


def test_the_page_shows_the_latest_picture_to_those_who_know_its_path():
    page = _Page(0)
    try:
        page.show(b"first")
        page.show(b"second")
        with urllib.request.urlopen(page.address, timeout=10) as answer:
            assert b'<img src="stream"' in answer.read()
        with urllib.request.urlopen(f"{page.address}stream", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            assert [answer.readline().strip() for _ in range(4)][2:] == [b"Content-Length: 6", b""]
            assert answer.read(6) == b"second"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(page.address.replace(page.secret, "guess"), timeout=10)
    finally:
        page.close()
