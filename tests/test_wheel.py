"""Test a wheel of the checkout: installed without the checkout, it lists, loads and lifts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
# One model for each kind of input: keypoints, several views, pictures.
ONE_OF_EACH = {f"{name}.safetensors" for name in ("geoselfsup.mocap", "cvugcn.mocap", "hg3d.photo")}
PROGRAM = """
import json, numpy, posezoo
keypoints = numpy.random.default_rng(0).uniform(200, 800, (3, 17, 2))
out = posezoo.load("geoselfsup").predict(keypoints, skeleton="h36m17", image_size=(1000, 1000))
print(json.dumps([posezoo.__file__, posezoo.list_models(), out.pose_3d.tolist()]))
"""


def run(*command: object, **settings: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("pip")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in ("posezoo", "checkpoints"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source)
    # Without isolation, setuptools of this environment builds it and nothing is downloaded.
    run(*PIP, "wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", out)
    (path,) = out.glob("posezoo-*.whl")
    return path


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Return a Python environment that has the packages of this one, but not PoseZoo."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # A path file adds folders; it does not follow the path files within them, so an editable PoseZoo stays unseen.
    paths = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    Path(site, "dependencies.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")
    return python


def lifted(python: object, folder: Path, **environment: str) -> tuple[Path, list[str], object]:
    plain = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "POSEZOO_HOME")}
    file, names, pose = json.loads(run(python, "-c", PROGRAM, cwd=folder, env={**plain, **environment}))
    return Path(file), names, pose


def test_one_model_of_each_kind_fits():
    """Check it without building a wheel, so that weights which grew are found where they are published."""
    pytest.importorskip("setuptools")
    from posezoo._build import shipped

    assert {path.name for path in shipped(ROOT / "checkpoints", ROOT / "posezoo" / "papers")} >= ONE_OF_EACH


@pytest.mark.slow
def test_a_wheel_holds_the_index_the_cards_and_what_fits(wheel):
    assert wheel.stat().st_size <= 25_000_000
    names = zipfile.ZipFile(wheel).namelist()
    held = {Path(name).name for name in names if name.startswith("posezoo/checkpoints/")}
    index = json.loads((ROOT / "checkpoints" / "index.json").read_text(encoding="utf-8"))["models"]
    assert {"index.json", *(f"{name}.md" for name in index)} <= held
    assert held >= ONE_OF_EACH
    assert "posezoo/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "checkpoints"))]


@pytest.mark.slow
def test_an_installed_wheel_lists_loads_and_lifts(wheel, elsewhere, tmp_path):
    run(*PIP, "--python", elsewhere, "install", "--no-deps", "--no-index", "--ignore-installed", wheel)
    file, names, pose = lifted(elsewhere, tmp_path)
    assert file.is_relative_to(elsewhere.parents[1])
    index = json.loads((ROOT / "checkpoints" / "index.json").read_text(encoding="utf-8"))["models"]
    assert names == sorted(index)
    assert pose == lifted(sys.executable, tmp_path, PYTHONPATH=str(ROOT))[2]
    assert "svma.cmu" in run(elsewhere.with_name("posezoo"), "list", cwd=tmp_path)


@pytest.mark.slow
def test_a_wheel_in_a_folder_of_its_own_keeps_its_weights(wheel, tmp_path):
    run(*PIP, "install", "--no-deps", "--no-index", "--target", tmp_path / "own", wheel)
    file, names, _ = lifted(sys.executable, tmp_path, PYTHONPATH=str(tmp_path / "own"))
    assert file.is_relative_to(tmp_path / "own")
    assert "svma.cmu" in names
