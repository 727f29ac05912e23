"""What has to outlive a power failure: files that are whole or not there, on the disk before their names."""

from __future__ import annotations

import errno
import os
import shutil
import time
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


def remove_folder(folder: Path) -> None:
    """Remove a folder and all that is in it.

    Where one of the files that Zarr writes side by side failed, its threads may still be writing the others:
    a folder that has become empty is then not empty again, and is tried again.

    Args:
        folder: The folder.
    """
    for wait_s in _WAITS_S:
        try:
            shutil.rmtree(folder)
        except OSError as failure:
            if failure.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            time.sleep(wait_s)
        else:
            return
    shutil.rmtree(folder)


def sync_folder(path: Path) -> None:
    """Make sure that the names in a folder are on the disk, where the system has a way to."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_WAITS_S = (0.01, 0.1, 0.5)
_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def storage_errors(
    corpus: Path | str, doing: Literal["read", "write"] = "write", *, resumes: bool = True
) -> Iterator[None]:
    """Turn what an operating system says of a full disk or a closed folder into one line.

    Args:
        corpus: What is read or written.
        doing: Which of both.
        resumes: Whether the same command goes on where it was.

    Raises:
        StorageError: In place of an OSError.
    """
    try:
        yield
    except IqAtlasError:
        raise
    except OSError as failure:
        raise StorageError(
            f"can't {doing} ({failure.strerror or failure})",
            where=str(failure.filename or corpus),
            remedy=_remedy(failure.errno or 0, resumes=resumes)
            if doing == "write"
            else "see that it is there and that you may read it",
        ) from None


def _remedy(number: int, *, resumes: bool) -> str:
    """Return what helps where something can't be written; a promise to resume only where it would help."""
    if number in _NO_PLACE:
        return "nothing can be made there: choose another place with -o"
    if number in _NO_RIGHT:
        return "choose a folder that you may write to, with -o"
    if number == errno.ENAMETOOLONG:
        return "choose a shorter name with -o"
    again = "run the same command again" + (": it resumes" if resumes else "")
    room = {errno.ENOSPC: "free some space and ", errno.EDQUOT: "free some of your quota and "}
    return room.get(number, "") + again
