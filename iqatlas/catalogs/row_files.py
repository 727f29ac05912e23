"""Records that lie in files of this machine: one file a shard, read by offset and not through a library."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from iqatlas.errors import StorageError

VERIFY = "see what `iqatlas verify` says of the corpus"


class FileMaps:
    """Files mapped into memory, each once; the least recently used are let go beyond a bound.

    A map costs addresses, not memory, and its file is closed: a corpus of a million records has more files
    than a process may hold open. Those of which arrays are held stay mapped as long as these are. Who cuts a
    file short while it is read ends the process that reads, as with :class:`numpy.memmap`.

    Args:
        bound: How many are kept; the system allows a process some 65,000.
    """

    def __init__(self, bound: int = 4096) -> None:
        self._maps: OrderedDict[Path, pa.Buffer] = OrderedDict()
        self._bound = bound

    def __len__(self) -> int:
        return len(self._maps)

    def array(self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Return a part of a file as an array that can't be written.

        Args:
            path: The file.
            offset: Of its first byte.
            shape: Of the array.
            dtype: Of its elements.

        Raises:
            StorageError: The file ends before the array does.
        """
        count = int(np.prod(shape, dtype=np.int64))
        held = self.file(path)
        if not 0 <= offset <= len(held) - count * dtype.itemsize:
            raise StorageError("the file is shorter than what it holds", where=str(path), remedy=VERIFY)
        return np.frombuffer(held, dtype, count, offset).reshape(shape)

    def file(self, path: Path) -> pa.Buffer:
        """Return a whole file.

        Raises:
            StorageError: It is missing or empty.
        """
        held = self._maps.get(path)
        if held is not None:
            self._maps.move_to_end(path)
            return held
        try:
            # Python's own maps keep a copy of the descriptor; Arrow's outlive the file.
            with pa.memory_map(os.fsencode(path)) as file:
                held = file.read_buffer()
        except FileNotFoundError:
            raise StorageError("a file of the corpus is missing", where=str(path), remedy=VERIFY) from None
        if not len(held):
            raise StorageError("the file is empty", where=str(path), remedy=VERIFY)
        self._maps[path] = held
        if len(self._maps) > self._bound:
            self._maps.popitem(last=False)
        return held

    def hold(self, path: Path, content: bytes) -> None:
        """Take what was fetched from elsewhere for a file."""
        self._maps[path] = pa.py_buffer(content)

    def forget(self) -> None:
        """Let the files go; those of which arrays are held stay mapped as long as these are."""
        self._maps.clear()

    def fetch(self, path: Path, offset: int, length: int) -> None:
        """Ask the system to read a part of a file at once, and not page by page as it is touched."""
        if hasattr(os, "posix_fadvise"):
            file = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(file, offset, length, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(file)


class RowFiles(ABC):
    """An array over records whose shards are files.

    Args:
        dims: Names of its axes, records first.
        shape: Lengths of its axes.
        dtype: Type of its elements.
        shard_records: Records a shard; the last one may hold fewer.
        maps: The files that are open.
    """

    def __init__(
        self,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        shard_records: int,
        maps: FileMaps,
    ) -> None:
        self.dims, self.shape, self.dtype = dims, shape, dtype
        self.shard_records, self.maps = shard_records, maps
        self._located: dict[int, tuple[Path, int] | None] = {}

    @abstractmethod
    def located(self, shard: int) -> tuple[Path, int] | None:
        """Return file and offset of a shard whose records lie in order as in memory; None where they don't.

        Raises:
            StorageError: Its file is missing, or damaged.
        """

    @abstractmethod
    def load(self, rows: Int64[np.ndarray, " row"], out: np.ndarray) -> None:
        """Read records of shards that don't lie as in memory; each chunk once where its rows are together.

        Args:
            rows: The records.
            out: Memory for them, [row, …].

        Raises:
            StorageError: A file is missing, or damaged.
        """

    def mapped(self, shard: int) -> np.ndarray | None:
        """Return a shard as memory that is read when it is touched; None where it doesn't lie as in memory.

        Raises:
            StorageError: Its file is missing, or too short.
        """
        place = self._place(shard)
        if place is None:
            return None
        records = min(self.shard_records, self.shape[0] - shard * self.shard_records)
        return self.maps.array(*place, (records, *self.shape[1:]), self.dtype)

    def _place(self, shard: int) -> tuple[Path, int] | None:
        if shard not in self._located:
            self._located[shard] = self.located(shard)
        return self._located[shard]

    def read(self, rows: Int64[np.ndarray, " row"]) -> np.ndarray:
        """Return records in memory of their own.

        Args:
            rows: The records, ascending.

        Raises:
            StorageError: A file is missing, or damaged.
        """
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        shard = rows // self.shard_records
        for one in np.unique(shard):
            first, stop = np.searchsorted(shard, [one, one + 1])
            held = self.mapped(int(one))
            if held is None:
                self.load(rows[first:stop], values[first:stop])
            else:
                values[first:stop] = held[rows[first:stop] - one * self.shard_records]
        return values

    def forget(self) -> None:
        """Let the files go that were mapped for reading."""
        self.maps.forget()

    def fetch(self, first: int, stop: int) -> None:
        """Ask the system to read a run of records of one shard, if it lies as in memory."""
        shard = first // self.shard_records
        place = self._place(shard)
        if place is not None:
            record = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
            self.maps.fetch(
                place[0], place[1] + (first - shard * self.shard_records) * record, (stop - first) * record
            )
