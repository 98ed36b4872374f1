"""Test still pictures: upright, equal axes, complete, never half-written."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from posezoo.errors import InputError, SaveError, UnknownNameError
from posezoo.viz import Clip, drawing, figure, movie, overlay, page, picture
from posezoo.viz.panels import VIEWS, orthographic
from posezoo.viz.scene import PALETTES, TRUTH_PALETTE, scene
from tests.viz.people import H36M, J, assert_upright_facing_us, clip_of, coloured, facing_the_camera


def pixels_of(figure: Figure) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """Return (H, W, 3) of a figure, and the (left, top, right, bottom) of its panels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    boxes = [axes.get_window_extent() for axes in figure.axes]
    return pixels, [(int(b.x0), len(pixels) - int(b.y1), int(b.x1), len(pixels) - int(b.y0)) for b in boxes]


def test_pictures_are_upright_and_not_mirrored_to_the_pixel():
    poses = facing_the_camera()
    pixels, boxes = pixels_of(drawing(clip_of(poses), dpi=200))
    for left, top, right, bottom in boxes[:2]:  # the keypoints, and what the camera sees
        assert_upright_facing_us(pixels[top:bottom, left:right])
    left, top, right, bottom = boxes[2]  # from the camera's right: what is held towards the camera is on the left
    seen = pixels[top:bottom, left:right]
    hand = coloured(seen, "right")
    assert hand[hand[:, 1].argmin(), 0] < coloured(seen, "left")[:, 0].mean()


@pytest.mark.parametrize("title", ["", "somebody"])
def test_panels_have_equal_axes_and_hold_the_whole_pose(title):
    clip = clip_of(facing_the_camera(), title=title)
    figure = drawing(clip)
    for panel, axes in enumerate(figure.axes):
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert axes.get_aspect() == 1.0
        assert right > left
        assert (top < bottom) == (panel == 0), "pixels run downwards, Z upwards"
        assert right - left == pytest.approx(abs(top - bottom))
        bones = axes.collections[0 if panel == 0 else 2].get_segments()
        assert len(bones) == len(H36M.bones)
        ends = np.concatenate(bones)
        assert ((ends > [left, min(bottom, top)]) & (ends < [right, max(bottom, top)])).all()
    assert figure.axes[0].get_title() == (title or "2D keypoints")


def test_nearer_bones_are_painted_over_farther_ones():
    poses = facing_the_camera()
    drawn = drawing(clip_of(poses, poses={"model": poses, "ground truth": poses + [0.0, 0.0, 1.0]}))
    bones = drawn.axes[1].collections[2]
    assert len(bones.get_segments()) == 2 * len(H36M.bones)
    # The right forearm is held towards the camera: no bone of either pose comes after it.
    expected = orthographic(scene(clip_of(poses))[0]["truth"][0], *VIEWS["front"])[0][[J["right_elbow"], J["right_wrist"]]]
    np.testing.assert_allclose(bones.get_segments()[-1] - expected, [[0, 0]] * 2, atol=1.0)
    assert to_hex(bones.get_colors()[-1]).upper() in (PALETTES[0]["right"], TRUTH_PALETTE["right"])


def test_poses_alone_need_no_keypoints(tmp_path):
    poses = facing_the_camera(2)
    assert len(drawing([clip_of(poses, keypoints_2d=None)]).axes) == 2
    assert len(drawing([clip_of(poses, keypoints_2d=None), clip_of(poses)]).axes) == 2 + 3
    picture(clip_of(poses, keypoints_2d=None), tmp_path / "a.png", frame=1)


@pytest.mark.parametrize(("count", "columns", "size"), [(1, None, (660, 272)), (4, None, (1320, 507)), (3, 3, (1980, 272))])
def test_a_picture_has_the_expected_size(tmp_path, count, columns, size):
    clips = [clip_of(facing_the_camera(3), title=f"person {i}") for i in range(count)]
    path = picture(clips, tmp_path / "people.png", frame=2, columns=columns, dpi=100)
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", header[16:24])
    assert (width, height) == pytest.approx(size, abs=1)
    assert os.listdir(tmp_path) == ["people.png"]


