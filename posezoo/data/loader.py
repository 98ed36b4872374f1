"""Batches cut from tensors that live in memory: no worker, no per-sample Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from posezoo.distributed import share
from posezoo.errors import InputError


@runtime_checkable
class Loader(Protocol):
    """Batches of an epoch, as a trainer takes them: dictionaries of tensors by name."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[dict[str, Tensor]]: ...


class TensorLoader:
    """Iterate over dictionaries of tensors, batch by batch, on the device that trains.

    Every process of a distributed run draws the same permutation and takes its own share. In training all shares are
    of equal size (the tail is dropped); in evaluation every sample is seen exactly once and shares may differ by one.

    Args:
        tensors: of equal length N.
        batch_size: per process.
        shuffle: in training; also drops the last, smaller batch.
        seed: of the permutations.
        epoch: gives the number of the epoch, so that a resumed run goes on with the permutation it would have had.
        device: where the tensors are moved, once.

    Raises:
        InputError: lengths differ, fewer samples than processes, or than a batch to shuffle.

    Example:
        >>> import torch
        >>> from posezoo.data.loader import TensorLoader
        >>> loader = TensorLoader({"x": torch.arange(5)}, batch_size=2)
        >>> [batch["x"].tolist() for batch in loader]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        tensors: dict[str, Tensor],
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: Callable[[], int] = lambda: 0,
        device: torch.device | str | None = None,
    ) -> None:
        lengths = {name: len(tensor) for name, tensor in tensors.items()}
        if len(set(lengths.values())) != 1:
            raise InputError(f"tensors of different lengths: {lengths}; expected one length.")
        self.tensors = {name: tensor.to(device) if device is not None else tensor for name, tensor in tensors.items()}
        self.batch_size, self.shuffle, self.seed, self.epoch = batch_size, shuffle, seed, epoch
        self.samples = next(iter(lengths.values()))
        world = share()[1]
        if self.samples < world:  # raised on every process, so that none waits for another
            raise InputError(f"{self.samples} samples for {world} processes; use no more processes than samples.")
        if shuffle and len(self) == 0:
            raise InputError(
                f"{self.samples} samples do not fill one batch of {batch_size} on each process; lower batch_size."
            )

    def __len__(self) -> int:
        rank, world = share()
        if self.shuffle:
            return self.samples // world // self.batch_size
        return -(-len(range(rank, self.samples, world)) // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        rank, world = share()
        device = next(iter(self.tensors.values())).device
        if self.shuffle:
            generator = torch.Generator().manual_seed(hash((self.seed, self.epoch())) % 2**63)
            order = torch.randperm(self.samples, generator=generator)[rank::world].to(device)
        else:
            order = torch.arange(self.samples, device=device)[rank::world]
        for batch in range(len(self)):
            rows = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield {name: tensor[rows] for name, tensor in self.tensors.items()}
