"""Prepare a dataset, describe it, check a user's keypoints, and list the formats of keypoints: ``posezoo data``."""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict, replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from posezoo.cli.checks import check_output
from posezoo.cli.output import in_options
from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.formats.keypoints import Inspection

_PREPARE = ("h36m", "mpi_inf_3dhp", "humaneva")
_PICTURES = ("h36m_pictures", "lsp", "coco_pictures")
# Options of this command and of those that lift the file, of which findings speak.
_FOR_KEYPOINTS = ("--skeleton", "--image-size", "--fill-gaps", "--skip-incomplete")


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("data", help="prepare and describe datasets")
    actions = command.add_subparsers(dest="action", required=True, metavar="prepare|info|check|schema")
    prepare = actions.add_parser("prepare", help="convert a dataset once; a file of the same sources is left alone")
    prepare.add_argument("dataset", choices=(*_PREPARE, "openmocap", "kinetics", *_PICTURES, "bodies"))
    prepare.add_argument(
        "--source", type=Path, help="folder of the dataset as it is downloaded; of BVH files for openmocap; bodies need none"
    )
    prepare.add_argument("--mpii", type=Path, help="folder of MPII's valid.h5 and valid_stacked_hourglass.h5")
    prepare.add_argument(
        "--every", type=int, default=5, help="of videos and of clips of kinetics, so many frames are one (5)"
    )
    prepare.add_argument("-o", "--out", type=Path, required=True, help="the .h5 file to write; for pictures a folder")
    prepare.set_defaults(run=run_prepare, notes_only=True)
    describe = actions.add_parser("info", help="what a prepared file holds")
    describe.add_argument("file", type=Path)
    describe.set_defaults(run=run_info)
    check = actions.add_parser("check", help="what a file of 2D keypoints holds, and what is suspicious about it")
    check.add_argument("file", type=Path, help="any file or folder of keypoints that posezoo predict takes")
    check.add_argument("--skeleton", help="layout of the keypoints, where the file does not say")
    check.add_argument("--image-size", nargs=2, type=int, metavar=("WIDTH", "HEIGHT"), help="where the file does not say")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=run_check)
    schema = actions.add_parser("schema", help="how to write keypoints in a file of your own")
    schema.set_defaults(run=run_schema)


def run_schema(options: argparse.Namespace) -> int:
    """List the documented formats of 2D keypoints."""
    from posezoo.formats.keypoints import SCHEMA

    print(SCHEMA.strip())
    return 0


def run_prepare(options: argparse.Namespace) -> int:
    """Convert a dataset, with a progress bar."""
    if options.dataset == "bodies":
        from posezoo.synthetic.preparing import prepare_bodies

        check_output("--out", options.out, (".h5", ".hdf5"))
        print(f"bodies -> {prepare_bodies(options.out)}")
        return 0
    if options.source is None:
        raise InputError(f"--source is not given; name the folder of {options.dataset} as it is downloaded.")
    from posezoo.data import prepare_openmocap

    if options.dataset in ("lsp", "coco_pictures"):
        from posezoo.data.coco import prepare_coco_pictures
        from posezoo.data.lsp import prepare_lsp

        check_output("--out", options.out, (".h5", ".hdf5"))
        file = {"lsp": prepare_lsp, "coco_pictures": prepare_coco_pictures}[options.dataset](options.source, options.out)
        print(f"pictures -> {file}")
        return 0
    if options.dataset == "h36m_pictures":
        from posezoo.data.h36m.frames import prepare_h36m_pictures

        file = prepare_h36m_pictures(options.source, options.out, options.every)
        print(f"pictures and {file} written")
        return 0
    check_output("--out", options.out, (".h5", ".hdf5"))
    if options.dataset == "kinetics":
        from posezoo.data.kinetics import prepare_kinetics

        print(f"{prepare_kinetics(options.source, options.out, options.every)} people -> {options.out}")
        return 0
    existed = options.out.exists()
    if options.dataset in _PREPARE:
        prepare = getattr(importlib.import_module(f"posezoo.data.{options.dataset}"), f"prepare_{options.dataset}")
        written = prepare(options.source, options.out).written
    else:
        written = prepare_openmocap(options.source, options.out, options.mpii)
    print(f"{options.out} {_done(written, existed)}")
    return run_info(argparse.Namespace(file=options.out))


