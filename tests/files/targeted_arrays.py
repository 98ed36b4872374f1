# ruff: noqa: E501
"""Build hostile ``.npy``, ``.npz``, HDF5, MATLAB files and pickles, by what is wrong with each."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from posezoo.data import Prediction, read_cameras, read_keypoints
from posezoo.formats.mpii import people_of_hourglass, people_of_mat


class Case(NamedTuple):
    """Represent a hostile file: its name, its bytes, what reads it, and whether it must be refused."""

    name: str
    file: str
    content: bytes
    read: Callable[[Path], object]
    refused: bool = False


def keypoints(path: Path) -> object:
    return read_keypoints(path, image_size=(1400, 1002))


def cameras_of_subject(path: Path) -> object:
    return read_cameras(path, subject="S1")


SHAPES = (
    "(1000000000, 17, 2)", "(1000000000, 0, 2)", "(0, 1000000000, 2)", "(-1, 17, 2)", "(-2, -17, 2)", "(True, 17, 2)",
    "(2.0, 17, 2)", "(1e9, 17, 2)", "(18446744073709551616, 17, 2)", "(9223372036854775807, 2, 2)", "()", "(0,)", "(2, 17, 2",
    "[2, 17, 2]", "None", "(2, None, 2)", "'2'", "(" + "1, " * 100 + ")", "(" * 3000, "{'a': 1}", "(1j, 17, 2)",
)  # fmt: skip
DESCRS = (
    "'>f4'", "'>f8'", "'|O'", "'<c16'", "'<U1000000000'", "'|S0'", "'|V8'", "'<M8[s]'", "'|b1'", "'<f2'", "'<f16'", "'<i8'",
    "[('a', '<f4', (1000000000,))]", "[('a', '|O')]", "'__import__(\"os\").system(\"true\")'", "None", "3", "('<f4', (17, 2))",
    "[]", "'<f4,<f4'", "{'names': ['a'], 'formats': ['<f4'], 'offsets': [1000000000]}", "'object'", "'m8'", "'\\x00'",
)  # fmt: skip


def npy(shape: str = "(2, 17, 2)", descr: str = "'<f4'", version: bytes = b"\x01\0", body: bytes = bytes(272)) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + len(header).to_bytes(2 if version[0] == 1 else 4, "little") + header + body


def of_npy() -> Iterator[tuple[str, bytes]]:
    yield from ((f"shape {shape[:30]}", npy(shape)) for shape in SHAPES)
    yield from ((f"type {descr[:30]}", npy(descr=descr)) for descr in DESCRS)
    yield from ((f"version {major}", npy(version=bytes([major, 0]))) for major in (0, 2, 3, 4, 255))
    yield "infinite", npy(body=np.full(68, np.inf, "<f4").tobytes())
    yield "not a number", npy(body=np.full(68, np.nan, "<f4").tobytes())
    yield "huge numbers", npy(descr="'<f8'", body=np.full(68, 1e300).tobytes())
    yield "no header", b"\x93NUMPY\x01\0"
    yield "header of 4 GiB", b"\x93NUMPY\x02\0\xff\xff\xff\xff{"
    yield "text after the header", npy(body=b"x" * 272)
    yield "pickle of a call", npy("()", "'|O'", body=b"cos\nsystem\n(S'true'\ntR.")


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def patched(data: bytes, local: int | None, central: int | None, value: bytes) -> bytes:
    """Write a value into the first local header and the first entry of the directory, at these places of each."""
    changed = bytearray(data)
    for magic, place in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        if place is not None:
            at = data.index(magic) + place
            changed[at : at + len(value)] = value
    return bytes(changed)


def of_zip() -> Iterator[tuple[str, bytes]]:
    good = zipped(("keypoints.npy", npy()))
    packed = zipped(("keypoints.npy", npy(body=bytes(2**24))), method=zipfile.ZIP_DEFLATED)
    names = "/etc/passwd.npy", "../../up.npy", "C:\\a.npy", "n" * 60000 + ".npy", ".npy", "a/.npy", "K.npy"
    for name in names:
        yield f"member {name[:12]!r}", zipped((name, npy()))
    yield "name that is not UTF-8", good.replace(b"keypoints.npy", b"keypoint\xff.npy")
    two = zipped(("keypoints.npy", npy()), ("keypointz.npy", npy("()")))
    yield "two of one name", two.replace(b"keypointz", b"keypoints")
    yield "encrypted", patched(good, 6, 8, b"\x01\0")
    for method in (1, 9, 12, 14, 93, 99, 65535):
        yield f"method {method}", patched(good, 8, 10, struct.pack("<H", method))
    for size in (0, 1, 2**31, 2**32 - 1):
        yield f"unpacked size {size}", patched(good, 22, 24, struct.pack("<I", size))
        yield f"packed size {size}", patched(packed, 18, 20, struct.pack("<I", size))
    yield "another checksum", patched(good, 14, 16, b"abcd")
    yield "offset outside", patched(good, None, 42, b"\xff\xff\xff\x7f")
    directory = good[good.index(b"PK\x01\x02") : good.index(b"PK\x05\x06")]
    start = good.index(b"PK\x01\x02")
    many = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 9000, 9000, 9000 * len(directory), start, 0)
    yield "members that overlap", good[:start] + directory * 9000 + many
    yield "17 MiB of zeros", packed
    yield (
        "bomb of 8 bit",
        zipped(("keypoints.npy", npy("(3000000, 17, 2)", "'|u1'", body=bytes(102_000_000))), method=zipfile.ZIP_DEFLATED),
    )
    yield "an archive in an archive", zipped(("keypoints.npy", good))
    yield "no members", zipped()
    yield "ten thousand members", zipped(*((f"{number}.npy", b"") for number in range(10_000)))
    yield "cut", good[:-30]
    yield "before it text", b"PK\x03\x04" + b"x" * 5000 + good
    yield "directory alone", good[start:]


def of_hdf5(key: str, fifo: Path) -> Iterator[tuple[str, bytes]]:
    """Yield HDF5 files with something odd under ``key``; links lead to ``fifo``, which blocks whoever opens it."""

    def shaped(shape: object, dtype: object = "f4", **settings: object) -> Callable[[h5py.File], object]:
        return lambda file: file.create_dataset(key, shape, dtype, **settings)

    def filled(values: object) -> Callable[[h5py.File], object]:
        return lambda file: file.create_dataset(key, data=values)

    def linked(link: object) -> Callable[[h5py.File], object]:
        def make(file: h5py.File) -> None:
            file[key] = link

        return make

    def outward(file: h5py.File) -> None:
        file[key.split("/")[0]] = h5py.ExternalLink(str(fifo), "/")

    def circle(file: h5py.File) -> None:
        group = file.create_group("g")
        group["g"] = group
        file[key] = group

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((2, 17, 2), "f4")
        layout[:] = h5py.VirtualSource(str(fifo), "x", (2, 17, 2))
        file.create_virtual_dataset(key, layout)

    def vlen(file: h5py.File) -> None:
        file.create_dataset(key, (3,), h5py.vlen_dtype("i4"))[:] = [np.arange(3)] * 3

    def attributes(file: h5py.File) -> None:
        file[key] = np.ones((2, 17, 2))
        file.attrs["skeleton"] = np.ones((2, 2))
        file.attrs["fps"] = "inf"
        file.attrs["image_size"] = np.array([np.nan, -1.0])

    makes: dict[str, Callable[[h5py.File], object]] = {
        "10^9 rows": shaped((10**9, 17, 2), chunks=True),
        "10^9 rows, no columns": shaped((10**9, 0, 2)),
        "10^18 rows": shaped((10**15, 17, 2), chunks=(1, 17, 2)),
        "filled by a value": shaped((10**6, 17, 2), chunks=True, fillvalue=3.0),
        "deflated": lambda file: file.create_dataset(key, data=np.zeros((10**5, 17, 2), "u1"), compression=9),
        "complex": filled(np.ones((2, 17, 2), complex)), "bool": filled(np.ones((2, 17, 2), bool)),
        "float16": filled(np.full((2, 17, 2), 3, "f2")), "big-endian": filled(np.ones((2, 17, 2), ">f8")),
        "infinite": filled(np.full((2, 17, 2), np.inf)), "not a number": filled(np.full((2, 17, 2), np.nan)),
        "1e300": filled(np.full((2, 17, 2), 1e300)), "scalar": filled(3.0), "text": filled("abc"),
        "texts": filled(np.array([b"a"] * 3)), "no rows": filled(np.zeros((0, 17, 2))),
        "32 axes": filled(np.zeros((1,) * 32)), "records": filled(np.zeros(3, "i4,f8")),
        "null": lambda file: file.create_dataset(key, data=h5py.Empty("f4")), "varying lengths": vlen,
        "references": shaped((3,), h5py.ref_dtype), "regions": shaped((3,), h5py.regionref_dtype),
        "names of numbers": shaped((3,), h5py.enum_dtype({"a": 1})), "opaque": filled(np.zeros(3, "V8")),
        "group": lambda file: file.create_group(key), "a type": linked(np.dtype("f8")), "circle": circle,
        "link to itself": linked(h5py.SoftLink(f"/{key}")), "link to nothing": linked(h5py.SoftLink("/nothing")),
        "link out": linked(h5py.ExternalLink(str(fifo), "/x")), "link out of a folder": outward,
        "stored outside": lambda file: file.create_dataset(key, (2, 17, 2), "f4", external=[(str(fifo), 0, 272)]),
        "virtual": virtual, "odd attributes": attributes,
    }  # fmt: skip
    for name, make in makes.items():
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            make(file)
        yield name, stream.getvalue()


def of_mat(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield MATLAB files whose variable ``name`` is odd."""

    def element(kind: int, data: bytes, size: int | None = None) -> bytes:
        return struct.pack("<II", kind, len(data) if size is None else size) + data + bytes(-len(data) % 8)

    def matrix(kind: int = 6, shape: bytes | None = None, data: bytes | None = None, flags: int = 0) -> bytes:
        parts = element(6, struct.pack("<II", kind | flags, 0)), element(5, shape or struct.pack("<iii", 2, 17, 2))
        return element(14, b"".join(parts) + element(1, name.encode()) + (element(9, bytes(544)) if data is None else data))

    head = b"MATLAB 5.0 MAT-file".ljust(124, b" ") + b"\0\x01IM"
    for kind in range(20):
        yield f"class {kind}", head + matrix(kind)
    for shape in ((10**9, 17, 2), (-1, 17, 2), (-2, -17, 2), (0, 10**9, 2), (2**31 - 1,) * 8, (2,), (1,) * 100):
        yield f"shape {shape[:4]}", head + matrix(shape=struct.pack(f"<{len(shape)}i", *shape))
    yield "shape of floats", head + matrix(shape=b"\0" * 4)
    for flags in (0x0800, 0x0200, 0x0400):
        yield f"flags {flags:x}", head + matrix(flags=flags)
    for kind in (0, 8, 10, 14, 15, 16, 17, 18, 99):
        yield f"numbers of type {kind}", head + matrix(data=element(kind, bytes(544)))
    yield "size of 4 GiB", head + matrix(data=element(9, bytes(544), 2**32 - 1))
    yield "small element of 9 bytes", head + matrix(data=struct.pack("<HH", 9, 9) + bytes(4))
    cell = matrix(data=element(9, bytes(544)))
    for depth in range(1, 401):
        cell = matrix(1, struct.pack("<ii", 1, 1), cell)
        if depth in (20, 40, 400):
            yield f"cells {depth} deep", head + cell
    for length in (0, -1, 3, 2**31 - 1):
        yield (
            f"fields of {length}",
            head + matrix(2, struct.pack("<ii", 1, 1), element(5, struct.pack("<i", length)) + element(1, b"abcd")),
        )
    yield "bomb", head + element(15, zlib.compress(bytes(2**26), 9))
    yield "compressed garbage", head + element(15, b"x" * 40)
    yield "compressed twice", head + element(15, zlib.compress(element(15, zlib.compress(matrix()))))
    yield "other byte order", head[:-2] + b"MI" + matrix()
    yield "head alone", head
    yield "version 4", head[:-4] + b"\0\x02IM" + matrix()


