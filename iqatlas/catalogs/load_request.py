"""What a loader is asked for, checked once in the user's process and small enough to send to workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int64

from iqatlas.axes import RECORD
from iqatlas.catalogs.asked_values import known, listed, switches
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus
    from iqatlas.catalogs.corpus_features import AskedFeature

__all__ = ["NUMBERS", "SPLITS", "FeatureOptions", "LoadRequest", "SampleWindow", "known", "load_request"]

SPLITS = ["train", "validation", "test"]

SampleWindow = int | tuple[int, int]
"""Samples of a capture: the first so many, or (first sample, number of samples)."""

FeatureOptions = Mapping[str, Mapping[str, Any]]
"""Features to work out: what stands below the key of each in ``features:`` of a spec."""

NUMBERS = ("record", "receiver_index", "city_index")
"""Variables that say where an item is from: none of them is stored."""


@dataclass(frozen=True)
class LoadRequest:
    """What to read of which records.

    Args:
        variables: What an item holds.
        stored: Those variables that are read from storage, and what features are worked out from.
        features: Those that are worked out.
        heard: Receivers in a record as stored.
        receivers: Positions of the receivers to keep, in this order; None for all as stored.
        samples: First sample, and the one after the last; None for whole captures.
        groups: Whether an item is a record with all its receivers, or one receiver of a record.
        each: Items in a record.
        rows: Records that are wanted, ascending; those of further corpora follow those of the first.
        edges: First record of each storage chunk, and the number of all records.
    """

    variables: tuple[str, ...]
    stored: tuple[str, ...]
    features: tuple[AskedFeature, ...]
    heard: int
    receivers: tuple[int, ...] | None
    samples: tuple[int, int] | None
    groups: bool
    each: int
    rows: Int64[np.ndarray, " row"]
    edges: Int64[np.ndarray, " edge"]

    def samples_of(self, name: str) -> tuple[int, int] | None:
        """Return which samples of a stored variable are read: features need whole captures."""
        return None if name == "iq" and self.features else self.samples


def load_request(
    members: Sequence[Corpus],
    *,
    split: str | None = None,
    variables: Sequence[str] = ("iq", "label"),
    receivers: Sequence[str] | None = None,
    window: SampleWindow | None = None,
    groups: bool = True,
    features: FeatureOptions | None = None,
) -> LoadRequest:
    """Check what a user asks of corpora that have the same variables and extents.

    Args:
        members: The corpora.
        split: ``train``, ``validation`` or ``test``; all records without it.
        variables: Names of variables over the records, of :data:`NUMBERS`, and of features: those that
            aren't stored are worked out with their defaults.
        receivers: Names of the receivers to keep, in this order. Without it all of them, or those of the
            split where receivers have splits of their own.
        window: Samples to keep of each capture: the first so many, or (first sample, number of samples).
        groups: Whether all receivers of a record stay together.
        features: Features to work out, with these options, whether or not they are stored; those that
            ``variables`` doesn't name come before it.

    Raises:
        CorpusError: An unknown split, variable or receiver, or a window beyond the capture.
        SpecError: An unknown option of a feature, or one that the captures don't allow.
    """
    dataset = members[0].dataset
    switches(groups=groups)
    over_records = [str(name) for name, array in dataset.data_vars.items() if RECORD in array.dims]
    variables, worked_out = _variables(members, over_records, variables, features)
    stored = [name for name in variables if name in over_records and name not in worked_out]
    if worked_out and "iq" not in stored:
        stored.append("iq")
    if split is not None:
        known("split", [split], SPLITS)
    names = [str(name) for name in dataset["receiver"].values]
    if receivers is not None:
        receivers = known("receiver", receivers, names)
    elif split is not None:
        own = [member.receivers_of(split) for member in members]
        if any(other != own[0] for other in own):
            raise CorpusError("receivers of this split differ between the corpora", remedy="name receivers")
        receivers = own[0]
    kept = None if receivers is None else tuple(names.index(name) for name in receivers)
    if kept is not None and len(set(kept)) < len(kept):
        raise CorpusError("a receiver is named twice", accepted=", ".join(names))
    sampled = any("sample" in dataset[name].dims for name in stored if name in variables)
    sampled |= any(feature.has_samples for feature in worked_out.values())
    return LoadRequest(
        variables,
        tuple(stored),
        tuple(worked_out.values()),
        len(names),
        kept,
        None if window is None else _samples(window, dataset.sizes["sample"] if sampled else 0),
        groups,
        1 if groups else len(names if kept is None else kept),
        _rows(members, split),
        _edges(members, stored or ["iq"]),
    )


def _variables(
    members: Sequence[Corpus],
    over_records: Sequence[str],
    variables: Sequence[str],
    features: FeatureOptions | None,
) -> tuple[tuple[str, ...], dict[str, AskedFeature]]:
    """Return what an item holds, and which of it is worked out.

    Raises:
        CorpusError: An unknown variable, or one that is named twice.
        SpecError: An unknown feature, or an option that it doesn't take.
    """
    there = [*over_records, *NUMBERS]
    options = _options(features)
    asked_for = listed(variables)
    plain = isinstance(asked_for, list) and all(name in there for name in asked_for)
    if plain and not options:
        names = known("variable", asked_for, there)
        worked_out: dict[str, AskedFeature] = {}
    else:
        # The library of features takes half a second, and a loader of what is stored doesn't need it.
        from iqatlas.catalogs.corpus_features import asked_features, features_beside

        names = known("variable", asked_for, there, worked_out=features_beside(there))
        asked = {**options, **{name: {} for name in names if name not in there and name not in options}}
        worked_out = {feature.name: feature for feature in asked_features(members, asked)}
    if len(set(names)) < len(names):
        raise CorpusError("a variable is named twice", accepted="each of them once")
    # What comes last is y for scikit-learn.
    return (*(name for name in options if name not in names), *names), worked_out


def _options(features: FeatureOptions | None) -> dict[str, Mapping[str, Any]]:
    given = {} if features is None else features
    if not isinstance(given, Mapping) or not all(isinstance(own, Mapping) for own in given.values()):
        raise CorpusError(
            f"features is {features!r}",
            accepted="a mapping of options by feature: {'power_spectrum': {'nperseg': 256}}",
        )
    return dict(given)


def _samples(window: object, there: int) -> tuple[int, int]:
    if not there:
        raise CorpusError(
            "a window is of samples, and no variable asked for has any", remedy="leave window out"
        )
    parts = window if isinstance(window, tuple) else (0, window)
    # True would be one sample.
    whole = [int(part) for part in parts if not isinstance(part, bool) and isinstance(part, Integral)]
    if len(parts) != 2 or len(whole) != 2 or whole[0] < 0 or whole[1] < 1 or sum(whole) > there:
        raise CorpusError(
            f"a window of {window!r} does not fit into captures of {there} samples",
            accepted=f"a number of samples up to {there}, or (first sample, number of samples)",
        )
    return whole[0], sum(whole)


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
        # Of the variables: xarray finds a chunk of coordinates that is longer than an array's inconsistent.
        chunks = min((dataset[name].variable.chunksizes[RECORD] for name in variables), key=len)
        edges.append(np.cumsum(np.asarray(chunks, np.int64)) + before)
        before += member.manifest.records
    return np.concatenate(edges)
