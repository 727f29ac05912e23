"""Arrays of an HDF5 store, read by offset: whole and uncompressed, a shard's lie in its file as in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int8, Int64

from iqatlas.catalogs import _hdf5
from iqatlas.catalogs.row_files import VERIFY, FileMaps, RowFiles
from iqatlas.errors import StorageError


class _Shards:
    """Where the arrays of each shard begin; a file is opened once for all of them."""

    def __init__(self, corpus: Path) -> None:
        self._corpus = corpus
        self._places: dict[int, dict[str, tuple[int, tuple[int, ...], np.dtype[Any]]]] = {}

    def path(self, shard: int) -> Path:
        return self._corpus / _hdf5.shard_name(shard)

    def places(self, shard: int) -> dict[str, tuple[int, tuple[int, ...], np.dtype[Any]]]:
        if shard not in self._places:
            self._places[shard] = _hdf5.plain_places(self.path(shard))
        return self._places[shard]


class Hdf5Rows(RowFiles):
    """An array of numbers over records.

    Args:
        name: Its name.
        shards: Where those of each shard begin.
        dims: Names of its axes, records first.
        shape: Lengths of its axes.
        dtype: Type of its elements.
        shard_records: Records a shard.
        maps: The files that are open.
    """

    def __init__(
        self,
        name: str,
        shards: _Shards,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        shard_records: int,
        maps: FileMaps,
    ) -> None:
        super().__init__(dims, shape, dtype, shard_records, maps)
        self._name, self._shards = name, shards

    def located(self, shard: int) -> tuple[Path, int] | None:
        """Return file and offset of a shard."""
        path = self._shards.path(shard)
        place = self._shards.places(shard).get(self._name)
        records = min(self.shard_records, self.shape[0] - shard * self.shard_records)
        if place is None or place[1:] != ((records, *self.shape[1:]), self.dtype):
            raise StorageError(f"the file holds another {self._name}", where=str(path), remedy=VERIFY)
        return path, place[0]

    def load(self, rows: Int64[np.ndarray, " row"], out: np.ndarray) -> None:
        """Do nothing: every shard lies as in memory."""


def row_files(corpus: Path, names: Sequence[str], maps: FileMaps) -> dict[str, RowFiles]:
    """Return those of some arrays over records that hold numbers.

    Args:
        corpus: Folder of the corpus.
        names: The arrays.
        maps: The files that are open.
    """
    shards = _Shards(corpus)
    shard_records, arrays = _hdf5.arrays_of_numbers(corpus)
    return {
        name: Hdf5Rows(name, shards, *arrays[name], shard_records, maps) for name in names if name in arrays
    }


def word_codes(corpus: Path, name: str, words: Sequence[str]) -> Int8[np.ndarray, " record"] | None:
    """Return which of a few words stands at each record of an array of text; None where others do.

    Args:
        corpus: Folder of the corpus.
        name: The array.
        words: The words, fewer than a hundred.
    """
    parts = []
    for text in _hdf5.raw_text(corpus, name):
        codes = np.full(len(text), -1, np.int8)
        for code, word in enumerate(words):
            codes[text == word.encode()] = code
        parts.append(codes)
    whole = np.concatenate(parts)
    return None if (whole < 0).any() else whole
