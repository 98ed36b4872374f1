"""Read XML safely: refuse files that declare a document type, and with it entities."""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from posezoo.errors import CorruptFileError
from posezoo.files.reading import PathLike, check_size, read_bytes, reading

# The bytes of memory of an element without text and attributes.
_BYTES_PER_ELEMENT = 200


def load_xml(path: PathLike) -> Element:
    """Return the root element of an XML file.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: empty, damaged, with more elements than :func:`posezoo.files.reading.max_bytes` allows, or with
            a document type declaration: entities may expand to gigabytes or name other files, and no format of the field
            has any.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> file = Path(tempfile.mkdtemp()) / "a.xml"
        >>> _ = file.write_text("<annotations><image id='3'/></annotations>")
        >>> load_xml(file).find("image").get("id")
        '3'
    """
    data = read_bytes(path, "XML")
    builder, count = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> Element:
        nonlocal count
        count += 1
        check_size(_BYTES_PER_ELEMENT * count, path, len(data))
        return builder.start(tag, attributes)

    def refuse(*_: object) -> NoReturn:
        raise CorruptFileError(f"{path} declares a document type (DTD), which could expand without end; refused: remove it.")

    with reading(path, "XML"):
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = refuse
        parser.EntityDeclHandler = refuse
        parser.StartElementHandler = start
        parser.EndElementHandler = builder.end
        parser.CharacterDataHandler = builder.data
        parser.Parse(data, True)
        return builder.close()
