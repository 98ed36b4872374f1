"""Speed as ratios of two contestants measured in one run, so that they hold from machine to machine.

    python benchmarks/throughput.py                     every benchmark, one thread
    python benchmarks/throughput.py p_mpjpe --threads 2

A benchmark is a function, listed in ``BENCHMARKS``, that returns its ratios. The contestants take turns and each counts by
its fastest turn: what else the machine does then hurts both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """One line of the table.

    Attributes:
        name: what is compared with what.
        value: the ratio.
        goal: the bound it should keep.
        at_least: whether the goal is a lower bound (the higher the better) or an upper one.
        detail: both sides in words and units.
    """

    name: str
    value: float
    goal: float
    at_least: bool
    detail: str

    @property
    def met(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def fastest(contestants: dict[str, Callable[[], Any]], rounds: int = 7) -> dict[str, float]:
    """Seconds of the fastest turn of each contestant, after one round to warm up.

    With one thread it is the processor's time that counts: what else runs on the machine does not.
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


def svd_p_mpjpe(pred: Any, target: Any) -> float:
    """P-MPJPE as the field computes it: one batched NumPy SVD, the sign of the determinant mended (poses (N, J, 3))."""
    import numpy as np

    pred_centroid, target_centroid = pred.mean(1, keepdims=True), target.mean(1, keepdims=True)
    centred_pred, centred_target = pred - pred_centroid, target - target_centroid
    pred_size = np.sqrt((centred_pred**2).sum((1, 2), keepdims=True))
    target_size = np.sqrt((centred_target**2).sum((1, 2), keepdims=True))
    covariance = np.matmul((centred_target / target_size).transpose(0, 2, 1), centred_pred / pred_size)
    left, singular, right = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(np.matmul(left, right)))
    left[:, :, 2] *= sign[:, None]
    singular[:, 2] *= sign
    rotation = np.matmul(left, right).transpose(0, 2, 1)
    scale = singular.sum(1)[:, None, None] * target_size / pred_size
    aligned = scale * np.matmul(pred, rotation) + (target_centroid - scale * np.matmul(pred_centroid, rotation))
    return float(np.linalg.norm(aligned - target, axis=-1).mean())


def p_mpjpe(poses: int = 100_000) -> list[Ratio]:
    """P-MPJPE of 17 joints in float32 against the batched NumPy SVD."""
    import numpy as np
    import torch

    from posezoo.metrics.functional import p_mpjpe as closed_form

    generator = np.random.default_rng(0)
    target = (generator.standard_normal((poses, 17, 3)) * [150, 500, 100]).astype(np.float32)
    pred = (target + generator.standard_normal(target.shape) * 50).astype(np.float32)
    tensors = torch.from_numpy(pred), torch.from_numpy(target)
    seconds = fastest({"svd": lambda: svd_p_mpjpe(pred, target), "closed form": lambda: closed_form(*tensors)})
    exact = svd_p_mpjpe(pred.astype(np.float64), target.astype(np.float64))
    return [
        Ratio(
            name="P-MPJPE throughput, over the batched NumPy SVD",
            value=seconds["svd"] / seconds["closed form"],
            goal=3.0,
            at_least=True,
            detail=f"{1e6 * seconds['closed form'] / poses:.3f} against {1e6 * seconds['svd'] / poses:.3f} us a pose; "
            f"off the float64 SVD by {abs(closed_form(*tensors).item() - exact):.0e} of {exact:.0f} mm",
        )
    ]


BENCHMARKS: dict[str, Callable[[], list[Ratio]]] = {"p_mpjpe": p_mpjpe}


def print_table(ratios: list[Ratio], threads: int) -> None:
    """The ratios as a table on the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"PoseZoo throughput, {threads} thread{'s' * (threads > 1)}")
    for heading in ("ratio", "measured", "goal", "", "detail"):
        table.add_column(heading, justify="right" if heading in ("measured", "goal") else "left")
    for ratio in ratios:
        goal = f"{'>=' if ratio.at_least else '<='} {ratio.goal:g}"
        table.add_row(ratio.name, f"{ratio.value:.2f}", goal, "met" if ratio.met else "missed", ratio.detail)
    Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks named (all by default); the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every contestant (default 1)")
    parser.add_argument("--json", type=Path, help="write the ratios here too")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown benchmark {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    # The BLAS of NumPy reads these when it is first imported, which is why the benchmarks import what they need.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    ratios = [ratio for name in options.names or BENCHMARKS for ratio in BENCHMARKS[name]()]
    print_table(ratios, options.threads)
    if options.json:
        lines = {"threads": options.threads, "torch": torch.__version__, "ratios": [asdict(ratio) for ratio in ratios]}
        options.json.write_text(json.dumps(lines, indent=1) + "\n")
    return 0 if all(ratio.met for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
