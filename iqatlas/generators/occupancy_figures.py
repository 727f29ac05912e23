"""What the manifest and the card say of occupancy: theory beside what the records hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64

from iqatlas.catalogs.spec import SPLITS
from iqatlas.generators.plan import Plan
from iqatlas.occupancy.profile import hour_pieces
from iqatlas.occupancy.spec import MarkovOccupancy
from iqatlas.occupancy.theory import Theory

_AT_ONCE_BYTES = 4 << 20

Figures = dict[str, Any]


def occupancy_figures(dataset: xr.Dataset, made: Plan) -> Figures:
    """Return exact and empirical shares, runs and correlations of the occupancy of a corpus.

    Both are of sites that are not silenced. Mean runs are occupied (or vacant) slots over changes, all
    chains together: then theory and data mean the same, whatever is cut off at the ends.

    Args:
        dataset: All records.
        made: Their plan.
    """
    sites = [str(site) for site in dataset["site"].values]
    theory = made.chains.theory(made.spec.capture.slots)
    exact = None if theory is None else _exact(theory, made, sites)
    return {
        "kind": made.spec.occupancy.kind,
        **made.chains.drawn(),
        "exact": exact,
        "empirical": _Counts(made).of(dataset, sites),
    }


def _exact(theory: Theory, made: Plan, sites: list[str]) -> Figures:
    share, starts = float(theory.share.sum()), float(theory.starts.sum())
    figures: Figures = {
        "occupied_share_by_site": _named(sites, theory.share.mean(axis=1)),
        "mean_busy_slots": _ratio(share, starts),
        "mean_idle_slots": _ratio(theory.share.size - share, starts),
        "neighbour_correlation": _mean(theory.neighbours),
    }
    if theory.by_hour:
        by_hour = {hour: float(values.mean()) for hour, values in sorted(theory.by_hour.items())}
        figures["occupied_share_by_hour"] = {str(hour): round(value, 6) for hour, value in by_hour.items()}
    else:
        # With a profile all sites are busy at the same hours, and the product would not be the mean.
        figures["occupied_share_of_labels"] = round(_label_share(theory, made), 6)
    return figures


def _label_share(theory: Theory, made: Plan) -> float:
    vacant = 1 - theory.share
    if made.site_split is None:
        return float(1 - vacant.prod(axis=0).mean())
    total = 0.0
    for split, count in enumerate(np.bincount(made.slot_split, minlength=len(SPLITS))):
        on = (made.site_split == split) | (split == SPLITS.index("guard"))
        total += count / len(made.slot_split) * float(1 - vacant[on].prod(axis=0).mean())
    return total


class _Counts:
    """Sums over slots, gathered chunk by chunk: the occupancy of a large corpus is not held at once.

    Args:
        made: The plan of the records.
    """

    def __init__(self, made: Plan) -> None:
        self._made = made
        chains = (made.sites, made.spec.waveform.subchannels)
        self._slots, self._occupied, self._before = (np.zeros(chains) for _ in range(3))
        self._rises, self._falls, self._steps = (np.zeros(chains) for _ in range(3))
        self._both = np.zeros((chains[0], max(0, chains[1] - 1)))
        self._hour_slots, self._hour_occupied = np.zeros(24), np.zeros(24)
        self._labels, self._label_slots = 0.0, 0
        spec = made.spec.occupancy
        self._hour_of_slot: np.ndarray | None = None
        if isinstance(spec, MarkovOccupancy) and spec.profile is not None:
            slots, span_h = made.spec.capture.slots, spec.profile.span_h
            hours_a_slot = spec.slot_s / 3600 if span_h is None else span_h / slots
            self._hour_of_slot = np.zeros(slots, np.int8)
            for first, hour in hour_pieces(spec.profile, hours_a_slot=hours_a_slot, slots=slots):
                self._hour_of_slot[first:] = hour

    def of(self, dataset: xr.Dataset, sites: list[str]) -> Figures:
        """Return the figures of all records."""
        occupancy = dataset["occupancy"]
        per_record = max(1, occupancy.nbytes // self._made.records)
        chunk = self._made.block_records
        step = max(chunk, _AT_ONCE_BYTES // per_record // chunk * chunk)
        last: Bool[np.ndarray, "slot site subchannel"] | None = None
        for start in range(0, self._made.records, step):
            part = occupancy.isel(record=slice(start, start + step)).values
            record = np.arange(start, start + len(part))
            # Levels of a slot share its occupancy: the first one stands for all.
            first = record % self._made.levels == 0
            if not first.any():
                continue
            number = record[first] // self._made.levels
            states = part[first]
            self._add(states, number)
            self._add_steps(states if last is None else np.concatenate([last, states]), int(number[-1]))
            last = states[-1:]
        return self._figures(sites)

    def _on(self, slot: np.ndarray) -> np.ndarray:
        on = self._made.site_is_on(slot)
        return np.ones((len(slot), self._made.sites), bool) if on is None else on

    def _add(self, states: np.ndarray, number: np.ndarray) -> None:
        slot = number % self._made.spec.capture.slots
        on = self._on(slot)
        self._slots += on.sum(axis=0)[:, None]
        self._occupied += states.sum(axis=0)
        self._labels += states.any(axis=1).sum()
        self._label_slots += states.shape[0] * states.shape[2]
        self._both += (states[:, :, 1:] & states[:, :, :-1]).sum(axis=0)
        if self._hour_of_slot is not None:
            hour = self._hour_of_slot[slot]
            chains = on.sum(axis=1) * states.shape[2]
            self._hour_slots += np.bincount(hour, weights=chains, minlength=24)
            self._hour_occupied += np.bincount(hour, weights=states.sum(axis=(1, 2)), minlength=24)

    def _add_steps(self, states: np.ndarray, last_number: int) -> None:
        slots = self._made.spec.capture.slots
        number = np.arange(last_number - len(states) + 1, last_number + 1)
        joined = number[1:] // slots == number[:-1] // slots
        on = self._on(number % slots)
        seen = (joined[:, None] & on[1:] & on[:-1])[..., None]
        before, after = states[:-1] & seen, states[1:] & seen
        self._steps += seen.sum(axis=0)
        self._before += before.sum(axis=0)
        self._falls += (before & ~after).sum(axis=0)
        self._rises += (after & ~before).sum(axis=0)

    def _figures(self, sites: list[str]) -> Figures:
        share = np.divide(self._occupied, self._slots, out=np.zeros_like(self._slots), where=self._slots > 0)
        before = float(self._before.sum())
        figures: Figures = {
            "occupied_share_by_site": _named(sites, share.mean(axis=1)),
            "mean_busy_slots": _ratio(before, float(self._falls.sum())),
            "mean_idle_slots": _ratio(float(self._steps.sum()) - before, float(self._rises.sum())),
            "neighbour_correlation": _mean(self._neighbours(share)),
            "occupied_share_of_labels": round(self._labels / max(1, self._label_slots), 6),
        }
        if self._hour_of_slot is not None:
            seen = np.flatnonzero(self._hour_slots)
            by_hour = self._hour_occupied[seen] / self._hour_slots[seen]
            figures["occupied_share_by_hour"] = _named([str(hour) for hour in seen], by_hour)
        return figures

    def _neighbours(self, share: Float64[np.ndarray, "site subchannel"]) -> np.ndarray:
        together = np.divide(
            self._both, self._slots[:, 1:], out=np.zeros_like(self._both), where=self._slots[:, 1:] > 0
        )
        left, right = share[:, 1:], share[:, :-1]
        scale = np.sqrt(left * (1 - left) * right * (1 - right))
        none = np.zeros_like(scale)
        return np.asarray(np.divide(together - left * right, scale, out=none, where=scale > 0))


def _named(names: list[str], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}


def _ratio(slots: float, changes: float) -> float | None:
    """Return slots over changes; None where nothing ever changes."""
    return round(slots / changes, 6) if changes > 0 else None


def _mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 6) if values.size else None
