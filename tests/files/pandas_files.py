"""Write data frames in HDF5 as pandas and PyTables do, node by node and attribute by attribute, with h5py alone."""

import pickle

import h5py
import numpy as np

NOTHING = h5py.Empty("S1")


def columns(parts, individuals=None, scorer="DLC_resnet50_peopleJun5shuffle1_50000", likelihood=True):
    """Return DeepLabCut's columns: scorer, (individuals,) bodyparts, coords."""
    coords = ["x", "y", "likelihood"][: 3 if likelihood else 2]
    people = [()] if individuals is None else [(name,) for name in individuals]
    return [(scorer, *person, part, coord) for person in people for part in parts for coord in coords]


def _attributes(node, **values):
    for name, value in values.items():
        if isinstance(value, str):
            node.attrs.create(name, np.bytes_(value), dtype=h5py.string_dtype("utf-8", len(value)))
        else:  # what PyTables pickles has no encoding
            node.attrs[name] = np.bytes_(value) if isinstance(value, bytes) else value


def _array(group, node_name, values, **attributes):
    node = group.create_dataset(node_name, data=values)
    _attributes(node, CLASS="ARRAY", FLAVOR="numpy", TITLE=NOTHING, VERSION="2.4", transposed=np.uint8(1), **attributes)


def _root(file, key, **attributes):
    _attributes(file, CLASS="GROUP", PYTABLES_FORMAT_VERSION="2.1", TITLE=NOTHING, VERSION="1.0")
    group = file.create_group(key)
    _attributes(group, CLASS="GROUP", TITLE=NOTHING, VERSION="1.0", encoding="UTF-8", errors="strict", **attributes)
    return group


def _levels(group, axis, entries, names):
    """Return a MultiIndex: the distinct values of every level, and for each entry which of them."""
    _attributes(group, **{f"{axis}_variety": "multi", f"{axis}_nlevels": np.int64(len(names))})
    for number, name in enumerate(names):
        values = list(dict.fromkeys(entry[number] for entry in entries))
        _array(group, f"{axis}_level{number}", np.asarray(values, "S"), kind="string", name=name, nan_rep=NOTHING)
        _array(group, f"{axis}_label{number}", np.asarray([values.index(entry[number]) for entry in entries], np.int8))


def _names(entries):
    return ["scorer", "individuals", "bodyparts", "coords"] if len(entries[0]) == 4 else ["scorer", "bodyparts", "coords"]


def write_fixed(path, entries, values, index, key="df_with_missing"):
    """Write what ``DataFrame.to_hdf(path, key)`` does."""
    with h5py.File(path, "w") as file:
        group = _root(file, key, pandas_type="frame", ndim=np.int64(2), nblocks=np.int64(1))
        for axis in ("axis0", "block0_items"):
            _levels(group, axis, entries, _names(entries))
        if isinstance(index[0], tuple):
            _levels(group, "axis1", index, [b"N."] * 3)
        else:
            _attributes(group, axis1_variety="regular")
            text = isinstance(index[0], str)
            _array(
                group, "axis1", np.asarray(index, "S" if text else "i8"), kind="string" if text else "integer", name=b"N."
            )
        _array(group, "block0_values", np.asarray(values, "f8"))
    return path


def write_table(path, entries, values, index, key="df_with_missing", kind=None):
    """Write what ``DataFrame.to_hdf(path, key, format="table")`` does; ``kind`` replaces the columns' pickled names."""
    with h5py.File(path, "w") as file:
        group = _root(
            file,
            key,
            pandas_type="frame_table",
            table_type="appendable_frame",
            levels=np.int64(1),
            nan_rep=b"N.",
            data_columns=pickle.dumps([], 0),
            index_cols=pickle.dumps([(0, "index")], 0),
            non_index_axes=pickle.dumps([(1, entries)], 0),
            values_cols=pickle.dumps(["values_block_0"], 0),
        )
        rows = f"S{max(map(len, index))}" if isinstance(index[0], str) else "<i8"
        table = np.empty(len(values), [("index", rows), ("values_block_0", "<f8", (len(entries),))])
        table["index"], table["values_block_0"] = index, values
        node = group.create_dataset("table", data=table, chunks=(2048,), maxshape=(None,))
        _attributes(node, CLASS="TABLE", TITLE=NOTHING, VERSION="2.7", NROWS=np.int64(len(values)), FIELD_0_NAME="index")
        _attributes(node, index_kind="string" if isinstance(index[0], str) else "integer", values_block_0_dtype="float64")
        _attributes(node, values_block_0_kind=pickle.dumps(entries, 0) if kind is None else kind, values_block_0_meta=b"N.")
    return path
