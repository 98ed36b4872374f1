"""Build the site: write its pages, then call Zensical, which must find nothing to complain of.

python docs/builder/build.py [--out FOLDER] [--serve]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pages
import yaml


def prepare(out: Path) -> Path:
    """Write the pages to ``out/docs``, and beside them the settings of ``mkdocs.yml`` with a place for every paper.

    Returns:
        the file of settings.
    """
    shutil.rmtree(out / "docs", ignore_errors=True)
    (out / "docs").mkdir(parents=True)
    pages.write_pages(out / "docs")
    config = pages.with_papers(yaml.safe_load((pages.ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    config |= {"docs_dir": "docs", "site_dir": "site"}  # beside the settings
    python = next(plugin for plugin in config["plugins"] if "mkdocstrings" in plugin)["mkdocstrings"]["handlers"]["python"]
    python["paths"] = [str(pages.ROOT)]
    python["options"]["extensions"] = [str(pages.ROOT / name) for name in python["options"]["extensions"]]
    path = out / "mkdocs.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def main() -> int:
    """Build, or build and serve; return Zensical's exit code."""
    parser = argparse.ArgumentParser(description="Build the site.")
    parser.add_argument("--out", type=Path, default=pages.ROOT / "build", help="docs/ and site/ are written here")
    parser.add_argument("--serve", action="store_true", help="show the site on this machine")
    options = parser.parse_args()
    config = prepare(options.out.resolve())
    command = ["serve"] if options.serve else ["build", "--strict", "--clean"]
    return subprocess.run([sys.executable, "-m", "zensical", *command, "--config-file", str(config)]).returncode


if __name__ == "__main__":
    sys.exit(main())
