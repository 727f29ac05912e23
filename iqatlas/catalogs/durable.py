"""What has to outlive a power failure: files that are whole or not there, on the disk before their names."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from iqatlas.errors import IqAtlasError, StorageError


def write_file(path: Path, content: bytes, *, by_way_of: Path | None = None) -> None:
    """Write a file so that it is there whole or not at all.

    Args:
        path: The file.
        content: Its bytes.
        by_way_of: Folder on the same disk that takes it until it is whole; the file's own without it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = (by_way_of or path.parent) / f".{path.name}.writing"
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def sync_file(path: Path) -> None:
    """Make sure that a file's bytes are on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make sure that the names in a folder are on the disk, where the system has a way to."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(corpus: Path | str, doing: Literal["read", "write"] = "write") -> Iterator[None]:
    """Turn what an operating system says of a full disk or a closed folder into one line."""
    try:
        yield
    except IqAtlasError:
        raise
    except OSError as failure:
        remedies = {
            errno.ENOSPC: "free some space and run the same command again: it resumes",
            errno.EDQUOT: "free some of your quota and run the same command again: it resumes",
            errno.EACCES: "choose a folder that you may write to",
            errno.EROFS: "choose a folder that you may write to",
        }
        raise StorageError(
            f"can't {doing} ({failure.strerror or failure})",
            where=str(failure.filename or corpus),
            remedy=remedies.get(failure.errno or 0, "run the same command again: it resumes")
            if doing == "write"
            else "see that it is there and that you may read it",
        ) from None
