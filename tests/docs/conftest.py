"""Tables of the benchmarks are quoted in the pages; their folder is where Python looks for scripts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
