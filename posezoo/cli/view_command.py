"""Draw poses that ``posezoo predict`` wrote, as a page, a picture or an animation: ``posezoo view``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from posezoo.cli.truth import MARKERS, beside, read_truth, score
from posezoo.errors import InputError
from posezoo.terminal import progress_console

if TYPE_CHECKING:
    from posezoo.data import Prediction
    from posezoo.viz import Clip

ENDINGS = {"html": (".html",), "gif": (".gif",), "mp4": (".mp4",), "png": (".png", ".pdf", ".svg", ".jpg", ".webp")}
_UP = {
    f"{sign}{axis}": tuple(float(f"{sign}1") * (axis == other) for other in "xyz") for sign in ("", "-") for axis in "xyz"
}
_PICTURES = 12


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("view", help="look at poses that predict wrote, beside other models and ground truth")
    command.add_argument("input", type=Path, help=".npz or .json that `posezoo predict` wrote")
    command.add_argument(
        "--with", dest="others", type=Path, nargs="+", default=[], metavar="FILE", help="other models' poses"
    )
    command.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="ground truth: such a file, arrays pose_3d (N, J, 3), skeleton, unit and frame (N,), or .trc or .c3d",
    )
    command.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="page, animation or picture, by what the name ends in"
    )
    command.add_argument(
        "--html", type=Path, metavar="FILE", help="a page with slider and play; beside the input by default"
    )
    command.add_argument("--gif", type=Path, metavar="FILE", help="an animation")
    command.add_argument("--mp4", type=Path, metavar="FILE", help="an animation")
    command.add_argument("--png", type=Path, metavar="FILE", help="a picture of up to twelve frames; .pdf and .svg too")
    command.add_argument(
        "--person", type=int, metavar="N", help="of a clip of several: 1 is seen longest and best (default)"
    )
    command.add_argument("--frames", metavar="A:B", help="from frame A up to, not including, B; counted from 0")
    command.add_argument("--video", type=Path, metavar="FILE", help="the clip: the 2D keypoints are drawn over it")
    command.add_argument("--fps", type=float, help="frames per second; those of the poses or of --video by default, or 30")
    command.add_argument("--up", choices=tuple(_UP), help="the vertical; --up=-y for the negative y axis")
    command.set_defaults(run=run, notes_only=True)


def run(options: argparse.Namespace) -> int:
    """Read poses, lay them over each other, draw them, and print the path."""
    from posezoo.cli.checks import check_input, check_output

    outputs = {kind: getattr(options, kind) for kind in ENDINGS if getattr(options, kind) is not None}
    if options.input.suffix.lower() not in (".npz", ".json"):
        markers = "; give markers as --truth FILE beside it" if options.input.suffix.lower() in MARKERS else ""
        raise InputError(
            f"{options.input}: expected a name that ends in .npz or .json, as `posezoo predict` writes them{markers}."
        )
    if options.out is not None:
        check_output("--out", options.out, tuple(ending for endings in ENDINGS.values() for ending in endings))
        kind = next(kind for kind, endings in ENDINGS.items() if options.out.suffix.lower() in endings)
        if kind in outputs:
            raise InputError(f"--out {options.out} and --{kind} {outputs[kind]} are two names of one result; give one.")
        outputs[kind] = options.out
    outputs = outputs or {"html": options.input.with_suffix(".html")}
    sources = [options.input, *options.others, *(path for path in (options.truth, options.video) if path)]
    for source in sources:
        check_input(source)
    for kind, path in outputs.items():
        check_output(f"--{kind}", path, ENDINGS[kind])
        if path.exists() and any(path.samefile(source) for source in sources):
            raise InputError(f"--{kind} {path} is an input itself; give the result another name.")
    results, truth = read_results(options)
    clip = laid_over(results, truth, options)
    clip = clip[chosen(options.frames, len(clip))]
    over = None
    if options.video is not None:
        from posezoo.cli.video_pictures import over_video

        over = partial(over_video, result=results[0], video=options.video)
    if clip.frame == "world" and options.up is None:
        print("z is drawn as the vertical; --up says otherwise where the calibration has another.")
    note = scores_of(options, results) if options.truth is not None and "html" in outputs else ""
    for kind, path in outputs.items():
        with _status(kind):
            said = draw(kind, clip, path, note, over)
        print(said)
    return 0


def _status(kind: str) -> AbstractContextManager[object]:
    """Show on a terminal what is being drawn; animations show a bar of their own."""
    return nullcontext() if kind in ("gif", "mp4") else progress_console().status(f"drawing {kind.upper()}")


def read_clip(options: argparse.Namespace) -> Clip:
    """Read all files that the command line names, as one clip.

    Raises:
        InputError: files that are no predictions, or that do not belong together.
        MissingFileError, CorruptFileError: a file is not there, or damaged.
    """
    return laid_over(*read_results(options), options)


def read_results(options: argparse.Namespace) -> tuple[list[Prediction], Prediction | None]:
    """Read the poses of one person, and ground truth of the same frames where there is any. Raises as :func:`read_clip`."""
    from posezoo.data import Prediction
    from posezoo.poses.people import rows_of
    from posezoo.viz.moments import common_rows

    paths = [options.input, *options.others]
    results = [Prediction.load(path) for path in paths]
    for path, result in zip(paths, results, strict=True):
        if not result.pose_3d.size:
            raise InputError(f"{path} holds no pose; predict from a file with people in it.")
    results = [one_person(result, path, options.person) for path, result in zip(paths, results, strict=True)]
    shared = common_rows(results, [str(path) for path in paths])
    results = [result if rows is None else rows_of(result, rows) for result, rows in zip(results, shared, strict=True)]
    if options.truth is None:
        return results, None
    truth = read_truth(options.truth)
    pairs = [beside(result, truth, options.truth) for result in results]
    return [result for result, _ in pairs], pairs[0][1]


def one_person(result: Prediction, path: Path, number: int | None = None) -> Prediction:
    """Return one person of a clip of several, and say which; other results as they are.

    Raises:
        InputError: there are not so many people.
    """
    from posezoo.poses.people import people_of, rows_of

    people = people_of(result)
    if not 1 <= (number or 1) <= len(people) or number == 0:
        raise InputError(f"--person {number}; {path} holds {len(people)}, and 1 is the one seen longest and best.")
    if len(people) == 1:
        return result
    rows = people[(number or 1) - 1]
    if number is None:
        name = "" if result.person is None else f" ({result.person[rows[0]]})"
        print(f"{path} is a clip of {len(people)} people: person 1{name}, seen longest and best, is drawn (--person N)")
    return rows_of(result, rows)


def laid_over(results: list[Prediction], truth: Prediction | None, options: argparse.Namespace) -> Clip:
    """Return results and ground truth over each other. Raises as :func:`read_clip`."""
    from posezoo import viz

    # Two results of one model are told apart by their files.
    models = [result.model for result in results]
    names = [
        f"{model} ({path.stem})" if models.count(model) > 1 else model or path.stem
        for model, path in zip(models, (options.input, *options.others), strict=True)
    ]
    up = None if options.up is None else _UP[options.up]
    return viz.overlay(*results, truth=truth, names=names, fps=rate_of(results[0], options.fps, options.video), up=up)


def rate_of(result: Prediction, fps: float | None = None, video: Path | None = None) -> float:
    """Return the frames per second: those asked for, of the poses, of their video, or 30."""
    import numpy as np

    from posezoo.data.pictures.frames import Frames

    if fps is not None:
        return float(fps)
    rate = result.fps
    if not rate and result.time_s is not None and np.size(result.time_s) > 1:
        step = float(np.median(np.diff(np.ravel(result.time_s))))
        rate = 1 / step if step > 0 else None
    if not rate and video is not None:
        rate = Frames(video).fps
    return float(rate or 30.0)


def chosen(frames: str | None, count: int) -> slice:
    """Turn ``A:B``, either end open, into a slice of ``count`` frames.

    Raises:
        InputError: something else, or no frame left.

    Example:
        >>> chosen("10:", 300), chosen("7", 300)
        (slice(10, 300, None), slice(7, 8, None))
    """
    if frames is None:
        return slice(0, count)
    matched = re.fullmatch(r"(\d*)(:?)(\d*)", frames.strip())
    if not matched or not frames.strip(": "):
        raise InputError(f"--frames {frames}: expected A:B, such as 0:100, :100 or 50:.")
    start = int(matched[1] or 0)
    stop = min(int(matched[3] or count) if matched[2] else start + 1, count)
    if start >= stop:
        raise InputError(f"--frames {frames} leaves no frame; there are frames 0 to {count - 1}.")
    return slice(start, stop)


def scores_of(options: argparse.Namespace, results: list[Prediction]) -> str:
    """Return the error of each file of poses against the ground truth, in words."""
    truth, parts = read_truth(options.truth), []
    for path, result in zip((options.input, *options.others), results, strict=True):
        errors = score(result, truth, options.truth)
        parts.append(f"{path.stem}: P-MPJPE {errors['p_mpjpe']:.1f} {truth.unit}, {errors['poses']} poses")
    return "; ".join(parts)


def draw(kind: str, clip: Clip, path: Path, note: str = "", over: Callable[[Clip], Clip] | None = None) -> str:
    """Draw a clip as a page, a picture or an animation; return a sentence on what was written.

    Args:
        kind: one of :data:`ENDINGS`.
        clip: what is drawn.
        path: the file.
        note: a line of the page.
        over: adds the pictures of a video, read for those frames alone that a page shows.
    """
    import numpy as np

    from posezoo import viz
    from posezoo.terminal import progress
    from posezoo.viz.pages import max_frames

    names, count = ", ".join(clip.poses), len(clip)
    if kind == "html":
        stride = -(-count // max_frames([clip], pictures=over is not None))
        clip = clip[::stride]
        viz.page(over(clip) if over else clip, path, title=names, note=note)
        every = f"every {stride}. of {count} frames (--frames A:B shows all of a part)" if stride > 1 else f"{count} frames"
        return f"{every}, {names} -> {path}"
    clip = over(clip) if over else clip
    if kind == "png":
        rows = np.linspace(0, count - 1, min(_PICTURES, count)).astype(int).tolist()
        stills = [clip[row : row + 1] for row in rows]
        viz.picture([_titled(still) for still in stills], path)
        return f"{len(stills)} of {count} frames, {names} -> {path}"
    viz.movie(clip, path, track=lambda numbers: progress(numbers, f"drawing {path.name}"))
    return f"{count} frames at {clip.fps:g} fps, {names} -> {path}"


def _titled(still: Clip) -> Clip:
    from dataclasses import replace

    return replace(still, title=f"frame {still.first}")
