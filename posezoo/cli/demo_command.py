"""``posezoo demo``: lift people the model has not seen, score them, draw them."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons import Skeleton


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("demo", help="lift synthetic people, score them, and draw a picture and a page")
    command.add_argument("--name", default="svma", help="a model, or the path of its weights")
    command.add_argument("-o", "--out", type=Path, default=Path("posezoo-demo"), help="folder of the picture and the page")
    command.add_argument("--device", help="where the model computes: cpu (the default), cuda, cuda:1, mps")
    command.set_defaults(run=run, notes_only=True)


def run(options: argparse.Namespace) -> int:
    """Lift synthetic people in place of a video: they need no file, and their 3D poses are known."""
    from posezoo.cli.output import console

    if options.out.exists() and not options.out.is_dir():
        raise InputError(f"--out {options.out} is a file; name a folder.")
    terminal = console()
    with terminal.status("loading the weights"):
        import posezoo
        from posezoo import viz
        from posezoo.data import load_dataset
        from posezoo.geometry import procrustes_align
        from posezoo.lifting import LiftingModule, evaluate

        model = posezoo.load(options.name, options.device, kind=LiftingModule)
    with terminal.status("lifting"):
        data = load_dataset("procedural", split="test")
        scores, flat = evaluate(model, data), evaluate(None, data)
    terminal.print(f"{model.zoo_name} lifted {scores['poses']} 2D poses of synthetic people it has never seen.")
    found = (
        f"P-MPJPE {scores['p_mpjpe']:.1f} mm (flat depth, the trivial answer: {flat['p_mpjpe']:.1f} mm), "
        f"PCK@150mm after alignment {scores['pck_aligned']:.1f} % ({flat['pck_aligned']:.1f} %)"
    )
    terminal.print(found)
    with terminal.status("drawing"):
        options.out.mkdir(parents=True, exist_ok=True)
        clips: list[viz.Clip] = []
        people: list[viz.Clip] = []
        for clip, poses in data.by_sequence():
            if clip.view != 0 or clip.action in {c.title for c in clips}:
                continue
            lifted = model.predict(poses.keypoints_2d, poses.skeleton, clip.image_size)
            label = np.asarray(poses.pose_3d)
            truth = label - label[:, [poses.skeleton.root]]
            shown = np.asarray(procrustes_align(lifted.pose_3d, truth), dtype=np.float32)
            shown = shown - shown[:, [poses.skeleton.root]]
            names = {model.zoo_name: shown, "ground truth": truth}
            clips.append(viz.Clip(poses.keypoints_2d, names, poses.skeleton, clip.action, clip.image_size))
            still_at = [telling_frame(truth, poses.skeleton)]
            still = {name: pose[still_at] for name, pose in names.items()}
            people.append(viz.Clip(poses.keypoints_2d[still_at], still, poses.skeleton, clip.action, clip.image_size))
        picture, page = options.out / "demo.png", options.out / "demo.html"
        viz.picture(people, picture)
        viz.page(clips, page, note=f"{scores['poses']} synthetic people, {model.zoo_name}: {found}")
    terminal.print(f"picture: {picture.resolve()}\npage:    {page.resolve()}", soft_wrap=True)
    return 0


def telling_frame(pose: np.ndarray, skeleton: Skeleton) -> int:
    """Return the frame that shows the action best: hands at their highest, or the head at its lowest (y down)."""
    y = {joint: pose[:, skeleton.index(joint), 1] for joint in skeleton.joints}
    raised = y["pelvis"] - np.minimum(y["left_wrist"], y["right_wrist"])
    height = np.maximum(y["left_ankle"], y["right_ankle"]) - y["head_top"]
    return int((raised - height).argmax())
