"""Make a run on several processes the same run as on one: share draws and batch statistics.

Process ``r`` of ``W`` holds rows ``r, r + W, r + 2 W, ..`` of each global batch (:class:`posezoo.data.loader.TensorLoader`
cuts them so). All processes start from the same seed, draw the same numbers for the global batch and keep their own rows;
so their generators stay in step, and what is drawn does not depend on how many processes there are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor


def share() -> tuple[int, int]:
    """Return this process's number and how many there are; (0, 1) outside a distributed run."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def draw(sampler: Callable[..., Tensor], count: int, *shape: int, device: torch.device | str | None = None) -> Tensor:
    """Return this process's rows of what a sampler gives for the global batch.

    Args:
        sampler: ``torch.rand``, ``torch.randn``, or anything called alike.
        count: rows of this process's batch.
        shape: of a row.
        device: where to draw.

    Returns:
        (count, *shape).

    Example:
        >>> import torch
        >>> from posezoo.distributed import draw
        >>> draw(torch.rand, 4, 2).shape
        torch.Size([4, 2])
    """
    rank, world = share()
    return sampler(world * count, *shape, device=device)[rank::world]


def roll(rows: Tensor) -> Tensor:
    """Return the global batch moved on by one row, this process's rows of it. No gradient.

    Args:
        rows: (B, ...), of equal length on all processes.
    """
    rank, world = share()
    if world == 1:
        return rows.roll(1, 0)
    parts = [torch.empty_like(rows) for _ in range(world)]
    dist.all_gather(parts, rows.detach().contiguous())
    return torch.stack(parts, 1).flatten(0, 1).roll(1, 0)[rank::world]


def total(values: Tensor) -> Tensor:
    """Return the sum over all processes, with gradient (once)."""
    return _Total.apply(values) if share()[1] > 1 else values


class _Total(torch.autograd.Function):
    """Each process's values reach the sum of all, so the sum's gradients on all processes come back to them."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        summed = values.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        summed = gradient.clone()
        dist.all_reduce(summed)
        return summed


def of_first(value: float, device: torch.device | str | None = None) -> float:
    """Return the first process's value, such as the time by its clock.

    Args:
        value: of this process.
        device: where the processes exchange tensors.
    """
    if share()[1] == 1:
        return value
    told = torch.tensor(value, dtype=torch.float32, device=device)
    dist.broadcast(told, 0)
    return float(told)


def leave() -> None:
    """End a distributed run; this process continues alone."""
    if share()[1] > 1:
        dist.barrier()
        dist.destroy_process_group()


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the state of the generators that a run draws from; on all processes the same."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Restore a state that :func:`random_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
