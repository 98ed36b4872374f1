"""Pictures and pages: upright, not mirrored, complete, self-contained, and never half-written."""

from __future__ import annotations

import errno
import json
import os
import re
import struct
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from posezoo.errors import InputError, SaveError, UnknownNameError
from posezoo.geometry import rotation_about
from posezoo.skeletons import SKELETONS, get_skeleton
from posezoo.viz import Clip, page, picture
from posezoo.viz.interactive import figure
from posezoo.viz.scene import PALETTES, SIDES, chains, scene, side_of, to_plot
from posezoo.viz.static import _draw_2d, _draw_3d, orthographic

H36M = get_skeleton("h36m17")
J = {name: index for index, name in enumerate(H36M.joints)}


def facing_the_camera(frames: int = 1) -> np.ndarray:
    """(T, 17, 3) camera frame: somebody who looks at the camera, so their right is on the image's left; nose forward.

    The right hand is raised and held towards the camera; later frames lean to one side.
    """
    half = {"hip": (130, 0, 0), "knee": (130, 440, 0), "ankle": (130, 880, 0)}
    half |= {"shoulder": (160, -500, 0), "elbow": (200, -250, 0), "wrist": (210, 0, 0)}
    joints = {
        "pelvis": (0, 0, 0),
        "spine": (0, -250, 0),
        "thorax": (0, -500, 0),
        "nose": (0, -620, -80),
        "head_top": (0, -760, 0),
    }
    for name, (x, y, z) in half.items():
        joints |= {f"left_{name}": (x, y, z), f"right_{name}": (-x, y, z)}
    joints |= {"right_elbow": (-300, -600, -200), "right_wrist": (-320, -800, -300)}
    pose = np.array([joints[name] for name in H36M.joints], dtype=np.float64)
    lean = np.linspace(0.0, 0.3, frames)[:, None]
    poses = np.repeat(pose[None], frames, 0)
    poses[..., 0] -= lean * poses[..., 1]
    return poses + [100.0, 200.0, 4000.0]


def clip_of(points: np.ndarray, /, **changes) -> Clip:
    pixels = points[..., :2] / points[..., 2:] * 1000.0 + 500.0
    return Clip(**({"keypoints_2d": pixels, "poses": {"truth": points}, "skeleton": "h36m17"} | changes))


# --- coordinates -------------------------------------------------------------------------------------------------


def test_the_camera_frame_is_rotated_never_mirrored():
    matrix = to_plot(np.eye(3)).T
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    assert to_plot(np.array([0.0, -1.0, 0.0])).tolist() == [0.0, 0.0, 1.0]  # up in the image is up on the page


@pytest.mark.parametrize("pitch", [0.3, -0.3, 1.2, np.pi])
def test_a_pitched_camera_is_levelled(pitch):
    upright = facing_the_camera()[0] - [100.0, 200.0, 4000.0]
    tilt = rotation_about("x", torch.tensor(pitch, dtype=torch.float64)).numpy()
    up = tilt @ [0.0, -1.0, 0.0]
    # Upside down the vertical alone cannot tell a rolled camera from a pitched one: heads are up, whatever they face.
    levelled, expected = to_plot(upright @ tilt.T, up), to_plot(upright)
    np.testing.assert_allclose(levelled[:, 2], expected[:, 2], atol=1e-6)
    if abs(pitch) < 3:
        np.testing.assert_allclose(levelled, expected, atol=1e-6)
    gram = to_plot(np.eye(3), up)
    assert np.linalg.det(gram) == pytest.approx(1.0)


def test_scenes_stand_on_the_floor_root_on_root():
    poses = facing_the_camera(5)
    clip = clip_of(poses, poses={"truth": poses, "model": (poses - poses[:, :1]) * 0.9})
    drawn, half, (low, high) = scene(clip)
    truth, model = drawn["truth"], drawn["model"]
    np.testing.assert_allclose(truth[..., 2].min(1), 0.0, atol=1e-9)
    np.testing.assert_allclose(truth[:, 0], model[:, 0], atol=1e-9)
    np.testing.assert_allclose(truth[:, 0, :2], 0.0, atol=1e-9)
    assert (truth[:, J["head_top"], 2] > truth[:, J["left_hip"], 2] + 500).all()
    for points in drawn.values():
        assert np.abs(points[..., :2]).max() <= half
        assert low <= points[..., 2].min()
        assert points[..., 2].max() <= high


