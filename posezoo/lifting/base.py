"""Define ZooModule, the base of every model of the zoo."""

from __future__ import annotations

import importlib
import os
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from posezoo.distributed import random_state, restore_random_state
from posezoo.errors import InputError
from posezoo.lifting.folding import FoldingModule
from posezoo.lifting.kinds import get_kind
from posezoo.lifting.processes import check_process
from posezoo.lifting.schedule import Progress
from posezoo.skeletons import Skeleton, get_skeleton

if TYPE_CHECKING:
    from typing_extensions import Self

    from posezoo.lifting.export_graph import ExportGraph


class Report(Protocol):
    """Metrics that count batches."""

    def report(self) -> dict[str, float]:
        """Return every metric by name."""
        ...


class Trained(NamedTuple):
    """What a training needed and read of its data, in words, for the model's card."""

    needed: str
    read: str


class Shown(NamedTuple):
    """People of a batch, as a model sees them.

    Attributes:
        keypoints_2d: (B, J, 2) what was lifted or found, px.
        pose_3d: (B, J, 3) the model's poses in its unit, root-relative.
        pictures: (B, 3, S, S) the crops; None for models that see keypoints alone.
    """

    keypoints_2d: Tensor
    pose_3d: Tensor
    pictures: Tensor | None = None


def outside_inference(values: Tensor) -> Tensor:
    """Return a copy of an inference tensor that callers may change, and multiply with tensors that need gradients."""
    with torch.inference_mode(False):
        return values.clone()


