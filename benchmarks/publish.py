"""Put a trained model into ``checkpoints/``: measure it, write its card and its entry in the index.

    python benchmarks/publish.py svma.mocap runs/svma.mocap --openmocap openmocap.h5 --bandai bandai.h5 --real realbench/

The metrics are measured here on the file that is published, never copied from a log. Without a run, the weights that are
published are measured again, and stay as they are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from card_scores import GROUND_TRUTH, KINDS, PICTURES, SUPERVISED, Files, rendered_side

import posezoo
from posezoo.files.writing import write_whole
from posezoo.lifting.base import Trained
from posezoo.registry import FORMAT, PAPERS, describe, paper_class, save
from posezoo.registry.cards import card
from posezoo.registry.publishing import ORIGIN, index_entry

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
LICENCE = "Apache-2.0"
DATA_LICENCE = (
    "Trained on the CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu, NSF EIA-0196217), "
    "free for research and for use in products, not for resale of the data itself."
)
IMAGENET = (
    "The picture network starts from EfficientNet-Lite0 of Google (Apache-2.0), trained on ImageNet, whose pictures are for "
    "research."
)
FRACTION_BITS = 10
"""Of a weight, as float16 has; the other 13 are zero. Such a file compresses to some 60 %: more of them fit into a wheel."""
AUGMENTED = "limbs exchanged between poses, bones turned, other bodies, cameras anywhere, a detector's errors"


def trained_on(header: dict[str, Any]) -> Trained:
    """Return what training needed and read, as the model's class says for its settings, else as the paper says."""
    paper = PAPERS[header["paper"]]
    said = paper_class(header["paper"]).trained_on(header["settings"], header.get("data", {}))
    return said or Trained(paper.supervision, paper.reads or f"{paper.supervision}, drawn at random")


def read(header: dict[str, Any]) -> str:
    """Return a description of what training read, with what a teacher or augmentation made of it."""
    words = trained_on(header).read
    if header["settings"].get("student") == "teacher":
        words += "; what a teacher lifted of them"
    return f"{words}; {AUGMENTED}" if header.get("data", {}).get("augmentation") is not None else words


def round_weights(model: torch.nn.Module, bits: int = FRACTION_BITS) -> None:
    """Round float32 parameters and buffers to the nearest number with ``bits`` bits of fraction, in place.

    A weight moves by at most one part in 2 to the power of ``bits`` + 1. Halves are rounded away from zero.
    """
    dropped = torch.finfo(torch.float32).bits - 9 - bits  # sign and exponent take nine
    if not 0 < bits < 23:
        raise ValueError(f"bits is {bits}; expected 1 to 22.")
    for tensor in model.state_dict().values():
        if tensor.dtype == torch.float32:
            words = tensor.contiguous().view(torch.int32)
            tensor.copy_((((words + (1 << (dropped - 1))) >> dropped) << dropped).view(torch.float32))


def measured_by(name: str, entry: dict[str, Any]) -> str:
    """Return a description of how a card's figures were measured, with the command for the first of them."""
    first, data, file = next(iter(entry["metrics"])), "openmocap", "openmocap.h5"
    if first.startswith("Leeds"):
        data, file = "lsp", "lsp.h5"
    if first.startswith("rendered"):
        data = f"{first.split()[0]} --count {PICTURES} --side {rendered_side(entry['settings']['size'])}"
    detected = " --keypoints detected" if first.endswith("detected 2D") else ""
    return (
        "`python benchmarks/publish.py` measured these on the file above;\n"
        f"`posezoo eval {name} --data {data} --path {file}{detected}` prints the first table.\n\n"
    )


def main() -> None:
    """Copy the weights, measure them, and write card and index entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument(
        "run", type=Path, nargs="?", help="the folder that `posezoo train` wrote; without it published weights are measured"
    )
    parser.add_argument("--openmocap", type=Path, required=True)
    parser.add_argument("--bandai", type=Path, required=True)
    parser.add_argument("--lsp", type=Path, help="Leeds Sports Pose as prepared by posezoo data prepare lsp; for pictures")
    parser.add_argument("--real", type=Path, help="folder of real video, see posezoo.data.realbench; not for pictures")
    parser.add_argument(
        "--every", type=int, default=1, help="of the files' poses (clips, of several views) score one in so many"
    )
    parser.add_argument(
        "--exact", action="store_true", help=f"keep all bits of the weights, not {FRACTION_BITS} of each fraction"
    )
    parser.add_argument("--limits", help="what the model is not for; those of the weights it replaces where not given")
    options = parser.parse_args()
    if not options.limits and options.name not in posezoo.list_models():
        parser.error(f"{options.name} is new: --limits says what it is not for.")
    path = CHECKPOINTS / f"{options.name}.safetensors"
    source = path if options.run is None else options.run / path.name
    header, model = describe(source), posezoo.load(source)
    if source != path:
        if not options.exact:
            round_weights(model)
        save(model, path, **{key: header[key] for key in ORIGIN if key in header})
    index_path = CHECKPOINTS / "index.json"
    index: dict[str, Any] = json.loads(index_path.read_text()) if index_path.is_file() else {"format": FORMAT, "models": {}}
    files = Files(options.openmocap, options.bandai, options.real, options.lsp, options.every)
    kind = KINDS[model.kind]
    metrics = kind.measure(model, files, header)
    baselines = kind.baselines(metrics, files)
    pretrained = header["settings"].get("backbone") == "efficientnet_lite0"
    said = {
        "licence": LICENCE,
        "data_licence": f"{DATA_LICENCE} {IMAGENET}" if pretrained else DATA_LICENCE,
        "limits": options.limits or index["models"][options.name]["limits"],
        "supervision": trained_on(header).needed,
        "training_data": f"{kind.data(header)}; {read(header)}",
    }
    entry = {**index_entry(path, model, header, **said), "metrics": metrics}
    if source == path:
        entry["minimum_posezoo"] = index["models"][options.name]["minimum_posezoo"]
    supervised = index["models"].get(SUPERVISED)
    if GROUND_TRUTH in metrics and supervised and options.name != SUPERVISED:
        for title, scores in baselines.items():
            if title in supervised["metrics"]:
                scores[SUPERVISED] = supervised["metrics"][title]
        flat, best = (baselines[GROUND_TRUTH][name]["p_mpjpe"] for name in ("flat depth", SUPERVISED))
        entry["gap_closed"] = round((flat - metrics[GROUND_TRUTH]["p_mpjpe"]) / (flat - best), 3)
    entry["baselines"] = baselines
    write_whole(CHECKPOINTS / f"{options.name}.md", card(options.name, entry, measured_by(options.name, entry)))
    index["models"] = dict(sorted({**index["models"], options.name: entry}.items()))
    write_whole(index_path, json.dumps(index, indent=2) + "\n")
    print(
        json.dumps({title: scores.get(kind.error, scores.get("pck_torso")) for title, scores in metrics.items()}),
        entry.get("gap_closed", ""),
    )


if __name__ == "__main__":
    main()
