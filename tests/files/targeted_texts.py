# ruff: noqa: E501
"""Build hostile texts: keypoints and cameras in JSON, tables, XML, YAML, TOML, and motion in BVH, TRC, C3D."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from posezoo.data import Prediction, read_bvh, read_cameras
from posezoo.formats.markers import read_markers
from posezoo.formats.mpii import people_of_json
from tests.files.targeted_arrays import Case, cameras_of_subject, keypoints

# As they stand in JSON: Python reads and writes NaN and Infinity.
NUMBERS = (
    "-1", "0", "1e308", "1e999", "NaN", "-Infinity", "true", "null", '"3"', '""', "[]", "{}", "[[]]", "9" * 400, "9" * 5000,
    "1e-320", '"\\ud800"', '"\\u0000"', "[null]", '{"K": []}', "1" + "0" * 30, "[1, [2]]", '"1e999"',
)  # fmt: skip
EYE = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
MATRICES: dict[str, object] = {
    "zero": [[0.0] * 3] * 3, "of rank 1": [[1.0] * 3] * 3, "of rank 2": [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 0]],
    "NaN": [[float("nan")] * 3] * 3, "infinite": [[float("inf")] * 3] * 3, "1e308": [[1e308] * 3] * 3,
    "1e-320": [[1e-320] * 3] * 3, "text": [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]], "words": [["a"] * 3] * 3,
    "complex": [["1+2j"] * 3] * 3, "mirrored": [[1, 0, 0], [0, 1, 0], [0, 0, -1]], "transposed": [[9, 0, 0], [0, 9, 0], [4, 5, 1]],
    "ragged": [[1, 2], [3]], "empty": [], "nothing": None, "number": 3, "truth": [[True] * 3] * 3, "mapping": {"0": EYE},
    "of 9 lists": [[[1]] * 3] * 3, "of 10^30": [[10**30] * 3] * 3, "of 3x4": [[1, 0, 0, 0]] * 3, "of 4x4": [[0.0] * 4] * 4,
    "of a thousand": [[0.0] * 1000], "flat": [0.0] * 9, "vector": [1e300, 0, 0], "turns": [90.0, 180.0, 45.0], "four": [0, 0, 0, 1],
}  # fmt: skip


def wrapped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a text in the encodings and with the flaws that any text may have."""
    text = data.decode()
    yield "empty", b""
    yield "blank", b"\n \n\t\n"
    yield "mark of UTF-8", b"\xef\xbb\xbf" + data
    yield "mark alone", b"\xef\xbb\xbf"
    yield "UTF-16", text.encode("utf-16")
    yield "UTF-16 without mark", text.encode("utf-16-be")
    yield "UTF-16 cut", text.encode("utf-16")[:-1]
    yield "UTF-32", text.encode("utf-32")
    yield "Latin", b"\xe9\xff" + data
    yield "NUL in the middle", data[: len(data) // 2] + b"\0" + data[len(data) // 2 :]
    yield "NULs alone", bytes(4096)
    yield "returns alone", data.replace(b"\n", b"\r")
    yield "line of a megabyte", b"x" * 2**20 + b"\n" + data
    yield "doubled", data + data
    yield "half", data[: len(data) // 2]
    yield "surrogate", b"\xed\xa0\x80" + data
    yield "gzip", b"\x1f\x8b\x08\0" + data


def of_keypoints_json() -> Iterator[tuple[str, bytes]]:
    coordinates = json.dumps([[[100 + joint, 50 + 9 * joint] for joint in range(17)]])
    flat = json.dumps([value for joint in range(17) for value in (100 + joint, 50 + 9 * joint, 0.9)])
    plain = f'{{"format": "posezoo-keypoints/1", "keypoints": {coordinates}, "skeleton": "coco17"%s}}'
    for number in NUMBERS:
        for field in ("confidence", "frame", "image_size", "fps", "skeleton", "keypoints", "person", "video", "format"):
            yield f"{field} {number[:20]}", (plain % f', "{field}": {number}').encode()
        for field in ("image_id", "keypoints", "score", "category_id", "bbox"):
            yield (
                f"coco {field} {number[:20]}",
                f'[{{"image_id": 7, "keypoints": {flat}, "score": 1, "{field}": {number}}}]'.encode(),
            )
        yield f"openpose {number[:20]}", f'{{"version": 1.3, "people": [{{"pose_keypoints_2d": {number}}}]}}'.encode()
        yield f"people {number[:20]}", f'{{"version": 1.3, "people": {number}}}'.encode()
        yield (
            f"shapes {number[:20]}",
            f'{{"shapes": [{{"label": "nose", "points": {number}}}], "imageWidth": {number}}}'.encode(),
        )
        yield f"one {number[:20]}", number.encode()
    yield from wrapped((plain % "").encode())
    for opening, closing in (("[", "]"), ('{"a":', "}"), ('{"keypoints":[', "]}")):
        yield f"nested {opening}", (opening * 10_000 + "1" + closing * 10_000).encode()
        yield f"not closed {opening}", (opening * 100_000).encode()
    yield "long key", json.dumps({"k" * 2**20: 1}).encode()
    yield "ten thousand keys", json.dumps({f"k{number}": [number] for number in range(10_000)}).encode()
    yield "one key twice", (plain % ', "keypoints": [], "keypoints": {}').encode()
    yield "lines", b'{"people": []}\n[1\n'


def of_predictions(written: bytes) -> Iterator[tuple[str, bytes]]:
    value = json.loads(written)
    for field in value:
        if field != "format":
            for number in ("-1", "1e308", "null", '"x"', "[]", "{}", "[[[]]]", "true", "9" * 400):
                yield f"{field} {number[:9]}", json.dumps({**value, field: "HERE"}).replace('"HERE"', number).encode()
    yield "nested text", json.dumps({**value, "approximated": "[" * 100_000}).encode()
    yield "a long name among many", json.dumps({**value, "person": ["x" * 2**20, *["y"] * 20_000]}).encode()
    yield "shape of 10^9", json.dumps({**value, "pose_3d": [], "keypoints_2d": None, "shape": [10**9, 0, 3]}).encode()
    yield "shape below zero", json.dumps({**value, "pose_3d": [], "shape": [-1, 17, 3]}).encode()
    yield "tree in a circle", json.dumps({**value, "parents": [16] * 17}).encode()


def of_cameras() -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, the ending and the content of calibrations."""
    good: dict[str, object] = {"name": "a", "K": [[900, 0, 320], [0, 900, 240], [0, 0, 1]], "R": EYE, "t": [0, 0, 2500]}
    for name, matrix in MATRICES.items():
        for field in ("K", "R", "t", "distortion", "extrinsics", "c2w", "image_size"):
            yield f"{field} {name}", "json", json.dumps([{**good, field: matrix}]).encode()
        yield f"P {name}", "json", json.dumps([{"name": "a", "P": matrix}]).encode()
        yield f"focal {name}", "json", json.dumps([{**good, "K": None, "fx": matrix, "fy": 1, "cx": 1, "cy": 1}]).encode()
        rows = json.dumps(matrix).replace("null", "[]").replace("NaN", "nan").replace("Infinity", "inf")
        if not isinstance(matrix, dict):
            yield (
                f"matrix {name}",
                "toml",
                f"[a]\nmatrix = {rows}\nrotation = {rows}\ntranslation = [0.0, 0.0, 1.0]\n".encode(),
            )
        data = rows.replace("[", "").replace("]", "")
        for size in ("3", "-1", "1000000000", "0", "x"):
            body = f"!!opencv-matrix\n  rows: {size}\n  cols: 3\n  dt: d\n  data: [{data}]\n"
            yield f"{size} rows {name}", "yml", f"%YAML:1.0\n---\nK: {body}R: {body}t: {body}".encode()
        of_xml = (
            f'type_id="opencv-matrix"><rows>3</rows><cols>3</cols><data>{data.replace(",", " ").replace(chr(34), "")}</data>'
        )
        yield (
            f"matrix {name}",
            "xml",
            f"<opencv_storage><K {of_xml}</K><R {of_xml}</R><t {of_xml}</t></opencv_storage>".encode(),
        )
    for number in NUMBERS:
        yield f"name {number[:20]}", "json", json.dumps([{**good, "name": "HERE"}]).replace('"HERE"', number).encode()
        yield f"fisheye {number[:20]}", "json", json.dumps([{**good, "fisheye": "HERE"}]).replace('"HERE"', number).encode()
        yield f"cameras {number[:20]}", "json", f'{{"cameras": {number}}}'.encode()
        yield f"names {number[:20]}", "yml", f"names: {number}\nK_a: [1]\n".encode()
        cell = number.strip('"')
        lens = f'<intrinsic focalLengthU="{cell}" focalLengthV="{cell}" centerPointU="1" centerPointV="1"/>'
        turn = " ".join(f'r{i}{j}="{cell}"' for i in "123" for j in "123")
        seen = f'<fov_video left="{cell}" top="0" right="{cell}" bottom="9"/>'
        body = f'<camera><transform {turn.replace("&", "")} x="{cell}" y="0" z="0"/>{lens}{seen}</camera>'
        if "\\" not in cell and "{" not in cell:
            yield f"qualisys {cell[:20]}", "xml", f"<calibration><cameras>{body}</cameras></calibration>".encode()
            yield f"metadata {cell[:20]}", "S1.xml", f"<m><w0>[{' '.join([cell] * 300)}]</w0></m>".encode()
    text = json.dumps([good]).encode()
    for ending in ("json", "toml", "yml", "xml", "txt"):
        for name, data in wrapped(text if ending != "toml" else b"[a]\nmatrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]\n"):
            yield f"{ending} {name}", ending, data
        yield f"{ending} nested", ending, {
            "json": b"[" * 10_000, "toml": b"a = " + b"[" * 10_000 + b"]" * 10_000, "yml": b"a: " + b"[" * 10_000,
            "xml": b"<a>" * 100_000, "txt": b"<a>" * 10_000 + b"</a>" * 10_000,
        }[ending]  # fmt: skip
    yield "long dotted key", "toml", b".".join([b"a"] * 20_000) + b" = 1\n"
    yield "long number", "toml", b"a = 1" + b"_1" * 100_000
    yield "dates", "toml", b"[a]\nmatrix = 1979-05-27\nrotation = 07:32:00\ntranslation = [0.0, 0.0, 0.0]\n"
    bomb = b"a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30))
    yield "alias bomb", "yml", bomb
    yield (
        "merge bomb",
        "yml",
        b"a0: &a0 {x: 1}\n" + b"".join(b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
    )
    for tag in (
        b"!!python/object/apply:os.system [ls]",
        b"!!python/name:os.system",
        b"!!python/module:os",
        b"!include /etc/passwd",
    ):
        yield f"tag {tag.decode()}", "yml", b"K: " + tag
    yield "matrix without data", "yml", b"K: !!opencv-matrix {rows: 3}"
    yield "odd scalars", "yml", b"? [a]\n: 1\nK: 2020-13-45\nR: 1:2:3:4\nt: 0o9\n"
    yield "million digits", "yml", b"K: " + b"9" * 1_000_000
    entities = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    yield "laughs", "xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "ha">' + entities + b"]><a>&l11;</a>"
    yield "entity of a file", "xml", b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>'
    yield "thousands of attributes", "xml", b"<a " + b" ".join(b'x%d="1"' % n for n in range(20_000)) + b"/>"
    yield "long name", "xml", b"<" + b"a" * 2**20 + b"/>"
    yield "unknown encoding", "xml", b'<?xml version="1.0" encoding="cp037"?><a/>'
    yield "comment without end", "xml", b"<a><!--" + b"-" * 2**20


def of_xml_keypoints() -> Iterator[tuple[str, bytes]]:
    for number in ("-1", "0", "1e999", "nan", "", "x", "1,2,3", "1;2", "9" * 400, "1e308,1e308", "inf,0"):
        points = f'<points label="nose" points="{number}"/>'
        for size in ("9", number):
            yield (
                f"points {number[:9]} {size[:9]}",
                f'<annotations><image id="{size}" name="a" width="{size}" height="{size}">{points}</image></annotations>'.encode(),
            )
        yield (
            f"track {number[:9]}",
            f'<annotations><track id="0" label="nose"><points frame="{number}" points="1,2"/></track></annotations>'.encode(),
        )


def of_tables() -> Iterator[tuple[str, bytes]]:
    head = ",".join(["frame", "person", *(f"joint{joint}_{axis}" for joint in range(17) for axis in "xy")])
    named = ",".join(
        ["frame", *(f"{joint}_{axis}" for joint in ("nose", "left_eye", "right_eye") for axis in ("x", "y", "confidence"))]
    )
    row = ",".join(["0", "1", *["5"] * 34])
    for number in NUMBERS:
        cell = number.strip('"')
        yield f"frame {cell[:20]}", f"{head}\n{row.replace('0', cell, 1)}\n".encode()
        yield f"cell {cell[:20]}", f"{head}\n{row[:-1]}{cell}\n".encode()
        yield f"named {cell[:20]}", f"{named}\n0{(',' + cell) * 9}\n".encode()
        yield f"lists {cell[:20]}", f'frame;keypoints\n0;"{cell}"\n1;"[[1, {cell}]]"\n'.encode()
        yield f"header {cell[:20]}", f"{cell},{cell}\n1,2\n".encode()
    yield from wrapped(f"{head}\n{row}\n{row}\n".encode())
    yield "quotes without end", f'{head}\n"{"x" * 2**18}'.encode()
    yield "cell of 10^6", f"{head}\n{'9' * 10**6}\n".encode()
    yield "columns of 10^5", b",".join([b"nose_x"] * 100_000) + b"\n" + b",".join([b"1"] * 100_000)
    yield "sep alone", b"sep=;\n"
    yield "formula", f"{head}\n=cmd|' /C calc'!A0{',1' * 35}\n".encode()
    yield "nested list", b'frame;keypoints\n0;"' + b"[" * 10_000 + b'"\n'
    yield "expression", b'frame;keypoints\n0;"[__import__(1)]"\n'


def bvh(
    frame_time: str = "0.03",
    frames: str = "1",
    offset: str = "0 1 0",
    channels: str = "3 Zrotation Xrotation Yrotation",
    value: str = "0",
    depth: int = 3,
    name: str = "j",
) -> bytes:
    turns = f"CHANNELS {channels}\n"
    lines = [f"HIERARCHY\nROOT {name}\n{{\nOFFSET {offset}\n{turns}"]
    lines += [f"JOINT {name}{joint}\n{{\nOFFSET {offset}\n{turns}" for joint in range(depth)]
    lines += ["}\n"] * (depth + 1)
    lines += [f"MOTION\nFrames: {frames}\nFrame Time: {frame_time}\n", " ".join([value] * 3 * (depth + 1)), "\n"]
    return "".join(lines).encode()


def of_motion(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield odd BVH files; ``whole`` is a good one, whose frame time, values and so on are exchanged."""
    odd = (
        "inf",
        "nan",
        "0",
        "-1",
        "1e-9",
        "1e9",
        "1e308",
        "1e-320",
        "x",
        "",
        "1_0",
        "0x10",
        "True",
        "1e4",
        "0.0001",
        "9" * 400,
        "\u0663",
    )
    lines = whole.decode().split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("Frame Time"))
    last = lines[at + 1].split(" ")
    for word in odd:
        yield f"time {word[:9]}", bvh(frame_time=word)
        yield f"frames {word[:9]}", bvh(frames=word)
        yield f"offset {word[:9]}", bvh(offset=f"{word} 1 0")
        yield f"channels {word[:9]}", bvh(channels=f"{word} Zrotation")
        yield f"value {word[:9]}", bvh(value=word)
        yield f"name {word[:9]}", bvh(name=word)
        yield f"whole, time {word[:9]}", "\n".join([*lines[:at], f"Frame Time: {word}", *lines[at + 1 :]]).encode()
        yield (
            f"whole, value {word[:9]}",
            "\n".join([*lines[: at + 1], " ".join([word, *last[1:]]), *lines[at + 2 :]]).encode(),
        )
        yield f"whole, offset {word[:9]}", whole.replace(b"OFFSET ", f"OFFSET {word} ".encode())
    for channels in (
        "0",
        "-3 Zrotation",
        "3 Zrotation Zrotation Zrotation",
        "3 Wrotation a b",
        "6 Xposition Xposition Xposition Zrotation",
        "1000000000 Zrotation",
    ):
        yield f"channels {channels}", bvh(channels=channels)
        yield f"whole, channels {channels}", whole.replace(b"CHANNELS 3 ", f"CHANNELS {channels}\n#".encode())
    for depth in (400, 999, 1000, 10_000):
        yield f"{depth} deep", bvh(depth=depth)
    yield "60,000 ends", bvh().replace(b"}\n", b"End Site\n{\nOFFSET 0 0 0\n}\n" * 60_000 + b"}\n", 1)
    yield "two roots", bvh().replace(b"MOTION", b"ROOT b\n{\nOFFSET 0 0 0\n}\nMOTION")
    yield "braces", b"HIERARCHY\n" + b"}" * 10 + b"\n}\n"
    yield "open braces", b"HIERARCHY\n" + b"{\n" * 100_000
    yield "no root's name", b"HIERARCHY\nROOT\n{\n"
    yield "long name", bvh(name="n" * 2**18, depth=0)
    yield "no motion", bvh().split(b"MOTION")[0]
    yield "all of zeros", "\n".join(line if not line.startswith("\tOFFSET") else "OFFSET 0 0 0" for line in lines).encode()
    yield from wrapped(whole)


def of_trc(whole: bytes) -> Iterator[tuple[str, bytes]]:
    lines = whole.decode().split("\n")
    for row in range(min(7, len(lines))):
        yield f"without line {row}", "\n".join(lines[:row] + lines[row + 1 :]).encode()
        yield f"line {row} empty", "\n".join([*lines[:row], "", *lines[row + 1 :]]).encode()
        cells = lines[row].split("\t")
        for cell in range(min(len(cells), 6)):
            for word in ("inf", "nan", "-1", "0", "1e308", "x", "", "9" * 400):
                changed = "\t".join([*cells[:cell], word, *cells[cell + 1 :]])
                yield f"line {row} cell {cell} {word[:9]}", "\n".join([*lines[:row], changed, *lines[row + 1 :]]).encode()
    yield "10^5 markers", "\n".join([*lines[:3], "Frame#\tTime\t" + "\t\t\t".join(["m"] * 100_000), "", "", "1\t0"]).encode()
    yield (
        "10^4 empty rows of 10^3 markers",
        "\n".join([*lines[:3], "Frame#\tTime\t" + "\t\t\t".join(["m"] * 1000), "", *["1"] * 10_000]).encode(),
    )
    yield from wrapped(whole)


def of_c3d() -> Iterator[tuple[str, bytes]]:
    def header(**words: int) -> bytearray:
        data = bytearray(512)
        places = {"block": (0, "B"), "magic": (1, "B"), "points": (2, "H"), "analog": (4, "H"), "first": (6, "H"), "last": (8, "H"),
                  "start": (16, "H"), "per": (18, "H")}  # fmt: skip
        for name, value in {"block": 2, "magic": 0x50, "points": 17, "first": 1, "last": 2, "start": 3, **words}.items():
            struct.pack_into("<" + places[name][1], data, places[name][0], value)
        struct.pack_into("<f", data, 12, -0.1)
        struct.pack_into("<f", data, 20, 60.0)
        return data

    parameters = bytearray(b"\1\x50\1\x54" + bytes(508))
    for name in ("block", "magic", "points", "analog", "first", "last", "start", "per"):
        for value in (0, 1, 255, 65535):
            if value < 256 or name not in ("block", "magic"):
                yield f"{name} {value}", bytes(header(**{name: value}) + parameters + bytes(17 * 16 * 2))
    group = b"\x05\xffPOINT" + struct.pack("<h", 3) + b"\0"
    for name, kind, dimensions in (
        ("RATE", 4, b""),
        ("LABELS", -1, b"\xff\xff"),
        ("UNITS", -1, b"\xff"),
        ("SCALE", 4, b"\xff" * 7),
        ("X", 99, b""),
    ):
        body = struct.pack("<bB", kind, len(dimensions)) + dimensions + b"\xff" * 40
        entry = bytes([len(name), 1]) + name.encode() + struct.pack("<h", len(body) + 2) + body
        for processor in (0x54, 0x55, 0x56, 0x00):
            yield (
                f"parameter {name}, processor {processor}",
                bytes(header()) + (b"\1\x50\2" + bytes([processor]) + group + entry).ljust(1024, b"\0"),
            )
    yield "offset back", bytes(header()) + (b"\1\x50\1\x54" + b"\1\xffA" + struct.pack("<h", -3)).ljust(512, b"\0")
    yield "offset to itself", bytes(header()) + (b"\1\x50\1\x54" + b"\1\xffA" + struct.pack("<h", 2)).ljust(512, b"\0")
    yield "header alone", bytes(header())
    yield "cut", bytes(header()[:100])
    yield "empty", b""


def cases(folder: Path, fifo: Path) -> Iterator[Case]:
    """Yield the hostile texts."""
    from posezoo.data import load_dataset

    for name, data in of_keypoints_json():
        yield Case(f"json {name}", "a.json", data, keypoints)
        if name.startswith(("one", "nested", "coco keypoints")):
            yield Case(f"mpii {name}", "mpii.json", data, people_of_json)
    for name, data in of_tables():
        yield Case(f"csv {name}", "a.csv", data, keypoints)
    for name, data in wrapped(b"0 0.5 0.5 0.2 0.2 " + b"0.1 0.2 2 " * 17):
        yield Case(f"txt {name}", "a.txt", data, keypoints)
        yield Case(f"tsv {name}", "a.tsv", data.replace(b" ", b"\t"), keypoints)
    for name, data in of_xml_keypoints():
        yield Case(f"xml {name}", "a.xml", data, keypoints)
    for name, ending, data in of_cameras():
        yield Case(f"cameras {name}", f"c.{ending}", data, cameras_of_subject if ending == "S1.xml" else read_cameras)
        if ending == "xml":
            yield Case(f"keypoints {name}", "k.xml", data, keypoints)
    walk = load_dataset("procedural")[:4]
    prediction = Prediction(walk.pose_3d - walk.pose_3d[:, :1], walk.skeleton, "mm", fps=30.0)
    for name, data in of_predictions(prediction.save(folder / "whole.json").read_bytes()):
        yield Case(f"prediction {name}", "p.json", data, Prediction.load)
    for name, data in of_motion(prediction.save(folder / "whole.bvh").read_bytes()):
        yield Case(f"bvh {name}", "a.bvh", data, read_bvh)
    for name, data in of_trc(prediction.save(folder / "whole.trc").read_bytes()):
        yield Case(f"trc {name}", "a.trc", data, read_markers)
    for name, data in of_c3d():
        yield Case(f"c3d {name}", "a.c3d", data, read_markers)
    for ending, read in (("c3d", read_markers), ("trc", read_markers), ("bvh", read_bvh), ("json", keypoints), ("npz", Prediction.load), ("json", read_cameras), ("toml", read_cameras)):  # fmt: skip
        link = folder / f"fifo of {read.__name__}.{ending}"
        if not link.is_symlink():
            link.symlink_to(fifo)
        yield Case(
            f"a FIFO as {ending}", f"empty {link.name}", b"", lambda _, link=link, read=read: read(link), refused=True
        )