def pickled(target: tuple[str, str], arguments: bytes, how: str) -> bytes:
    """Return a pickle that would call ``module.name`` with pickled arguments, a tuple, by one of the ways that there are."""
    module, name = (part.encode() for part in target)
    named = b"c" + module + b"\n" + name + b"\n"
    stack = b"\x80\x04\x8c" + bytes([len(module)]) + module + b"\x8c" + bytes([len(name)]) + name + b"\x93"
    return {
        "global": b"\x80\x02" + named + arguments + b"R.",
        "stack global": stack + arguments + b"R.",
        "instance": b"(" + arguments[1:-1] + b"i" + module + b"\n" + name + b"\n.",
        "object": b"(" + named + arguments[1:-1] + b"o.",
        "new object": b"\x80\x02" + named + arguments + b"\x81.",
        "new object ex": b"\x80\x04" + named + arguments + b"}\x92.",
        "in an array": b"\x80\x02](" + named + arguments + b"Re.",
        "as a key": b"\x80\x02}" + named + arguments + b"RNs.",
    }[how]


HOW = "global", "stack global", "instance", "object", "new object", "new object ex", "in an array", "as a key"


def gadgets(canary: Path) -> Iterator[tuple[tuple[str, str], bytes]]:
    """Yield functions that run code or touch files, with arguments that would create the canary where they can."""

    def texts(*values: object) -> bytes:
        return b"(" + b"".join(b"V" + str(value).encode("unicode_escape") + b"\n" for value in values) + b"t"

    shell, code = texts(f"touch {canary}"), texts(f"open({str(canary)!r}, 'w')")
    for module, names in {
        "os": "system popen", "posix": "system", "subprocess": "getoutput run Popen call check_output getstatusoutput",
        "commands": "getoutput", "pty": "spawn", "webbrowser": "open", "platform": "popen",
    }.items():  # fmt: skip
        yield from (((module, name), shell) for name in names.split())
    for module, names in {
        "builtins": "eval exec compile __import__ breakpoint", "__builtin__": "eval execfile", "timeit": "timeit repeat",
        "cProfile": "run runctx", "pdb": "run", "profile": "run", "trace": "Trace", "code": "InteractiveInterpreter",
        "pandas": "eval", "numpy.testing": "rundocs", "numpy.f2py.crackfortran": "getlincoef", "doctest": "debug_script",
        "torch.jit": "CompilationUnit", "torch._dynamo": "optimize", "sympy": "sympify", "idlelib.pyshell": "ModifiedInterpreter",
    }.items():  # fmt: skip
        yield from (((module, name), code) for name in names.split())
    for module, names in {
        "builtins": "open", "io": "open FileIO", "_io": "open", "codecs": "open", "pathlib": "Path PosixPath",
        "numpy": "load fromfile memmap save loadtxt", "torch": "load save", "pickle": "loads load", "shutil": "rmtree copy",
        "shelve": "open", "logging": "FileHandler", "sqlite3": "connect", "dbm": "open", "h5py": "File", "yaml": "unsafe_load",
        "tempfile": "NamedTemporaryFile", "zipfile": "ZipFile", "joblib": "load", "lzma": "open", "gzip": "open",
    }.items():  # fmt: skip
        yield from (((module, name), texts(canary, "w")) for name in names.split())
    for module, names in {
        "functools": "partial reduce", "operator": "attrgetter methodcaller itemgetter", "builtins": "getattr setattr map type",
        "importlib": "import_module", "runpy": "run_path run_module", "ctypes": "CDLL PyDLL", "marshal": "loads",
        "types": "FunctionType CodeType ModuleType", "copyreg": "_reconstructor __newobj__", "socket": "socket",
        "codecs": "decode lookup", "_codecs": "decode", "numpy.core.multiarray": "fromstring", "numpy": "vectorize frombuffer",
        "numpy.lib.format": "read_array", "torch._utils": "_rebuild_tensor_v2 _rebuild_parameter _rebuild_wrapper_subclass",
        "torch.storage": "_load_from_bytes", "torch._tensor": "_rebuild_from_type_v2", "torch.hub": "load",
        "torch.serialization": "add_safe_globals", "posezoo": "load register_model", "posezoo.training": "train",
        "pytorch_lightning.callbacks": "LambdaCallback", "signal": "raise_signal", "sys": "exit setrecursionlimit",
        "os": "_exit abort kill", "gc": "disable", "time": "sleep", "ctypes.util": "find_library", "inspect": "getsource",
    }.items():  # fmt: skip
        yield from (((module, name), texts("os", "system")) for name in names.split())


