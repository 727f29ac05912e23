"""Would a score on this corpus mean what it says? Leaks between splits, balance of labels, shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from iqatlas.catalogs.draw_chance import expected_pairs_alike
from iqatlas.catalogs.occupancy_repeats import occupancy_repeats
from iqatlas.catalogs.probes import Probe, metadata_features, probe
from iqatlas.catalogs.repeats import LEAST_SNR_DB, RepeatFinder, Repeats
from iqatlas.catalogs.spec import SPLITS
from iqatlas.catalogs.split_audit import shared_uav, split_problems
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

_TO_LEARN = SPLITS[:3]
_NEEDED = ("iq", "label", "split", "slot", "draw", "time", "snr", "noise_power", "snr_level", "occupancy")
_LEAST_SHARE = 0.01
_CHANCE = 1e-6
"""Expected pairs of draws that are the same by chance, beyond which one that is tells nothing."""
_FORGOTTEN = 0.01
"""Correlation across a gap that is wide enough."""
_SLACK = 0.5
"""A measured memory may be off by so much."""
_WIDEST_CHANCE = 0.75
"""An upper end of chance beyond which a shortcut would hardly show: it is told at 4.5 standard errors, and
the interval is 2.6 of them wide to each side, so that a probe would have to be right in 0.94 and more."""
_SHORTCUT = 0.9
"""A balanced accuracy from total power alone beyond which nothing is left to sense."""


@dataclass(frozen=True)
class Finding:
    """One question with its answer.

    Args:
        name: What it is about.
        holds: Whether all is well; false where it could not be judged, which is never binding.
        text: The line to show.
        binding: Whether the corpus leaks where it does not hold.
    """

    name: str
    holds: bool
    text: str
    binding: bool = True


def audit_corpus(
    corpus: Corpus, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Finding, ...]:
    """Look for leaks between splits, unbalanced labels and trivial shortcuts.

    Args:
        corpus: The corpus.
        progress: Called with records done and records in all.

    Raises:
        CorpusError: The records have no labels or splits.
    """
    dataset = corpus.dataset
    missing = [name for name in _NEEDED if name not in dataset]
    if missing:
        raise CorpusError(
            f"the records have no {', '.join(missing)}, so there is nothing to audit", where=corpus.place.name
        )
    small = [name for name in _NEEDED if name != "iq"]
    with corpus.place.errors("read"):
        known = dataset[small].load()
    waveform = corpus.manifest.spec.get("waveform") or {}
    finder = RepeatFinder(
        split=known["split"].values.astype("<U10"),
        snr_db=known["snr"].transpose("record", "receiver").values.astype(np.float64),
        occupied=known["label"].values.mean(axis=1, dtype=np.float64),
        samples=int(dataset.sizes["sample"]),
        control=bool(waveform.get("control", False)),
        seed=_seed(corpus),
    )
    power_mw = np.empty((dataset.sizes["record"], dataset.sizes["receiver"]))
    chunk = corpus.chunk_records
    for start in range(0, dataset.sizes["record"], chunk):
        with corpus.place.errors("read"):
            part = dataset[["iq"]].isel(record=slice(start, start + chunk)).load()
        finder.add(part, start)
        iq = part["iq"].transpose("record", "receiver", "sample").values
        power_mw[start : start + chunk] = np.square(np.abs(iq)).mean(axis=-1, dtype=np.float64)
        if progress:
            progress(min(start + chunk, dataset.sizes["record"]), dataset.sizes["record"])
    return tuple(_findings(corpus, known, finder.found(), power_mw))


def _seed(corpus: Corpus) -> int:
    seed = corpus.manifest.spec.get("seed")
    return seed if isinstance(seed, int) and seed >= 0 else 0


def _findings(corpus: Corpus, known: xr.Dataset, repeats: Repeats, power_mw: np.ndarray) -> Iterator[Finding]:
    yield _time_finding(corpus, known)
    yield _receiver_finding(corpus)
    yield _draw_finding(known, corpus.manifest.spec)
    yield _occupancy_finding(known, _seed(corpus))
    yield from _repeat_findings(repeats, corpus.manifest.spec)
    yield _balance_finding(known)
    yield from _shortcut_findings(corpus, known, power_mw)


def _time_finding(corpus: Corpus, known: xr.Dataset) -> Finding:
    problems = list(split_problems(known.assign(_owners(corpus)), corpus.manifest))
    gap, memory = _smallest_gap(known), _memory_slots(known)
    if problems:
        return Finding("time", False, f"splits are apart in time: no, {problems[0]}")
    if gap is None:
        return Finding("time", True, "splits are apart in time: yes, whole draws belong to one each")
    holds = gap >= _SLACK * memory
    return Finding(
        "time",
        holds,
        f"splits are apart in time: {'yes' if holds else 'no'}, {gap} slots at least, and "
        f"occupancy forgets in {memory:.0f} (measured)",
    )


def _owners(corpus: Corpus) -> dict[str, xr.DataArray]:
    names = ("receiver_split", "site_split")
    return {name: corpus.dataset[name].load() for name in names if name in corpus.dataset}


def _smallest_gap(known: xr.Dataset) -> int | None:
    split = known["split"].values.astype("<U10")
    own = np.flatnonzero(np.isin(split, _TO_LEARN))
    own = own[_chain(known)[own].argsort(kind="stable")]
    slot, draw, split = known["slot"].values[own], known["draw"].values[own], split[own]
    changes = np.flatnonzero((split[1:] != split[:-1]) & (draw[1:] == draw[:-1]))
    gaps = slot[changes + 1] - slot[changes] - 1
    return max(0, int(gaps.min())) if len(gaps) else None


def _memory_slots(known: xr.Dataset) -> float:
    """Return after how many slots the correlation of occupancy is forgotten, from that of neighbours."""
    states, chain = _by_slot(known)
    joined = np.diff(chain) == 1
    centred = states - states.mean(axis=0)
    variance = float(np.square(centred).mean())
    if not joined.any() or variance < 1e-9:
        return 0.0
    one = float((centred[1:][joined] * centred[:-1][joined]).mean()) / variance
    return float(np.log(_FORGOTTEN) / np.log(np.clip(one, 1e-6, 0.9999)))


def _chain(known: xr.Dataset) -> np.ndarray:
    """Return a number for each record that rises by 1 from slot to slot, and by more from draw to draw."""
    slot, draw = known["slot"].values.astype(np.int64), known["draw"].values.astype(np.int64)
    return np.asarray(draw * (slot.max() + 2) + slot)


def _by_slot(known: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    chain, first = np.unique(_chain(known), return_index=True)
    states = known["occupancy"].transpose("record", "site", "subchannel").values[first]
    return states.reshape(len(first), -1).astype(np.float64), chain


def _receiver_finding(corpus: Corpus) -> Finding:
    owners = {name: corpus.receivers_of(name) for name in _TO_LEARN}
    if all(own is None for own in owners.values()):
        by = corpus.manifest.spec.get("splits", {}).get("by", "time")
        return Finding(
            "receiver",
            False,
            f"receivers belong to one split each: not asked for (splits.by: {by})",
            binding=False,
        )
    shared = [
        name
        for one, other in pairwise([*_TO_LEARN, _TO_LEARN[0]])
        for name in set(owners[one] or []) & set(owners[other] or [])
    ]
    if not shared and (uav := shared_uav(corpus.dataset)) is not None:
        shared = [f"{uav}, by its antennas,"]
    text = f"no, {shared[0]} is in two" if shared else "yes"
    return Finding("receiver", not shared, f"receivers belong to one split each: {text}")


def _draw_finding(known: xr.Dataset, spec: Mapping[str, Any]) -> Finding:
    """Compare what is sent in each draw: the same chains in two splits are one draw twice.

    Draws so short that chance makes some the same tell nothing.
    """
    _, slots = np.unique(_chain(known), return_index=True)
    occupancy = np.ascontiguousarray(known["occupancy"].transpose("record", ...).values[slots])
    draw, split = known["draw"].values, known["split"].values.astype("<U10")
    names = {number: set(split[own]) & set(_TO_LEARN) for number, own in _groups(draw)}
    seen: dict[bytes, int] = {}
    twice = None
    for number, own in _groups(draw[slots]):
        if not occupancy[own].any():
            continue
        first = seen.setdefault(sha256(occupancy[own].tobytes()).digest(), number)
        if first != number and len(names[first] | names[number]) > 1:
            twice = first, number
    if twice and (pairs := _pairs_by_chance(known, spec)) > _CHANCE:
        told = f"not judged, chance alone makes {pairs:.2g} pairs of such short draws the same"
        return Finding("draw", False, f"no draw comes again in another split: {told}", binding=False)
    text = f"no, draws {twice[0]} and {twice[1]} send the same" if twice else "yes"
    return Finding("draw", twice is None, f"no draw comes again in another split: {text}")


def _groups(values: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return every value with the places where it stands."""
    order = np.argsort(values, kind="stable")
    found, begin = np.unique(values[order], return_index=True)
    return list(zip(found.tolist(), np.split(order, begin[1:]), strict=True))


