"""Where a command may write beside a corpus: never into one, and checked before the work is done."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iqatlas.catalogs.manifest import FORMAT, LARGEST_MANIFEST_BYTES, MANIFEST_NAME
from iqatlas.errors import CorpusError, IqAtlasError, StorageError


def refuse_inside_corpus(output: Path) -> None:
    """Refuse an output that would spoil a corpus: one of its files, or anything within its folder.

    Args:
        output: File or folder that is to be written.

    Raises:
        CorpusError: A folder at or above it is a corpus.
    """
    whole = output.resolve()
    for folder in (whole, *whole.parents):
        if _is_corpus(folder):
            raise CorpusError(
                f"this would lie in the corpus {folder}, which holds only what its manifest names",
                where=f"--output {output}",
                remedy="choose a place beside it",
            )


def _is_corpus(folder: Path) -> bool:
    file = folder / MANIFEST_NAME
    try:
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
    try:
        yield
    except IqAtlasError:
        raise
    except OSError as failure:
        full = failure.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StorageError(
            f"can't write ({failure.strerror or failure})",
            where=str(failure.filename or output),
            remedy="free some space, and run the same command again"
            if full
            else "choose another -o, where you may write",
        ) from None
