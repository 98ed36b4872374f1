"""Test HDF5 files: datasets and attributes, and damaged files that would crash or hang h5py."""

import h5py
import numpy as np
import pytest

from posezoo.errors import CorruptFileError
from posezoo.files.hdf5 import open_hdf5, read_attributes, read_dataset


def open_and_close(path):
    with open_hdf5(path):
        return True


@pytest.fixture
def hdf5(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["part"] = np.ones((4, 16, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["part"] = np.arange(4 * 16 * 2).reshape(4, 16, 2)
        file.create_group("group")
        file["elsewhere"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "part")
        file.create_dataset("outside", (4,), "f8", external=[(str(tmp_path / "other.h5"), 0, 32)])
        file.create_dataset("huge", (10**9, 17, 2), "f4", chunks=(100, 17, 2))
        layout = h5py.VirtualLayout((4, 16, 2), "f8")
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "part", shape=(4, 16, 2))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("sequences", (2,), h5py.vlen_dtype("u1"))
        file.attrs["skeleton"] = "coco17"
        file.attrs["size"] = [640, 480]
        sequence = np.empty(1, dtype=object)
        sequence[0] = np.array([1, 2], dtype=np.uint8)
        file.attrs.create("sequence", sequence, dtype=h5py.vlen_dtype(np.uint8))
        file.create_dataset("squeezed", data=np.zeros((1000, 17, 2)), compression="gzip", chunks=(1000, 17, 2))
    return tmp_path / "a.h5"


def test_datasets(hdf5):
    with open_hdf5(hdf5) as file:
        np.testing.assert_array_equal(read_dataset(file, "part", (None, 16, 2)), np.arange(128).reshape(4, 16, 2))
        assert read_dataset(file, "squeezed").shape == (1000, 17, 2)


@pytest.mark.parametrize(
    ("key", "shape", "words"),
    [
        ("parts", None, "no dataset 'parts'; it holds: elsewhere, group"),
        ("group", None, "no dataset 'group'"),
        ("elsewhere", None, "no dataset 'elsewhere'"),
        ("part", (None, 17, 2), r"shape \(4, 16, 2\); expected \(N, 17, 2\)"),
        ("part", (None,), "expected"),
        ("outside", None, "lies in other files"),
        ("virtual", None, "lies in other files"),
        ("huge", None, "declares shape"),
        ("sequences", None, "expected numbers or text"),
    ],
)
def test_datasets_that_are_not_as_expected(hdf5, key, shape, words):
    with pytest.raises(CorruptFileError, match=words), open_hdf5(hdf5) as file:
        read_dataset(file, key, shape)


def test_attributes(hdf5):
    with open_hdf5(hdf5) as file:
        found = read_attributes(file)
    assert found.keys() == {"skeleton", "size"}
    assert found["skeleton"] == "coco17"


def test_a_damaged_heap_of_texts(hdf5):
    """Read a file on which the HDF5 library would loop for ever."""
    data = bytearray(hdf5.read_bytes())
    heap = data.index(b"GCOL")
    data[heap + 16 : heap + 18] = b"\0\0"
    data[heap + 24 : heap + 32] = bytes(8)
    hdf5.write_bytes(data)
    with pytest.raises(CorruptFileError, match="damaged heap"):
        open_and_close(hdf5)


def test_truncated_hdf5(hdf5):
    data = hdf5.read_bytes()
    hdf5.write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptFileError, match="HDF5"):
        open_and_close(hdf5)
