"""Put a trained model into ``checkpoints/``: measure it, write its card and its entry in the index.

    python benchmarks/publish.py svma.mocap runs/svma.mocap --openmocap openmocap.h5 --bandai bandai.h5 --real realbench/

The metrics are measured here, on the file that ships, never copied from a log.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

import posezoo
from posezoo.data import load_dataset
from posezoo.data.pictures import load_pictures
from posezoo.data.realbench import LIMBS, detector_poses
from posezoo.files.writing import atomic_write
from posezoo.lifting import LiftingMetrics, LiftingModule, PictureModule, evaluate
from posezoo.lifting.evaluation import about_the_pelvis
from posezoo.registry import FORMAT, PAPERS, describe, save
from posezoo.registry.cards import card
from posezoo.registry.publishing import ORIGIN, index_entry
from posezoo.skeletons import convert

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
LICENCE = "Apache-2.0"
DATA_LICENCE = (
    "Trained on the CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu, NSF EIA-0196217), "
    "free for research and for use in products, not for resale of the data itself."
)
DATA = (
    "OpenMocap training split: 41 clips of the CMU database (subjects 1 2 3 5 6 7, trials not divisible by 4 and "
    "not leaving 7 when divided by 8) at 30 fps, five bodies, four Human3.6M cameras"
)
RENDERED = (
    "people of capsules rendered over the same motions: `rendered_studio` (subjects 2 3 7, the four cameras) and "
    "`rendered_wild` (subjects 1 5 6, cameras anywhere)"
)
PHOTOGRAPHS = (
    "training people of the extended Leeds Sports Pose dataset, photographs with 2D labels; rendered over the same motions, "
    "bodies of skin and clothes (`rendered_bodies`) and of capsules (`rendered_studio`), with 3D labels"
)
RIGS = "3D motion capture seen by simulated rigs"
USED = {
    "pictures with 3D labels, pictures with 2D labels": "3D labels in the studio alone, 2D labels in both",
    "3D labels": "2D keypoints and 3D labels",
    "2D keypoints only": "2D keypoints alone; no 3D label was read",
    RIGS: "3D motion alone: bodies, calibrated cameras, their errors and a detector's are simulated",
    "2D annotations of two calibrated cameras": "detected and annotated 2D of camera pairs; no 3D label was read",
}
AUGMENTED = "limbs exchanged between poses, bones turned, other bodies, cameras anywhere, a detector's errors"
REAL = "real video (400 pictures of one man), 12 joints, detected 2D"
NOISE = {"noise_px": 10.0}
PICTURES = 2000


def measure(
    model: Any, openmocap: Path, bandai: Path, photographs: Path | None = None, every: int = 1
) -> dict[str, dict[str, Any]]:
    """Score the test sets of the card; what is printed is the paper's protocol on our data, never the paper's number.

    Args:
        model: None for flat depth.
        openmocap, bandai: prepared files.
        photographs: a prepared file of Leeds Sports Pose, for models that take pictures.
        every: score one pose in so many.
    """
    if isinstance(model, PictureModule):
        return _of_pictures(model, openmocap, photographs)
    sets: dict[str, tuple[str, Path | None, str, dict[str, Any]]]
    if model is None or isinstance(model, LiftingModule):
        sets = {
            "openmocap test, GT 2D": ("openmocap", openmocap, "gt", {}),
            "openmocap test, detected 2D": ("openmocap", openmocap, "detected", {}),
            "bandai-1 (cross-dataset), GT 2D": ("openmocap", bandai, "gt", {}),
            "procedural test, GT 2D": ("procedural", None, "gt", {}),
        }
    else:
        sets = {
            "openmocap test, two views, detected 2D": ("openmocap", openmocap, "detected", {}),
            "openmocap test, two views, 4 px of noise": ("openmocap", openmocap, "gt", {"noise_px": 4.0}),
            "openmocap test, two views, GT 2D": ("openmocap", openmocap, "gt", {}),
            "bandai-1 (cross-dataset), two views, 10 px of noise": ("openmocap", bandai, "gt", NOISE),
            "procedural test, two views, 10 px of noise": ("procedural", None, "gt", NOISE),
        }
    results = {}
    for title, (name, path, keypoints, settings) in sets.items():
        data = load_dataset(name, "test", path, keypoints=keypoints)[:: every if path else 1]
        scores = evaluate(None, data) if model is None else model.evaluate(data, **settings)
        results[title] = _rounded(scores)
    return results


def rendered_side(size: int) -> int:
    """Return the side in px of rendered test pictures for a network that takes crops of ``size`` px."""
    return round(1.3 * size)


def _of_pictures(model: PictureModule, openmocap: Path, photographs: Path | None) -> dict[str, dict[str, Any]]:
    sets: dict[str, tuple[str, Path | None, int]] = {
        f"{name} test, {PICTURES:,} pictures": (name, openmocap, PICTURES) for name in ("rendered_wild", "rendered_studio")
    }
    # Needs no file: the tests measure it again.
    sets[f"procedural people, rendered_wild test, {PICTURES // 10} pictures"] = ("rendered_wild", None, PICTURES // 10)
    side = rendered_side(model.size)
    scores = {
        title: _rounded(model.evaluate(load_pictures(name, "test", path=path, side=side).thin(count)))
        for title, (name, path, count) in sets.items()
    }
    if photographs is not None:
        people = load_pictures("lsp", "test", path=photographs)
        scores = {
            f"Leeds Sports Pose, extended, test: {len(people):,} photographs": _rounded(model.evaluate(people)),
            **scores,
        }
    return scores


def measure_real(model: Any, real: Path) -> dict[str, Any]:
    """Score a lifter on real video, see :mod:`posezoo.data.realbench`: a check against reality, too small to rank models."""
    data = load_dataset("realbench", "test", real, keypoints="detected")
    return _rounded(evaluate(model, data, LIMBS))


def own_of_detector(real: Path) -> dict[str, Any]:
    """Score the 3D that the detector of the real video gives by itself."""
    data = load_dataset("realbench", "test", real, keypoints="detected")
    own = detector_poses(real, data)
    if own is None or data.pose_3d is None:
        return {}
    metrics = LiftingMetrics("relative", LIMBS)
    label = convert(data.pose_3d, data.skeleton, LIMBS).keypoints
    metrics.update(*(about_the_pelvis(torch.from_numpy(x).float(), LIMBS) for x in (own, label)))
    return {**_rounded(metrics.report()), "poses": len(data)}


def _rounded(scores: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers alone, to two decimals."""
    plain = {key: value for key, value in scores.items() if not isinstance(value, dict)}
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in plain.items()}


