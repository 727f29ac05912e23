"""Columns that are not stored: features worked out from the I/Q that was read, and numbers of records."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from iqatlas.catalogs.batch_memory import BatchMemory
from iqatlas.catalogs.corpus_features import AT_ONCE_BYTES, AskedFeature
from iqatlas.catalogs.load_request import LoadRequest
from iqatlas.catalogs.record_columns import Column, ItemColumn

_AT_ONCE = 1 << 23
"""Bytes of I/Q that features are worked out from at once, as many as a block of records has."""


class FeatureColumn(ItemColumn):
    """A feature of some records: worked out from the I/Q of those that are taken, and of no others.

    Args:
        iq: Their I/Q, whole captures.
        feature: The feature.
        samples: First sample, and the one after the last, of a feature that has samples; None for all.
        memory: Gives memory for what is taken.
    """

    receivers = True

    def __init__(
        self, iq: Column, feature: AskedFeature, samples: tuple[int, int] | None, memory: BatchMemory
    ) -> None:
        self._iq, self._feature, self._samples, self._memory = iq, feature, samples, memory

    def room(self, items: int, *, singly: bool) -> np.ndarray:
        """Return memory for items."""
        leading = self._iq.shape(items, singly=singly)[:-1]
        return self._memory.empty((*leading, *self._feature.shape(self._samples)), self._feature.dtype)

    def take(
        self,
        positions: Int64[np.ndarray, " item"],
        single: Int64[np.ndarray, " item"] | None,
        out: np.ndarray,
    ) -> None:
        """Work the feature of some records out, in any order."""
        whole = self._iq.shape(len(positions), singly=single is not None)
        at_once = max(1, _AT_ONCE // max(1, int(np.prod(whole[1:])) * np.dtype(np.complex64).itemsize))
        at_once = min(at_once, max(1, AT_ONCE_BYTES // max(1, out[:1].nbytes)))
        for start in range(0, len(positions), at_once):
            piece = slice(start, start + at_once)
            own = None if single is None else single[piece]
            samples = self._iq.room(len(positions[piece]), singly=single is not None)
            self._iq.take(positions[piece], own, samples)
            out[piece] = self._feature.of(samples, self._samples)


def asked_columns(
    request: LoadRequest, stored: dict[str, Column], memory: BatchMemory
) -> dict[str, ItemColumn]:
    """Return what a request asks for, in its order.

    Args:
        request: What to read.
        stored: What was read, and the numbers of records.
        memory: Gives memory for what is taken.
    """
    features = {feature.name: feature for feature in request.features}
    columns: dict[str, ItemColumn] = {}
    for name in request.variables:
        if name in features:
            columns[name] = FeatureColumn(stored["iq"], features[name], request.samples, memory)
        elif name == "iq" and request.features and request.samples is not None:
            columns[name] = stored[name].windowed(*request.samples)
        else:
            columns[name] = stored[name]
    return columns


def add_numbers(
    columns: dict[str, Column],
    request: LoadRequest,
    memory: BatchMemory,
    at: Int64[np.ndarray, " n"],
    rows: Int64[np.ndarray, " n"],
    *,
    records: int,
    corpus: int,
) -> None:
    """Add the numbers of records of one corpus that a request asks for.

    Args:
        columns: The columns that there are; those of numbers are added to them.
        request: What to read.
        memory: Gives memory for what is taken.
        at: Positions of the records in the columns.
        rows: The records in their corpus.
        records: How many records the columns have.
        corpus: Number of that corpus.
    """
    first = np.zeros(len(at), np.int64)
    for name, piece, index in (
        ("record", rows, np.arange(len(rows))),
        ("receiver_index", np.arange(request.heard)[None], first),
        ("city_index", np.full(1, corpus, np.int64), first),
    ):
        if name in request.variables and name not in request.stored:
            if name not in columns:
                kept, receivers = request.receivers, name == "receiver_index"
                columns[name] = Column(records, memory, receivers=receivers, kept=kept)
            columns[name].add(at, piece, index)