def test_views_show_what_a_person_standing_there_would_see():
    points = scene(clip_of(facing_the_camera()))[0]["truth"][0]
    front, distance = orthographic(points, 0.0, 0.0)
    side, across = orthographic(points, 90.0, 0.0)
    assert front[J["right_wrist"], 0] < front[J["left_wrist"], 0]  # they face us: their right hand is on our left
    assert distance[J["right_wrist"]] < distance[J["pelvis"]]  # and held towards us
    assert side[J["right_wrist"], 0] < side[J["pelvis"], 0]  # from the camera's right, the camera is on the left
    assert across[J["left_shoulder"]] < across[J["right_shoulder"]]  # where their left is nearer
    for flat in (front, side):
        assert flat[J["head_top"], 1] > flat[J["pelvis"], 1] > flat[J["left_ankle"], 1]
    # Orthographic views keep lengths: what is lost on the paper is in the distance.
    for azimuth, elevation in ((30.0, 20.0), (200.0, -40.0)):
        flat, away = orthographic(points, azimuth, elevation)
        np.testing.assert_allclose((flat**2).sum(-1) + away**2, (points**2).sum(-1), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_every_bone_of_every_layout_is_drawn_once_in_its_colour(name):
    skeleton = get_skeleton(name)
    drawn = [(pair, side) for side, paths in chains(skeleton).items() for path in paths for pair in pairwise(path)]
    assert sorted(pair for pair, _ in drawn) == sorted(skeleton.bones)
    assert all(side == side_of(skeleton, child) for (_, child), side in drawn)
    for left, right in skeleton.pairs:
        assert (side_of(skeleton, left), side_of(skeleton, right)) == ("left", "right")


def luminance_and_blue_yellow(colour: str) -> np.ndarray:
    """What is left of a colour without telling red from green: lightness, and blue against yellow (both 0..1)."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return np.array([0.3 * red + 0.6 * green + 0.1 * blue, blue - (red + green) / 2])


@pytest.mark.parametrize("palette", PALETTES)
def test_sides_are_told_apart_without_red_and_green(palette):
    values = [luminance_and_blue_yellow(palette[side]) for side in SIDES]
    assert min(np.linalg.norm(values[i] - values[j]) for i in range(3) for j in range(i)) > 0.15


# --- pictures ----------------------------------------------------------------------------------------------------


def test_pictures_are_drawn_upright_with_equal_axes():
    clip = clip_of(facing_the_camera())
    axes = Figure().add_axes((0, 0, 1, 1))
    _draw_2d(axes, clip, 0)
    bottom, top = axes.get_ylim()
    assert bottom > top, "pixels run downwards"
    assert axes.get_aspect() == 1.0
    for view in ("front", "side"):
        axes = Figure().add_axes((0, 0, 1, 1))
        _draw_3d(axes, clip, 0, view, ["truth"])
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert right > left
        assert top > bottom
        assert right - left == pytest.approx(top - bottom)
        assert axes.get_aspect() == 1.0
        limbs = [line for line in axes.lines if line.get_color() in PALETTES[0].values()]
        assert len(limbs) == len(H36M.bones)
        assert all(left < x < right and bottom < y < top for line in limbs for x, y in line.get_xydata())
        head = limbs[[child for _, child in H36M.bones].index(J["head_top"])].get_ydata()
        assert max(head) == max(y for line in limbs if line.get_color() == PALETTES[0]["centre"] for y in line.get_ydata())


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


# --- pages -------------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Everything that a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def frames_on(text: str) -> list[list[dict]]:
    """The frames of each figure of a page, as the browser is handed them."""
    found = re.findall(r"Plotly\.addFrames\('clip-\d+',\s*(\[.*?\])\s*\);", text, flags=re.DOTALL)
    return [json.loads(part) for part in found]


def test_a_page_is_self_contained_and_holds_every_frame_and_the_slider(tmp_path):
    poses = facing_the_camera(20)
    clips = [clip_of(poses, title="<b>one</b> & only", image_size=(1000, 1000)), clip_of(poses[:1], title="still")]
    path = page(clips, tmp_path / "page.html", title="A & B")
    text = path.read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert links.found == []
    assert text.count("plotly.js v") == 1
    assert path.stat().st_size < 6e6
    assert "<b>one</b>" not in text
    first, second = frames_on(text)
    assert [frame["name"] for frame in first] == [str(number) for number in range(20)]
    assert len(second) == 1
    for frame, pose in zip(first, scene(clips[0])[0]["truth"], strict=True):
        left = frame["data"][3 + SIDES.index("left")]
        path_of_joints = [joint for path in chains(H36M)["left"] for joint in [*path, None]]
        expected = [None if joint is None else pose[joint, 2] for joint in path_of_joints]
        assert left["z"] == [None if value is None else pytest.approx(value, abs=0.1) for value in expected]
    layout = figure(clips[0])["layout"]
    assert [step["args"][0][0] for step in layout["sliders"][0]["steps"]] == [frame["name"] for frame in first]
    assert [button["label"] for button in layout["updatemenus"][0]["buttons"]] == ["Play", "Pause"]


def test_pages_are_valid_plotly_with_equal_fixed_axes_and_heads_up():
    import plotly.graph_objects as go

    poses = facing_the_camera(4)
    clip = clip_of(poses, poses={"truth": poses, "model": poses * 1.01}, fps=10.0, image_size=(1000, 1000))
    drawn = go.Figure(figure(clip))
    assert len(drawn.frames) == 4
    moving = 3 + 2 * 3
    assert all(list(frame.traces) == list(range(moving)) for frame in drawn.frames)
    assert len({trace.line.color for trace in drawn.data[3:moving]}) == 6
    box, ratio = drawn.layout.scene, drawn.layout.scene.aspectratio
    spans = [axis.range[1] - axis.range[0] for axis in (box.xaxis, box.yaxis, box.zaxis)]
    np.testing.assert_allclose(np.array([ratio.x, ratio.y, ratio.z]) / spans, 1 / max(spans), rtol=1e-9)
    assert box.aspectmode == "manual"
    assert (box.camera.up.x, box.camera.up.y, box.camera.up.z) == (0, 0, 1)
    assert box.camera.eye.y < 0, "seen from the camera's side"
    assert drawn.layout.yaxis.range[0] > drawn.layout.yaxis.range[1], "pixels run downwards"
    assert drawn.layout.yaxis.scaleanchor == "x"
    centre = drawn.data[3 + SIDES.index("centre")]
    head = next(path for path in chains(H36M)["centre"] if J["head_top"] in path).index(J["head_top"])
    assert centre.z[head] == max(z for z in centre.z if z is not None)
    assert drawn.layout.updatemenus[0].buttons[0].args[1]["frame"]["duration"] == 100.0


def test_long_clips_are_thinned_and_play_at_their_own_speed():
    poses = np.repeat(facing_the_camera(), 1000, axis=0)
    drawn = figure(clip_of(poses, fps=50.0))
    names = [int(frame["name"]) for frame in drawn["frames"]]
    assert len(names) <= 150
    assert np.unique(np.diff(names)).tolist() == [7]
    assert drawn["layout"]["updatemenus"][0]["buttons"][0]["args"][1]["frame"]["duration"] == 1000 * 7 / 50.0


def test_a_page_of_many_clips_stays_small(tmp_path):
    poses = facing_the_camera(150)
    clip = clip_of(poses, poses={name: poses + index for index, name in enumerate("abc")})
    assert page([clip] * 8, tmp_path / "many.html").stat().st_size < 6.2e6


# --- errors ------------------------------------------------------------------------------------------------------


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
        with pytest.raises(SaveError, match=r"No space left|Permission denied"):
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
        (lambda p: picture([clip_of(facing_the_camera())], p / "no" / "a.png"), SaveError, "No such file"),
        (lambda p: page([], p / "a.html"), InputError, "nothing"),
        (lambda p: page(clip_of(facing_the_camera()), p / "no" / "a.html"), SaveError, "No such file"),
        (lambda p: clip_of(facing_the_camera()[:, :16]), InputError, r"expected \(1, 17, 2\)"),
        (lambda p: clip_of(facing_the_camera(2), poses={"m": facing_the_camera(3)}), InputError, "pose 'm'"),
        (lambda p: clip_of(facing_the_camera(), poses={}), InputError, "0 poses"),
        (lambda p: clip_of(facing_the_camera(), up=np.zeros(3)), InputError, "up is"),
        (lambda p: clip_of(facing_the_camera(), skeleton="h36m18"), UnknownNameError, "did you mean"),
    ],
)
def test_bad_arguments_are_named(tmp_path, call, error, says):
    with pytest.raises(error, match=says):
        call(tmp_path)
    assert os.listdir(tmp_path) == []
