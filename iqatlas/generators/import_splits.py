"""Splits of records out of recordings: blocks of time, or those of the corpus that was exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int8, Int64

from iqatlas.catalogs.exported_recording import OF_ANOTHER
from iqatlas.catalogs.recording import Recording
from iqatlas.catalogs.spec import SPLITS, SplitsSpec, split_slots
from iqatlas.errors import CorpusError, SpecError

_GUARD_RECORDS = 1
_GUARD = SPLITS.index("guard")


def guard_of(spec: SplitsSpec, recordings: Sequence[Recording]) -> int:
    """Return the records, or the slots of an export, that are left out between two splits.

    Args:
        spec: Shares of the splits.
        recordings: What they are shares of; exports tell how long their occupancy takes to forget.
    """
    if not spec.needs_guard:
        return 0
    told = [one.exported.guard_slots or 0 for one in recordings if one.exported is not None]
    return max(_GUARD_RECORDS, *told, 0)


def shared_out(
    spec: SplitsSpec,
    recordings: Sequence[Recording],
    segment: Int64[np.ndarray, " record"],
    *,
    guard: int,
) -> Int8[np.ndarray, " record"]:
    """Return the split of each record by shares in order of time.

    Records of one slot of a draw have their labels in common, and are never of two splits.

    Args:
        spec: Shares of the splits.
        recordings: What the records are cut from.
        segment: Segment that each record is cut from.
        guard: Records, or slots of an export, left out between two splits.

    Raises:
        SpecError: Too few of them for the shares.
    """
    exported = recordings[0].exported
    if exported is None:
        return _cut(spec, len(segment), guard, "records")
    key = exported.record[:, None] if exported.chain is None else exported.chain
    _, begin, own = np.unique(key, axis=0, return_index=True, return_inverse=True)
    # By time is by where a slot begins in the recordings.
    place = np.empty(len(begin), np.int64)
    place[np.argsort(begin)] = np.arange(len(begin))
    split = _cut(spec, len(begin), guard, "slots")
    return np.asarray(split[place[own.reshape(-1)]][segment])


def _cut(spec: SplitsSpec, count: int, guard: int, what: str) -> Int8[np.ndarray, " one"]:
    try:
        return split_slots(spec, slots=count, guard_slots=guard)
    except SpecError:
        raise SpecError(
            f"{count} {what} are too few for these splits with {guard} left out between two",
            where="--splits",
            remedy="give fewer splits a share",
        ) from None


def told_splits(recordings: Sequence[Recording]) -> Int8[np.ndarray, " segment"]:
    """Return the split of each segment as exports of one corpus tell; the guard where none of them does.

    Args:
        recordings: Exports of the same records.

    Raises:
        CorpusError: Two tell different splits of a record.
    """
    told = np.stack([one.exported.split for one in recordings if one.exported is not None])
    split = told.max(axis=0)
    other = (told != OF_ANOTHER) & (told != split)
    if other.any():
        raise CorpusError(
            "exports of a record as of two splits",
            where=", ".join(str(one.sources[-1]) for one in recordings),
            remedy="export the corpus again",
        )
    # Where only receivers of other splits are here, a record is nobody's.
    return np.where(split == OF_ANOTHER, _GUARD, split).astype(np.int8)


def told_shares(recordings: Sequence[Recording]) -> dict[str, Any]:
    """Return the splits part of a spec for exports whose splits stay: how large they are.

    Args:
        recordings: Exports of the same records.

    Raises:
        CorpusError: Two tell different splits of a record.
    """
    split = told_splits(recordings)
    counts = np.bincount(split, minlength=len(SPLITS))[:_GUARD]
    by = "receiver"
    if receiver_splits(recordings) is None:
        by = "draw" if _whole_draws(recordings, split) else "time"
    if not counts.any():
        return {"train": 0, "validation": 0, "test": 1, "by": by}
    shares = counts / counts.sum()
    return {**{SPLITS[index]: round(float(share), 9) for index, share in enumerate(shares)}, "by": by}


def _whole_draws(recordings: Sequence[Recording], split: Int8[np.ndarray, " segment"]) -> bool:
    exported = recordings[0].exported
    if exported is None or exported.chain is None or len(np.unique(split)) < 2:
        return False
    pairs = np.unique(np.stack([exported.chain[:, 0], split], axis=-1), axis=0)
    return len(np.unique(pairs[:, 0])) == len(pairs)


def receiver_splits(recordings: Sequence[Recording]) -> list[str] | None:
    """Return the split of each receiver as exports tell; None where receivers are not split."""
    told = [(one.exported.receiver_split if one.exported else None, one.channels) for one in recordings]
    found = [split for split, channels in told for _ in range(channels) if split is not None]
    return found if len(found) == sum(channels for _, channels in told) else None
