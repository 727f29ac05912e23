"""Stretches of occupancy that come again in another split, beyond what chance makes of chains that change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt64

from iqatlas.catalogs.repeats import row_hashes
from iqatlas.seeds import Stage, stream

LEAST_SLOTS = 20
"""Slots of a stretch, or more where so many hold too few changes to be told from chance."""
_CHANCE = 1e-6
"""Probability that independent stretches of a corpus are taken for repeats."""
_AT_ONCE = 1 << 16
_MOST_STEPS = 4096
"""Slots that the correlation of chains is worked out from."""


@dataclass(frozen=True)
class OccupancyRepeats:
    """What was found.

    Args:
        slots: Length of the stretches that were compared; 0 where no two splits have any.
        compared: Stretches that hold enough changes to be told apart.
        across: Those of them that come again in another split.
        example: Places, in the order of the slots, of two that are the same.
    """

    slots: int
    compared: int = 0
    across: int = 0
    example: tuple[int, int] | None = None


def occupancy_repeats(
    states: Bool[np.ndarray, "slot chain"],
    chain: Int64[np.ndarray, " slot"],
    split: np.ndarray,
    *,
    seed: int,
) -> OccupancyRepeats:
    """Compare all stretches of slots of one split with those of the others.

    A stretch counts where its changes are improbable enough: each is as probable as that chain's rate,
    and chains that change together count as fewer. Slots without a change count nothing, so that stretches
    in which all is vacant, or occupied, or of quiet hours, are no repeats.

    Args:
        states: Occupancy, all chains of a slot side by side.
        chain: A number for each slot that rises by 1 from a slot to the next one of its draw.
        split: Split of each slot.
        seed: Seed of the hashes.
    """
    slots, joined = len(states), (np.diff(chain) == 1) & (split[1:] == split[:-1])
    begin = np.concatenate([[0], np.flatnonzero(~joined) + 1, [slots]])
    learnt = split[begin[:-1]] != "guard"
    lengths, owners = np.diff(begin)[learnt], split[begin[:-1]][learnt]
    longest = [int(lengths[owners == name].max()) for name in np.unique(owners)]
    if len(longest) < 2 or sorted(longest)[-2] < LEAST_SLOTS:
        return OccupancyRepeats(0)
    told = np.concatenate([[0.0], np.cumsum(_surprise(states, joined))])
    needed = float(np.log(slots) * 2 - np.log(_CHANCE))
    a_slot = told[-1] / slots
    length = LEAST_SLOTS if a_slot == 0 else int(np.clip(np.ceil(needed / a_slot), LEAST_SLOTS, slots))
    # Where so many slots don't fit, those stretches are left that happen to change more often.
    length = min(length, sorted(longest)[-2])
    rest = np.repeat(begin[1:], np.diff(begin)) - np.arange(slots)
    places = np.flatnonzero((rest >= length) & (split != "guard"))
    places = places[told[places + length - 1] - told[places] >= needed]
    hashes = _stretch_hashes(states, length, seed)[places]
    order = np.argsort(hashes, kind="stable")
    hashes, owner, places = hashes[order], split[places[order]], places[order]
    first = np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(hashes)]
    group = np.cumsum(first) - 1
    differs = owner != owner[np.flatnonzero(first)[group]]
    mixed = np.bincount(group, weights=differs, minlength=1)[group] > 0
    example = None
    if mixed.any():
        other = int(np.argmax(differs))
        example = (int(places[np.flatnonzero(first)[group[other]]]), int(places[other]))
    return OccupancyRepeats(length, len(places), int(mixed.sum()), example)


def _surprise(
    states: Bool[np.ndarray, "slot chain"], joined: Bool[np.ndarray, " step"]
) -> Float64[np.ndarray, " step"]:
    """Return, for each step, minus the logarithm of the probability of its changes at most."""
    before, after = states[:-1][joined], states[1:][joined]
    occupied = before.sum(axis=0)
    rises, falls = (~before & after).sum(axis=0), (before & ~after).sum(axis=0)
    # A rate seen once is not known well: one change more makes it no smaller than it may be.
    p01 = np.minimum(1, (rises + 1) / (len(before) - occupied + 1))
    p10 = np.minimum(1, (falls + 1) / (occupied + 1))
    told = np.empty(len(joined))
    for start in range(0, len(joined), _AT_ONCE):
        part = states[start : start + _AT_ONCE + 1]
        rise, fall = ~part[:-1] & part[1:], part[:-1] & ~part[1:]
        told[start : start + _AT_ONCE] = -(rise @ np.log(p01) + fall @ np.log(p10))
    changed = states[1 : _MOST_STEPS + 1] != states[:-1][:_MOST_STEPS]
    return np.where(joined, told, 0.0) * _independent(changed)


def _independent(changed: Bool[np.ndarray, "step chain"]) -> float:
    """Return the share of independent ones among chains, by the participation ratio of their correlations."""
    part = changed[:, changed.any(axis=0) & ~changed.all(axis=0)]
    if part.shape[1] == 0:
        return 1.0
    scaled = part - part.mean(axis=0)
    scaled /= np.sqrt(np.square(scaled).mean(axis=0))
    return float(part.shape[1] / np.square(scaled.T @ scaled / len(scaled)).sum())


def _stretch_hashes(
    states: Bool[np.ndarray, "slot chain"], length: int, seed: int
) -> UInt64[np.ndarray, " place"]:
    """Return a hash of each stretch: a polynomial of its slots' hashes, modulo 2^64."""
    packed = np.packbits(states, axis=1)
    rows = np.zeros((len(states), -(-packed.shape[1] // 8) * 8), np.uint8)
    rows[:, : packed.shape[1]] = packed
    rng = stream(seed, Stage.DETECTORS, 3)
    odd = rng.integers(0, 1 << 63, size=rows.shape[1] // 8 + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    of_slots = row_hashes(rows, odd[:-1])
    of_slots = (of_slots ^ (of_slots >> np.uint64(32))) * odd[0]
    powers = np.cumprod(np.full(len(states), odd[-1]), dtype=np.uint64)
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(of_slots * powers, dtype=np.uint64)])
    # Divided by the power of the first slot: odd numbers have an inverse.
    inverse = np.full(len(states), pow(int(odd[-1]), -1, 1 << 64), np.uint64)
    back = np.cumprod(inverse, dtype=np.uint64)[: len(states) - length + 1]
    return np.asarray((total[length:] - total[: len(back)]) * back, np.uint64)
