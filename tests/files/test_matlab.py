"""Test MATLAB files that SciPy writes, and damaged ones."""

import random
import struct
import time
import zlib

import numpy as np
import pytest
import scipy.io

from posezoo.errors import CorruptFileError, MissingFileError, PoseZooError
from posezoo.files.matlab import load_mat


def cells(*values):
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


VALUES = {
    "doubles": np.random.default_rng(0).normal(size=(3, 4, 2)),
    "singles": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32),
    "whole doubles": np.arange(12.0).reshape(3, 4),
    "int8": np.arange(-3, 3, dtype=np.int8).reshape(2, 3),
    "uint8": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "int16": np.arange(-3, 3, dtype=np.int16).reshape(2, 3),
    "uint64": np.array([[2**63, 1]], dtype=np.uint64),
    "int64": np.array([[-(2**62), 1]], dtype=np.int64),
    "logical": np.array([[True, False]]),
    "empty": np.zeros((0, 2)),
    "number": 3.5,
    "tiny": np.uint8(3),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", VALUES)
def test_numbers(tmp_path, name, compressed):
    scipy.io.savemat(tmp_path / "a.mat", {"first": 1.0, "value": VALUES[name], "last": 2.0}, do_compression=compressed)
    expected = scipy.io.loadmat(tmp_path / "a.mat")
    found = load_mat(tmp_path / "a.mat")
    assert list(found) == ["first", "value", "last"]
    for key, value in found.items():
        np.testing.assert_array_equal(value, expected[key])
    assert found["value"].dtype == np.asarray(VALUES[name]).dtype


def test_text_cells_and_structures(tmp_path):
    structure = {"point": {"x": 1.0, "name": "ankle"}, "list": cells(np.eye(2), "b", cells(1.0))}
    several = np.array([(1.0, "a"), (2.0, "b")], dtype=[("id", object), ("name", object)])
    value = {"text": "Grüße", "empty": "", "rows": np.array(["ab", "cd"]), "s": structure, "many": several}
    scipy.io.savemat(tmp_path / "a.mat", value, do_compression=True)
    found = load_mat(tmp_path / "a.mat")
    assert found["text"] == "Grüße"
    assert found["empty"] == ""
    assert found["rows"] == ["ab", "cd"]
    assert found["s"]["point"] == {"x": np.array([[1.0]]), "name": "ankle"}
    np.testing.assert_array_equal(found["s"]["list"][0, 0], np.eye(2))
    assert found["s"]["list"][0, 1] == "b"
    assert found["s"]["list"][0, 2][0, 0] == 1
    assert found["many"].shape == (1, 2)
    assert [record["name"] for record in found["many"][0]] == ["a", "b"]


def test_cells_of_cells_in_matlabs_order(tmp_path):
    grid = np.empty((2, 3), dtype=object)
    for row in range(2):
        for column in range(3):
            grid[row, column] = float(10 * row + column)
    scipy.io.savemat(tmp_path / "a.mat", {"grid": grid})
    np.testing.assert_array_equal(
        [[cell.item() for cell in row] for row in load_mat(tmp_path / "a.mat")["grid"]], grid.astype(float)
    )


def test_what_no_dataset_uses_is_none(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    scipy.io.savemat(tmp_path / "a.mat", {"c": np.array([[1j]]), "s": sparse.eye(3).tocsc(), "after": 2.0})
    found = load_mat(tmp_path / "a.mat")
    assert found["c"] is None
    assert found["s"] is None
    assert found["after"].item() == 2


def test_big_endian(tmp_path):
    """Read a file with the byte order of old machines."""
    matrix = b"".join(
        [
            struct.pack(">IIII", 6, 8, 6, 0),
            struct.pack(">IIii", 5, 8, 1, 2),
            struct.pack(">HH4s", 1, 1, b"x\0\0\0"),  # a small element: size, then type
            struct.pack(">IIdd", 9, 16, 1.5, -2.0),
        ]
    )
    header = b"MATLAB 5.0".ljust(124) + struct.pack(">H", 0x0100) + b"MI"
    (tmp_path / "a.mat").write_bytes(header + struct.pack(">II", 14, len(matrix)) + matrix)
    np.testing.assert_array_equal(load_mat(tmp_path / "a.mat")["x"], [[1.5, -2.0]])


def test_bad_files(tmp_path):
    path = tmp_path / "a.mat"
    with pytest.raises(MissingFileError):
        load_mat(path)
    for content, words in ((b"", "empty"), (b"MATLAB 5.0", "version 5 to 7"), (b"x" * 500, "version 5 to 7")):
        path.write_bytes(content)
        with pytest.raises(CorruptFileError, match=words):
            load_mat(path)
    header = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
    huge = struct.pack("<IIII", 6, 8, 6, 0) + struct.pack("<IIii", 5, 8, 2**30, 2**30) + struct.pack("<II", 1, 0)
    for body, words in (
        (struct.pack("<II", 14, len(huge)) + huge, "has shape"),
        (struct.pack("<II", 14, 2**31), "breaks off"),
        (struct.pack("<II", 15, 10) + zlib.compress(b"abc" * 100)[:10], "break off"),
    ):
        path.write_bytes(header + body)
        with pytest.raises(CorruptFileError, match=words):
            load_mat(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_are_read_or_refused(tmp_path, compressed):
    value = {"a": VALUES["doubles"], "s": {"x": 1.0, "name": "ankle"}, "c": cells(np.eye(2), "b"), "text": "hello"}
    scipy.io.savemat(tmp_path / "a.mat", value, do_compression=compressed)
    whole, dice, refusals = (tmp_path / "a.mat").read_bytes(), random.Random(0), 0
    start = time.process_time()
    for _ in range(400):
        data = bytearray(whole[: dice.randrange(128, len(whole))] if dice.random() < 0.3 else whole)
        for _ in range(dice.choice((1, 2, 8))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / "a.mat").write_bytes(data)
        try:
            load_mat(tmp_path / "a.mat")
        except PoseZooError:
            refusals += 1
    assert refusals > 100
    assert time.process_time() - start < 20
