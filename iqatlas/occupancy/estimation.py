"""Estimates from data: rates of chains, shares and run lengths, of arrays and of corpora."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, Int64

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
        steps: Pairs of consecutive slots that were looked at.
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
    data: xr.Dataset | Bool[np.ndarray, "slot *chain"],
    *,
    variable: str = "occupancy",
    confidence: float = 0.95,
) -> ChainEstimates:
    """Return rates, shares and mean runs of each chain.

    Args:
        data: The records of a corpus (``corpus.dataset``, or a part of it), or states in consecutive
            slots. Slots that records leave out are no transitions.
        variable: Of records: ``occupancy``, chains of each site and sub-channel, or ``label``, of each
            sub-channel.
        confidence: Probability with which an interval covers the true value.

    Raises:
        SpecError: No such variable, nothing to look at, or a confidence that is none.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26, 1934.
    """
    states, joined = _in_order(data, variable)
    before, after = states[:-1][joined], states[1:][joined]
    occupied = _count(before)
    vacant = np.asarray(len(before) - occupied, np.int64)
    share, share_interval = proportion(
        _count(states), np.full(states.shape[1:], len(states), np.int64), confidence
    )
    p01, p01_interval = proportion(_count(~before & after), vacant, confidence)
    p10, p10_interval = proportion(_count(before & ~after), occupied, confidence)
    runs = _runs(states, joined)
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
        steps=int(joined.sum()),
    )


def run_lengths(data: xr.Dataset | Bool[np.ndarray, "slot *chain"], *, variable: str = "occupancy") -> Runs:
    """Return the runs of all chains that were seen whole; first and last runs are cut and left out.

    Args:
        data: As in :func:`estimate`.
        variable: As there.

    Raises:
        SpecError: No such variable, or nothing to look at.
    """
    return _runs(*_in_order(data, variable))


def _in_order(
    data: xr.Dataset | np.ndarray, variable: str
) -> tuple[Bool[np.ndarray, "slot *chain"], Bool[np.ndarray, "step"]]:
    """Return states by time, and which of them follow the one before without a gap."""
    if isinstance(data, xr.Dataset):
        if variable not in ("occupancy", "label"):
            raise SpecError(f"no chains in {variable!r}", where="variable", accepted="occupancy, label")
        draw, slot = data["draw"].values, data["slot"].values
        # All SNR levels of a slot share its occupancy: once is enough.
        key, rows = np.unique(np.stack([draw, slot], axis=1), axis=0, return_index=True)
        states = data[variable].values[rows]
        joined = (np.diff(key[:, 0]) == 0) & (np.diff(key[:, 1]) == 1)
    else:
        states, joined = data, np.ones(max(0, len(data) - 1), bool)
    if len(states) == 0:
        raise SpecError("nothing to estimate from", where="data", accepted="one slot or more")
    return states, joined


def _count(which: Bool[np.ndarray, "slot *chain"]) -> Int64[np.ndarray, "*chain"]:
    return np.asarray(which.sum(axis=0), np.int64)


def _runs(states: Bool[np.ndarray, "slot *chain"], joined: Bool[np.ndarray, "step"]) -> Runs:
    flat = states.reshape(len(states), -1)
    stretch = np.concatenate([[0], np.cumsum(~joined)])
    change = (flat[1:] != flat[:-1]) & joined[:, None]
    chain, step = np.nonzero(change.T)
    whole = (chain[1:] == chain[:-1]) & (stretch[step[1:]] == stretch[step[:-1]])
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
