"""Test pickles: plain content is read, and nothing is executed."""

import collections
import io
import os
import pickle
import struct
import time
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest

from posezoo.errors import CorruptFileError
from posezoo.files.arrays import load_npz, load_pickle
from posezoo.files.pickles import restricted_unpickle


def unpickle(data):
    return restricted_unpickle(io.BytesIO(data), "here")


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
    """Read arrays as Python 2 writes them: raw bytes in a str, names of NumPy 1."""
    raw = np.array([1.5, -2.0]).tobytes().decode("latin1").encode("unicode_escape").decode().replace("'", "\\'")
    text = (
        "(dp0\nS'S1'\np1\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n"
        f"(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'{raw}'\ntbs."
    )
    np.testing.assert_array_equal(unpickle(text.encode("latin1"))["S1"], [1.5, -2.0])


class Attack:
    """Represent a call, which unpickling would make."""

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
    """Refuse bytes that NumPy's own constructor would take for pointers."""
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


@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: [n], lambda n: {n: 1}, lambda n: {"a": (n,)}, lambda n: {n}])
def test_integers_are_such_as_can_be_printed(wrap):
    for allowed in (0, -(2**63), 2**4096 - 1):
        assert unpickle(pickle.dumps(wrap(allowed))) == wrap(allowed)
    with pytest.raises(CorruptFileError, match="holds an integer of 29898 bits"):
        unpickle(pickle.dumps(wrap(10**9000)))
