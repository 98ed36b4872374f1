"""Make a film of one person, red on black, and detectors that find people by these colours."""

from __future__ import annotations

import struct

import cv2
import numpy as np

# A standing person in COCO's order, in a box of 1 x 1: x right, y down.
BODY = np.array(
    [
        [0.5, 0.08], [0.53, 0.06], [0.47, 0.06], [0.57, 0.07], [0.43, 0.07], [0.66, 0.2], [0.34, 0.2], [0.78, 0.36],
        [0.22, 0.36], [0.85, 0.5], [0.15, 0.5], [0.6, 0.53], [0.4, 0.53], [0.62, 0.75], [0.38, 0.75], [0.63, 0.97],
        [0.37, 0.97],
    ]
)  # fmt: skip
WIDTH, HEIGHT, FPS = 160, 120, 12


def box_of(frame: int) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the person in a frame."""
    return 10 + 3 * frame, 20, 40, 80


def film(path, frames=12, absent=(), codec="MJPG"):
    """Return a video of a red box that walks to the right; nobody is there in the frames ``absent``."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), FPS, (WIDTH, HEIGHT))
    for frame in range(frames):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        if frame not in absent:
            x, y, width, height = box_of(frame)
            picture[y : y + height, x : x + width, 2] = 255  # OpenCV writes BGR
        writer.write(picture)
    writer.release()
    return path


def find(red):
    """Return (N, 17, 2) the body in the box of bright pixels of one channel, nobody where it is dark."""
    rows, columns = np.where(red > 128)
    if not len(rows):
        return np.empty((0, 17, 2))
    low = np.array([columns.min(), rows.min()])
    return (low + BODY * (np.array([columns.max(), rows.max()]) - low + 1))[None]


def rtmlib_model(picture):
    """Answer as ``rtmlib.Body``: BGR in, (keypoints, scores) out; without a person a poor pose of the whole picture."""
    people = find(picture[..., 2])
    if not len(people):
        return (BODY * [WIDTH, HEIGHT])[None], np.full((1, 17), 0.1)
    return people, np.full((1, 17), 0.9)


def film_of_variable_rate(path, steps, fps=FPS, **settings):
    """Write what :func:`film` does, as an MP4 whose frame i lasts ``steps[i]`` times ``1 / fps``.

    OpenCV writes one constant duration; it is replaced in the container, in the table ``stts`` (ISO/IEC 14496-12, 8.6.1.2).
    """
    film(path, frames=len(steps), codec="mp4v", **settings)
    content = bytearray(path.read_bytes().replace(b"edts", b"free"))  # the list of edits ends with the old duration
    place = content.index(b"stts")  # after the length of the box: name, version and flags, count, then (frames, duration)
    entries, _, duration = struct.unpack_from(">III", content, place + 8)
    assert entries == 1
    table = b"".join(struct.pack(">II", 1, step * duration) for step in steps)
    struct.pack_into(">I", content, place + 8, len(steps))
    content[place + 12 : place + 20] = table
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):  # what holds the table has grown with it
        start = content.index(box) - 4
        struct.pack_into(">I", content, start, struct.unpack_from(">I", content, start)[0] + len(table) - 8)
    assert content.index(b"mdat") < content.index(b"moov"), "the pictures stand before the tables, which may so grow"
    path.write_bytes(content)
    return path
