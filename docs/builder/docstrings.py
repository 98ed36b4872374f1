"""Docstrings as the reference shows them: Sphinx's roles become links, ``::`` and ``Example:`` what Markdown understands."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:func|class|meth|mod|data|attr):`~?([^`]+)`")


class Docstrings(griffe.Extension):
    """Rewrites every docstring of the package once it is loaded."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        self._visit(pkg, set())

    def _visit(self, obj: Any, seen: set[str]) -> None:
        if obj.is_alias or obj.path in seen:
            return
        seen.add(obj.path)
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value, obj)
        for member in list(obj.members.values()):
            self._visit(member, seen)


def to_markdown(text: str, obj: Any) -> str:
    """Return a docstring with links in place of roles, code in place of literal blocks."""
    text = ROLE.sub(lambda role: link(role[1], obj), text)
    text = re.sub(r"^(\s*)Example:$", r"\1Examples:", text, flags=re.MULTILINE)
    text = re.sub(r"^::$\n?", "", text, flags=re.MULTILINE)
    text = re.sub(r"^( *)((?:=+ )+=+)\n((?:.*\n)*?)\1\2\n((?:.*\n)*?)\1\2$", _table, text, flags=re.MULTILINE)
    return re.sub(r"::$", ":", text, flags=re.MULTILINE)


def link(name: str, obj: Any) -> str:
    """Return what a role names: a link where the reference has it, code where it has not (inner modules, libraries)."""
    path = name
    if not name.startswith("posezoo"):
        scope = obj if obj.is_module or obj.is_class else obj.parent
        try:
            path = scope.resolve(name)
        except griffe.NameResolutionError:
            return f"`{name}`"
    public = not any(part.startswith("_") for part in path.split("."))
    if not path.startswith("posezoo.") or not public:
        return f"`{name}`"
    return f'<autoref optional identifier="{path}"><code>{name}</code></autoref>'


def _table(found: re.Match[str]) -> str:
    """Return a simple table of reStructuredText as one of Markdown; rows without a first cell go on with the one before."""
    indent, rule, head, body = found.groups()
    starts = [part.start() for part in re.finditer("=+", rule)]
    rows: list[list[str]] = []
    for line in (head + body).splitlines():
        line = line[len(indent) :]
        cells = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        if cells[0] or not rows:
            rows.append(cells)
        else:
            rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], cells, strict=True)]
    rows.insert(1, ["---"] * len(starts))
    shown = [indent + "| " + " | ".join(cell.replace("``", "`") for cell in row) + " |" for row in rows]
    return "\n".join(shown)
