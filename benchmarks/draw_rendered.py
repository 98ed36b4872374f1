"""Draw a contact sheet of rendered people with their joints: the studio domain above, the wild domain below.

python benchmarks/draw_rendered.py --path openmocap.h5 -o sheet.jpg
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from posezoo.cli.output import guarded
from posezoo.data.pictures import PeopleInPictures, load_pictures
from posezoo.errors import InputError
from posezoo.files.opencv import opencv
from posezoo.files.writing import write_whole
from posezoo.viz.scene import PALETTES, side_of


def with_joints(people: PeopleInPictures, number: int) -> np.ndarray:
    """Return a person's picture with the bones of the labels drawn in."""
    from matplotlib.colors import to_rgb

    cv2 = opencv()
    picture, layout = people.read(number).copy(), people.poses.skeleton
    points = (16 * people.poses.keypoints_2d[number]).round().astype(int)
    for parent, child in layout.bones:
        color = [int(255 * value) for value in to_rgb(PALETTES[0][side_of(layout, child)])]
        cv2.line(picture, points[parent].tolist(), points[child].tolist(), color, 1, cv2.LINE_AA, 4)
    return picture


def sheet(path: Path | None, split: str, columns: int, rows: int, side: int, labels: bool) -> bytes:
    """Draw a JPEG of so many people of each domain."""
    parts = []
    for domain in ("rendered_studio", "rendered_wild"):
        people = load_pictures(domain, split, path=path, side=side, count=columns * rows)
        pictures = [with_joints(people, n) if labels else people.read(n) for n in range(len(people))]
        pictures += [np.full((side, side, 3), 255, np.uint8)] * (columns * rows - len(pictures))
        parts += [np.concatenate(pictures[row * columns : (row + 1) * columns], 1) for row in range(rows)]
    cv2 = opencv()
    return bytes(cv2.imencode(".jpg", np.concatenate(parts)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1])


def main(arguments: list[str] | None = None) -> int:
    """Draw the sheet; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", type=Path, help="openmocap.h5; procedural people where not given")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=2, help="of each domain")
    parser.add_argument("--side", type=int, default=160, help="of a picture, px")
    parser.add_argument("--labels", action="store_true", help="draw the joints")
    parser.add_argument("-o", "--out", type=Path, required=True, help=".jpg")
    options = parser.parse_args(arguments)

    def run() -> int:
        if min(options.columns, options.rows) < 1 or options.out.suffix.lower() not in (".jpg", ".jpeg"):
            raise InputError(
                f"{options.columns} columns, {options.rows} rows, {options.out}; expected 1 or more, and a .jpg."
            )
        write_whole(
            options.out, sheet(options.path, options.split, options.columns, options.rows, options.side, options.labels)
        )
        print(f"sheet -> {options.out}")
        return 0

    return guarded("draw_rendered", run)


if __name__ == "__main__":
    sys.exit(main())
