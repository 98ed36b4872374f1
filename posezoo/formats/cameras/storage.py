"""OpenCV's FileStorage in YAML and XML, read without OpenCV; EasyMocap's pairs of files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import yaml

from posezoo.errors import CorruptFileError, MissingFileError
from posezoo.files.reading import read_bytes, reading
from posezoo.formats.cameras.lenses import shared_lens

_DEEPEST = 20


class _Storage(yaml.SafeLoader):
    """OpenCV's YAML: matrices are mappings of rows, cols and data."""


def _matrix(loader: yaml.SafeLoader, node: yaml.MappingNode) -> np.ndarray:
    values = loader.construct_mapping(node, deep=True)
    return np.asarray(values["data"], dtype=np.float64).reshape(int(values["rows"]), int(values["cols"]))


_Storage.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)


def load_storage(path: Path) -> dict[str, object]:
    """Return the mapping of a FileStorage.

    Raises:
        MissingFileError, CorruptFileError: no such file, or no FileStorage. Aliases are refused: a few lines of them stand
            for gigabytes, and OpenCV writes none.
    """
    with reading(path, "OpenCV's YAML"):
        text = read_bytes(path, "OpenCV's YAML").decode("utf-8-sig")
        text = re.sub(r"\A\s*%YAML[^\n]*\n", "", text)  # OpenCV's own directive is no YAML
        depth = 0
        for event in yaml.parse(text, _Storage):
            depth += isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent))
            depth -= isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent))
            if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
                raise CorruptFileError(f"{path} has aliases or {depth} levels; a calibration has neither: refused.")
        content = yaml.load(text, _Storage)  # a SafeLoader
    if not isinstance(content, dict):
        raise CorruptFileError(f"{path} holds no names; expected OpenCV's FileStorage.")
    return content


def read_storage_xml(path: Path, root: Element) -> list[dict[str, object]]:
    """Return the camera or cameras of a FileStorage in XML: matrices are elements with rows, cols and data."""
    content: dict[str, object] = {}
    with reading(path, "OpenCV's XML"):
        for node in root:
            text = (node.text or "").strip()
            if node.get("type_id") == "opencv-matrix":
                rows, cols = (int(node.findtext(edge, "")) for edge in ("rows", "cols"))
                content[node.tag] = np.asarray(node.findtext("data", "").split(), dtype=np.float64).reshape(rows, cols)
            elif node.tag == "names":
                content["names"] = [name.strip('"') for name in text.split()]
            elif text:
                content[node.tag] = _value(text)
    return _from_storage(content, path.stem)


def _value(text: str) -> object:
    """Return a number, a list of numbers or a text."""
    if text.lstrip("-").isdecimal() and len(text) < 10:
        return int(text)
    try:
        numbers = [float(part) for part in text.split()]
    except ValueError:
        return text.strip('"')
    return numbers if len(numbers) > 1 else numbers[0]


def read_yaml(path: Path) -> list[dict[str, object]]:
    """Return the camera or cameras of one file; of EasyMocap's pair, given one of them, those of both."""
    if path.stem in ("intri", "extri") and all(path.with_stem(stem).is_file() for stem in ("intri", "extri")):
        return read_yaml_folder(path.parent)
    return _from_storage(load_storage(path), path.stem)


def _from_storage(content: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Return one camera, or those that ``names`` lists, each with its values under ``K_name`` and so on."""
    if "names" not in content:
        size = [content.get("image_width"), content.get("image_height")]
        return [{"name": name, **({"image_size": size} if None not in size else {}), **content}]
    if not isinstance(content["names"], list):
        raise CorruptFileError(f"{name}: names is {type(content['names']).__name__}; expected a list of cameras.")
    names, entries = [str(one) for one in content["names"]], []
    # Of cameras 1 and left_1, K_left_1 belongs to the longer name.
    owners = {key: max((n for n in names if str(key).endswith(f"_{n}")), key=len, default=None) for key in content}
    shared = shared_lens({str(key): value for key, value in content.items() if owners[key] is None})
    for one in names:
        own = {str(key).removesuffix(f"_{one}"): value for key, value in content.items() if owners[key] == one}
        if None not in (own.get("W"), own.get("H")):
            own["image_size"] = [own["W"], own["H"]]
        # EasyMocap's R is the vector, its Rot the matrix of the same rotation.
        own["R"] = own.pop("Rot", own.get("R"))
        entries.append({**shared, "name": one, **own})
    return entries


def read_yaml_folder(path: Path) -> list[dict[str, object]]:
    """Return the cameras of ``intri.yml`` and ``extri.yml``, or of a file for each camera in the order of names."""
    files = sorted(file for file in path.iterdir() if file.suffix in (".yml", ".yaml") and not file.name.startswith("."))
    by_stem = {file.stem: file for file in files}
    if {"intri", "extri"} <= set(by_stem):
        content = {**load_storage(by_stem["extri"]), **load_storage(by_stem["intri"])}
        return _from_storage(content, path.name)
    if not files:
        raise MissingFileError(
            f"{path} holds no .yml and no .pickle; expected intri.yml and extri.yml, or a file for each camera."
        )
    return [entry for file in files for entry in read_yaml(file)]
