"""Items of an epoch in memory, one by one or in batches, for any framework."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from iqatlas.catalogs.epoch_order import Reading
from iqatlas.catalogs.record_reader import RecordReader

_TAKEN = 64
"""Single items that are taken at once: as many as one would batch."""


def single_items(reader: RecordReader, readings: Iterable[Reading]) -> Iterator[dict[str, np.ndarray]]:
    """Give items one by one, as views of a few that were taken at once.

    Args:
        reader: Reads the chunks.
        readings: What to read, and the order of its items.
    """
    for reading in readings:
        records = reader.read(reading.rows, reading.counts)
        for start in range(0, len(reading.order), _TAKEN):
            order = reading.order[start : start + _TAKEN]
            items = records.items(order)
            for position in range(len(order)):
                yield {name: np.asarray(values[position]) for name, values in items.items()}


def batches(reader: RecordReader, readings: Iterable[Reading], size: int) -> Iterator[dict[str, np.ndarray]]:
    """Give batches of a size, the last one with what is left.

    Args:
        reader: Reads the chunks.
        readings: What to read, and the order of its items.
        size: Items a batch.
    """
    whole: dict[str, np.ndarray] = {}
    filled = 0
    for reading in readings:
        records = reader.read(reading.rows, reading.counts)
        done = 0
        while done < len(reading.order):
            order = reading.order[done : done + size - filled]
            if not filled:
                whole = records.room(size)
            records.fill(whole, filled, order)
            done += len(order)
            filled += len(order)
            if filled == size:
                # A generator that waits holds no batch, so that its memory is free for the next but one.
                ready, whole, filled = [whole], {}, 0
                yield ready.pop()
    if filled:
        yield {name: values[:filled] for name, values in whole.items()}