class ZooModule(FoldingModule):
    """A LightningModule that can be published, loaded, scored, and resumed where it stood.

    Args:
        skeleton: the layout the model works in.
        unit: of its poses: ``mm``, or ``relative`` where scale cannot be known (mean joint distance from the root is 1).
    """

    kind: ClassVar[str]
    """The name of the model's kind, see :mod:`posezoo.lifting.kinds`."""

    paper: ClassVar[str] = ""
    """The name that the class is registered under, see :func:`posezoo.register_model`. A subclass has none of its own."""

    monitor: ClassVar[str] = ""
    """The validation metric of which the lowest is the best; empty where none tells."""

    former_defaults: ClassVar[Mapping[str, Any]] = {}
    """Former defaults of settings, for weights that were stored when a setting did not exist or had another default."""

    shared_settings: tuple[str, ...] = ("skeleton",)
    """Settings that model and data must share; a recipe states them for the model alone."""

    def __init_subclass__(cls, **settings: object) -> None:
        super().__init_subclass__(**settings)
        # Weights saved under a paper's name are loaded by the paper's own class, not by a subclass.
        cls.paper = cls.__dict__.get("paper", "")

    def __init__(self, skeleton: str, unit: str) -> None:
        super().__init__()
        self.skeleton: Skeleton = get_skeleton(skeleton)
        self.unit = unit
        self.zoo_name = type(self).__name__
        self._random: dict[str, Tensor] | None = None
        self._metrics: dict[str, Any] = {}
        self.progress = Progress()

    @property
    def device(self) -> torch.device:
        """The device of the weights. Lightning's own is the last one asked for, also where moving there has failed."""
        first = next(self.parameters(), None)
        return super().device if first is None else first.device

    def __getattr__(self, name: str) -> Tensor | nn.Module:
        """Say how this kind of model predicts, where a method of another kind is called.

        Raises:
            AttributeError: there is no such attribute.
        """
        if name.startswith("predict") and hasattr(type(self), "kind"):
            kind = get_kind(self.kind)
            raise AttributeError(f"{type(self).__name__} has no {name}(); its input is {kind.input}: call {kind.usage}.")
        return super().__getattr__(name)

    @abstractmethod
    def evaluate(self, data: Any, **settings: Any) -> dict[str, Any]:
        """Score the model on labelled poses (:class:`posezoo.data.PoseData`); metrics by name."""

    @abstractmethod
    def _evaluate_batch(self, batch: dict[str, Tensor], stage: str) -> Tensor | None:
        """Predict a batch; where it has labels, count it in ``_metrics[stage]``, which has ``report()``."""

    def shown(self, batch: Mapping[str, Tensor], count: int) -> Shown | None:
        """Return the first ``count`` people of a batch for a drawing; None where a kind of models has nothing to draw."""
        return None

    def export_graph(self, skeleton: str | Skeleton | None = None) -> ExportGraph[Any]:
        """Return the module that :func:`posezoo.export` writes: pixels in, poses out.

        Args:
            skeleton: layout of the keypoints that come in; the model's own where not given.

        Raises:
            InputError: a model without one, or joints that the layout cannot give.
        """
        raise InputError(f"{self.zoo_name} cannot be exported: its class does not say what its inputs and outputs are.")

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Raise an error; kinds of models that can be called with tensors alone override this.

        Raises:
            InputError: always.
        """
        raise InputError(f"{self.zoo_name} cannot be called with tensors alone; call {get_kind(self.kind).usage}.")

    def check_ready(self) -> None:
        """Refuse to predict where the result would be wrong or would never come.

        Raises:
            InputError: the model is in training mode, or in a forked process that would wait without end, see
                :func:`posezoo.lifting.processes.check_process`.
        """
        if self.training:
            raise InputError(f"{self.zoo_name} is in training mode; call its .eval() first.")
        check_process()

    @property
    def hp(self) -> Any:
        """The constructor's arguments."""
        return self.hparams

    @property
    def datamodule(self) -> Any:
        """The DataModule that the trainer runs on, None where it was given loaders."""
        return getattr(self.trainer, "datamodule", None)

    @classmethod
    def registered(cls) -> str:
        """Return the name under which the class is registered.

        Raises:
            InputError: it is under none, so that nobody could load what is saved of it.
        """
        if not cls.paper:
            raise InputError(
                f"{cls.__name__} is not registered, so that its weights could not be loaded; decorate the class with "
                '@posezoo.register_model("its_name").'
            )
        return cls.paper

    @classmethod
    def trained_on(cls, settings: Mapping[str, object], data: Mapping[str, object]) -> Trained | None:
        """Return what a training needed, where its settings decide; None where it is what the paper needs.

        Args:
            settings, data: of the model and of its data, as the header of weights has them.
        """
        fraction = data.get("label_fraction")
        if (
            isinstance(fraction, int | float)
            and fraction
            and (settings.get("label_steps") or settings.get("student") == "labels")
        ):
            needed = f"2D keypoints, {100 * fraction:g} % of 3D labels"
            return Trained(needed, f"{needed}, drawn at random")
        return None

    def weights(self) -> dict[str, Tensor]:
        """Return the weights to publish: everything that prediction and fine-tuning need, each once."""
        return dict(self.state_dict())

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load what :meth:`weights` returned; raises ``RuntimeError`` where names or shapes differ."""
        self.load_state_dict(weights)

    def start_from(self, other: ZooModule) -> None:
        """Start training from another model's weights.

        Raises:
            InputError: it is of another paper.
            RuntimeError, KeyError: or of another architecture.
        """
        if other.paper != self.registered():
            raise InputError(f"start is a {other.paper}; this recipe trains {self.paper}.")
        self.load_weights(other.weights())

    @classmethod
    def from_pretrained(
        cls, repo: str | Path, *, revision: str = "main", file: str | None = None, device: str | None = None
    ) -> Self:
        """Return the model of a repository on the hub or of a folder, see :mod:`posezoo.registry.pretrained`."""
        registry = importlib.import_module("posezoo.registry.pretrained")  # which stands above this layer
        return cast("Self", registry.from_pretrained(repo, revision=revision, file=file, device=device, kind=cls))

    def push_to_hub(self, repo: str, *, licence: str, limits: str, training_data: str, private: bool = False) -> str:
        """Upload the model with its card, see :mod:`posezoo.registry.pretrained`; return its address."""
        registry = importlib.import_module("posezoo.registry.pretrained")
        said = {"licence": licence, "limits": limits, "training_data": training_data}
        return str(registry.push_to_hub(self, repo, **said, private=private))

    def setup(self, stage: str) -> None:
        """Refuse data of another layout, and a class whose weights could not be loaded, before anything runs.

        Raises:
            InputError: either.
        """
        if stage == "fit":
            self.registered()
        given = getattr(self.datamodule, "skeleton", self.skeleton)
        if given != self.skeleton:
            raise InputError(
                f"the data come as {given.name}, the model works in {self.skeleton.name}; give both one skeleton."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write the paper's name into a checkpoint, so that it can be loaded by its path alone."""
        checkpoint["posezoo"] = {"paper": self.registered()}
        # A resumed run must draw what an uninterrupted run draws.
        checkpoint["random"] = random_state(self.device)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._random = checkpoint.get("random")

    def on_train_start(self) -> None:
        """Seed the draws of the run, which DDP would reset here, or restore their state from the checkpoint."""
        if "PL_GLOBAL_SEED" in os.environ:  # set by Lightning's seed_everything
            torch.manual_seed(int(os.environ["PL_GLOBAL_SEED"]))
        if self._random is not None:
            restore_random_state(self._random, self.device)
            self._random = None

    def counted(self, stage: str) -> object:
        """Return the metrics that count a stage, ``val`` or ``test``; None before its first batch and after its last."""
        return self._metrics.get(stage)

    def _report(self, stage: str) -> None:
        metrics = self._metrics.pop(stage, None)
        if metrics is not None:
            # Already reduced over processes by the metrics themselves: no second reduction.
            self.log_dict({f"{stage}/{name}": value for name, value in metrics.report().items()}, rank_zero_only=False)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate_batch(batch, "val")

    def on_validation_epoch_end(self) -> None:
        self._report("val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate_batch(batch, "test")

    def on_test_epoch_end(self) -> None:
        self._report("test")


def as_list(given: object) -> list[Any]:
    """Return Lightning's optimizers or schedules, which may be one, several or None, as a list."""
    return [] if given is None else given if isinstance(given, list) else [given]
