"""Time contestants in turns, and give their ratio, which holds from machine to machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """One line of the table.

    Attributes:
        name: what is compared with what.
        value: the ratio.
        goal: the bound it should keep; None where it is only reported.
        at_least: whether the goal is a lower bound (the higher the better) or an upper one.
        detail: both sides in words and units.
    """

    name: str
    value: float
    goal: float | None
    at_least: bool
    detail: str

    @property
    def met(self) -> bool:
        if self.goal is None:
            return True
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def fastest(contestants: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Return the seconds of the fastest turn of each contestant, after one round to warm up.

    With one thread, processor time is measured, which other processes of the machine do not change.
    """
    import torch

    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    best = dict.fromkeys(contestants, float("inf"))
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            start = clock()
            run()
            if turn:
                best[name] = min(best[name], clock() - start)
    return best


def print_table(ratios: list[Ratio], threads: int) -> None:
    """Print the ratios as a table on the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"PoseZoo throughput, {threads} thread{'s' * (threads > 1)}")
    for heading in ("ratio", "measured", "goal", "", "detail"):
        table.add_column(heading, justify="right" if heading in ("measured", "goal") else "left")
    for ratio in ratios:
        goal = "" if ratio.goal is None else f"{'>=' if ratio.at_least else '<='} {ratio.goal:g}"
        verdict = "" if ratio.goal is None else "met" if ratio.met else "missed"
        table.add_row(ratio.name, f"{ratio.value:.2f}", goal, verdict, ratio.detail)
    Console().print(table)
