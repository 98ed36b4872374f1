"""Fine-tune on 2D keypoints alone."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch

from posezoo.data import PoseData, load_dataset
from posezoo.errors import InputError, PoseZooWarning
from posezoo.lifting import FineTuning, LiftingModule
from posezoo.lifting.unlabelled import estimate_pitch
from posezoo.registry import PAPERS, load, paper_class
from posezoo.skeletons import convert
from posezoo.training.allocator import keep_freed_memory
from posezoo.training.devices import trainer_device
from posezoo.training.own_data import filling_keeps, read_own_data
from posezoo.training.progress import meant
from posezoo.training.provenance import provenance
from posezoo.training.run_folder import checkpointing, folder_for_run, is_watched, make_logger, writable
from posezoo.training.running import finish
from posezoo.training.selection import UnlabelledValidation, keep_best
from posezoo.training.stopping import terminated_by_signal

STEPS = 1000
"""The number of steps where no number of epochs is given; at least one epoch is run."""
VALIDATIONS = 100
"""The most validations of a run, because with few poses an epoch takes less time than its validation."""


def finetune(
    name: str | Path,
    source: str | Path | PoseData,
    out: str | Path,
    skeleton: str | None = None,
    epochs: int | None = None,
    learning_rate: float = 1e-4,
    batch_size: int = 64,
    body_weight: float = 10.0,
    memory_weight: float = 100.0,
    held_out: float = 0.2,
    seed: int = 0,
    resume: bool = False,
    progress: bool = True,
    image_size: tuple[int, int] | None = None,
    pitch: float | Literal["estimate"] | None = None,
    device: str | None = None,
    max_gap: int = 0,
) -> Path:
    """Train an unsupervised model further on a user's 2D keypoints; no 3D label is read.

    Some sequences are held out and validate each epoch, or every few of more than a hundred
    (:func:`posezoo.lifting.evaluate_2d`); the epoch with the lowest
    :func:`posezoo.training.selection.score` is what is written. Where none beats the start, the start is.

    Args:
        name: a model of the zoo or the path of its weights; of a paper that trains on 2D alone.
        source: a file of keypoints, see :func:`posezoo.data.read_keypoints`, or poses; people who lack a joint are left
            out.
        out: folder of checkpoints, logs and the new weights.
        skeleton: layout of the keypoints, where the file does not say.
        epochs: how often each pose is seen; as often as makes :data:`STEPS` steps where not given.
        learning_rate, batch_size, seed: of the training; the seed also draws who validates.
        body_weight: of :func:`posezoo.geometry.body_variance`, beside the paper's own terms: with those alone people in the
            wild, seen by other cameras and in other poses, get no more human. 0 for the paper's terms alone.
        memory_weight: of :meth:`posezoo.lifting.FineTuning.forgetting`: 2D poses of procedural people shall be lifted as
            before, whatever is learnt of the new ones.
        held_out: share of the poses that validates.
        resume: go on from the folder's last checkpoint.
        progress: show a bar where output goes to a terminal or a notebook, lines elsewhere, and print what is done. Without,
            nothing is printed.
        image_size: (width, height) of the pictures in px, where the file does not say.
        pitch: by how much the cameras look down at people, rad; ``estimate``: what the model's own poses say
            (:func:`posezoo.lifting.unlabelled.estimate_pitch`); that of the model's training where not given.
        device: what trains: ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; the best of this machine where not given.
        max_gap: interpolate joints over gaps of up to so many frames, as :func:`posezoo.video.lift` does. By default none,
            since poses of a file need not be those of a clip.

    Returns:
        the new weights, which ``posezoo.load(path)`` takes; their header tells the metrics before and after.

    Raises:
        InputError: a supervised model, too few poses, an own setting that makes no sense, or weights that are in ``out``
            already.
        SaveError: ``out`` cannot be written to.

    Warns:
        PoseZooWarning: people who lack a joint are left out.
    """
    if pitch not in (None, "estimate") and not -math.pi / 2 < float(pitch) < math.pi / 2:
        raise InputError(f"pitch is {pitch}; expected radians between -pi / 2 and pi / 2, or 'estimate'.")
    if (epochs is not None and epochs < 1) or batch_size < 2 or not 0 < learning_rate < float("inf"):
        raise InputError(
            f"epochs {epochs}, batch size {batch_size}, learning rate {learning_rate}; expected 1 or more, 2 or more "
            "(batch norms need several poses), and a positive number."
        )
    if not (0 <= body_weight < float("inf") and 0 <= memory_weight < float("inf") and 0 < held_out < 1):
        raise InputError(
            f"body weight {body_weight}, memory weight {memory_weight}, held out {held_out}; expected weights of 0 or more "
            "and a share between 0 and 1."
        )
    if max_gap < 0:
        raise InputError(f"max_gap is {max_gap}; expected a number of frames, 0 to fill nothing.")
    if not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed}; expected a whole number from 0 to {2**32 - 1}.")
    trains_on = trainer_device(device)
    keep_freed_memory()
    model = _unsupervised(name)
    data = read_own_data(source, skeleton, model.skeleton, held_out, seed, image_size, max_gap)
    train, held = data.splits["train"], data.splits["val"]
    more = f"; {filling_keeps(data.fillable)}" if data.fillable else ""
    if len(train) < batch_size or len(held) < 2:
        few = len(train) + len(held) < 4  # batch norms need two poses of each
        share = "raise --held-out" if len(held) < 2 else "lower --held-out" if len(train) < 2 else ""
        mend = "give more poses" if few else share or "lower --batch-size"
        raise InputError(
            f"{_named(source)} leaves {len(train)} complete poses to train on and {len(held)} to validate "
            f"({data.left_out} people lack a joint{more}); expected a batch of {batch_size} to train on and 2 to "
            f"validate: {mend}."
        )
    folder, checkpoint = folder_for_run(out, resume)
    weights = folder / f"{model.paper}.safetensors"
    if weights.exists() and not resume:
        raise InputError(f"{weights} is there already; choose another --out.")
    writable(folder)
    steps = len(train) // batch_size
    epochs = epochs or max(1, round(STEPS / steps))
    every = -(-epochs // VALIDATIONS)
    if progress:
        print(f"{len(train)} poses train, {len(held)} validate: {data.split}", flush=True)
        print(f"{epochs} epochs of {steps} steps, {'each' if every == 1 else f'one in {every}'} validated", flush=True)
        if data.interpolated:
            print(f"{data.interpolated} joints interpolated", flush=True)
    if data.left_out:
        lacking = f"{data.left_out} people lack a joint that {model.zoo_name} needs and are left out"
        warnings.warn(f"{lacking}{f'; {data.remedy}' if data.remedy else ''}.", PoseZooWarning, stacklevel=2)

    pl.seed_everything(seed, verbose=False)
    before: dict[str, float] = {**model.evaluate_2d(torch.from_numpy(held.keypoints_2d)), "drift": 0.0}
    others = _procedural("val", model)
    with torch.no_grad():
        remembered = others, model.lift(others)
    estimated = pitch == "estimate"
    if pitch == "estimate":
        with torch.no_grad():
            pitch = estimate_pitch(model.lift(torch.from_numpy(train.keypoints_2d)), model.skeleton)[0]
        if progress:
            print(f"the cameras look down by {pitch:.3f} rad, as the poses say", flush=True)
    settings = {
        "pitch": pitch,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "body_weight": body_weight,
        "memory_weight": memory_weight,
        "held_out": held_out,
        "seed": seed,
        "max_gap": max_gap,
    }
    validation = UnlabelledValidation(torch.from_numpy(held.keypoints_2d), remembered, before, settings, progress)
    model.remember(_procedural("train", model), memory_weight)
    model.prepare_finetuning(learning_rate, body_weight, pitch)
    trainer = pl.Trainer(
        **trains_on,
        max_epochs=epochs,
        check_val_every_n_epoch=every,
        callbacks=[validation, keep_best(folder), checkpointing(folder)],
        logger=make_logger("csv", folder),
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=progress and is_watched(),
        log_every_n_steps=10,
    )
    module = paper_class(model.paper, "datamodule")(
        dataset=data.splits, batch_size=batch_size, seed=seed, skeleton=model.skeleton.name
    )
    model.train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.eval()  # otherwise statistics of a few people would replace those of thousands
    with meant(), terminated_by_signal():
        trainer.fit(model, module, ckpt_path=checkpoint)
    chosen, found = _choose(name, folder, validation)
    origin = {
        **provenance(seed),
        "finetuned_from": str(name),
        "poses": len(train),
        "left_out": data.left_out,
        "epochs": epochs,
        **settings,
        **({} if pitch is None else {"pitch_of": {"rad": float(pitch), "how": "estimated" if estimated else "said"}}),
        "validation": {"poses": len(held), "split": data.split, **found},
    }
    return finish(trainer, chosen, None, weights, origin, progress)


def _unsupervised(name: str | Path) -> FineTuning:
    """Return a model that learns from 2D alone.

    Raises:
        InputError: it is another.
    """
    model = load(name)
    if not isinstance(model, FineTuning):
        raise InputError(
            f"{model.zoo_name} was trained with {PAPERS[model.paper].supervision}; fine-tuning on 2D needs an unsupervised "
            f"model: {', '.join(paper for paper, entry in PAPERS.items() if entry.unsupervised)}."
        )
    return model


def _procedural(split: str, model: LiftingModule) -> torch.Tensor:
    """Return (N, J, 2) px of procedural people, to remember what the model could lift before."""
    data = load_dataset("procedural", split)
    return torch.from_numpy(convert(data.keypoints_2d, data.skeleton, model.skeleton).keypoints).float()


def _named(source: object) -> str:
    return "the data" if isinstance(source, PoseData) else str(source)


def _choose(name: str | Path, folder: Path, validation: UnlabelledValidation) -> tuple[LiftingModule, dict[str, object]]:
    """Return the model to keep, and the header of its weights.

    Returns:
        the best epoch's model, or the one that fine-tuning began with where no epoch scores below 1; and ``before``,
        ``after`` (the kept one's metrics), ``epoch`` (counted from 1; 0 is the start), ``score``, ``improved``.
    """
    scores = [metrics["score"] for metrics in validation.history]
    best = min(range(len(scores)), key=scores.__getitem__)
    improved = scores[best] < 1
    if not improved:
        after, epoch, model = {**validation.before, "score": 1.0}, 0, load(name)
    else:
        after, model = dict(validation.history[best]), load(folder / "checkpoints" / "best.ckpt")
        epoch = int(after.pop("epoch"))
    lowest = after.pop("score")
    return model, {"before": validation.before, "after": after, "epoch": epoch, "score": lowest, "improved": improved}
