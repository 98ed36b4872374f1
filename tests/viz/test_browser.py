"""Test the page in a real browser: it loads without an error, slider and Play move the pose, sides are right."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from posezoo.viz import page
from tests.viz.chromium import chromium
from tests.viz.people import assert_upright_facing_us, clip_of, facing_the_camera

pytestmark = pytest.mark.slow

_FRAMES = 20


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    poses = facing_the_camera(_FRAMES)
    clip = clip_of(poses, title="leaning", fps=10.0, poses={"model": poses}, image_size=(1000, 1000))
    with chromium(1200, 760) as driver:
        driver.get(page(clip, tmp_path_factory.mktemp("browser") / "page.html", title="A page").as_uri())
        yield driver


def across(browser) -> list[float]:
    """Return what is drawn now: X of the joints of the pose's centre, as the 3D scene holds them."""
    return browser.execute_script("return document.getElementById('clip-0').data[5].x.filter(x => x !== null)")


def shown(browser) -> int:
    return browser.execute_script("return document.getElementById('clip-0').layout.sliders[0].active || 0")


def settled(browser, script: str) -> object:
    """Return the value of a promise."""
    return browser.execute_async_script(
        f"const done = arguments[0]; ({script}).then(() => done(true), e => done(String(e)));"
    )


def wait_until(browser, condition, seconds: float = 30.0) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, seconds, poll_frequency=0.1).until(lambda _: condition())


def button(browser, label: str):
    return next(
        found for found in browser.find_elements("css selector", ".updatemenu-button") if found.text.strip() == label
    )


def test_the_page_loads_without_an_error_and_without_the_network(browser):
    assert browser.title == "A page"
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in fetched if name.startswith("http")] == []
    kinds = browser.execute_script("return document.getElementById('clip-0').data.map(trace => trace.type)")
    assert kinds == ["scatter"] * 3 + ["scatter3d"] * 3 + ["scatter3d", "mesh3d"]
    assert len(browser.find_elements("css selector", "#clip-0 .gl-container canvas")) >= 1
    legend = [found.text for found in browser.find_elements("css selector", ".legendtext")]
    assert legend == ["model", "left", "right", "centre"]


def test_the_slider_moves_the_pose(browser):
    from selenium.webdriver import ActionChains

    before = across(browser)
    pixels = browser.find_element("id", "clip-0").screenshot_as_png
    rail = browser.find_element("css selector", ".slider-rail-touch-rect")
    ActionChains(browser).move_to_element_with_offset(rail, rail.size["width"] // 2 - 12, 0).click().perform()
    wait_until(browser, lambda: shown(browser) == _FRAMES - 1)
    after = across(browser)
    # Later frames lean further: the head is farther from the pelvis, to the side.
    assert max(map(abs, after)) > max(map(abs, before)) + 100
    assert browser.find_element("id", "clip-0").screenshot_as_png != pixels


def test_play_goes_round_and_pause_stops(browser):
    start = shown(browser)
    button(browser, "Play").click()
    seen: set[int] = set()
    wait_until(browser, lambda: seen.add(shown(browser)) or (len(seen) > 3 and any(frame < start for frame in seen)))
    button(browser, "Pause").click()
    # A frame that is being drawn is still shown; then nothing moves for longer than a frame lasts.
    settled(browser, "new Promise(done => setTimeout(done, 300))")
    stopped = shown(browser)
    settled(browser, "new Promise(done => setTimeout(done, 500))")
    assert shown(browser) == stopped


def test_arrow_keys_step(browser):
    from selenium.webdriver.common.keys import Keys

    settled(browser, "Plotly.animate('clip-0', ['5'], {mode: 'immediate', frame: {duration: 0, redraw: true}})")
    plot = browser.find_element("id", "clip-0")
    browser.execute_script("arguments[0].focus()", plot)
    plot.send_keys(Keys.ARROW_RIGHT)
    wait_until(browser, lambda: shown(browser) == 6)
    plot.send_keys(Keys.ARROW_LEFT)
    wait_until(browser, lambda: shown(browser) == 5)


def test_seen_as_the_camera_they_are_upright_and_not_mirrored(browser):
    settled(browser, "Plotly.animate('clip-0', ['0'], {mode: 'immediate', frame: {duration: 0, redraw: true}})")
    button(browser, "as the camera").click()
    eye = "return document.getElementById('clip-0').layout.scene.camera.eye.x"
    wait_until(browser, lambda: browser.execute_script(eye) == 0)
    settled(browser, "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    pixels = np.asarray(Image.open(io.BytesIO(browser.find_element("id", "clip-0").screenshot_as_png)).convert("RGB"))
    width = pixels.shape[1]
    assert_upright_facing_us(pixels[45:480, : int(0.4 * width)])
    assert_upright_facing_us(pixels[45:480, int(0.42 * width) : int(0.88 * width)])
