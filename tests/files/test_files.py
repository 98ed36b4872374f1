"""Test files: read without executing anything and without trusting a header."""

import collections
import errno
import hashlib
import io
import os
import pickle
import stat
import struct
import time
import tracemalloc
import zipfile
from contextlib import suppress

import h5py
import numpy as np
import pytest

from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError, SaveError
from posezoo.files import writing
from posezoo.files.arrays import load_npy, load_npz, load_pickle
from posezoo.files.hdf5 import open_hdf5, read_attributes, read_dataset
from posezoo.files.pickles import restricted_unpickle
from posezoo.files.reading import load_json, sha256
from posezoo.files.writing import atomic_write
from posezoo.terminal import progress

LOADERS = {"json": load_json, "npy": load_npy, "npz": load_npz, "pkl": load_pickle}


def unpickle(data):
    return restricted_unpickle(io.BytesIO(data), "here")


def open_and_close(path):
    with open_hdf5(path):
        return True


# --- writing ---------------------------------------------------------------------------------------------------------


def test_atomic_write_replaces_and_leaves_one_file(tmp_path):
    target = tmp_path / "a.npz"
    target.write_text("old")
    with atomic_write(target) as temporary:
        assert temporary.parent.parent == tmp_path  # of one disk, so that renaming is one step
        assert temporary.suffix == ".npz"
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.npz"]


def test_atomic_write_follows_the_umask(tmp_path):
    old = os.umask(0o022)
    try:
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("new")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


@pytest.mark.parametrize("failure", [ZeroDivisionError("x"), KeyboardInterrupt(), RuntimeError("x"), InputError("x.")])
def test_atomic_write_leaves_the_old_file_after_a_failure(tmp_path, failure):
    target = tmp_path / "a"
    target.write_text("old")

    def write():
        with atomic_write(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "quota"),
        (PermissionError(errno.EACCES, "Permission denied"), "permission"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        # What h5py raises, with and without an errno.
        (OSError("Can't synchronously write data (errno = 28, error message = 'No space left on device')"), "disk is full"),
        (RuntimeError("Unable to flush file (error message = 'No space left on device')"), "disk is full"),
    ],
)
def test_failed_writes_are_one_sentence(tmp_path, failure, words):
    def write():
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(SaveError, match=words) as caught:
        write()
    assert "\n" not in str(caught.value)
    assert "a was not written" in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_at_the_last_moment(tmp_path, monkeypatch):
    def fsync(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", fsync)
    with pytest.raises(SaveError, match="disk is full"), atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_really_full_device(tmp_path):
    with pytest.raises(SaveError, match="disk is full"), atomic_write(tmp_path / "a"), open("/dev/full", "w") as full:
        full.write("x")


def test_missing_folder_and_folder_for_file(tmp_path):
    with pytest.raises(SaveError, match="create it first"), atomic_write(tmp_path / "no" / "a"):
        pytest.fail("the block must not run")
    (tmp_path / "b").mkdir()
    with pytest.raises(SaveError, match="folder"), atomic_write(tmp_path / "b"):
        pytest.fail("the block must not run")


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


# --- reading: whatever is wrong, one sentence ------------------------------------------------------------------------


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
    """An NPY file whose header says what it likes."""
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


# --- pickles ---------------------------------------------------------------------------------------------------------

PLAIN = {
    "float32": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32),
    "big-endian": np.arange(6, dtype=">i4").reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "slice": np.arange(20.0)[::3],
    "empty": np.zeros((0, 17, 2)),
    "no dimension": np.array(2.5),
    "bool": np.array([True, False]),
    "text": np.array(["ab", "c"]),
    "bytes array": np.array([b"ab", b"c"]),
    "scalar": np.float64(1.5),
    "numbers": [1, 2.5, -(2**70), True, None, "ü", b"\xff\x00"],
    "containers": {"a": (1, 2), ("S1", "Walking", 0): [{"x"}], 3: frozenset({1})},
    "ordered": collections.OrderedDict(a=np.arange(3), b=2),
    "defaultdict": collections.defaultdict(list, a=[1]),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_survive(protocol, name):
    found = unpickle(pickle.dumps(PLAIN[name], protocol=protocol))
    np.testing.assert_equal(found, PLAIN[name])
    if isinstance(PLAIN[name], np.ndarray):
        assert found.dtype == PLAIN[name].dtype


def test_numpy_1_and_2_names():
    array = np.arange(5, dtype=np.float32)
    data = pickle.dumps([array, np.float32(2)], protocol=2)
    new, old = data.replace(b"numpy.core.", b"numpy._core."), data.replace(b"numpy._core.", b"numpy.core.")
    assert new != old
    for variant in (new, old):
        found, scalar = unpickle(variant)
        np.testing.assert_array_equal(found, array)
        assert scalar == 2


def test_a_pickle_of_python_2():
    """As Python 2 writes arrays: raw bytes in a str, names of NumPy 1."""
    raw = np.array([1.5, -2.0]).tobytes().decode("latin1").encode("unicode_escape").decode().replace("'", "\\'")
    text = (
        "(dp0\nS'S1'\np1\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n"
        f"(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'{raw}'\ntbs."
    )
    np.testing.assert_array_equal(unpickle(text.encode("latin1"))["S1"], [1.5, -2.0])


class Attack:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def attacks(marker):
    command = f"touch {marker}"
    yield Attack(os.system, command)
    yield Attack(eval, f"open({str(marker)!r}, 'w')")
    yield Attack(exec, "raise SystemExit")
    yield Attack(getattr, "abc", "upper")
    yield Attack(np.load, str(marker))
    yield Attack(open, str(marker), "w")
    yield Attack(np.vectorize)
    yield {"S1": [np.arange(3), Attack(os.system, command)]}
    yield np.array([Attack(os.system, command)], dtype=object)
    yield collections.OrderedDict(a=Attack(os.system, command))
    yield collections.defaultdict(os.getcwd)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_pickles_that_would_run_code_are_refused_unexecuted(tmp_path, protocol):
    marker = tmp_path / "executed"
    for attack in attacks(marker):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(attack, protocol=protocol))
        with pytest.raises(CorruptFileError, match="refused"):
            load_pickle(tmp_path / "a.pkl")
        inside = np.empty((), object)
        inside[()] = attack
        np.savez(tmp_path / "a.npz", positions_2d=inside)
        with pytest.raises(CorruptFileError, match=r"'positions_2d' names .* refused"):
            load_npz(tmp_path / "a.npz")
    assert not marker.exists()


