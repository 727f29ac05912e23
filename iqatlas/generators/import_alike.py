"""Which recordings go together as receivers of one corpus: those that heard the same, at the same times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iqatlas.catalogs.recording import Recording
from iqatlas.errors import CorpusError

_APART = "import each by itself"


def refuse_unlike(recordings: Sequence[Recording]) -> None:
    """Refuse recordings that can't be receivers of the same records.

    Args:
        recordings: One or several.

    Raises:
        CorpusError: Rate, frequency, begin or segments differ, or they are of other corpora or records.
    """
    for other in recordings[1:]:
        _refuse_other(recordings[0], other)


def _refuse_other(first: Recording, other: Recording) -> None:
    where = f"{first.name}, {other.name}"
    for what, unit, one, two in (
        ("sampled at", "Hz", first.sample_rate_hz, other.sample_rate_hz),
        ("tuned to", "Hz", first.centre_frequency_hz, other.centre_frequency_hz),
    ):
        if one != two:
            raise CorpusError(
                f"{what} {one:.10g} and {two:.10g} {unit}", where=where, accepted="receivers that are alike"
            )
    begun = [one.facts.get("datetime") for one in (first, other)]
    if None not in begun and begun[0] != begun[1]:
        raise CorpusError(
            f"begun at {begun[0]} and {begun[1]}",
            where=where,
            accepted="recordings that begin together",
            remedy=_APART,
        )
    _refuse_other_corpus(first, other)
    starts, others = first.segments[:, 0], other.segments[:, 0]
    if not np.array_equal(starts, others) and max(len(starts), len(others)) > 1:
        raise CorpusError("other segments", where=where, remedy=_APART)


def _refuse_other_corpus(first: Recording, other: Recording) -> None:
    """Refuse exports whose segments of the same number are not the same record: labels would be mixed."""
    where = ", ".join(str(one.sources[-1]) for one in (first, other))
    one, two = first.exported, other.exported
    if one is None and two is None:
        return
    if one is None or two is None:
        known = one or two
        told = "" if known is None else f" ({known.corpus})"
        raise CorpusError(f"one is an export of a corpus{told}, the other is not", where=where, remedy=_APART)
    if one.manifest_sha256 != two.manifest_sha256:
        raise CorpusError(
            f"exports of two corpora ({one.corpus}, {two.corpus})",
            where=where,
            accepted="receivers of one corpus",
            remedy=_APART,
        )
    if not np.array_equal(one.record, two.record):
        raise CorpusError(
            f"exports of other records of {one.corpus}, as those of two splits are",
            where=where,
            accepted="receivers that heard the same records",
            remedy=f"{_APART}, or export the corpus without --split",
        )
    same = one.samples == two.samples and np.array_equal(one.edges_hz, two.edges_hz)
    if not same or (one.receiver_split is None) != (two.receiver_split is None) or one.units != two.units:
        raise CorpusError(
            f"exports of {one.corpus} that say other things of it", where=where, remedy="export it again"
        )
