"""Estimates from data: rates of chains, shares and run lengths, of arrays and of corpora."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from iqatlas.axes import RECORD
from iqatlas.errors import SpecError
from iqatlas.occupancy.markov import proportion


@dataclass(frozen=True, eq=False)
class ChainEstimates:
    """What data say of each chain.

    Rates are those of maximum likelihood with the exact intervals of Clopper and Pearson; of a state
    that was never seen they are NaN, with an interval of 0 to 1.

    Args:
        share: Share of slots in which the chain is occupied.
        share_interval: Its interval were the slots independent; chains with memory need a wider one.
        p01, p10: Probability of a change from a slot to the next.
        p01_interval, p10_interval: Lower and upper bound of each.
        mean_busy_slots, mean_idle_slots: Mean length of the runs that were seen whole; NaN for none.
        steps: Pairs of consecutive slots that were looked at; where sites have splits, at any site.
    """

    share: Float64[np.ndarray, "*chain"]
    share_interval: Float64[np.ndarray, "*chain 2"]
    p01: Float64[np.ndarray, "*chain"]
    p10: Float64[np.ndarray, "*chain"]
    p01_interval: Float64[np.ndarray, "*chain 2"]
    p10_interval: Float64[np.ndarray, "*chain 2"]
    mean_busy_slots: Float64[np.ndarray, "*chain"]
    mean_idle_slots: Float64[np.ndarray, "*chain"]
    steps: int


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs that were seen from their beginning to their end.

    Args:
        slots: Length of each.
        occupied: Whether it was an occupied one.
        chain: Which chain it is of, counted along the flattened axes of chains.
    """

    slots: Int64[np.ndarray, "run"]
    occupied: Bool[np.ndarray, "run"]
    chain: Int64[np.ndarray, "run"]


def estimate(
    data: xr.Dataset | ArrayLike,
    *,
    variable: str = "occupancy",
    confidence: float = 0.95,
) -> ChainEstimates:
    """Return rates, shares and mean runs of each chain.

    Args:
        data: The records of a corpus (``corpus.dataset``, or a part of it), or states in consecutive
            slots, [slot, …], 0 or 1 of any numeric type. Slots that records leave out are no transitions.
            Where sites have splits, slots in which a site is silenced don't count for it.
        variable: Of records: ``occupancy``, chains of each site and sub-channel, or ``label``, of each
            sub-channel.
        confidence: Probability with which an interval covers the true value.

    Raises:
        SpecError: No such variable, values other than 0 and 1, nothing to look at, or a confidence that
            is none.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26, 1934.
    """
    seen = _in_order(data, variable)
    states, joined = seen.states, seen.joined
    before, after = states[:-1] & joined, states[1:] & joined
    occupied = _count(before)
    vacant = np.asarray(_in_all(joined, states.shape[1:]) - occupied, np.int64)
    share, share_interval = proportion(
        _count(states & seen.on), _in_all(seen.on, states.shape[1:]), confidence
    )
    p01, p01_interval = proportion(_count(after & ~before), vacant, confidence)
    p10, p10_interval = proportion(_count(before & ~after), occupied, confidence)
    runs = _runs(seen)
    busy, idle = (_mean_length(runs, kind, states.shape[1:]) for kind in (True, False))
    return ChainEstimates(
        share=share,
        share_interval=share_interval,
        p01=p01,
        p10=p10,
        p01_interval=p01_interval,
        p10_interval=p10_interval,
        mean_busy_slots=busy,
        mean_idle_slots=idle,
        steps=int(joined.any(axis=tuple(range(1, joined.ndim))).sum()),
    )


def run_lengths(data: xr.Dataset | ArrayLike, *, variable: str = "occupancy") -> Runs:
    """Return the runs of all chains that were seen whole; first and last runs are cut and left out.

    Args:
        data: As in :func:`estimate`.
        variable: As there.

    Raises:
        SpecError: No such variable, values other than 0 and 1, or nothing to look at.
    """
    return _runs(_in_order(data, variable))


@dataclass(frozen=True, eq=False)
class _Seen:
    """States by time. Masks have the axes of the states, of length 1 where all chains are alike.

    Args:
        states: Whether each chain is occupied.
        on: Whether its site may send.
        joined: Whether a slot and the next one follow each other without a gap, the site on in both.
    """

    states: Bool[np.ndarray, "slot *chain"]
    on: Bool[np.ndarray, "slot *one"]
    joined: Bool[np.ndarray, "step *one"]


