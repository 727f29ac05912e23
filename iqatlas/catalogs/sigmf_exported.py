"""The namespace ``iqatlas`` of SigMF metadata, read back: all of it is there and sound, or it is one line."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from pydantic import TypeAdapter, ValidationError

from iqatlas.catalogs.exported_recording import OF_ANOTHER, Exported
from iqatlas.catalogs.manifest import reason_of
from iqatlas.catalogs.sigmf_namespace import NAMESPACE, OTHERS, CaptureFacts, GlobalFacts
from iqatlas.catalogs.spec import SPLITS
from iqatlas.errors import CorpusError

_NEEDED = f"{NAMESPACE}:manifest_sha256"
"""Recordings of iqatlas before there was the namespace don't have it."""
_UNUSED = f"{NAMESPACE}:occupancy"
_HERTZ_DIGITS = 5
"""Edges at radio frequency carry float64's rounding, a quarter of a microhertz at 2 GHz."""
_LONGEST_NAME, _LONGEST_LINE, _MOST_LINES = 255, 500, 100


def exported_facts(
    whole: dict[str, Any],
    kept: Int64[np.ndarray, " segment"],
    *,
    rate_hz: float,
    centre_hz: float,
    where: str,
) -> Exported | None:
    """Return what the metadata of an export tell of its corpus; None where they are somebody else's.

    Args:
        whole: All metadata.
        kept: Which of the captures have samples.
        rate_hz: Sampling rate.
        centre_hz: Radio frequency at the middle of the band.
        where: The metadata file, for messages.

    Raises:
        CorpusError: There are fields of the namespace, and they aren't what it says.
    """
    about = whole["global"]
    if _NEEDED not in about:
        return None
    try:
        facts = GlobalFacts.model_validate(about)
        told = [_needed(capture) for capture in whole.get("captures") or []]
        captures = TypeAdapter(list[CaptureFacts]).validate_python(told)
    except ValidationError as failure:
        raise _unsound(reason_of(failure), where) from None
    if len(captures) <= kept.max():
        raise _unsound("no captures", where)
    captures = [captures[index] for index in kept.tolist()]
    split = [OF_ANOTHER if one.split == OTHERS else SPLITS.index(one.split) for one in captures]
    own = facts.receiver_split
    if own not in (None, *SPLITS[:3]):
        raise _unsound(f"receiver_split is {own}", where)
    if own is not None and set(split) - {OF_ANOTHER, SPLITS.index("guard"), SPLITS.index(own)}:
        raise _unsound(f"captures of another split than receiver_split, {own}", where)
    chain = _column([None if one.draw is None else (one.draw, one.slot) for one in captures], "draw", where)
    _column([one.slot if one.draw is not None else None for one in captures], "slot", where)
    label = _column([one.label for one in captures], "label", where)
    time_s = np.array([one.time_s for one in captures], np.float64)
    if not np.isfinite(time_s).all():
        raise _unsound("time_s is not finite", where)
    edges_hz = _edges_hz(facts, rate_hz, centre_hz, where)
    if label is not None and {len(one) for one in label} != {len(edges_hz)}:
        raise _unsound(f"labels that are not {len(edges_hz)} each, as there are sub-channels", where)
    return Exported(
        corpus=_line(facts.corpus, _LONGEST_NAME, "corpus", where),
        manifest_sha256=facts.manifest_sha256,
        receiver=_line(facts.receiver, _LONGEST_NAME, "receiver", where),
        receiver_split=own,
        samples=facts.record_samples,
        edges_hz=edges_hz,
        units=facts.units,
        simulated=about.get("core:hw") == "simulated",
        credit=tuple(_line(line, _LONGEST_LINE, "attribution", where) for line in facts.attribution or ())[
            :_MOST_LINES
        ],
        guard_slots=facts.guard_slots,
        record=_integers([one.record for one in captures], "record", where),
        time_s=time_s,
        split=np.array(split, np.int8),
        chain=None if chain is None else _integers(chain, "draw and slot", where),
        label=None if label is None else np.array(label, bool),
    )


def _needed(capture: Any) -> Any:
    """Return a capture without what nothing is made of: most of the bytes of the metadata."""
    if not isinstance(capture, dict):
        return capture
    return {name: value for name, value in capture.items() if name != _UNUSED}


def _column(values: list[Any], name: str, where: str) -> list[Any] | None:
    """Return what all captures tell; None where none of them does."""
    told = sum(value is not None for value in values)
    if told not in (0, len(values)):
        raise _unsound(f"{name} in {told} of {len(values)} captures", where)
    return values if told else None


def _integers(values: list[Any], name: str, where: str) -> Int64[np.ndarray, "..."]:
    try:
        return np.array(values, np.int64)
    except (OverflowError, TypeError):
        raise _unsound(f"{name}: no 64-bit whole numbers in all captures", where) from None


def _edges_hz(
    facts: GlobalFacts, rate_hz: float, centre_hz: float, where: str
) -> Float64[np.ndarray, "subchannel 2"]:
    told = [(one.freq_lower_edge, one.freq_upper_edge) for one in facts.subchannels]
    edges = np.round(np.array(told, np.float64).reshape(-1, 2) - centre_hz, _HERTZ_DIGITS)
    if not len(edges) or (edges[:, 0] >= edges[:, 1]).any() or (np.diff(edges, axis=0) <= 0).any():
        raise _unsound("subchannels that don't follow each other by rising frequency", where)
    if np.abs(edges).max() > rate_hz / 2 * (1 + 1e-9):
        raise _unsound("subchannels beyond the sampling rate about core:frequency", where)
    return edges


def _line(text: str, longest: int, name: str, where: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > longest:
        raise _unsound(f"{name} is no line of 1 to {longest} printable characters", where)
    return text


def _unsound(what: str, where: str) -> CorpusError:
    return CorpusError(
        f"fields of an iqatlas export that can't be read ({what})",
        where=where,
        remedy=f"export the corpus again, or take {_NEEDED} out to import it as any other recording",
    )
