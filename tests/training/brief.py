"""Run the command line on procedural people whose clips last 12 frames: ``python -m tests.training.brief train ...``.

A process that Lightning starts runs the same command, where a patch of this process would not reach.
"""

from __future__ import annotations

import functools
import sys

from posezoo.cli import main
from posezoo.data.named import DATASETS

if __name__ == "__main__":
    DATASETS["procedural"] = functools.partial(DATASETS["procedural"], frames_per_clip=12)
    sys.exit(main())
