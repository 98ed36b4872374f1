"""The DataModule of papers that learn from pictures: of a laboratory with 3D labels, of anywhere with 2D, half and half."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from jaxtyping import Float
from pytorch_lightning.utilities import CombinedLoader
from torch import Tensor

from posezoo.data.named_pictures import load_pictures, options_of
from posezoo.data.pictures.crops import Augmentation, CropLoader, Crops
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.errors import InputError
from posezoo.geometry import bone_lengths
from posezoo.skeletons import get_skeleton


class PicturesDataModule(pl.LightningDataModule):
    """Crops of people in two kinds of pictures.

    A training batch is a dictionary of two: ``labelled``, with 3D, and ``annotated``, with 2D alone; one where only one is
    given. Each is as :class:`posezoo.data.pictures.crops.Crops` gives it; batches of validation and test have what labels
    there are.

    Args:
        dataset: pictures with 3D labels: a name that :func:`posezoo.data.pictures.load_pictures` knows, ready-made people by
            split, or None for none.
        annotated: the same for pictures whose 3D, if they have any, is not read in training.
        tested: the same for validation and test; ``dataset`` where not given.
        path, annotated_path, tested_path: of the datasets' files; that of ``dataset`` where not given.
        options: whatever else the loaders take, such as ``{side: 166}``; each gets those that it knows.
        test_count: so many people in validation and test, evenly over all; all where not given.
        skeleton: the layout handed out.
        size: of the crops, px.
        batch_size: pictures of a batch, of both kinds together; per process.
        eval_batch_size: of validation and test.
        workers: processes that read and cut pictures, for each kind.
        augment: enlarge, turn, mirror and tint training crops.
        seed: of order and augmentation.

    Raises:
        InputError: neither kind is given, or a batch too small for both.
    """

    def __init__(
        self,
        dataset: str | dict[str, Any] | None = None,
        annotated: str | dict[str, Any] | None = None,
        tested: str | dict[str, Any] | None = None,
        path: str | None = None,
        annotated_path: str | None = None,
        tested_path: str | None = None,
        options: dict[str, Any] | None = None,
        test_count: int | None = None,
        skeleton: str = "mpii16",
        size: int = 256,
        batch_size: int = 6,
        eval_batch_size: int = 32,
        workers: int = 0,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.kinds = {"labelled": dataset, "annotated": annotated}
        self.given = [kind for kind, source in self.kinds.items() if source is not None]
        if not self.given:
            raise InputError("there is nothing to train on; give data.dataset, data.annotated or both.")
        if batch_size < len(self.given) or eval_batch_size < 1:
            raise InputError(f"batch_size {batch_size}, eval_batch_size {eval_batch_size}; too small.")
        self.tested = tested if tested is not None else dataset
        self.paths = {"labelled": path, "annotated": annotated_path or path, "tested": tested_path or path}
        self.options, self.test_count, self.skeleton = options or {}, test_count, get_skeleton(skeleton)
        self.size, self.batch_size, self.eval_batch_size = size, batch_size, eval_batch_size
        self.workers, self.augment, self.seed = workers, augment, seed
        self._people: dict[tuple[str, str], PeopleInPictures] = {}

    def people(self, kind: str, split: str) -> PeopleInPictures:
        """The people of ``labelled``, ``annotated`` or ``tested`` in a split.

        Raises:
            InputError: ready-made people lack the split.
        """
        source = self.tested if kind == "tested" else self.kinds[kind]
        if (kind, split) not in self._people:
            if isinstance(source, dict):
                if split not in source:
                    raise InputError(f"no {split} split was given; expected it among {', '.join(source)}.")
                people = source[split]
            else:
                people = load_pictures(str(source), split, path=self.paths[kind], **options_of(str(source), self.options))
            self._people[kind, split] = people.thin(self.test_count) if kind == "tested" else people
        return self._people[kind, split]

    def canonical_mm(self) -> Float[Tensor, "bones"]:
        """Mean bone lengths of the labelled training poses: the skeleton of Eq. 3 and of the rescaling in Sec. 4.1.2."""
        crops = self._crops("labelled", "train")
        return bone_lengths(torch.from_numpy(crops.pose), self.skeleton).mean(0)

    def keypoints(self) -> Float[Tensor, "N J 2"]:
        """2D labels of the training people with all joints annotated, px of their pictures."""
        found = torch.from_numpy(np.concatenate([self._crops(kind, "train").keypoints for kind in self.given]))
        return found[torch.isfinite(found).all(-1).all(-1)]

    def _crops(self, kind: str, split: str) -> Crops:
        people = self.people(kind, split)
        return Crops(
            people,
            self.skeleton,
            self.size,
            labels=kind == "labelled" or (kind == "tested" and people.poses.pose_3d is not None),
            augmentation=Augmentation() if self.augment and split == "train" else None,
            seed=self.seed,
        )

    def train_dataloader(self) -> CombinedLoader:
        loaders = {}
        for number, kind in enumerate(self.given):
            share = self.batch_size // len(self.given) + (number < self.batch_size % len(self.given))
            loaders[kind] = CropLoader(self._crops(kind, "train"), share, True, self.seed, self._epoch, self.workers)
        return CombinedLoader(loaders, "min_size")

    def _epoch(self) -> int:
        return 0 if self.trainer is None else self.trainer.current_epoch

    def _evaluation(self, split: str) -> Any:
        if self.tested is None:
            return []
        return CropLoader(self._crops("tested", split), self.eval_batch_size, workers=self.workers)

    def val_dataloader(self) -> Any:
        return self._evaluation("val")

    def test_dataloader(self) -> Any:
        return self._evaluation("test")
