"""What a loader is asked for, checked once in the user's process and small enough to send to workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from iqatlas.axes import RECORD
from iqatlas.errors import CorpusError, nearest

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

SPLITS = ["train", "validation", "test"]

SampleWindow = int | tuple[int, int]
"""Samples of a capture: the first so many, or (first sample, number of samples)."""


@dataclass(frozen=True)
class LoadRequest:
    """What to read of which records.

    Args:
        variables: What an item holds.
        receivers: Positions of the receivers to keep, in this order; None for all as stored.
        samples: First sample, and the one after the last; None for whole captures.
        groups: Whether an item is a record with all its receivers, or one receiver of a record.
        each: Items in a record.
        rows: Records that are wanted, ascending; those of further corpora follow those of the first.
        edges: First record of each storage chunk, and the number of all records.
    """

    variables: tuple[str, ...]
    receivers: tuple[int, ...] | None
    samples: tuple[int, int] | None
    groups: bool
    each: int
    rows: Int64[np.ndarray, " row"]
    edges: Int64[np.ndarray, " edge"]


def load_request(
    members: Sequence[Corpus],
    *,
    split: str | None = None,
    variables: Sequence[str] = ("iq", "label"),
    receivers: Sequence[str] | None = None,
    window: SampleWindow | None = None,
    groups: bool = True,
) -> LoadRequest:
    """Check what a user asks of corpora that have the same variables and extents.

    Args:
        members: The corpora.
        split: ``train``, ``validation`` or ``test``; all records without it.
        variables: Names of variables over the records.
        receivers: Names of the receivers to keep, in this order. Without it all of them, or those of the
            split where receivers have splits of their own.
        window: Samples to keep of each capture: the first so many, or (first sample, number of samples).
        groups: Whether all receivers of a record stay together.

    Raises:
        CorpusError: An unknown split, variable or receiver, or a window beyond the capture.
    """
    dataset = members[0].dataset
    over_records = [str(name) for name, array in dataset.data_vars.items() if RECORD in array.dims]
    known("variable", variables, over_records)
    if split is not None:
        known("split", [split], SPLITS)
    names = [str(name) for name in dataset["receiver"].values]
    if receivers is not None:
        known("receiver", receivers, names)
    elif split is not None:
        own = [member.receivers_of(split) for member in members]
        if any(other != own[0] for other in own):
            raise CorpusError("receivers of this split differ between the corpora", remedy="name receivers")
        receivers = own[0]
    kept = None if receivers is None else tuple(names.index(name) for name in receivers)
    if kept is not None and len(set(kept)) < len(kept):
        raise CorpusError("a receiver is named twice", accepted=", ".join(names))
    sampled = any("sample" in dataset[name].dims for name in variables)
    return LoadRequest(
        tuple(variables),
        kept,
        None if window is None else _samples(window, dataset.sizes["sample"] if sampled else 0),
        groups,
        1 if groups else len(names if kept is None else kept),
        _rows(members, split),
        _edges(members, variables),
    )


def known(what: str, asked: Sequence[str], there: Sequence[str]) -> None:
    """Check names that a user gave.

    Raises:
        CorpusError: One is not known, or there is none.
    """
    if isinstance(asked, str) or not asked:
        given = f"the text {asked!r}" if asked else "empty"
        raise CorpusError(f"{what}s is {given}", accepted=f"a list of names: {', '.join(there)}")
    for name in asked:
        if name not in there:
            near = nearest(name, there)
            raise CorpusError(
                f"no {what} {name!r}" + (f", did you mean {near!r}?" if near else ""),
                accepted=", ".join(there),
            )


def _samples(window: SampleWindow, there: int) -> tuple[int, int]:
    if not there:
        raise CorpusError(
            "a window is of samples, and no variable asked for has any", remedy="leave window out"
        )
    parts = window if isinstance(window, tuple) else (0, window)
    whole = len(parts) == 2 and all(isinstance(part, int | np.integer) for part in parts)
    if not whole or parts[0] < 0 or parts[1] < 1 or sum(parts) > there:
        raise CorpusError(
            f"a window of {window!r} does not fit into captures of {there} samples",
            accepted=f"a number of samples up to {there}, or (first sample, number of samples)",
        )
    return int(parts[0]), int(sum(parts))


def _rows(members: Sequence[Corpus], split: str | None) -> Int64[np.ndarray, " row"]:
    rows, before = [], 0
    for member in members:
        count = member.manifest.records
        own = np.arange(count) if split is None else np.flatnonzero(member.split_mask(split))
        rows.append(own.astype(np.int64) + before)
        before += count
    return np.concatenate(rows)


def _edges(members: Sequence[Corpus], variables: Sequence[str]) -> Int64[np.ndarray, " edge"]:
    """Return the edges of the variable in the largest chunks: those of the others lie inside them."""
    edges, before = [np.zeros(1, np.int64)], 0
    for member in members:
        dataset = member.dataset
        if any(dataset[name].chunks is None for name in variables):
            # Its user has loaded it into memory, and it no longer knows how it is stored.
            dataset = type(member)(member.place).dataset
        chunks = min((dataset[name].chunksizes[RECORD] for name in variables), key=len)
        edges.append(np.cumsum(np.asarray(chunks, np.int64)) + before)
        before += member.manifest.records
    return np.concatenate(edges)