def test_pictures_take_missing_joints_other_layouts_and_several_poses(tmp_path):
    poses = facing_the_camera(2)
    holes = poses.copy()
    holes[:, J["left_knee"]] = np.nan
    holes[0, 0] = np.nan
    coco = np.full((2, 17, 2), np.nan)
    coco[:, 5:11] = 10.0
    people = [
        clip_of(poses, poses={"truth": poses, "a": poses * 0.9, "b": poses * 1.1, "c": holes}),
        Clip(coco, {"a": holes}, keypoints_skeleton="coco17"),
        Clip(np.full((2, 16, 2), np.nan), {"m": np.zeros((2, 16, 3))}, skeleton="mpii16"),
    ]
    for kind in ("png", "svg"):
        assert picture(people, tmp_path / f"people.{kind}").stat().st_size > 5000
    page(people, tmp_path / "people.html")


@pytest.mark.parametrize("stage", ["write", "rename"])
def test_nothing_is_half_written(tmp_path, monkeypatch, stage):
    clip = clip_of(facing_the_camera())
    target = tmp_path / "people.png"
    target.write_bytes(b"what was there before")

    def full_disk(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    def no_rename(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        if stage == "write":
            patch.setattr(Path, "write_bytes", full_disk)
        else:
            patch.setattr(os, "replace", no_rename)
        with pytest.raises(SaveError, match=r"disk is full|permission is denied"):
            picture([clip], target)
        with pytest.raises(SaveError):
            page(clip, tmp_path / "page.html")
    assert os.listdir(tmp_path) == ["people.png"]
    assert target.read_bytes() == b"what was there before"


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda p: picture([], p / "a.png"), InputError, "nobody"),
        (lambda p: picture([clip_of(facing_the_camera())], p / "a.exe"), InputError, "a.exe"),
        (lambda p: picture([clip_of(facing_the_camera())], p / "a.png", frame=1), InputError, "frame 1"),
        (lambda p: picture([clip_of(facing_the_camera())], p / "no" / "a.png"), SaveError, "folder does not exist"),
        (lambda p: page([], p / "a.html"), InputError, "nothing"),
        (lambda p: page(clip_of(facing_the_camera()), p / "no" / "a.html"), SaveError, "folder does not exist"),
        (lambda p: clip_of(facing_the_camera()[:, :16]), InputError, r"expected \(1, 17, 2\)"),
        (lambda p: clip_of(facing_the_camera(2), poses={"m": facing_the_camera(3)}), InputError, "pose 'm'"),
        (lambda p: clip_of(facing_the_camera(), poses={}), InputError, "0 poses"),
        (lambda p: clip_of(facing_the_camera(), up=np.zeros(3)), InputError, "up is"),
        (lambda p: clip_of(facing_the_camera(), skeleton="h36m18"), UnknownNameError, "did you mean"),
        (lambda p: clip_of(facing_the_camera(), fps=0.0), InputError, "fps is 0"),
        (lambda p: clip_of(facing_the_camera(), frame="body"), InputError, "camera or world"),
        (lambda p: movie(clip_of(facing_the_camera()), p / "a.avi"), InputError, "gif or mp4"),
        (lambda p: page(clip_of(facing_the_camera()), p / "a.pdf"), InputError, "end the name with .html"),
        (lambda p: page("clip", p / "a.html"), InputError, "not str; posezoo.viz.overlay makes one"),
        (lambda p: picture([np.zeros((1, 17, 3))], p / "a.png"), InputError, "of type ndarray"),
        (lambda p: picture([clip_of(facing_the_camera())], p / "a.png", dpi=0), InputError, "dpi is 0"),
        (lambda p: figure(clip_of(facing_the_camera()), 0), InputError, "max_frames is 0"),
        (lambda p: overlay(facing_the_camera()), InputError, r"ndarray; expected a posezoo\.data\.Prediction"),
        (lambda p: movie(clip_of(facing_the_camera()), p / "no" / "a.gif"), SaveError, "folder does not exist"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_bad_arguments_are_named(tmp_path, call, error, says):
    with pytest.raises(error, match=says):
        call(tmp_path)
    assert os.listdir(tmp_path) == []
