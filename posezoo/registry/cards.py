"""Write model cards in Markdown, in one layout for ``checkpoints/``, the hub and ``posezoo info``."""

from __future__ import annotations

from collections.abc import Mapping

from posezoo.registry.index import Entry
from posezoo.registry.papers import find_paper

FLAT = "flat depth"
"""The name of the baseline of lifters, which is not a model."""
COUNTS = ("poses", "pictures_left_out", "undefined", "megabytes")
"""Keys of a test set that are not metrics."""


def unit_of(metric: str) -> str:
    """Return the unit of a metric: mm for distances (px where the name says so), % for PCK and AUC, MB for megabytes.

    What ends in ``_relative`` is relative to the person.
    """
    if metric.endswith("_relative"):
        return "relative"
    if metric == "megabytes":
        return "MB"
    return "%" if metric.startswith(("pck", "auc")) else "px" if metric.endswith("_px") else "mm"


def label(metric: str) -> str:
    """Return a metric's name with its unit."""
    return f"{metric.removesuffix('_relative')} ({unit_of(metric)})"


def _number(metric: str, value: float) -> str:
    return f"{value:.4f}" if metric.endswith("_relative") else f"{value:.2f}"


def facts(entry: Entry) -> str:
    """Return the table of a model's facts: purpose, origin and limits."""
    lines = [
        f"file: `{entry['file']}`, {entry['size'] / 1e6:.1f} MB, sha256 `{entry['sha256']}`",
        f"parameters: {entry['parameters']:,}; skeleton: {entry['skeleton']}; unit of the poses: {entry['unit']}",
        f"input: {entry['input']}: {entry['normalisation']}",
        f"training data: {entry['training_data']}",
        f"licence: {entry['licence']} (weights). {entry['data_licence']}".rstrip(),
    ]
    pitch = entry.get("pitch_of") or entry["settings"].get("pitch")
    if pitch or entry["settings"].get("learn_pitch"):
        lines.append(_of_cameras(entry, pitch))
    started = f", starting from `{entry['started_from']}`" if "started_from" in entry else ""
    lines.append(f"trained with `{entry['command']}`, seed {entry['seed']}, commit `{entry['commit']}`{started}")
    if "finetuned_from" in entry:
        epochs, poses = entry.get("epochs", "?"), entry.get("poses", "?")
        lines.append(f"fine-tuned from `{entry['finetuned_from']}` on 2D keypoints alone: {poses} poses, {epochs} epochs")
    return "\n".join(f"- {line}" for line in lines)


def _of_cameras(entry: Entry, pitch: object) -> str:
    """Return a sentence on what training knew of the cameras."""
    use = "with it random views turn people about gravity's axis, not the camera's"
    if entry["settings"].get("learn_pitch") and not isinstance(pitch, dict):
        return f"known of the cameras: nothing; their pitch was learned, from {pitch} rad on; {use}"
    if "finetuned_from" not in entry:
        deviation = entry["settings"].get("pitch_deviation")
        spread = f", and its deviation, {deviation} rad" if deviation else ""
        return f"known of the cameras: their mean pitch, {pitch} rad{spread}, from their calibration; {use}"
    if not isinstance(pitch, dict):
        return f"assumed of the cameras: a mean pitch of {pitch} rad, that of `{entry['finetuned_from']}`'s training; {use}"
    return f"{pitch['how']} of the cameras: a mean pitch of {pitch['rad']:.3f} rad; {use}"


def scores(name: str, entry: Entry) -> str:
    """Return a table for each test set, with the baselines beside the model."""
    rows: list[str] = []
    for title, measured in entry["metrics"].items():
        baselines = entry["baselines"].get(title, {})
        columns = [name, *baselines]
        rows += [f"### {title}, {measured['poses']} poses", ""]
        rows += ["| metric | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for key, value in measured.items():
            if key not in COUNTS:
                others = [_number(key, baselines[b][key]) if key in baselines[b] else "" for b in baselines]
                rows.append("| " + " | ".join([label(key), _number(key, value), *others]) + " |")
        rows.append("")
    if "gap_closed" in entry:
        supervised = next(name for name in next(iter(entry["baselines"].values())) if name != FLAT)
        rows += [
            f"Gap closed from {FLAT} to `{supervised}`, P-MPJPE, OpenMocap test, GT 2D: **{entry['gap_closed']:.2f}**.",
            "",
        ]
    return "\n".join(rows).rstrip()


def citation(entry: Mapping[str, object]) -> str:
    """Return authors, title, venue and year, as far as they are known."""
    paper = find_paper(entry["paper"])
    return ", ".join(
        part for part in (paper.authors, f'"{paper.title}"', f"{paper.venue} {paper.year or ''}".strip()) if part
    )


OURS = "These are weights that PoseZoo trained, on other data than the\npaper's: no figure here is the paper's."
THEIRS = "No figure here is the paper's."


def card(name: str, entry: Entry, measured_by: str = "", origin: str = OURS) -> str:
    """Return the card of a model.

    Args:
        name: ``name.tag``.
        entry: of the index.
        measured_by: how its figures were had, and how to have them again.
        origin: whose weights these are: :data:`OURS` or :data:`THEIRS`.
    """
    settings = "\n".join(f"- {key}: {value}" for key, value in entry["settings"].items())
    measured = f"## Measured\n\n{measured_by}{scores(name, entry)}\n\n" if entry["metrics"] else ""
    return f"""# {name}

{citation(entry)}. {origin}

{facts(entry)}

## Limits

{entry["limits"]}

{measured}## Settings

{settings}
"""