@pytest.mark.parametrize(
    "data",
    {
        "a system command by its protocol-0 name": b"cposix\nsystem\n(S'true'\ntR.",
        "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0eos.system.call\x93.",
        "an instance": b"(S'true'\niposix\nsystem\n.",
        "an object": b"(cposix\nsystem\nS'true'\no.",
        "a copyreg extension": b"\x80\x02\x82\x01.",
        "a persistent id": b"Pabc\n.",
        "an out-of-band buffer": b"\x80\x05\x97.",
        "attributes set on an admitted name": b"\x80\x02cnumpy\ndtype\n}U\x03abcU\x03defsb.",
        "attributes set on a dict": b"\x80\x02ccollections\nOrderedDict\n)R}U\x01aK\x01sb.",
        "a bare class": b"\x80\x02cnumpy\nndarray\n.",
        "a codec other than latin1": b"\x80\x02c_codecs\nencode\nX\x02\x00\x00\x00aaX\x04\x00\x00\x00zlib\x86R.",
    }.items(),
    ids=lambda item: item[0],
)
def test_forged_pickles_are_refused(data):
    with pytest.raises(CorruptFileError):
        unpickle(data[1])


def test_an_array_of_objects_made_of_raw_bytes_is_refused():
    """NumPy's own constructor would take the bytes for pointers."""
    dtype = b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01K\x01\x85" + dtype + b"\x89U\x08AAAAAAAAt"
    with pytest.raises(CorruptFileError, match="objects"):
        unpickle(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state + b"b.")
    with pytest.raises(CorruptFileError, match="objects"):
        unpickle(b"\x80\x02cnumpy.core.multiarray\nscalar\n" + dtype + b"U\x08AAAAAAAA\x86R.")


def billion_laughs():
    value = [0.0] * 10
    for _ in range(12):
        value = [value] * 10
    return pickle.dumps(value)


def nested_tuples_as_key():
    value = ()
    for _ in range(60):
        value = (value, value)
    # Hashing it in this process, as a dict would, takes for ever: the opcode that sets it as a key is appended.
    return b"}" + pickle.dumps(value, protocol=2)[2:-1] + b"K\x01s."


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x02Nr\xff\xff\xff\x7f.", id="memo index of 2**31"),
        pytest.param(b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"ab.", id="bytearray of 1 TiB"),
        pytest.param(b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"ab.", id="bytes of 1 TiB"),
        pytest.param(b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.", id="frame of 1 TiB"),
        pytest.param(pickle.dumps([np.ones(100_000)] * 10_000), id="one array ten thousand times"),
        pytest.param(billion_laughs(), id="lists of lists of lists"),
        pytest.param(nested_tuples_as_key(), id="a key that hashes for ever"),
        pytest.param(b"(" * 20_000 + b"l" * 20_000 + b".", id="nesting"),
    ],
)
def test_pickles_that_would_exhaust_memory_or_time(data):
    tracemalloc.start()
    start = time.process_time()
    with suppress(CorruptFileError):
        assert unpickle(data) is None
    assert tracemalloc.get_traced_memory()[1] < 1e8
    tracemalloc.stop()
    assert time.process_time() - start < 10


# --- HDF5 ------------------------------------------------------------------------------------------------------------


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
    """On this one the HDF5 library would loop for ever."""
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
