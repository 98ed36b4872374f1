"""Write interactive pages: one self-contained HTML file that works offline."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from posezoo.errors import InputError
from posezoo.files.writing import write_whole
from posezoo.viz.clip import Clip
from posezoo.viz.controls import fits
from posezoo.viz.interactive import MAX_FRAMES, figure_of
from posezoo.viz.scene import pose_names

# Joints drawn in all frames of a page: some 25 bytes each beside the 4.8 MB of plotly.js, so a page stays under 6 MB.
_MAX_JOINTS = 40_000
# Some 30 kB each.
_MAX_PICTURES = 300
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 1rem auto; max-width: 76rem; padding: 0 1rem; color: #222 }}
h1 {{ font-size: 1.2rem; margin: 0.5rem 0 }}
h2 {{ font-size: 1rem; margin: 0.5rem 0; font-weight: normal }}
@media (max-width: 640px) {{ body {{ margin: 0.25rem auto; padding: 0 0.25rem }} }}
</style>
</head><body>
{body}
</body></html>
"""
# Plotly's own animation ends at the last frame and slows down where drawing is slow. This one goes round and keeps time,
# by leaving frames out; a click on the slider pauses it, as do Pause and the space bar. Arrow keys step.
_PLAYER = """
(function (plot) {{
  const names = plot.layout.sliders[0].steps.map(step => step.label);
  const at_once = {{mode: "immediate", frame: {{duration: 0, redraw: true}}, transition: {{duration: 0}}}};
  let start = null;
  const shown = () => plot.layout.sliders[0].active || 0;
  const show = index => Plotly.animate(plot, [names[index]], at_once);
  const tick = time => {{
    if (start === null) return;
    start.time = start.time ?? time;
    const index = (start.index + Math.floor((time - start.time) / {frame_ms})) % names.length;
    const again = () => requestAnimationFrame(tick);
    if (index === shown()) again(); else show(index).then(again, again);
  }};
  const play = () => {{ if (start === null) {{ start = {{index: shown(), time: null}}; requestAnimationFrame(tick); }} }};
  const pause = () => {{ start = null; }};
  plot.on("plotly_buttonclicked", event => {{
    if (event.button.label === "Play") play();
    if (event.button.label === "Pause") pause();
  }});
  plot.on("plotly_sliderstart", pause);
  const fits = {fits};
  const phone = window.matchMedia("(max-width: 640px)");
  const fit = () => {{
    const wanted = phone.matches ? fits.narrow : fits.wide;
    plot.parentElement.style.height = wanted.height + "px";  // or the next clip would cover what is higher than before
    Plotly.relayout(plot, wanted);
  }};
  phone.addEventListener("change", fit);
  if (phone.matches) fit();
  plot.tabIndex = 0;
  plot.addEventListener("keydown", event => {{
    const step = {{ArrowRight: 1, ArrowLeft: -1}}[event.key];
    if (event.key === " ") {{ if (start === null) play(); else pause(); }}
    else if (step) {{ pause(); show((shown() + step + names.length) % names.length); }}
    else return;
    event.preventDefault();
  }});
}})(document.getElementById("{{plot_id}}"));
"""


def page(clips: Sequence[Clip] | Clip, path: str | Path, title: str = "PoseZoo", note: str = "") -> Path:
    """Write an interactive page: clip under clip, 2D keypoints beside the 3D poses, with a slider and a play button.

    On a phone the keypoints stand above the poses. It plays round and round at the clip's own speed. Long clips are thinned
    to at most 600 frames, fewer where many are put on one page. The scene can be turned, enlarged and seen from three sides
    again, each pose switched off (by a click on its name); plotly.js is in the file.

    Args:
        clips: one or several.
        path: the file, usually ``.html``.
        title: of the page.
        note: a line below the title, such as scores.

    Returns:
        the path written.

    Raises:
        InputError: nothing to show, something else than clips, or a name that does not end in .html.
        SaveError: the file could not be written; nothing half-written is left.
    """
    from plotly.io import to_html

    clips = [clips] if isinstance(clips, Clip) else list(clips)
    if not clips:
        raise InputError("there is nothing to show; give at least one clip.")
    wrong = [type(clip).__name__ for clip in clips if not isinstance(clip, Clip)]
    if wrong:
        raise InputError(f"a page shows posezoo.viz.Clip, not {wrong[0]}; posezoo.viz.overlay makes one.")
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: a page is written as HTML; end the name with .html.")
    limit = max_frames(clips)
    body = [f"<h1>{html.escape(title)}</h1>"] if title else []
    body += [f"<p>{html.escape(note)}</p>"] if note else []
    for index, clip in enumerate(clips):
        if clip.title:
            body.append(f"<h2>{html.escape(clip.title)}</h2>")
        drawn = figure_of(clip, limit, pose_names(clips))
        play = drawn["layout"]["updatemenus"][0]["buttons"]
        frame_ms = play[0]["args"][1]["frame"]["duration"]
        for button in play:
            button["method"] = "skip"  # of the player
        body.append(
            to_html(
                drawn,
                full_html=False,
                include_plotlyjs=index == 0,
                auto_play=False,
                validate=False,
                div_id=f"clip-{index}",
                config={"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["lasso2d", "select2d"]},
                post_script=_PLAYER.format(frame_ms=frame_ms, fits=json.dumps(fits(clip))),
            )
        )
    return write_whole(path, _PAGE.format(title=html.escape(title), body="\n".join(body)))


def max_frames(clips: Sequence[Clip], pictures: bool = False) -> int:
    """Return how many frames of each clip a page of them shows, fewer where one has ``pictures``, or is to have them."""
    joints = sum(
        (clip.keypoints_2d is not None) * len(clip.keypoints_layout) + len(clip.layout) * len(clip.poses) for clip in clips
    )
    most = _MAX_PICTURES if pictures or any(clip.pictures is not None for clip in clips) else MAX_FRAMES
    return max(2, min(most, _MAX_JOINTS // joints))
