"""Write animations with ImageIO: GIF and MP4, frame by frame as :mod:`posezoo.viz.static` draws."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError, SaveError
from posezoo.extras import require
from posezoo.files.writing import atomic_write
from posezoo.viz.clip import Clip
from posezoo.viz.static import sheet

FORMATS = ("gif", "mp4")
# Browsers slow down GIFs of more than 50 pictures a second; a long GIF would fill disk and memory.
_GIF_FPS = 50.0
_GIF_FRAMES = 300


def movie(
    clip: Clip,
    path: str | Path,
    *,
    dpi: int = 110,
    track: Callable[[range], Iterable[int]] | None = None,
) -> Path:
    """Animate a clip: 2D keypoints beside two views of the 3D poses, at the clip's own speed.

    A GIF shows every frame up to 50 fps and 300 frames, beyond that every second, third, ... one; an MP4 (H.264) every
    frame.

    Args:
        clip: what is shown.
        path: ends in .gif or .mp4.
        dpi: pixels per inch; the picture is about 6.6 inches wide.
        track: is handed the frame numbers and gives them back one by one, as a progress bar does.

    Returns:
        the path written.

    Raises:
        InputError: another ending, or ImageIO or imageio-ffmpeg is not installed (``pip install 'posezoo[video]'``).
        SaveError: the file was not written; nothing half-written is left.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise InputError(f"{path.name}: animations are written as {' or '.join(FORMATS)}; end the name with one of them.")
    needed = {"imageio": "ImageIO"} | ({"imageio_ffmpeg": "imageio-ffmpeg"} if kind == "mp4" else {})
    for module, name in needed.items():
        require(module, f"a {kind.upper()} file", "'posezoo[video]'", name)
    stride = 1 if kind == "mp4" else int(np.ceil(max(clip.fps / _GIF_FPS, len(clip) / _GIF_FRAMES)))
    numbers = range(0, len(clip), stride)
    pictures = _render(clip, numbers if track is None else track(numbers), dpi)
    with atomic_write(path) as temporary:
        if kind == "gif":
            _write_gif(temporary, pictures, delays_ms(len(clip), stride, clip.fps))
        else:
            _write_mp4(temporary, pictures, clip.fps, path)
    return path


def delays_ms(count: int, stride: int, fps: float | int) -> list[int]:
    """Return how long each ``stride``-th of ``count`` frames is shown in a GIF, whose delays are hundredths of a second.

    Rounded one by one they would add up to another speed.

    Example:
        >>> delays_ms(6, 1, 30.0)
        [30, 40, 30, 30, 40, 30]
    """
    ends = np.minimum(np.arange(0, count + stride, stride), count) / fps
    return (10 * np.diff(np.rint(100.0 * ends))).clip(20).astype(int).tolist()


def _write_gif(temporary: Path, pictures: Iterator[np.ndarray], delays: list[int]) -> None:
    import imageio.v3

    # Draw all pictures before the file is opened, because closing it after an interruption would write a part.
    waiting = list(pictures)[::-1]
    # In memory: where the disk is full, Pillow raises once more when its file is closed, out of reach of an except.
    buffer = io.BytesIO()
    file: Any
    with imageio.v3.imopen(buffer, "w", plugin="pillow", extension=".gif") as file:
        while waiting:
            file.write(waiting.pop(), is_batch=False, duration=delays if len(delays) > 1 else delays[0], loop=0)
    temporary.write_bytes(buffer.getvalue())


def _write_mp4(temporary: Path, pictures: Iterator[np.ndarray], fps: float | int, path: Path) -> None:
    import imageio.v2
    from imageio_ffmpeg import count_frames_and_secs

    settings = {"codec": "libx264", "quality": 7, "macro_block_size": 2, "ffmpeg_log_level": "error"}
    writer: Any
    written = found = 0
    try:
        with imageio.v2.get_writer(temporary, format="FFMPEG", mode="I", fps=fps, **settings) as writer:
            for shown in pictures:
                writer.append_data(shown)
                written += 1
    except (OSError, RuntimeError) as error:
        raise SaveError(f"{path} was not written: FFmpeg stopped ({str(error).strip()[:120]}).") from error
    # ImageIO does not tell how FFmpeg ended.
    with suppress(OSError, RuntimeError):
        found = count_frames_and_secs(str(temporary))[0]
    if found < written:
        raise SaveError(f"{path} was not written: FFmpeg wrote {found} of {written} frames; is the disk full?")


def _render(clip: Clip, numbers: Iterable[int], dpi: int) -> Iterator[np.ndarray]:
    """Yield (H, W, 3) uint8 of each frame, both sizes even, as H.264 wants them; scales hold for the whole clip."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure, panels = sheet([clip], dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    width, height = figure.get_size_inches()
    counter = figure.text(0.06 / width, 0.06 / height, "", fontsize=7, color="#666666", animated=True)
    moving = [(axes, artist) for panel in panels for axes, artist in panel.moving]
    for _, artist in moving:
        artist.set_animated(True)
    # Draw the parts that do not move, mostly text, once.
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    for number in numbers:
        canvas.restore_region(background)
        for panel in panels:
            panel.show(number)
        for axes, artist in moving:
            axes.draw_artist(artist)
        counter.set_text(f"frame {clip.first + number * clip.step}")
        figure.draw_artist(counter)
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        yield np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2])