def triangulated(metrics: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Take what a model of several views started from out of its metrics, as their baseline."""
    baselines = {}
    for title, scores in metrics.items():
        names = [name for name in scores if name.endswith("_triangulated")]
        baselines[title] = {"triangulated": {name.removesuffix("_triangulated"): scores.pop(name) for name in names}}
    return baselines


def supervision(header: dict[str, Any]) -> str:
    """Return what training needed: the paper's words, or the share of labels that fine-tuning saw."""
    fraction = header.get("data", {}).get("label_fraction", 0.0)
    if fraction and (header["settings"].get("label_steps") or header["settings"].get("student") == "labels"):
        return f"2D keypoints, {100 * fraction:g} % of 3D labels"
    if header["paper"] == "georep":
        count = header["data"].get("label_count")
        return "3D labels" if count is None else f"2D keypoints of several cameras, {count} 3D labels"
    if header.get("data", {}).get("rigs") is not None:
        return RIGS
    return PAPERS[header["paper"]].supervision


def used(header: dict[str, Any]) -> str:
    """Return what training read, in words."""
    needed = supervision(header)
    read = USED.get(needed, f"{needed}, drawn at random")
    if header["settings"].get("student") == "teacher":
        read += "; what a teacher lifted of them"
    return f"{read}; {AUGMENTED}" if header.get("data", {}).get("augmentation") is not None else read


def measured_by(name: str, entry: dict[str, Any]) -> str:
    """Return how the figures of a card were had, and how to have the first of them again."""
    first, data = next(iter(entry["metrics"])), "openmocap"
    if first.startswith("Leeds"):
        return (
            "`python benchmarks/publish.py` measured these on the file above;\n"
            f"`posezoo eval {name} --data lsp --path lsp.h5` prints the first table.\n\n"
        )
    if first.startswith("rendered"):
        data = f"{first.split()[0]} --count {PICTURES} --side {rendered_side(entry['settings']['size'])}"
    detected = " --keypoints detected" if first.endswith("detected 2D") else ""
    return (
        "`python benchmarks/publish.py` measured these on the file above;\n"
        f"`posezoo eval {name} --data {data} --path openmocap.h5{detected}` prints the first table.\n\n"
    )


def main() -> None:
    """Copy the weights, measure them, and write card and index."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("run", type=Path, help="the folder that `posezoo train` wrote")
    parser.add_argument("--openmocap", type=Path, required=True)
    parser.add_argument("--bandai", type=Path, required=True)
    parser.add_argument("--lsp", type=Path, help="Leeds Sports Pose as prepared by posezoo data prepare lsp; for pictures")
    parser.add_argument("--real", type=Path, help="folder of real video, see posezoo.data.realbench; for lifters")
    parser.add_argument(
        "--every", type=int, default=1, help="of the files' poses score one in so many; the card counts them"
    )
    parser.add_argument("--limits", help="what the model is not for; those of the weights it replaces where not given")
    options = parser.parse_args()
    if not options.limits and options.name not in posezoo.list_models():
        parser.error(f"{options.name} is new: --limits says what it is not for.")
    source = options.run / f"{options.name}.safetensors"
    header, model = describe(source), posezoo.load(source)
    path = save(model, CHECKPOINTS / source.name, **{key: header[key] for key in ORIGIN if key in header})
    index_path = CHECKPOINTS / "index.json"
    index: dict[str, Any] = json.loads(index_path.read_text()) if index_path.is_file() else {"format": FORMAT, "models": {}}
    metrics = measure(model, options.openmocap, options.bandai, options.lsp, options.every)
    lifter, pictures = isinstance(model, LiftingModule), isinstance(model, PictureModule)
    baselines: dict[str, dict[str, Any]]
    if pictures:
        baselines = {title: {} for title in metrics}
    elif lifter:
        known = index["models"].get("martinez.cmu", {}).get("baselines", {})
        if set(known) != set(metrics) or options.every > 1:
            flat_scores = measure(None, options.openmocap, options.bandai, every=options.every)
            known = {title: {"flat depth": scores} for title, scores in flat_scores.items()}
        baselines = {title: {"flat depth": known[title]["flat depth"]} for title in metrics}
        if options.real:
            metrics[REAL] = measure_real(model, options.real)
            baselines[REAL] = {"flat depth": measure_real(None, options.real), "MediaPipe": own_of_detector(options.real)}
    else:
        baselines = triangulated(metrics)
    seen = "" if not pictures else f"{PHOTOGRAPHS if header['data'].get('annotated') == 'lsp' else RENDERED}; "
    said = {
        "licence": LICENCE,
        "data_licence": DATA_LICENCE,
        "limits": options.limits or index["models"][options.name]["limits"],
        "supervision": supervision(header),
        "training_data": f"{DATA}; {seen}{used(header)}",
    }
    entry = {**index_entry(path, model, header, **said), "metrics": metrics}
    supervised = index["models"].get("martinez.cmu")
    if lifter and supervised and options.name != "martinez.cmu":
        for title, scores in baselines.items():
            if title in supervised["metrics"]:
                scores["martinez.cmu"] = supervised["metrics"][title]
        title = "openmocap test, GT 2D"
        flat, best = baselines[title]["flat depth"]["p_mpjpe"], baselines[title]["martinez.cmu"]["p_mpjpe"]
        entry["gap_closed"] = round((flat - metrics[title]["p_mpjpe"]) / (flat - best), 3)
    entry["baselines"] = baselines
    with atomic_write(CHECKPOINTS / f"{options.name}.md") as temporary:
        temporary.write_text(card(options.name, entry, measured_by(options.name, entry)), encoding="utf-8")
    index["models"] = dict(sorted({**index["models"], options.name: entry}.items()))
    with atomic_write(index_path) as temporary:
        temporary.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    print(
        json.dumps(
            {
                title: scores.get("p_mpjpe" if lifter else "mpjpe", scores.get("pck_torso"))
                for title, scores in metrics.items()
            }
        ),
        entry.get("gap_closed", ""),
    )


if __name__ == "__main__":
    main()
