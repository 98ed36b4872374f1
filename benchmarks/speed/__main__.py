"""Measure speed as ratios of two contestants in one run, so that they hold from machine to machine.

    python benchmarks/speed                     every benchmark, one thread
    python benchmarks/speed p_mpjpe --threads 2
    python benchmarks/speed --ddp               training on two processes against one
    python benchmarks/speed --profile svma.mocap    where the time of a training step goes, recipe by recipe
    python benchmarks/speed --bodies bodies.h5  bodies drawn in a second
    python benchmarks/speed --steps             step times of every recipe, into benchmarks/step_times.json
    python benchmarks/speed --count             arithmetic of a step of every recipe, into the same file

A benchmark is a function, listed in ``BENCHMARKS``, that returns its ratios. The contestants take turns, and the fastest
turn of each counts, so that other load on the machine slows both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":  # a folder that is run has itself on the path, not the folder that it lies in
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speed.ratios import Ratio, print_table

BENCHMARKS = {
    "p_mpjpe": "geometry",
    "triangulation": "geometry",
    "skeleton_maps": "geometry",
    "svma_forward": "models",
    "refine_views": "models",
    "predict_one": "models",
    "training_step": "models",
    "rendering": "pictures",
    "photographs": "pictures",
}
"""The module of each benchmark, imported when the number of threads is set."""


def benchmark(name: str) -> Callable[[], list[Ratio]]:
    """Return the function of a benchmark."""
    return getattr(import_module(f"speed.{BENCHMARKS[name]}"), name)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks named (all by default); the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every contestant (default 1)")
    parser.add_argument("--json", type=Path, help="write the ratios here too")
    parser.add_argument("--ddp", action="store_true", help="how training scales from one process to two")
    parser.add_argument("--steps", action="store_true", help="measure the step times that estimates are made from")
    parser.add_argument("--count", action="store_true", help="count the arithmetic of those steps, and measure nothing")
    parser.add_argument("--profile", metavar="RECIPE", nargs="+", help="where the time of a training step goes")
    parser.add_argument("--bodies", type=Path, help="count bodies drawn from this file of `posezoo data prepare bodies`")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown benchmark {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    # The BLAS of NumPy reads these when it is first imported, which is why the benchmarks import what they need.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    if options.profile:
        from speed.profiling import print_profiles

        print_profiles(options.profile)
        return 0
    if options.steps:
        from reproduction.step_times import measure

        print(f"step times -> {measure()}")
        return 0
    if options.count:
        from reproduction.step_times import count_all

        print(f"counts -> {count_all()}")
        return 0
    if options.ddp:
        from reproduction.scaling import scaling

        ratios = [Ratio(**line) for line in scaling()]
    elif options.bodies:
        from speed.pictures import bodies

        ratios = bodies(options.bodies)
    else:
        ratios = [ratio for name in options.names or BENCHMARKS for ratio in benchmark(name)()]
    print_table(ratios, options.threads)
    if options.json:
        lines = {"threads": options.threads, "torch": torch.__version__, "ratios": [asdict(ratio) for ratio in ratios]}
        options.json.write_text(json.dumps(lines, indent=1) + "\n")
    return 0 if all(ratio.met for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
