"""``posezoo publish``: a model to the Hugging Face hub."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("publish", help="upload a model and its card to the Hugging Face hub")
    command.add_argument("name", help="a model, or the path of a .safetensors of your own")
    command.add_argument("--repo", required=True, help="organisation/name; made where it does not exist")
    command.add_argument("--private", action="store_true", help="a repository made now is for you alone")
    command.add_argument("--dry-run", action="store_true", help="write the folder and upload nothing")
    command.add_argument("-o", "--out", type=Path, help="the folder (NAME-hub); with --dry-run")
    command.add_argument("--licence", default="", help="of your own weights, such as apache-2.0")
    command.add_argument("--limits", default="", help="what your own weights are not for")
    command.add_argument("--training-data", default="", help="what your own weights were trained on")
    command.set_defaults(run=run, notes_only=True)


def run(options: argparse.Namespace) -> int:
    """Write the folder; upload it unless told not to."""
    from posezoo.errors import InputError
    from posezoo.registry import publishing

    if options.out and not options.dry_run:
        raise InputError("--out is for --dry-run: an upload leaves no folder.")
    texts = {"licence": options.licence, "limits": options.limits, "training_data": options.training_data}
    if options.dry_run:
        folder = options.out or Path(f"{Path(options.name).name.removesuffix('.safetensors')}-hub")
        publishing.write_folder(options.name, options.repo, folder, **texts)
        print(f"{folder}: {', '.join(sorted(file.name for file in folder.iterdir()))}. Nothing was uploaded.")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = publishing.write_folder(options.name, options.repo, Path(temporary), **texts)
        weights = next(folder.glob("*.safetensors")).name
        revision = publishing.upload(folder, options.repo, private=options.private)
    print(f'posezoo.load("hf://{options.repo}@{revision}/{weights}")')
    print(f'The index\'s entry: "source": {{"repo": "{options.repo}", "revision": "{revision}"}}')
    return 0
