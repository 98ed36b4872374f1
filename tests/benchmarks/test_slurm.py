"""Test the Slurm launcher on a real Slurm of one node: a table finishes although one of its jobs is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.benchmarks.own_table import command, environment, result, small, wait_for, write_own
from tests.conftest import POSEZOO_DATA

pytestmark = pytest.mark.slow

TOOL = POSEZOO_DATA.parent / "tools" / "one_node_slurm.sh"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the environment in which Slurm's commands reach a node of this machine."""
    pytest.importorskip("submitit")
    if not TOOL.is_file():
        pytest.skip(f"the script that starts a one-node Slurm is not at {TOOL}")
    if os.geteuid() != 0 or not all(shutil.which(name) for name in ("slurmctld", "slurmd", "munged", "sbatch")):
        pytest.skip("a one-node Slurm needs root and Debian's slurm-wlm and munge")
    folder = tmp_path_factory.mktemp("slurm")
    for parent in (folder, *folder.parents):  # munge's user walks here
        if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(0o755)
    up = subprocess.run(["bash", str(TOOL), "up", str(folder)], capture_output=True, text=True, timeout=120)
    if up.returncode:
        pytest.skip(f"the one-node Slurm did not start: {up.stderr.strip().splitlines()[-1:]}")
    yield {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    subprocess.run(["bash", str(TOOL), "down", str(folder)], capture_output=True, timeout=60)


def test_a_row_that_is_killed_once_is_resubmitted_and_finishes(slurm: dict[str, str], tmp_path: Path) -> None:
    own, settings = write_own(tmp_path), {**environment(), **slurm}
    (own / "recipes" / "small.yaml").write_text(yaml.safe_dump({"smoke": small(600)}))
    arguments = ("--launcher", "slurm", "--partition", "cpu", "--time", "10")
    driver = subprocess.Popen(
        command(own, *arguments), env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def jobs_at_a_checkpoint() -> list[str]:
        begun = {path.parents[2].name for path in own.glob("results/.runs/*/train/checkpoints/last.ckpt")}
        ended = {path.parents[1].name for path in own.glob("results/.runs/*/train/*.safetensors")}
        scripts = {
            digest: path.name.split("_")[0]
            for path in own.glob("results/.runs/slurm/*_log.out")
            for digest in begun - ended
            if digest in path.read_text(errors="replace")
        }
        return list(scripts.values())

    try:
        wait_for(lambda: jobs_at_a_checkpoint() or driver.poll() is not None)
        victim = jobs_at_a_checkpoint()[0]
        subprocess.run(["scancel", "--signal=KILL", "--full", victim], env=settings, check=True)
        output, _ = driver.communicate(timeout=300)
    finally:
        driver.kill()
    assert driver.returncode == 0, output
    assert "going on from its checkpoint" in output
    for row in ("one", "two", "flat"):
        assert result(own, row)["cells"]["p"]["value"] > 0
    assert not list(own.glob("results/**/*.failed.json"))
