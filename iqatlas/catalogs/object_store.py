"""The one door to fsspec: a corpus in an object store, whose objects appear whole or not at all.

There is no rename: a file is made on this machine, and uploaded under its final name. Each line of
the ledger is an object of its own, and the lock is a lease.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import fsspec

from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.folder import BUILDING, LEASES, LEDGER_FOLDER
from iqatlas.catalogs.lease import Lease, LeaseClaim, check_claim
from iqatlas.catalogs.place import CorpusPlace, Item
from iqatlas.errors import CorpusError, IqAtlasError, MissingFileError, SetupError, StorageError

_BLOCK_BYTES = 8 << 20
_PLAUSIBLE_NAME = 900


class ObjectStore(CorpusPlace):
    """A corpus in an object store.

    Args:
        url: Address, ``s3://bucket/name``.

    Raises:
        CorpusError: The address lacks the bucket or the name.
        SetupError: The library of the store is not installed.
    """

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        bucket, _, name = rest.strip("/").partition("/")
        parts = name.split("/")
        if not bucket or not all(parts) or {".", ".."} & set(parts) or len(name) > _PLAUSIBLE_NAME:
            raise CorpusError("no place for a corpus", where=url, accepted=f"{scheme}://bucket/name")
        try:
            # Listings are never remembered: other writers change them.
            self._files: Any = fsspec.filesystem(scheme, use_listings_cache=False)
        except ImportError:
            raise SetupError(
                f"no library for {scheme}:// is installed",
                where=url,
                remedy=f"pip install 'iqatlas[{scheme}]'",
            ) from None
        self._failures = _library_failures(scheme)
        self._any_failure: tuple[type[Exception], ...] = (OSError, *self._failures)
        self._url = f"{scheme}://{bucket}/{name}"
        self._bucket = bucket
        self._prefix = f"{bucket}/{name}" if scheme != "memory" else f"/{bucket}/{name}"
        self._bench: tempfile.TemporaryDirectory[str] | None = None
        self._lease = Lease(_Leases(self), self._url)

    @property
    def name(self) -> str:
        """The address as the user wrote it."""
        return self._url

    @property
    def bench(self) -> Path:
        """A temporary folder of this machine, which goes with the right to write."""
        if self._bench is None:
            raise StorageError("nothing is being written", where=self._url)
        return Path(self._bench.name)

    @property
    def claim(self) -> LeaseClaim:
        """What workers are told of the right to write."""
        return self._lease.claim

    @contextmanager
    def errors(self, doing: Literal["read", "write"] = "write") -> Iterator[None]:
        """Give a context that turns what the store or this machine's disk says into one line."""
        try:
            with storage_errors(self._url, doing):
                yield
        except self._failures as failure:
            raise self._unreachable(failure) from None

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Let through what callers handle: a file that is not there, and one that is there already."""
        try:
            yield
        except (IqAtlasError, FileExistsError):
            raise
        except FileNotFoundError:
            if not self._has_bucket():
                raise MissingFileError(
                    f"no such bucket: {self._bucket}", where=self._url, remedy="make it, or name another"
                ) from None
            raise
        except PermissionError as failure:
            raise StorageError(
                f"the store refuses access ({_first_line(failure)})",
                where=self._url,
                remedy="see that your credentials allow to list, read, write and delete there",
            ) from None
        except self._any_failure as failure:
            if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.EDQUOT):
                raise  # of this machine's disk
            raise self._unreachable(failure) from None

    def _has_bucket(self) -> bool:
        try:
            return bool(self._files.exists(self._bucket))
        except self._any_failure:
            return True

    def _unreachable(self, failure: BaseException) -> StorageError:
        said = _first_line(failure)
        if "redentials" in type(failure).__name__ or "redentials" in said:
            remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else your store takes"
        else:
            remedy = "see to the network and AWS_ENDPOINT_URL; the same command resumes"
        return StorageError(f"the store can't be used ({said})", where=self._url, remedy=remedy)

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if path else self._prefix

    def kind(self) -> Literal["nothing", "file", "folder"]:
        """Return whether anything is there."""
        return "folder" if self.items() else "nothing"

    def items(self, below: str = "", *, deep: bool = False) -> list[Item]:
        """Return the objects of a folder; folders there are only as far as objects lie in them."""
        with self._asked():
            if deep:
                found = list(self._files.find(self._key(below), detail=True).values())
            else:
                try:
                    found = self._files.ls(self._key(below), detail=True)
                except FileNotFoundError:
                    if not self._has_bucket():
                        raise
                    found = []
        items = []
        for entry in found:
            path = str(entry["name"]).rstrip("/").removeprefix(self._prefix).strip("/")
            # A bare prefix may be listed as an empty object of its own name.
            if path and path != below:
                kind: Literal["file", "folder"] = "folder" if entry["type"] == "directory" else "file"
                items.append(Item(path, kind, int(entry["size"] or 0)))
        return sorted(items, key=lambda item: item.path.split("/"))

    def read(self, path: str) -> bytes:
        """Return the content of an object."""
        with self._asked():
            return bytes(self._files.cat_file(self._key(path)))

    def begins(self, paths: Sequence[str], limit: int) -> list[bytes]:
        """Return what objects begin with, fetched together.

        Args:
            paths: The objects.
            limit: Bytes of each at most.

        Raises:
            StorageError: One is missing, or the store can't be reached.
        """
        with self._asked():
            found = self._files.cat_ranges([self._key(path) for path in paths], 0, limit)
            for path, content in zip(paths, found, strict=True):
                if isinstance(content, FileNotFoundError):
                    raise StorageError("a file of the corpus is missing", where=f"{self._url}/{path}")
                if isinstance(content, BaseException):
                    raise content
        return [bytes(content) for content in found]

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of an object, read in blocks."""
        digest = hashlib.sha256()
        with self._asked(), self._files.open(self._key(path), "rb", block_size=_BLOCK_BYTES) as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def store(self, path: str) -> Path | str:
        """Return the address of a store of arrays."""
        return f"{self._url}/{path}"

    def hold(self) -> None:
        """Take the lease after the last, and a bench.

        Raises:
            StorageError: The last is alive.
        """
        bench = tempfile.TemporaryDirectory(prefix="iqatlas-bench-", ignore_cleanup_errors=True)
        try:
            self._lease.take()
        except BaseException:
            bench.cleanup()
            raise
        self._bench = bench

    def held(self) -> None:
        """See that nobody has taken the lease over.

        Raises:
            StorageError: Another process has.
        """
        self._lease.check()

    def check(self, claim: LeaseClaim) -> None:
        """See, in a worker, that the run that it works for goes on.

        Raises:
            StorageError: It does not.
        """
        check_claim(_Leases(self), claim, self._url)

    def release(self) -> None:
        """Give the lease back, and remove the bench."""
        self._drop_bench()
        # The next writer waits for two minutes at worst.
        with suppress(StorageError):
            self._lease.give_back()

    def abandon(self) -> None:
        """Give the lease back, and leave nothing of the construction."""
        self._drop_bench()
        with suppress(StorageError):
            self._lease.give_back(removed=True)
            self.remove(BUILDING)

    def end(self) -> None:
        """Remove ``.building``, the lease last, and the bench."""
        self._drop_bench()
        with suppress(StorageError):  # the corpus is finished: what is left is only untidy
            for item in self.items(BUILDING):
                if item.name != LEASES:
                    self.remove(item.path)
            self._lease.give_back(removed=True)
            self.remove(BUILDING)

    def _drop_bench(self) -> None:
        if self._bench is not None:
            self._bench.cleanup()
            self._bench = None

    def put(self, path: str, content: bytes) -> None:
        """Write an object."""
        with self._asked():
            self._files.pipe_file(self._key(path), content)

    def create(self, path: str, content: bytes) -> None:
        """Write an object on the condition that there is none by its name.

        Raises:
            FileExistsError: There is one.
        """
        with self._asked():
            self._files.pipe_file(self._key(path), content, mode="create")

    def copy(self, path: str, target: Path) -> None:
        """Download an object."""
        with self._asked():
            self._files.get_file(self._key(path), str(target))

    def take(self, path: str, made: Path) -> None:
        """Upload a file."""
        with self._asked():
            self._files.put_file(str(made), self._key(path))

    def fetch(self, path: str) -> None:
        """Download an object to the bench."""
        target = self.bench / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._asked():
            self._files.get_file(self._key(path), str(target))

    def remove(self, path: str) -> None:
        """Remove an object, or all below a name; from the bench, too."""
        # All below first: the name of a file is then the one object that is left.
        keys = [self._key(item.path) for item in self.items(path, deep=True)]
        with self._asked():
            if len(keys) > 1:
                self._files.rm(keys)
            else:
                with suppress(FileNotFoundError):
                    self._files.rm_file(keys[0] if keys else self._key(path))
        if self._bench is not None:
            there = self.bench / path
            if there.is_dir():
                shutil.rmtree(there)
            else:
                there.unlink(missing_ok=True)

    def settle(self, paths: Iterable[str]) -> None:
        """An object that was written outlives a power failure."""

    def add_line(self, step: str, line: str) -> None:
        """Write a line of the ledger as an object."""
        self.put(f"{BUILDING}/{LEDGER_FOLDER}/{step}.json", line.encode())

    def lines(self) -> list[bytes]:
        """Return the lines of the ledger."""
        keys = [self._key(item.path) for item in self.items(f"{BUILDING}/{LEDGER_FOLDER}")]
        with self._asked():
            return list(self._files.cat(keys).values()) if keys else []

    def drop_lines(self) -> None:
        """Forget the ledger."""
        self.remove(f"{BUILDING}/{LEDGER_FOLDER}")


