"""Test pages: self-contained, upright, small, and with every frame."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from posezoo.viz import figure, page
from posezoo.viz.controls import fits
from posezoo.viz.interactive import figure_of
from posezoo.viz.scene import SIDES, chains, scene
from tests.viz.people import H36M, J, clip_of, facing_the_camera


class Links(HTMLParser):
    """Collect everything that a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def frames_on(text: str) -> list[list[dict]]:
    """Return the frames of each figure of a page, as the browser is handed them."""
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
    layout = figure_of(clips[0])["layout"]
    assert [step["args"][0][0] for step in layout["sliders"][0]["steps"]] == [frame["name"] for frame in first]
    assert [button["label"] for button in layout["updatemenus"][0]["buttons"]] == ["Play", "Pause"]


def test_pages_are_valid_plotly_with_equal_fixed_axes_and_heads_up():
    poses = facing_the_camera(4)
    clip = clip_of(poses, poses={"truth": poses, "model": poses * 1.01}, fps=10.0, image_size=(1000, 1000))
    drawn = figure(clip)
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
    drawn = figure_of(clip_of(poses, fps=50.0), max_frames=150)
    names = [int(frame["name"]) for frame in drawn["frames"]]
    assert len(names) <= 150
    assert np.unique(np.diff(names)).tolist() == [7]
    assert drawn["layout"]["updatemenus"][0]["buttons"][0]["args"][1]["frame"]["duration"] == 1000 * 7 / 50.0


def test_a_page_of_many_clips_stays_small(tmp_path):
    poses = facing_the_camera(150)
    clip = clip_of(poses, poses={name: poses + index for index, name in enumerate("abc")})
    assert page([clip] * 8, tmp_path / "many.html").stat().st_size < 6.2e6


def test_300_frames_of_one_person_take_little_beside_plotly(tmp_path):
    from plotly.offline import get_plotlyjs

    size = page(clip_of(facing_the_camera(300)), tmp_path / "page.html").stat().st_size
    assert len(frames_on((tmp_path / "page.html").read_text(encoding="utf-8"))[0]) == 300
    assert size - len(get_plotlyjs().encode()) < 1e6


def test_names_from_a_file_are_text_not_markup(tmp_path):
    poses = facing_the_camera(2)
    name = '<a href="http://example.org">model</a></script>'
    clip = clip_of(poses, poses={name: poses})
    text = page(clip, tmp_path / "page.html", title=name).read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert links.found == []
    titles = {trace["legendgrouptitle"]["text"] for trace in figure_of(clip)["data"] if "legendgrouptitle" in trace}
    assert not any("<" in title for title in titles)


def test_frames_keep_the_numbers_they_have_in_the_whole_clip():
    drawn = figure_of(clip_of(facing_the_camera(10), first=50))
    assert [step["label"] for step in drawn["layout"]["sliders"][0]["steps"]] == [str(number) for number in range(50, 60)]


def test_poses_alone_fill_the_page():
    drawn = figure(clip_of(facing_the_camera(2), keypoints_2d=None, frame="world", up=[0, -1, 0]))
    assert {trace.type for trace in drawn.data} == {"scatter3d", "mesh3d"}
    assert drawn.layout.scene.domain.x == (0.0, 1.0)


def test_hovering_names_the_joint_under_the_pointer():
    drawn = figure(clip_of(facing_the_camera()))
    pose = scene(clip_of(facing_the_camera()))[0]["truth"][0]
    left = drawn.data[3 + SIDES.index("left")]
    named = {text: z for text, z in zip(left.text, left.z, strict=True) if text}
    for joint in ("left_wrist", "left_ankle"):
        assert named[joint.replace("_", " ")] == pytest.approx(pose[J[joint], 2], abs=0.1)


def test_on_a_phone_the_picture_stands_above_the_scene_and_nothing_covers_a_body(tmp_path):
    poses = facing_the_camera(3)
    clip = clip_of(poses, image_size=(1000, 1000))
    text = page(clip, tmp_path / "page.html", note="P-MPJPE 50.1 mm & more").read_text(encoding="utf-8")
    assert "<p>P-MPJPE 50.1 mm &amp; more</p>" in text
    assert 'window.matchMedia("(max-width: 640px)")' in text
    assert json.dumps(fits(clip)) in text
    narrow, wide = fits(clip)["narrow"], fits(clip)["wide"]
    # 390 px wide less both margins: the picture is as wide as the page, and more than 250 px high.
    assert narrow["xaxis.domain"] == narrow["scene.domain.x"] == [0.0, 1.0]
    assert narrow["scene.domain.y"][1] < narrow["yaxis.domain"][0]
    assert (narrow["yaxis.domain"][1] - narrow["yaxis.domain"][0]) * (narrow["height"] - 50) > 250
    # Play and Pause, 112 px wide, do not cover the slider; the box grows with the drawing, or the next clip would cover it.
    assert narrow["sliders[0].x"] * (390 - 8 - 12 - 10) > 112
    assert 'plot.parentElement.style.height = wanted.height + "px"' in text
    # Going back to a wide page restores the first layout.
    drawn = figure(clip)
    before = drawn.layout.to_plotly_json()
    drawn.plotly_relayout(narrow)
    assert drawn.layout.scene.domain.y == (0.0, narrow["scene.domain.y"][1])
    drawn.plotly_relayout(wide)
    after = drawn.layout.to_plotly_json()
    assert after["yaxis"].pop("domain") == [0.0, 1.0]
    assert after["legend"].pop("yanchor") == "auto"
    assert after == before
    layout = figure_of(clip)["layout"]
    assert (layout["legend"]["x"], layout["legend"]["xanchor"]) == (1.01, "left")
