"""Load pictures with 3D labels from a laboratory and pictures with 2D labels from anywhere, half and half."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytorch_lightning as pl
import torch
from jaxtyping import Float
from pytorch_lightning.utilities import CombinedLoader
from torch import Tensor

from posezoo.data.named_pictures import load_pictures, options_of
from posezoo.data.pictures.crops import Augmentation, CropLoader, Crops
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.data.pictures.resident import Distortion, ResidentCrops, ResidentLoader
from posezoo.errors import InputError
from posezoo.geometry import bone_lengths
from posezoo.settings import settings_of
from posezoo.skeletons import get_skeleton


class PicturesDataModule(pl.LightningDataModule):
    """Crops of people in two kinds of pictures.

    A training batch is a dictionary of two: ``labelled``, with 3D, and ``annotated``, with 2D alone; one where only one is
    given. Each is as :class:`posezoo.data.pictures.crops.Crops` gives it; batches of validation and test have what labels
    there are.

    Args:
        dataset: pictures with 3D labels: a name that :func:`posezoo.data.named_pictures.load_pictures` knows, several of
            them, ready-made people by split, or None for none.
        annotated: the same for pictures whose 3D, if they have any, is not read in training.
        tested: the same, one of them, for validation and test; ``dataset`` where not given.
        path, annotated_path, tested_path: of the datasets' files; that of ``dataset`` where not given.
        options: whatever else the loaders take, such as ``{side: 166}``; each gets those that it knows, and those under its
            own name: ``{rendered_bodies: {count: 20000}}``.
        test_count: so many people in validation and test, evenly over all; all where not given.
        skeleton: the layout handed out.
        size: of the crops, px.
        batch_size: pictures of a batch, of both kinds together; per process.
        labelled_share: share of them with 3D labels, where both kinds are given.
        fixed_share: a kind that is given alone still has its share of a batch alone, so that trainings with and without the
            other see as many of its pictures.
        eval_batch_size: of validation and test.
        workers: processes that read and cut pictures, for each kind.
        augment: enlarge, turn, mirror and tint training crops: ``True`` those of both kinds, ``annotated`` those without 3D
            labels alone, ``False`` none.
        resident: read every picture once, keep all on the device that trains, and change them there in batches; crops differ
            more than without.
        distortion: how far, where they are resident: what differs from the defaults of
            :class:`posezoo.data.pictures.resident.Distortion`, such as ``{occlusion: 0.1}``.
        seed: of order and augmentation.

    Raises:
        InputError: neither kind is given, a batch too small for both, several datasets that are not resident, or a
            distortion of crops that are not, or that is none.
    """

    def __init__(
        self,
        dataset: str | list[str] | dict[str, object] | None = None,
        annotated: str | list[str] | dict[str, object] | None = None,
        tested: str | dict[str, object] | None = None,
        path: str | None = None,
        annotated_path: str | None = None,
        tested_path: str | None = None,
        options: dict[str, object] | None = None,
        test_count: int | None = None,
        skeleton: str = "mpii16",
        size: int = 256,
        batch_size: int = 6,
        labelled_share: float = 0.5,
        fixed_share: bool = False,
        eval_batch_size: int = 32,
        workers: int = 0,
        augment: bool | str = True,
        resident: bool = False,
        distortion: dict[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.kinds = {"labelled": dataset, "annotated": annotated}
        self.given = [kind for kind, source in self.kinds.items() if source is not None]
        if not self.given:
            raise InputError("there is nothing to train on; give data.dataset, data.annotated or both.")
        if batch_size < (2 if fixed_share else len(self.given)) or eval_batch_size < 1:
            raise InputError(
                f"batch_size {batch_size}, eval_batch_size {eval_batch_size}; expected at least one picture of each kind."
            )
        if not 0 < labelled_share < 1 or augment not in (True, False, "annotated"):
            raise InputError(
                f"labelled_share {labelled_share}, augment {augment!r}; expected a share between 0 and 1, and true, false "
                "or annotated."
            )
        if not resident and any(isinstance(source, list) for source in self.kinds.values()):
            raise InputError("several datasets of one kind are mixed on the device alone; set data.resident to true.")
        if distortion and not resident:
            raise InputError("data.distortion is of resident pictures alone; set data.resident to true.")
        self.distortion = settings_of(Distortion, distortion, "distortion")
        self.tested = tested if tested is not None else dataset
        if isinstance(self.tested, list):
            raise InputError("data.tested is not given and data.dataset names several; say which one validates.")
        self.paths = {"labelled": path, "annotated": annotated_path or path, "tested": tested_path or path}
        self.options, self.test_count, self.skeleton = options or {}, test_count, get_skeleton(skeleton)
        self.size, self.batch_size, self.eval_batch_size = size, batch_size, eval_batch_size
        self.labelled_share, self.fixed_share, self.resident = labelled_share, fixed_share, resident
        self.workers, self.augment, self.seed = workers, augment, seed
        self._people: dict[tuple[str, str], list[PeopleInPictures]] = {}
        self._resident: dict[str, ResidentCrops] = {}

    def people(self, kind: str, split: str) -> list[PeopleInPictures]:
        """Return the people of ``labelled``, ``annotated`` or ``tested`` in a split, dataset by dataset.

        Raises:
            InputError: ready-made people lack the split.
        """
        source = self.tested if kind == "tested" else self.kinds[kind]
        if (kind, split) not in self._people:
            if isinstance(source, dict):
                if split not in source:
                    raise InputError(f"no {split} split was given; expected it among {', '.join(source)}.")
                people = [cast(PeopleInPictures, source[split])]
            else:
                names = source if isinstance(source, list) else [str(source)]
                people = [
                    load_pictures(name, split, path=self.paths[kind], **options_of(name, self.options)) for name in names
                ]
            self._people[kind, split] = [each.thin(self.test_count) for each in people] if kind == "tested" else people
        return self._people[kind, split]

    def canonical_mm(self) -> Float[Tensor, "bones"]:
        """Return mean bone lengths of the labelled training poses: for Eq. 3, and for the rescaling in Sec. 4.1.2."""
        poses = [crops.pose for crops in self._crops("labelled", "train") if crops.pose is not None]
        return bone_lengths(torch.from_numpy(np.concatenate(poses)), self.skeleton).mean(0)

    def keypoints(self) -> Float[Tensor, "N J 2"]:
        """Return 2D labels of the training people with all joints annotated, px of their pictures."""
        crops = [crops.keypoints for kind in self.given for crops in self._crops(kind, "train")]
        found = torch.from_numpy(np.concatenate(crops))
        return found[torch.isfinite(found).all(-1).all(-1)]

    def _augmented(self, kind: str) -> bool:
        return kind == "annotated" if self.augment == "annotated" else bool(self.augment)

    def _crops(self, kind: str, split: str) -> list[Crops]:
        distort = split == "train" and not self.resident and self._augmented(kind)
        return [
            Crops(
                people,
                self.skeleton,
                self.size,
                labels=kind == "labelled" or (kind == "tested" and people.poses.pose_3d is not None),
                augmentation=Augmentation() if distort else None,
                seed=self.seed,
            )
            for people in self.people(kind, split)
        ]

    def _shares(self) -> dict[str, int]:
        """Return how many pictures of each kind a batch has."""
        if len(self.given) == 1 and not self.fixed_share:
            return {self.given[0]: self.batch_size}
        labelled = min(max(1, round(self.batch_size * self.labelled_share)), self.batch_size - 1)
        shares = {"labelled": labelled, "annotated": self.batch_size - labelled}
        return {kind: shares[kind] for kind in self.given}

    def train_dataloader(self) -> CombinedLoader:
        """Return batches of both kinds; an epoch ends with the smaller dataset, or with the larger one if resident."""
        loaders: dict[str, object] = {}
        for kind, share in self._shares().items():
            crops = self._crops(kind, "train")
            if self.resident:
                if kind not in self._resident:
                    device = "cpu" if self.trainer is None else self.trainer.strategy.root_device
                    self._resident[kind] = ResidentCrops(crops, device, self.workers)
                distortion = self.distortion if self._augmented(kind) else None
                loaders[kind] = ResidentLoader(self._resident[kind], share, self.seed, self._epoch, distortion)
            else:
                loaders[kind] = CropLoader(crops[0], share, True, self.seed, self._epoch, self.workers)
        return CombinedLoader(loaders, "max_size_cycle" if self.resident else "min_size")

    def _epoch(self) -> int:
        return 0 if self.trainer is None else self.trainer.current_epoch

    def _evaluation(self, split: str) -> object:
        if self.tested is None:
            return []
        return CropLoader(self._crops("tested", split)[0], self.eval_batch_size, workers=self.workers)

    def val_dataloader(self) -> object:
        return self._evaluation("val")

    def test_dataloader(self) -> object:
        return self._evaluation("test")
