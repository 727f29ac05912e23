"""What a folder holds: nothing, a corpus of ours, or somebody else's files, which are never touched."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from iqatlas.catalogs.manifest import FORMAT, LARGEST_MANIFEST_BYTES, MANIFEST_NAME, read_manifest
from iqatlas.errors import CorpusError

RECORDS = "records.zarr"
BUILDING = ".building"
KEY = "key"
LEDGER = "ledger.jsonl"
LOCK = "lock"
STAGING = "staging"

_CLEARING = "clearing"
_CONTENTS = (MANIFEST_NAME, RECORDS, "records.h5", "records", "scene", "README.md", "ATTRIBUTION.md")
_BUILDING_CONTENTS = (KEY, LEDGER, LOCK, STAGING, MANIFEST_NAME)


@dataclass(frozen=True)
class Held:
    """What a folder holds, where it holds nothing but ours.

    Args:
        finished: Whether there is a manifest.
        key: What is under construction, None where nothing is.
    """

    finished: bool
    key: str | None

    @property
    def nothing(self) -> bool:
        """Whether the folder is free."""
        return not self.finished and self.key is None


def survey(corpus: Path) -> Held:
    """Return what a folder holds.

    Args:
        corpus: The folder; it need not be there.

    Raises:
        CorpusError: It is no folder, or holds something that is not ours.
    """
    if not corpus.exists():
        return Held(finished=False, key=None)
    if not corpus.is_dir():
        raise CorpusError("this is a file, not a folder", where=str(corpus), remedy="choose another -o")
    items = sorted(corpus.iterdir())
    building = corpus / BUILDING
    if not items:
        return Held(finished=False, key=None)
    links = [item.name for item in items if item.is_symlink()]
    if links:
        # What a link points to may lie anywhere: writing and removing stay inside the folder.
        raise _strange(corpus, f"the symbolic link {links[0]!r}, which a corpus never holds")
    finished = _is_manifest(corpus / MANIFEST_NAME)
    key = _key(building)
    begun = key is not None or ([item.name for item in items] == [BUILDING] and building.is_dir())
    if not finished and not begun:
        raise _strange(corpus, "something else")
    others = [item.name for item in items if not _ours(item.name, (*_CONTENTS, BUILDING))]
    if building.is_dir():
        others += [
            f"{BUILDING}/{item.name}"
            for item in sorted(building.iterdir())
            if item.is_symlink() or not _ours(item.name, _BUILDING_CONTENTS)
        ]
    if others:
        raise _strange(corpus, f"{others[0]!r}, which is no part of a corpus")
    return Held(finished=finished, key=key)


def refuse_additions(corpus: Path) -> None:
    """Refuse a finished corpus into which somebody has put a file of their own.

    Raises:
        CorpusError: There is a file that the manifest doesn't name.
    """
    try:
        named = {file.path for file in read_manifest(corpus).files}
    except CorpusError:
        return  # damaged, or of a later version: then the names at the top have to do
    for path in sorted(corpus.rglob("*")):
        relative = path.relative_to(corpus)
        if path.is_dir() and not path.is_symlink():
            continue
        if relative.parts[0] not in (BUILDING, MANIFEST_NAME) and relative.as_posix() not in named:
            raise _strange(corpus, f"{relative.as_posix()!r}, which its manifest does not name")


def clear(corpus: Path) -> None:
    """Remove a corpus, finished or not, but for the lock; killed halfway, it can be done again."""
    building = corpus / BUILDING
    # The key goes last and says so: what is half removed is still known as ours.
    (building / KEY).write_text(_CLEARING)
    # The manifest goes first: from then on nothing here opens as a corpus.
    (corpus / MANIFEST_NAME).unlink(missing_ok=True)
    for item in sorted(corpus.iterdir()):
        if item != building:
            _remove(item)
    for item in sorted(building.iterdir()):
        if item.name not in (LOCK, KEY):
            _remove(item)


def sweep(corpus: Path, kept: set[str]) -> None:
    """Remove what an interrupted try has left half done: all files but the kept ones.

    Args:
        corpus: Folder of the corpus.
        kept: Paths relative to the corpus, with forward slashes.
    """
    (corpus / MANIFEST_NAME).unlink(missing_ok=True)
    for path in sorted(corpus.rglob("*")):
        relative = path.relative_to(corpus)
        if path.is_dir() and not path.is_symlink():
            continue
        if relative.parts[0] != BUILDING and relative.as_posix() not in kept:
            path.unlink()


def _remove(item: Path) -> None:
    if item.is_dir() and not item.is_symlink():
        shutil.rmtree(item)
    else:
        item.unlink()


def _ours(name: str, known: tuple[str, ...]) -> bool:
    # A killed process may have left the temporary twin of a file.
    return name in known or (name.startswith(".") and name.removesuffix(".writing")[1:] in known)


def _key(building: Path) -> str | None:
    file = building / KEY
    if building.is_symlink() or not file.is_file() or file.is_symlink():
        return None
    return file.read_text(encoding="utf-8", errors="replace").strip()


def _is_manifest(path: Path) -> bool:
    """Return whether a file is a manifest of ours, of whatever version: many tools name a file so."""
    if not path.is_file() or path.stat().st_size > LARGEST_MANIFEST_BYTES:
        return False
    try:
        body = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("format") == FORMAT


def _strange(corpus: Path, what: str) -> CorpusError:
    return CorpusError(
        f"this folder holds {what}",
        where=str(corpus),
        accepted="a new or empty folder, or an unfinished corpus of the same spec",
        remedy="choose another folder with -o",
    )
