"""Choose a precision that is fast on this machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

import torch
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator


def cpu_has_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 natively.

    x86 without AVX-512 has no such instruction: torch converts every number, and convolutions take seven times as long as
    in float32 (measured with ``hg3d`` on AVX2). Processors with AVX-512, and others than x86, are taken to have one.
    """
    if platform.machine().lower() not in ("x86_64", "amd64", "i386", "i686"):
        return True
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def usable_precision(trainer: Mapping[str, object], overrides: Sequence[str]) -> str | None:
    """Return the precision to use instead of a recipe's; None where the recipe's is fast.

    Args:
        trainer: the recipe's settings of Lightning's Trainer.
        overrides: settings of the command line. A precision given there is used as it is.

    Returns:
        ``32-true`` for a recipe in bfloat16 whose run will be on a CPU that does not have bfloat16.
    """
    given = {name.split("=", 1)[0] for name in overrides}
    if "--trainer.precision" in given or not str(trainer.get("precision", "")).startswith("bf16"):
        return None
    accelerator = str(trainer.get("accelerator", "auto"))
    for index, name in enumerate(overrides):
        if name.startswith("--trainer.accelerator="):
            accelerator = name.split("=", 1)[1]
        elif name == "--trainer.accelerator" and index + 1 < len(overrides):
            accelerator = overrides[index + 1]
    others = CUDAAccelerator.is_available() or MPSAccelerator.is_available()
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not others)
    return "32-true" if on_cpu and not cpu_has_bfloat16() else None
