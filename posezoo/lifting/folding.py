"""Fold batch norms into the layers before them where a model predicts; keep the folded networks until a weight changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from posezoo.lifting.lightning import LightningModule
from posezoo.networks import fuse_batch_norm

if TYPE_CHECKING:
    from typing_extensions import Self


_VERSION = attrgetter("_version")


class _Folded(NamedTuple):
    """A network without batch norms, and the network that it was made from, kept so that its ``id`` stays unique."""

    network: nn.Module
    tensors: list[Tensor]
    counted: list[Tensor]
    states: list[int]
    folded: nn.Module


def _counted(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors that count how often they were written; those made for inference do not."""
    return [tensor for tensor in tensors if not tensor.is_inference()]


def _states(tensors: Sequence[Tensor], counted: Sequence[Tensor]) -> list[int]:
    """Return what changes with the values of tensors: where they lie, and how often they were written.

    ``predict`` asks at every call; ``map`` of functions that are not Python's takes half the time of a comprehension.
    """
    return [*map(Tensor.data_ptr, tensors), *map(_VERSION, counted)]


class FoldingModule(LightningModule):
    """A LightningModule whose networks predict without batch norms of their own."""

    _folded: dict[int, _Folded]
    _first: tuple[Tensor, ...]

    def __init__(self) -> None:
        super().__init__()
        self._forget()

    @property
    def precision(self) -> torch.dtype:
        """The dtype of the weights. Lightning's ``dtype`` does not change with ``bfloat16()``."""
        for parameter in self._first or self.parameters():  # torch.compile of torch 2.4 cannot follow next() with a default
            return parameter.dtype
        return torch.float32

    def for_inference(self, network: Any) -> Any:
        """Return the network with its batch norms folded into its layers, where only prediction is wanted.

        The folded copy is kept until a weight changes, or the model is put in training or eval mode; while gradients are
        recorded or the model trains, the network itself. What is written in place into a weight's ``data`` leaves no trace:
        call ``eval()`` after it.
        """
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return network
        kept = self._folded.get(id(network))
        if kept is None or kept.states != _states(kept.tensors, kept.counted):
            named = (*network.named_parameters(), *network.named_buffers())
            # Counts of batches do not change what is predicted.
            tensors = [tensor for name, tensor in named if not name.endswith("num_batches_tracked")]
            counted = _counted(tensors)
            kept = _Folded(network, tensors, counted, _states(tensors, counted), fuse_batch_norm(network))
            # In a dictionary, since an attribute would become part of the model.
            self._folded[id(network)] = kept
            # A walk over the modules to the first weight takes as long as a layer of a single pose.
            self._first = tuple(self.parameters())[:1]
        return kept.folded

    def _forget(self) -> None:
        """Forget what was kept of the weights for prediction."""
        self._folded, self._first = {}, ()

    def train(self, mode: bool = True) -> Self:
        """Switch between training and prediction, and forget the folded copies."""
        self._forget()
        return super().train(mode)

    def __getstate__(self) -> dict[str, object]:
        """Leave the folded copies out of copies and pickles, because their keys are addresses in memory."""
        return {**super().__getstate__(), "_folded": {}, "_first": ()}

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or cast the model and forget its folded copies."""
        self._forget()
        return super()._apply(fn, recurse)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights, in place or, with ``assign``, as new tensors, of which the folded copies know nothing."""
        self._forget()
        return super().load_state_dict(state_dict, strict, assign)