class _Leases:
    """Leases as objects of a corpus under construction."""

    def __init__(self, place: ObjectStore) -> None:
        self._place = place

    def _path(self, number: int) -> str:
        return f"{BUILDING}/{LEASES}/{number:09d}.json"

    def numbers(self) -> list[int]:
        """Return the numbers of the leases that are there."""
        names = [item.name.removesuffix(".json") for item in self._place.items(f"{BUILDING}/{LEASES}")]
        return [int(name) for name in names if name.isdecimal() and len(name) < 20]

    def read(self, number: int) -> bytes:
        """Return a lease."""
        return self._place.read(self._path(number))

    def create(self, number: int, content: bytes) -> None:
        """Write a lease that is not there."""
        self._place.create(self._path(number), content)

    def write(self, number: int, content: bytes) -> None:
        """Write a lease again."""
        self._place.put(self._path(number), content)

    def remove(self, number: int) -> None:
        """Remove a lease."""
        self._place.remove(self._path(number))


def _library_failures(scheme: str) -> tuple[type[Exception], ...]:
    """Return what the library of a store raises besides OSError."""
    if scheme != "s3":
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError, TimeoutError)


def _first_line(failure: BaseException) -> str:
    return (str(failure).strip() or type(failure).__name__).splitlines()[0][:200]