def _done(written: bool, existed: bool) -> str:
    """Return what became of a file."""
    if not written:
        return "is up to date"
    return "replaced: its sources are others than before" if existed else "written"


def run_info(options: argparse.Namespace) -> int:
    """Print the clips and frames of a prepared file, or what else it holds."""
    from posezoo.data.described import describe

    summary = describe(options.file)
    notes = summary.pop("notes", ())
    for key, value in summary.items():
        if key == "also":
            value = ", ".join(value) or "no detections"
        print(f"{key}: {value['clips']} clips, {value['frames']} frames" if isinstance(value, dict) else f"{key}: {value}")
    for note in notes:
        print(f"differs from what was published: {note}" if "published" in note else note)
    return 0


def run_check(options: argparse.Namespace) -> int:
    """Print a table of an inspection, and a sentence for each finding."""
    from posezoo.formats.keypoints import inspect_keypoints, read_with_format

    form, data = read_with_format(options.file, options.skeleton, options.image_size)
    found = inspect_keypoints(data)
    worded = (replace(finding, text=in_options(finding.text, _FOR_KEYPOINTS)) for finding in found.findings)
    found = replace(found, findings=tuple(worded))
    if options.json:
        described = {"file": str(options.file), "format": form.name, **asdict(found)}
        for name in ("sides_agree", "deviation", "jitter"):  # JSON has no NaN
            described[name] = None if isnan(described[name]) else described[name]
        print(json.dumps(described, indent=2))
        return 0
    from rich.markup import escape
    from rich.table import Table

    from posezoo.cli.output import console

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for key, value in (("file", str(options.file)), ("format", form.name), *_rows(found)):
        table.add_row(key, escape(value))
    console().print(table)
    for finding in found.findings:
        console().print(f"[yellow]{finding.name}[/yellow]: {escape(finding.text)}")
    if not found.findings:
        console().print("nothing suspicious")
    return 0


def _rows(found: Inspection) -> list[tuple[str, str]]:
    """Return the rows of an inspection's table."""
    sizes = ", ".join(f"{width} x {height}" for width, height in found.image_sizes[:5])
    missing = sorted(found.missing.items(), key=lambda item: -item[1])
    low, median, high = found.confidence or (0, 0, 0)
    agree = "too few poses tell" if isnan(found.sides_agree) else f"{found.sides_agree:.0%} of the telling poses agree"
    body = "too little is known" if isnan(found.deviation) else f"{found.deviation:.1f} deviations from a body's"
    return [
        ("layout", f"{found.skeleton} ({found.joints} joints)"),
        ("holds", f"{found.poses} poses in {found.frames} frames; sequences: {found.sequences}, people: {found.people}"),
        ("pictures", f"{sizes}{', ...' if len(found.image_sizes) > 5 else ''} px" if sizes else "size not known"),
        ("coordinates", f"{found.units}, x {found.x[0]:.4g} to {found.x[1]:.4g}, y {found.y[0]:.4g} to {found.y[1]:.4g}"),
        ("missing", ", ".join(f"{joint} {share:.1%}" for joint, share in missing[:8]) or "none"),
        ("confidence", f"{low:.2f} to {high:.2f}, median {median:.2f}" if found.confidence else "not given"),
        ("proportions", body),
        ("upside down", f"{found.upside_down:.0%} of the poses"),
        ("left and right", f"{agree} ({found.side_votes}), changing places between frames {found.exchanged} times"),
        ("repeated", f"{found.static:.0%} equal the frame before, {found.duplicates} another pose"),
    ]
