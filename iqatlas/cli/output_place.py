"""Where a command may write beside a corpus: never into one, and checked before the work is done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.folder import BUILDING, KEY, LOCK
from iqatlas.catalogs.manifest import FORMAT, LARGEST_MANIFEST_BYTES, MANIFEST_NAME, PULLING
from iqatlas.errors import CorpusError, SpecError
from iqatlas.user_paths import user_path

_UNFINISHED = (f"{BUILDING}/{KEY}", f"{BUILDING}/{LOCK}", f"{PULLING}/{LOCK}")


def refuse_inside_corpus(output: Path, *, itself: bool = True, option: str = "--output") -> None:
    """Refuse an output that would spoil a corpus: one of its files, or anything within its folder.

    Args:
        output: File or folder that is to be written.
        itself: Whether that may be no corpus either; what makes corpora knows what to do with one.
        option: How the command line names it.

    Raises:
        CorpusError: A folder at or above it is a corpus.
    """
    whole = output.resolve()
    for folder in (whole, *whole.parents) if itself else whole.parents:
        if _is_corpus(folder):
            raise CorpusError(
                f"this would lie in the corpus {folder}, which holds only what its manifest names",
                where=f"{option} {output}",
                remedy="choose a place beside it",
            )


def refuse_address_inside_corpus(output: str | Path | None, *, option: str = "--output") -> None:
    """Refuse a new corpus or catalogue within a corpus; addresses of object stores are left to the store.

    Args:
        output: Folder or address; None where the command finds one of its own.
        option: How the command line names it.

    Raises:
        CorpusError: A folder above it is a corpus.
    """
    if output is not None and "://" not in str(output):
        refuse_inside_corpus(user_path(output), itself=False, option=option)


def picture_file(output: Path, *suffixes: str) -> Path:
    """Return a file for a picture or a page, where its name is of that kind.

    Args:
        output: The file.
        suffixes: Endings that it may have, the usual one first.

    Raises:
        SpecError: It has another ending, or is a folder.
        CorpusError: It lies in a corpus.
        StorageError: Nothing can be written there.
    """
    refuse_inside_corpus(output)
    with output_errors(output):
        taken = output.is_dir()
    if taken:
        raise SpecError(
            "this is a folder", where=f"--output {output}", accepted=f"a file, as page{suffixes[0]}"
        )
    if output.suffix.lower() not in suffixes:
        raise SpecError(
            f"a file of {suffixes[0].removeprefix('.').upper()} has another ending",
            where=f"--output {output}",
            accepted=f"a name that ends in {' or '.join(suffixes)}",
        )
    check_writable(output.parent)
    return output


def _is_corpus(folder: Path) -> bool:
    file = folder / MANIFEST_NAME
    try:
        if any((folder / part).is_file() for part in _UNFINISHED):
            return True
        # Extensions of browsers and web pages have files of this name too.
        if not file.is_file() or file.stat().st_size > LARGEST_MANIFEST_BYTES:
            return False
        return f'"{FORMAT}"'.encode() in file.read_bytes()
    except OSError:
        return False


def check_writable(folder: Path) -> None:
    """See that a folder is there or can be made, and takes a file; it is left as it was.

    Args:
        folder: The folder.

    Raises:
        StorageError: It can't be made, or nothing can be written there.
    """
    with output_errors(folder):
        new = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".iqatlas-{os.getpid()}.writing"
        with probe.open("xb"):
            pass
        probe.unlink()
        for path in new:
            path.rmdir()


@contextmanager
def output_errors(output: Path) -> Iterator[None]:
    """Turn what an operating system says of an output into one line; nothing of it resumes."""
    with storage_errors(output, resumes=False):
        yield
