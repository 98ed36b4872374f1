"""Test readers of JSON and NumPy files: nothing is executed, and no header is trusted."""

import hashlib
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from posezoo.errors import CorruptFileError, MissingFileError, PoseZooError
from posezoo.files.arrays import load_npy, load_npz, load_pickle
from posezoo.files.hdf5 import open_hdf5
from posezoo.files.reading import load_json, sha256
from posezoo.terminal import progress

LOADERS = {"json": load_json, "npy": load_npy, "npz": load_npz, "pkl": load_pickle}


def open_and_close(path):
    with open_hdf5(path):
        return True


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    with pytest.raises(MissingFileError, match="not there"):
        sha256(tmp_path / "b")


def test_progress_gives_every_item_with_and_without_a_bar(capsys):
    assert list(progress(range(50), "Reading")) == list(range(50))
    assert capsys.readouterr().err == ""
    assert list(progress(range(50), "Reading", patience=-1.0)) == list(range(50))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", [*LOADERS, "h5"])
def test_missing_empty_folder_and_garbage(tmp_path, kind):
    load = LOADERS.get(kind, open_and_close)
    path = tmp_path / f"a.{kind}"
    with pytest.raises(MissingFileError, match="not there"):
        load(path)
    for content, words in ((b"", "empty"), (b"\x00\x01garbage" * 40, "get it again")):
        path.write_bytes(content)
        with pytest.raises(CorruptFileError, match=words) as caught:
            load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(PoseZooError):
        load(tmp_path / "folder")


def test_deeply_nested_json(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(CorruptFileError, match="get it again"):
        load_json(tmp_path / "a.json")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_as_numpy_writes_it(tmp_path, save):
    generator = np.random.default_rng(0)
    arrays = {
        "plain": generator.normal(size=(3, 4, 2)),
        "fortran": np.asfortranarray(generator.normal(size=(3, 4)).astype(">f4")),
        "text": np.array(["a", "bc"]),
        "scalar": np.array(3),
        "empty": np.zeros((0, 17, 2), np.float32),
        "bool": np.array([True, False]),
    }
    save(tmp_path / "a.npz", **arrays)
    loaded = load_npz(tmp_path / "a.npz")
    assert set(loaded) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype
    loaded["plain"][0] = 0  # not a read-only view


def test_npz_with_pickled_objects(tmp_path):
    value = {"S1": {"Walking": [np.ones((2, 17, 2), np.float32)] * 2}}
    ragged = np.empty(2, object)
    ragged[:] = [np.zeros(3), [1, 2]]
    np.savez(tmp_path / "a.npz", positions_2d=value, ragged=ragged)
    loaded = load_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded["positions_2d"]["S1"]["Walking"][1], value["S1"]["Walking"][1])
    np.testing.assert_array_equal(loaded["ragged"][0], np.zeros(3))
    assert loaded["ragged"][1] == [1, 2]


def npy(header, data=b""):
    """Return an NPY file whose header says what it likes."""
    header = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize("shape", ["(1000000000000, 17, 2)", "(4, 17, 2)", "(-1, 17, 2)", "(3, -17, -2)", "(True, 2)"])
def test_headers_that_declare_another_size(tmp_path, shape):
    data = npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}", b"\0" * 3 * 17 * 2 * 4)
    (tmp_path / "a.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("keypoints.npy", data)
    tracemalloc.start()
    with pytest.raises(CorruptFileError, match=r"a\.npy"):
        load_npy(tmp_path / "a.npy")
    with pytest.raises(CorruptFileError, match=r"a.npz, array 'keypoints'"):
        load_npz(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_an_archive_of_other_things(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CorruptFileError, match="no arrays"):
        load_npz(tmp_path / "a.npz")


def test_a_flipped_bit_in_an_archive_is_noticed(tmp_path):
    np.savez(tmp_path / "a.npz", keypoints=np.ones((50, 17, 2)))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(CorruptFileError, match="CRC"):
        load_npz(tmp_path / "a.npz")
