"""OpenStreetMap XML without what strict readers stop on: counts, notes, entities, deleted objects."""

from __future__ import annotations

import xml.sax
from pathlib import Path
from typing import IO
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import quoteattr

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from iqatlas.errors import SceneError

MAX_TOKEN_BYTES = 1 << 22
"""A tag of OpenStreetMap takes a few hundred bytes; a parser holds a tag in memory whole."""
MAX_DEPTH = 100
_RANK = {"node": 0, "way": 1, "relation": 2}
_INNER = frozenset({"nd", "tag", "member"})
_KEPT = {
    "node": ("id", "version", "lat", "lon"),
    "way": ("id", "version"),
    "relation": ("id", "version"),
    "nd": ("ref",),
    "tag": ("k", "v"),
    "member": ("type", "ref", "role"),
}


class _Bounded:
    """A stream that ends in an error where no tag ends for long."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._open_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes."""
        data = self._stream.read(size)
        last = data.rfind(b">")
        self._open_bytes = len(data) - last - 1 if last >= 0 else self._open_bytes + len(data)
        if self._open_bytes > MAX_TOKEN_BYTES:
            raise _Excess(f"a tag of more than {MAX_TOKEN_BYTES >> 20} MiB")
        return data

    def close(self) -> None:
        """Close the stream, as the parser does at the end."""
        self._stream.close()


class _Excess(Exception):
    """What a map never holds, and what is made to fill a memory."""


class _Plain(ContentHandler):
    """Writes on what a map is made of, and watches the order of the objects."""

    def __init__(self, out: IO[str]) -> None:
        super().__init__()
        self._out = out
        self._open: list[bool] = []
        """Whether each element that encloses the present one is kept."""
        self._last = (-1, 0)
        self.in_order = True
        self.is_osm = False

    # ContentHandler's own name and argument names.
    def startElement(self, name: str, attrs: xml.sax.xmlreader.AttributesImpl) -> None:
        depth = len(self._open)
        kept = False
        if depth >= MAX_DEPTH:
            raise _Excess(f"tags nested {MAX_DEPTH} deep")
        if depth == 0:
            kept = self.is_osm = name == "osm"
            if kept:
                self._out.write('<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">\n')
        elif self._open[-1]:
            kept = depth == 1 and name in _RANK and not _is_deleted(attrs)
            kept = kept or (depth == 2 and name in _INNER)
            if kept:
                self._write(name, attrs)
        if kept and depth == 1:
            self._watch(name, attrs.get("id", ""))
        self._open.append(kept)

    def endElement(self, name: str) -> None:
        if self._open.pop() and len(self._open) < 2:
            self._out.write(f"</{name}>\n")

    def _write(self, name: str, attrs: xml.sax.xmlreader.AttributesImpl) -> None:
        kept = _KEPT[name] if name != "node" or _is_on_earth(attrs) else ("id", "version")
        given = "".join(f" {key}={quoteattr(attrs[key])}" for key in kept if key in attrs)
        self._out.write(f"<{name}{given}{'/' if name in _INNER else ''}>\n")

    def _watch(self, name: str, number: str) -> None:
        place = (_RANK[name], int(number))
        # Equal places are two versions of an object: sorting keeps the newest.
        self.in_order = self.in_order and place > self._last
        self._last = place


def _is_on_earth(attrs: xml.sax.xmlreader.AttributesImpl) -> bool:
    """Tell whether a node has a place; libosmium reads 1e300 as 0, which would be one."""
    return abs(float(attrs.get("lat", "nan"))) <= 90 and abs(float(attrs.get("lon", "nan"))) <= 180


def _is_deleted(attrs: xml.sax.xmlreader.AttributesImpl) -> bool:
    return attrs.get("visible") == "false" or attrs.get("action") == "delete"


def write_plain_osm_xml(source: Path, target: Path, *, where: str, name: str | None = None) -> bool:
    """Copy nodes, ways and relations of an OpenStreetMap XML file, and nothing else, in constant memory.

    Overpass's counts and notes, editors' deleted objects and all metadata are left out. Document types and
    entities are refused, so that a small file can't grow in memory or name another file.

    Args:
        source: The ``.osm`` file.
        target: The file to write.
        where: What error messages name as the place of the fault.
        name: The file's name in error messages, where it isn't that of ``source``.

    Returns:
        Whether nodes come before ways before relations, each with rising numbers.

    Raises:
        SceneError: The file is not well-formed OpenStreetMap XML.
    """
    shown = name or source.name
    with source.open("rb") as stream, target.open("w", encoding="utf-8", newline="\n") as out:
        handler = _Plain(out)
        try:
            defusedxml.sax.parse(_Bounded(stream), handler, forbid_dtd=True)
        except xml.sax.SAXParseException as error:
            raise _broken(shown, where, f"line {error.getLineNumber()}: {error.getMessage()}") from error
        except DefusedXmlException as error:
            raise _broken(shown, where, "it declares a document type or entities") from error
        except LookupError as error:
            raise _broken(shown, where, "it is written in an unknown encoding") from error
        except _Excess as error:
            raise _broken(shown, where, str(error)) from error
        except ValueError as error:
            raise _broken(
                shown, where, "an object without a whole number as id, or a node without numbers as place"
            ) from error
    if not handler.is_osm:
        raise _broken(shown, where, "its outermost element is not <osm>")
    return handler.in_order


def _broken(name: str, where: str, why: str) -> SceneError:
    return SceneError(
        f"{name} is damaged or not OpenStreetMap data ({why})",
        where=where,
        accepted="well-formed OpenStreetMap XML",
        remedy="fetch the file again",
    )
