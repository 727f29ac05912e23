"""What a place holds: nothing, a corpus of ours, or somebody else's files, which are never touched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from iqatlas.catalogs.citation import CITATION_NAMES
from iqatlas.catalogs.croissant import CROISSANT_NAME
from iqatlas.catalogs.manifest import FORMAT, LARGEST_MANIFEST_BYTES, MANIFEST_NAME, read_manifest
from iqatlas.catalogs.place import CorpusPlace, Item, place_of
from iqatlas.catalogs.record_table import RECORD_TABLE
from iqatlas.errors import CorpusError

RECORDS = "records.zarr"
PICTURES = "pictures"
BUILDING = ".building"
KEY = "key"
LEDGER = "ledger.jsonl"
LOCK = "lock"
STAGING = "staging"
LEDGER_FOLDER = "ledger"
LEASES = "leases"

_CLEARING = "clearing"
_CONTENTS = (
    MANIFEST_NAME,
    RECORDS,
    "records.h5",
    "records",
    RECORD_TABLE,
    "scene",
    PICTURES,
    "README.md",
    "ATTRIBUTION.md",
    CROISSANT_NAME,
    *CITATION_NAMES,
)
_BUILDING_CONTENTS = (KEY, LEDGER, LOCK, STAGING, MANIFEST_NAME, LEDGER_FOLDER, LEASES)


@dataclass(frozen=True)
class Held:
    """What a place holds, where it holds nothing but ours.

    Args:
        finished: Whether there is a manifest.
        key: What is under construction, None where nothing is.
    """

    finished: bool
    key: str | None

    @property
    def nothing(self) -> bool:
        """Whether the place is free."""
        return not self.finished and self.key is None


def survey(corpus: str | Path | CorpusPlace) -> Held:
    """Return what a place holds.

    Args:
        corpus: The place; it need not be there.

    Raises:
        CorpusError: It is no folder, or holds something that is not ours.
    """
    place = place_of(corpus)
    if place.kind() == "file":
        raise CorpusError("this is a file, not a folder", where=place.name, remedy="choose another -o")
    items = place.items()
    if not items:
        return Held(finished=False, key=None)
    links = [item.name for item in items if item.kind == "link"]
    if links:
        # What a link points to may lie anywhere: writing and removing stay inside the folder.
        raise _strange(place, f"the symbolic link {links[0]!r}, which a corpus never holds")
    building = place.items(BUILDING)
    finished = _is_manifest(place, items)
    key = _key(place, building)
    begun = key is not None or [(item.name, item.kind) for item in items] == [(BUILDING, "folder")]
    if not finished and not begun:
        raise _strange(place, "something else")
    others = [item.name for item in items if not _ours(item.name, (*_CONTENTS, BUILDING))]
    others += [
        item.path for item in building if item.kind == "link" or not _ours(item.name, _BUILDING_CONTENTS)
    ]
    if others:
        raise _strange(place, f"{others[0]!r}, which is no part of a corpus")
    return Held(finished=finished, key=key)


def refuse_additions(corpus: str | Path | CorpusPlace) -> None:
    """Refuse a finished corpus into which somebody has put a file of their own.

    Raises:
        CorpusError: There is a file that the manifest doesn't name.
    """
    place = place_of(corpus)
    try:
        named = {file.path for file in read_manifest(place).files}
    except CorpusError:
        return  # damaged, or of a later version: then the names at the top have to do
    for item in place.items(deep=True):
        top = item.path.split("/")[0]
        if item.kind != "folder" and top not in (BUILDING, MANIFEST_NAME) and item.path not in named:
            raise _strange(place, f"{item.path!r}, which its manifest does not name")


def clear(place: CorpusPlace) -> None:
    """Remove a corpus, finished or not, but for the lock; killed halfway, it can be done again."""
    # The key goes last and says so: what is half removed is still known as ours.
    place.put(f"{BUILDING}/{KEY}", _CLEARING.encode())
    # The manifest goes first: from then on nothing here opens as a corpus.
    place.remove(MANIFEST_NAME)
    for item in place.items():
        if item.path != BUILDING:
            place.remove(item.path)
    for item in place.items(BUILDING):
        if item.name not in (LOCK, LEASES, KEY):
            place.remove(item.path)


def sweep(place: CorpusPlace, kept: set[str]) -> None:
    """Remove what an interrupted try has left half done: all files but the kept ones.

    Args:
        place: Where the corpus lies.
        kept: Paths of files that stay.
    """
    place.remove(MANIFEST_NAME)
    for item in place.items(deep=True):
        if item.kind != "folder" and item.path.split("/")[0] != BUILDING and item.path not in kept:
            place.remove(item.path)


def _ours(name: str, known: tuple[str, ...]) -> bool:
    # A killed process may have left the temporary twin of a file.
    return name in known or (name.startswith(".") and name.removesuffix(".writing")[1:] in known)


def _key(place: CorpusPlace, building: list[Item]) -> str | None:
    if not any(item.name == KEY and item.kind == "file" for item in building):
        return None
    return place.read(f"{BUILDING}/{KEY}").decode(errors="replace").strip()


def _is_manifest(place: CorpusPlace, items: list[Item]) -> bool:
    """Return whether there is a manifest of ours, of whatever version: many tools name a file so."""
    size = next((item.bytes for item in items if item.path == MANIFEST_NAME and item.kind == "file"), None)
    if size is None or size > LARGEST_MANIFEST_BYTES:
        return False
    try:
        body = json.loads(place.read(MANIFEST_NAME))
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("format") == FORMAT


def _strange(place: CorpusPlace, what: str) -> CorpusError:
    return CorpusError(
        f"this folder holds {what}",
        where=place.name,
        accepted="a new or empty folder, or an unfinished corpus of the same spec",
        remedy="choose another folder with -o",
    )
