"""Write a model as a file that runs without PoseZoo: ``posezoo export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from posezoo.cli.checks import check_name, check_output


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser(
        "export",
        help="write a model as ONNX or TorchScript: pixels in, poses out",
        epilog="Units, frame, joints, licence and the weights' sha256 stand in the file.",
    )
    command.add_argument("name", help="a model, or the path of its weights")
    command.add_argument("--format", choices=("onnx", "torchscript"), help="what -o ends in by default, or onnx")
    command.add_argument("-o", "--out", type=Path, help=".onnx .pt .torchscript; the model's name by default")
    command.add_argument("--skeleton", help="layout that keypoints will come in; the model's own by default")
    command.set_defaults(run=run, check=check, notes_only=True)


def check(options: argparse.Namespace) -> None:
    """Refuse wrong options at once, before anything is read."""
    check_name(options.name)
    check_output("--out", options.out, (".onnx", ".pt", ".torchscript"))


def run(options: argparse.Namespace) -> int:
    """Write the file, and print its inputs and outputs."""
    from rich.table import Table

    from posezoo.cli.output import console
    from posezoo.exporting import export

    done = export(options.name, options.out, options.format, options.skeleton)
    table = Table(box=None, pad_edge=False)
    for column in ("", "name", "shape", "type", "meaning"):
        table.add_column(column)
    for side, ports in (("in", done.inputs), ("out", done.outputs)):
        for port in ports:
            shape, kind = ", ".join(map(str, port.shape)), str(port.dtype).removeprefix("torch.")
            table.add_row(side, port.name, f"({shape})", kind, port.meaning)
    console().print(table)
    approximated = done.metadata.get("approximated")
    if approximated:
        print(f"approximated: {', '.join(f'{joint} = {words}' for joint, words in approximated.items())}")
    size = done.path.stat().st_size / 1e6
    print(
        f"{done.metadata['model']} as {done.format}, {size:.1f} MB, within {done.difference:.0e} of the model -> {done.path}"
    )
    return 0
