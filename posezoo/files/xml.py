"""Read XML without trust: what declares a document type, and with it entities, is refused unexpanded."""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from posezoo.errors import CorruptFileError
from posezoo.files.reading import PathLike, read_bytes, reading


def load_xml(path: PathLike) -> Element:
    """Return the root element of an XML file.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: empty, damaged, or with a document type declaration: entities may expand to gigabytes or name
            other files, and no format of the field has any.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> file = Path(tempfile.mkdtemp()) / "a.xml"
        >>> _ = file.write_text("<annotations><image id='3'/></annotations>")
        >>> load_xml(file).find("image").get("id")
        '3'
    """
    data = read_bytes(path, "XML")
    builder = TreeBuilder()

    def refuse(*_: object) -> NoReturn:
        raise CorruptFileError(f"{path} declares a document type (DTD), which could expand without end; refused: remove it.")

    with reading(path, "XML"):
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = refuse
        parser.EntityDeclHandler = refuse
        parser.StartElementHandler = builder.start
        parser.EndElementHandler = builder.end
        parser.CharacterDataHandler = builder.data
        parser.Parse(data, True)
        return builder.close()
