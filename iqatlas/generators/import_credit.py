"""Whose recordings are: lines of credit that go on with the corpus that is made of them."""

from __future__ import annotations

from collections.abc import Sequence

from iqatlas.catalogs.recording import Recording


def credit_of(recording: Recording) -> tuple[str, ...]:
    """Return the lines of credit of a recording: its author, and what the corpus that it is from asks for.

    Args:
        recording: The recording.
    """
    author, exported = recording.facts.get("author"), recording.exported
    if exported is None:
        return (author or "of who recorded it",)
    lines = dict.fromkeys((*([author] if author else []), *exported.credit))
    return tuple(lines) or (f"of who made the corpus {exported.corpus}",)


def credits_of(recordings: Sequence[Recording]) -> list[str]:
    """Return the lines of credit of several recordings, each once."""
    return sorted({line for one in recordings for line in credit_of(one)})
