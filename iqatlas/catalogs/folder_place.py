"""A corpus in a folder of this machine, or of a file system that several machines share."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.durable import remove_folder, storage_errors, sync_file, sync_folder, write_file
from iqatlas.catalogs.folder import BUILDING, LEDGER, LOCK
from iqatlas.catalogs.manifest import MANIFEST_NAME
from iqatlas.catalogs.place import CorpusPlace, Item
from iqatlas.errors import StorageError

_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class FolderPlace(CorpusPlace):
    """A folder: files are made where they stay, or moved there by rename.

    Args:
        folder: The folder; it need not be there. A relative one stays where it is when the current folder
            becomes another.
    """

    def __init__(self, folder: Path) -> None:
        self._given = folder
        with suppress(FileNotFoundError):  # the current folder was removed: nothing is found there
            folder = folder.absolute()
        self.folder = folder
        self._building = folder / BUILDING
        self._ledger = self._building / LEDGER
        self._lock = FileLock(str(self._building / LOCK))
        self._made_folder = False

    @property
    def name(self) -> str:
        """The folder as the user wrote it."""
        return str(self._given)

    @property
    def address(self) -> str:
        """The folder from the root on."""
        return str(self.folder)

    @property
    def bench(self) -> Path:
        """The folder itself: what is made there need not be moved."""
        return self.folder

    def kind(self) -> Literal["nothing", "file", "folder"]:
        """Return what is there by the corpus's name; nothing has a name that the system can't have.

        Raises:
            StorageError: A folder above it can't be entered.
        """
        with self.errors("read"):
            try:
                found = self.folder.stat()
            except OSError as failure:
                if failure.errno in _NOTHING_THERE:
                    return "nothing"
                raise
            except ValueError:  # a null character, or half a surrogate pair
                return "nothing"
        return "folder" if stat.S_ISDIR(found.st_mode) else "file"

    def items(self, below: str = "", *, deep: bool = False) -> list[Item]:
        """Return what lies in a folder, links unfollowed."""
        folder = self.folder / below
        if not folder.is_dir() or (below and folder.is_symlink()):
            return []
        found = (self._item(path) for path in sorted(folder.rglob("*") if deep else folder.iterdir()))
        return [item for item in found if item is not None]

    def _item(self, path: Path) -> Item | None:
        """Return what lies at a path; nothing where another writer has just moved it away."""
        relative = path.relative_to(self.folder).as_posix()
        try:
            status = path.lstat()
        except FileNotFoundError:
            return None
        if stat.S_ISLNK(status.st_mode):
            return Item(relative, "link")
        if stat.S_ISDIR(status.st_mode):
            return Item(relative, "folder")
        return Item(relative, "file", status.st_size)

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return (self.folder / path).read_bytes()

    def signature(self, path: str) -> tuple[int, ...]:
        """Return which file it is, when it was written and how long it is; nothing where there is none."""
        try:
            status = (self.folder / path).stat()
        except OSError:
            return ()
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a file."""
        return sha256_file(self.folder / path)

    def store(self, path: str) -> Path | str:
        """Return the folder of a store."""
        return self.folder / path

    def errors(self, doing: Literal["read", "write"] = "write") -> AbstractContextManager[None]:
        """Give a context that turns what the system says into one line."""
        return storage_errors(self.name, doing)

    def hold(self) -> None:
        """Take the lock of the folder, which goes with its process.

        Raises:
            StorageError: Another process has it.
        """
        self._made_folder = not self.folder.exists()
        self._building.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StorageError(
                "another process is writing this corpus",
                where=self.name,
                remedy="wait for it, or choose another folder with -o",
            ) from None

    def held(self) -> None:
        """The system keeps the lock for as long as the process lives."""

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def abandon(self) -> None:
        """Give the lock back, and leave the folder as it was."""
        try:
            shutil.rmtree(self._building, ignore_errors=True)
            if self._made_folder:
                with suppress(OSError):
                    self.folder.rmdir()
        finally:
            self._lock.release()

    def end(self) -> None:
        """Remove ``.building`` while it is held: a process that waits for the lock finds it gone."""
        try:
            shutil.rmtree(self._building, ignore_errors=True)
        finally:
            self._lock.release()
        if os.name == "nt":  # where an open file can't be removed
            shutil.rmtree(self._building, ignore_errors=True)

    def put(self, path: str, content: bytes) -> None:
        """Write a file by rename, and bring its name to the disk."""
        target = self.folder / path
        # The manifest's temporary twin lies where nothing is gathered into a manifest after a kill.
        write_file(target, content, by_way_of=self._building if path == MANIFEST_NAME else None)
        if path == MANIFEST_NAME:
            sync_folder(self.folder)

    def create(self, path: str, content: bytes) -> None:
        """Write a file that is not there: a name is given to it once it is whole.

        Raises:
            FileExistsError: There is one.
        """
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            try:
                os.link(file.name, target)
            except OSError as failure:
                if failure.errno not in _NO_HARD_LINKS:
                    raise
                # A reader may see the beginning, which says by its own hash that it is not all.
                with target.open("xb") as plain:
                    plain.write(content)
                sync_file(target)
        sync_folder(target.parent)

    def copy(self, path: str, target: Path) -> None:
        """Copy a file."""
        shutil.copyfile(self.folder / path, target)

    def take(self, path: str, made: Path) -> None:
        """Move a file to its place, if it was made elsewhere."""
        target = self.folder / path
        if made != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.replace(target)

    def fetch(self, path: str) -> None:
        """What is in the corpus is on the bench."""

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all below it; of a link, the link alone."""
        target = self.folder / path
        if target.is_dir() and not target.is_symlink():
            remove_folder(target)
        else:
            target.unlink(missing_ok=True)

    def settle(self, paths: Iterable[str]) -> None:
        """Bring files, and the folders that name them, to the disk."""
        folders = {self.folder}
        for path in paths:
            sync_file(self.folder / path)
            folders.update(self.folder / parent for parent in Path(path).parents)
        for folder in sorted(folders):
            sync_folder(folder)

    def add_line(self, step: str, line: str) -> None:
        """Add a line to the ledger, on the disk before this returns."""
        del step
        with self._ledger.open("ab+") as ledger:
            if ledger.tell():
                ledger.seek(-1, os.SEEK_END)
                if ledger.read(1) != b"\n":  # a killed writer left half a line
                    line = "\n" + line
            ledger.write(line.encode())
            ledger.flush()
            os.fsync(ledger.fileno())

    def lines(self) -> list[bytes]:
        """Return the lines of the ledger."""
        return self._ledger.read_bytes().split(b"\n") if self._ledger.is_file() else []

    def drop_lines(self) -> None:
        """Forget the ledger."""
        self._ledger.unlink(missing_ok=True)