def _occupancy_finding(known: xr.Dataset, seed: int) -> Finding:
    chain, rows = np.unique(_chain(known), return_index=True)
    states = known["occupancy"].transpose("record", ...).values[rows].astype(bool).reshape(len(rows), -1)
    split, slot, draw = (known[name].values[rows] for name in ("split", "slot", "draw"))
    found = occupancy_repeats(states, chain, split.astype("<U10"), seed=seed)
    text = "no stretch of occupancy comes again in another split"
    if not found.compared:
        reason = "occupancy changes too little" if found.slots else "no two splits are long enough"
        return Finding("occupancy", False, f"{text}: not judged, {reason}", binding=False)
    stretches = f"{found.compared:,} stretches of {found.slots} slots"
    if found.example is None:
        return Finding("occupancy", True, f"{text}: yes ({stretches} compared)")
    one, other = (f"slot {slot[place]} of draw {draw[place]}" for place in found.example)
    return Finding(
        "occupancy",
        False,
        f"{text}: no, {found.across:,} of {stretches} do, as those from {one} and from {other}",
    )


def _pairs_by_chance(known: xr.Dataset, spec: Mapping[str, Any]) -> float:
    states, chain = _by_slot(known)
    draws = len(np.unique(known["draw"].values))
    if len(chain) % draws:
        return 0.0  # draws of several lengths: nothing that iqatlas makes
    occupancy = spec.get("occupancy") or {}
    together = occupancy.get("profile") is not None or occupancy.get("kind") in ("users", "trace")
    return expected_pairs_alike(
        states.reshape(draws, len(chain) // draws, -1).astype(bool), independent=not together
    )


def _fixed_payload(spec: Mapping[str, Any]) -> Finding | None:
    """Return the finding of a corpus whose spec says that all draws, its splits, send the same."""
    capture, splits = spec.get("capture") or {}, spec.get("splits") or {}
    draws = capture.get("draws")
    if capture.get("payload") != "fixed" or splits.get("by") != "draw" or not draws or draws < 2:
        return None
    text = f"no, capture.payload: fixed sends the same in all {draws:,} draws"
    return Finding("payload", False, f"no payload comes again in another split: {text}")


def _repeat_findings(found: Repeats, spec: Mapping[str, Any]) -> Iterator[Finding]:
    example = f", as {found.example[0]} and {found.example[1]}" if found.example else ""
    exact = (
        "yes" if not found.same_across else f"no, {found.same_across:,} of {found.same:,} doubles{example}"
    )
    if found.captures_across and not found.same_across:
        exact = f"no, {found.captures_across:,} captures of a receiver do, or nearly{example}"
    copied = bool(found.same_across or found.captures_across)
    yield Finding("copies", not copied, f"no record's samples come again in another split: {exact}")
    fixed = _fixed_payload(spec)
    if fixed is not None:
        yield fixed
        return
    if found.compared < 2:
        text = f"not judged, no two captures have {LEAST_SNR_DB:g} dB of signal"
        yield Finding("payload", False, f"no payload comes again in another split: {text}", binding=False)
        return
    alike = "yes" if not found.alike_across else f"no, {found.alike_across:,} pairs are alike{example}"
    yield Finding(
        "payload",
        not found.alike_across,
        f"no payload comes again in another split: {alike} ({found.compared:,} strong captures compared)",
    )


def _balance_finding(known: xr.Dataset) -> Finding:
    split, label = known["split"].values.astype("<U10"), known["label"].values
    shares = {name: label[split == name].mean(axis=0) for name in _TO_LEARN if (split == name).any()}
    holds = bool(shares) and all(
        ((share >= _LEAST_SHARE) & (share <= 1 - _LEAST_SHARE)).all() for share in shares.values()
    )
    told = ", ".join(f"{name} {share.mean():.2f}" for name, share in shares.items())
    return Finding(
        "balance",
        holds,
        f"every split has both labels in every sub-channel: {'yes' if holds else 'no'}, occupied: {told}",
        binding=False,
    )


def _shortcut_findings(corpus: Corpus, known: xr.Dataset, power_mw: np.ndarray) -> Iterator[Finding]:
    split = known["split"].values.astype("<U10")
    fitted, tested = split == "train", np.isin(split, ("validation", "test"))
    label, chain = known["label"].values.astype(bool), _chain(known)
    level = np.nan_to_num(known["snr_level"].values.astype(np.float64))
    noise_db = known["noise_power"].transpose("record", "receiver").values.astype(np.float64)
    metadata = metadata_features(
        known["slot"].values,
        known["draw"].values,
        known["time"].values,
        float(corpus.dataset.attrs["slot_duration_s"]),
        np.concatenate([level[:, None], noise_db], axis=1),
    )
    occupancy = corpus.manifest.spec.get("occupancy") or {}
    by_hour = occupancy.get("profile") is not None or occupancy.get("kind") in ("users", "trace")
    found = probe(metadata, label, fitted, tested, chain)
    text = "metadata alone doesn't tell the labels"
    yield _probe_finding("metadata", text, found, binding=not by_hour)
    over_db = 10 * np.log10(np.maximum(power_mw, 1e-35)) - noise_db
    power = np.concatenate([over_db, np.square(over_db), level[:, None]], axis=1)
    found = probe(power, label, fitted, tested, chain)
    text = "total power alone doesn't give the labels away"
    if found is None or found.chance[1] > _WIDEST_CHANCE:
        yield _unjudged("power", text, found)
        return
    given = found.balanced_accuracy >= _SHORTCUT
    yield Finding(
        "power",
        not given,
        f"{text}: {'no' if given else 'yes'}, balanced accuracy {found.balanced_accuracy:.3f}, chance "
        f"{found.chance[0]:.3f} to {found.chance[1]:.3f}",
        binding=False,
    )


def _unjudged(name: str, text: str, found: Probe | None) -> Finding:
    if found is None:
        why = "a label or a split is missing"
    else:
        why = f"too few records (chance reaches {found.chance[1]:.3f} of balanced accuracy)"
    return Finding(name, False, f"{text}: not judged, {why}", binding=False)


def _probe_finding(name: str, text: str, found: Probe | None, *, binding: bool) -> Finding:
    if found is None or (not found.beyond and found.chance[1] > _WIDEST_CHANCE):
        return _unjudged(name, text, found)
    low, high = found.chance
    return Finding(
        name,
        not found.beyond,
        f"{text}: {'no' if found.beyond else 'yes'}, balanced accuracy {found.balanced_accuracy:.3f}, chance "
        f"{low:.3f} to {high:.3f}",
        binding=binding,
    )
