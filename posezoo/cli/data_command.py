"""``posezoo data``: prepare a dataset once, say what a prepared file holds, and how to write one's own keypoints."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from posezoo.cli.predict_command import check_output

_PREPARE = ("h36m", "mpi_inf_3dhp", "humaneva")


def add(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser("data", help="prepare and describe datasets")
    actions = command.add_subparsers(dest="action", required=True, metavar="prepare|info|schema")
    prepare = actions.add_parser("prepare", help="convert a dataset once; what is there already is left alone")
    prepare.add_argument("dataset", choices=(*_PREPARE, "openmocap", "h36m_pictures"))
    prepare.add_argument(
        "--source", type=Path, required=True, help="folder of the dataset as it is downloaded; of BVH files for openmocap"
    )
    prepare.add_argument("--mpii", type=Path, help="folder of MPII's valid.h5 and valid_stacked_hourglass.h5")
    prepare.add_argument("--every", type=int, default=5, help="of videos, so many frames are one (5)")
    prepare.add_argument("--out", type=Path, required=True, help="the .h5 file to write; for pictures a folder")
    prepare.set_defaults(run=run_prepare)
    describe = actions.add_parser("info", help="what a prepared file holds")
    describe.add_argument("file", type=Path)
    describe.set_defaults(run=run_info)
    schema = actions.add_parser("schema", help="how to write keypoints in a file of your own")
    schema.set_defaults(run=run_schema)


def run_schema(options: argparse.Namespace) -> int:
    """The documented formats of 2D keypoints."""
    from posezoo.data.keypoints import SCHEMA

    print(SCHEMA.strip())
    return 0


def run_prepare(options: argparse.Namespace) -> int:
    """Convert, with a progress bar."""
    from posezoo.data import prepare_openmocap

    if options.dataset == "h36m_pictures":
        from posezoo.data.pictures.h36m_frames import prepare_h36m_pictures

        file = prepare_h36m_pictures(options.source, options.out, options.every)
        print(f"pictures and {file} written")
        return 0
    check_output("--out", options.out, (".h5", ".hdf5"))
    if options.dataset in _PREPARE:
        prepare = getattr(importlib.import_module(f"posezoo.data.{options.dataset}"), f"prepare_{options.dataset}")
        done = prepare(options.source, options.out)
        print(f"{options.out} {'written' if done.written else 'is up to date'}")
        return run_info(argparse.Namespace(file=options.out))
    written = prepare_openmocap(options.source, options.out, options.mpii)
    print(f"{options.out} {'written' if written else 'is up to date'}")
    return run_info(argparse.Namespace(file=options.out))


def run_info(options: argparse.Namespace) -> int:
    """Clips and frames by split."""
    from posezoo.data.openmocap import describe_openmocap
    from posezoo.data.prepared import describe_prepared, is_prepared

    summary = describe_prepared(options.file) if is_prepared(options.file) else describe_openmocap(options.file)
    notes = summary.pop("notes", ())
    for key, value in summary.items():
        if key == "also":
            value = ", ".join(value) or "no detections"
        print(f"{key}: {value['clips']} clips, {value['frames']} frames" if isinstance(value, dict) else f"{key}: {value}")
    for note in notes:
        print(f"differs from what was published: {note}" if "published" in note else note)
    return 0