def _in_order(data: xr.Dataset | ArrayLike, variable: str) -> _Seen:
    if isinstance(data, xr.Dataset):
        if variable not in ("occupancy", "label"):
            raise SpecError(f"no chains in {variable!r}", where="variable", accepted="occupancy, label")
        draw, slot = data["draw"].values, data["slot"].values
        # All SNR levels of a slot share its occupancy: once is enough.
        key, rows = np.unique(np.stack([draw, slot], axis=1), axis=0, return_index=True)
        states = _states(data[variable].transpose(RECORD, ...).values[rows], where=variable)
        joined = (np.diff(key[:, 0]) == 0) & (np.diff(key[:, 1]) == 1)
        on = _site_is_on(data)[rows] if variable == "occupancy" else None
    else:
        states = _states(data, where="data")
        joined, on = np.ones(max(0, len(states) - 1), bool), None
    if len(states) == 0:
        raise SpecError("nothing to estimate from", where="data", accepted="one slot or more")
    if on is None:
        on = np.ones((len(states), *[1] * (states.ndim - 1)), bool)
    joined = joined.reshape(-1, *[1] * (states.ndim - 1)) & on[1:] & on[:-1]
    return _Seen(states, on, joined)


def _states(data: ArrayLike, *, where: str) -> Bool[np.ndarray, "slot *chain"]:
    """Return values of 0 and 1, whatever their type, as states."""
    accepted = "an array [slot, …] of 0 and 1, vacant and occupied"
    try:
        values = np.asarray(data)
    except ValueError:
        raise SpecError("rows of unlike lengths", where=where, accepted=accepted) from None
    if values.ndim == 0:
        raise SpecError(f"no axis of slots in {values[()]}", where=where, accepted=accepted)
    if values.dtype.kind not in "biufc":
        raise SpecError(f"values of type {values.dtype}", where=where, accepted=accepted)
    if values.dtype.kind != "b":
        wrong = (values != 0) & (values != 1)
        if wrong.any():
            raise SpecError(f"a state of {values[wrong][0]}", where=where, accepted=accepted)
    return values.astype(bool, copy=False)


def _site_is_on(data: xr.Dataset) -> Bool[np.ndarray, "record *one"]:
    """Return where a site is not silenced: of the record's split, or the record in the guard."""
    dims = (RECORD, *(dim for dim in data["occupancy"].dims if dim != RECORD))
    if "site_split" not in data or "split" not in data:
        return np.ones((data.sizes[dims[0]], *[1] * (len(dims) - 1)), bool)
    # Variables, not arrays with labels: split is an index of the records, and there is nothing to align.
    split, own = (
        xr.Variable(data[name].dims, data[name].values.astype("<U10")) for name in ("split", "site_split")
    )
    on = (split == own) | (split == "guard")
    kept = [dim for dim in dims if dim in on.dims]
    lengths = [data.sizes[dim] if dim in kept else 1 for dim in dims]
    mask = on.transpose(*kept).values.reshape(lengths)
    return np.asarray(np.broadcast_to(mask, (data.sizes[RECORD], *lengths[1:])), bool)


def _count(which: Bool[np.ndarray, "slot *chain"]) -> Int64[np.ndarray, "*chain"]:
    return np.asarray(which.sum(axis=0), np.int64)


def _in_all(mask: Bool[np.ndarray, "slot *one"], shape: tuple[int, ...]) -> Int64[np.ndarray, "*chain"]:
    """Return a mask's counts, for each of the chains that share it."""
    return np.broadcast_to(_count(mask), shape)


def _runs(seen: _Seen) -> Runs:
    steps, chains = len(seen.joined), seen.states[0].size
    flat = seen.states.reshape(len(seen.states), chains)
    broken = np.zeros((steps + 1, *seen.joined.shape[1:]), np.int32)
    np.cumsum(~seen.joined, axis=0, out=broken[1:])
    # The masks of sites, one for each of their sub-channels.
    place = np.broadcast_to(
        np.arange(broken[0].size).reshape(broken.shape[1:]), seen.states.shape[1:]
    ).ravel()
    stretch = broken.reshape(steps + 1, -1)
    changes = (seen.states[1:] != seen.states[:-1]) & seen.joined
    chain, step = np.nonzero(changes.reshape(steps, chains).T)
    same = stretch[step[1:], place[chain[1:]]] == stretch[step[:-1], place[chain[:-1]]]
    whole = (chain[1:] == chain[:-1]) & same
    last = step[1:][whole]
    return Runs(
        slots=(step[1:] - step[:-1])[whole], occupied=flat[last, chain[1:][whole]], chain=chain[1:][whole]
    )


def _mean_length(runs: Runs, occupied: bool, shape: tuple[int, ...]) -> Float64[np.ndarray, "*chain"]:
    kind = runs.occupied == occupied
    chains = int(np.prod(shape))
    count = np.bincount(runs.chain[kind], minlength=chains)
    total = np.bincount(runs.chain[kind], weights=runs.slots[kind], minlength=chains)
    mean = np.full(chains, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean.reshape(shape)
