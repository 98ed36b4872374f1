"""Fine-tuning on 2D keypoints alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl

from posezoo.data import PoseData, read_keypoints
from posezoo.errors import InputError
from posezoo.registry import PAPERS, load, paper_class
from posezoo.training.provenance import provenance
from posezoo.training.running import checkpointing, finish, folder_for_run, make_logger


def split_by_sequence(data: PoseData, fraction: float = 0.1, seed: int = 0) -> dict[str, PoseData]:
    """Training and validation poses that share no sequence; with a single sequence, its last frames validate."""
    count = len(data.sequences)
    if count > 1:
        order = np.random.default_rng(seed).permutation(count)
        held = np.isin(data.sequence, order[: max(1, round(fraction * count))])
    else:
        held = np.arange(len(data)) >= round((1 - fraction) * len(data))
    return {"train": data[~held], "val": data[held]}


def finetune(
    name: str | Path,
    source: str | Path,
    out: str | Path,
    skeleton: str | None = None,
    epochs: int = 10,
    learning_rate: float = 5e-5,
    batch_size: int = 256,
    seed: int = 0,
    resume: bool = False,
    image_size: Any = None,
) -> Path:
    """Go on training an unsupervised model on 2D keypoints of one's own; no 3D label is read.

    Args:
        name: a model of the zoo or the path of its weights; of a paper that trains on 2D alone.
        source: a file of keypoints, see :func:`posezoo.data.read_keypoints`; people who lack a joint are left out.
        out: folder of checkpoints, logs and the new weights.
        skeleton: layout of the keypoints, where the file does not say.
        epochs, learning_rate, batch_size, seed: of the training.
        resume: go on from the folder's last checkpoint.
        image_size: (width, height) of the pictures in px, where the file does not say.

    Returns:
        the new weights, which ``posezoo.load(path)`` takes.

    Raises:
        InputError: a supervised model, too few poses, or an own setting that makes no sense.
    """
    if epochs < 1 or batch_size < 2 or not 0 < learning_rate < float("inf"):
        raise InputError(f"epochs {epochs}, batch size {batch_size}, learning rate {learning_rate}: all must be positive.")
    data = read_keypoints(source, skeleton, image_size)
    data = data[np.isfinite(data.keypoints_2d).all(axis=(1, 2))]
    splits = split_by_sequence(data, seed=seed)
    if len(splits["train"]) < batch_size or not len(splits["val"]):
        raise InputError(
            f"{source} leaves {len(splits['train'])} complete poses to train on and {len(splits['val'])} to validate; "
            f"expected at least one batch of {batch_size} (lower --batch-size)."
        )
    pl.seed_everything(seed, verbose=False)
    model = load(name)
    paper = model.paper
    if not PAPERS[paper].unsupervised:
        raise InputError(
            f"{model.zoo_name} was trained with {PAPERS[paper].supervision}; fine-tuning on 2D needs an unsupervised model."
        )
    model.prepare_finetuning(learning_rate)
    folder, checkpoint = folder_for_run(out, resume)
    trainer = pl.Trainer(
        max_epochs=epochs,
        callbacks=[checkpointing(folder)],
        logger=make_logger("csv", folder),
        enable_model_summary=False,
        log_every_n_steps=10,
    )
    module = paper_class(paper, "datamodule")(dataset=splits, batch_size=batch_size, seed=seed, skeleton=model.skeleton.name)
    model.train()
    trainer.fit(model, module, ckpt_path=checkpoint)
    origin = {**provenance(seed), "finetuned_from": str(name), "poses": len(splits["train"])}
    return finish(trainer, model.eval(), None, folder / f"{paper}.safetensors", origin)