def bombs() -> Iterator[tuple[str, bytes]]:
    """Yield pickles that are short and unroll, hash or claim without end."""
    doubled = b"(t" + b"".join(b"q%c0h%c" % (n, n) + b"h%c\x86" % n for n in range(90))
    yield "tuples in tuples as a key", b"\x80\x02}" + doubled + b"Ns."
    yield "tuples in tuples in a set", b"\x80\x04\x8f(" + doubled + b"\x90."
    laughs = b"]" + b"".join(b"q%c0](" % n + b"h%c" % n * 10 + b"e" for n in range(30))
    yield "lists of lists", b"\x80\x02" + laughs + b"."
    yield "lists of lists by name", b"\x80\x02}U\tkeypoints" + laughs + b"s."
    yield "list in itself", b"\x80\x02]q\0h\0a."
    yield "dict in itself", b"\x80\x02}q\0U\x01ah\0s."
    yield "nested", b"(" * 10_000 + b"t" * 10_000 + b"."
    yield "memo of 2^31", b"\x80\x02Nr\xff\xff\xff\x7f."
    yield "text of 2^63", b"\x80\x04\x8d" + struct.pack("<Q", 2**63 - 1) + b"ab."
    yield "number of a million digits", b"I" + b"9" * 1_000_000 + b"\n."
    yield "number of a megabyte", b"\x80\x02\x8b" + struct.pack("<I", 2**20) + b"\x7f" * 2**20 + b"."
    yield "extension", b"\x80\x02\x82\x01."
    yield "persistent", b"Pabc\n."
    yield "buffer outside", b"\x80\x05\x97\x98."
    yield "marks alone", b"(" * 100_000
    yield "protocol 255", b"\x80\xffN."
    yield "nothing", b"\x80\x04."
    yield "pops", b"\x80\x020000."
    raw = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(%b\ntcnumpy\ndtype\n(S'%b'\nI0\nI1\ntR(I3\n"
    for shape, kind in (
        (b"I1000000000", b"f8"),
        (b"I-1", b"f8"),
        (b"F1.0", b"f8"),
        (b"I1", b"O8"),
        (b"I1", b"V8"),
        (b"I1", b"S0"),
    ):
        state = b"S'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'abcdefgh'\ntb."
        yield f"array of {shape.decode()} {kind.decode()}", raw % (shape, kind) + state


def cases(folder: Path, canary: Path, fifo: Path) -> Iterator[Case]:
    """Yield the hostile files of arrays."""
    for name, data in of_npy():
        yield Case(f"npy {name}", "a.npy", data, keypoints)
        yield Case(f"npz {name}", "a.npz", zipped(("keypoints.npy", data)), keypoints)
        yield Case(f"npz K {name}", "K.npz", zipped(("K.npy", data), ("R.npy", data), ("t.npy", data)), read_cameras)
    for name, data in of_zip():
        for read in (keypoints, read_cameras, Prediction.load):
            yield Case(f"zip {name}", f"{read.__name__}.npz", data, read)
    doors = (
        ("keypoints", "a.h5", keypoints),
        ("part", "p.h5", people_of_hourglass),
        ("subject1/camera1/R", "c.h5", cameras_of_subject),
    )
    for key, file, door in doors:
        for name, data in of_hdf5(key, fifo):
            yield Case(f"hdf5 {key} {name}", file, data, door)
    for variable, mat_door in (("keypoints", keypoints), ("RELEASE", people_of_mat)):
        for name, data in of_mat(variable):
            yield Case(f"mat {variable} {name}", f"{variable}.mat", data, mat_door)
    for number, (target, arguments) in enumerate(gadgets(canary)):
        where = ".".join(target)
        for how in HOW[number % 2 :: 2]:
            data = pickled(target, arguments, how)
            yield Case(f"pickle {where} {how}", "a.pkl", data, keypoints, refused=True)
        data = pickled(target, arguments, HOW[number % len(HOW)])
        yield Case(f"cameras {where}", "c.pkl", data, cameras_of_subject, refused=True)
        inside = npy("()", "'|O'", body=data)
        yield Case(f"object array {where}", "o.npz", zipped(("positions_2d.npy", inside)), keypoints, refused=True)
    for name, data in bombs():
        yield Case(f"pickle {name}", "b.pkl", data, keypoints)
        yield Case(f"cameras {name}", "cb.pkl", data, read_cameras)
