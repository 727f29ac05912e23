"""Does a corpus behave as theory says? Baseline detectors, run over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.energy import energy, threshold
from iqatlas.detectors.recorded_noise import with_noise_floor
from iqatlas.detectors.scores import Scores, binomial_interval, binomial_p_value, count
from iqatlas.features.subchannel_energy import subchannel_bins
from iqatlas.seeds import Stage, stream

_NOISE_CAPTURES = 2000
_NOISE_SAMPLES = 1 << 25
"""Noise samples drawn in all at most, so that long captures are fewer."""
_NOISE_SAMPLES_AT_ONCE = 1 << 20
_CONFIDENCE = 0.99
_LEAST_P_VALUE = 1e-4
"""Of sound corpora one in ten thousand is held to be wrong by chance."""


@dataclass(frozen=True, eq=False)
class Validation:
    """What the energy detector made of a corpus.

    Args:
        table: One row an SNR level and receiver: P_D, P_FA, F1 of occupied and of holes, trials.
        trivial: The same scores for detectors that don't look: all ones, all zeros, prior.
        designed_false_alarm: P_FA that the threshold is set for.
        noise_false_alarm: P_FA measured on noise alone, with its exact interval.
        noise_interval: The interval, at 99% confidence.
        noise_p_value: Probability of a P_FA as far from the designed one, or farther, by chance.
        rising: Whether P_D rises with the SNR at every receiver, within its intervals.
        control: Whether vacant sub-channels carry synchronisation and reference signals.
    """

    table: pd.DataFrame
    trivial: pd.DataFrame
    designed_false_alarm: float
    noise_false_alarm: float
    noise_interval: tuple[float, float]
    noise_p_value: float
    rising: bool
    control: bool

    @property
    def as_designed(self) -> bool:
        """Whether the measured P_FA is the designed one, but for chance."""
        return self.noise_p_value >= _LEAST_P_VALUE

    @property
    def sound(self) -> bool:
        """Whether all expectations hold."""
        return self.as_designed and self.rising


def validate_energy(
    corpus: Corpus, *, false_alarm: float = 0.1, progress: Callable[[int, int], None] | None = None
) -> Validation:
    """Run the energy detector over all records, and over noise alone.

    Args:
        corpus: The corpus.
        false_alarm: Probability of false alarm that the threshold is set for.
        progress: Called with records done and records in all.

    Raises:
        SpecError: The probability is not between 0 and 1.
        CorpusError: The corpus has no labels.
    """
    dataset = corpus.dataset
    samples = dataset.sizes["sample"]
    edges = np.stack([dataset["subchannel_lower"].values, dataset["subchannel_upper"].values], axis=-1)
    bins = subchannel_bins(samples, edges_hz=edges, sample_rate_hz=float(dataset.attrs["sample_rate_hz"]))
    level = threshold(bins.sum(axis=1), false_alarm)
    dataset = with_noise_floor(dataset, bins, corpus.place.name)
    names = [str(name) for name in dataset["receiver"].values]
    groups: dict[tuple[float, str], Scores] = {}
    chunk = int(dataset["iq"].chunksizes["record"][0])
    for start in range(0, dataset.sizes["record"], chunk):
        part = (
            dataset[["iq", "noise_power", "label", "snr_level"]]
            .isel(record=slice(start, start + chunk))
            .load()
        )
        _score_part(part, bins, level, names, groups)
        if progress:
            progress(min(start + chunk, dataset.sizes["record"]), dataset.sizes["record"])
    table = pd.DataFrame([_row(*group, scores) for group, scores in sorted(groups.items())])
    hits, trials = _noise_trials(bins, level, seed=int(corpus.manifest.spec.get("seed", 0)))
    return Validation(
        table=table,
        trivial=_trivial(dataset["label"].values),
        designed_false_alarm=false_alarm,
        noise_false_alarm=hits / trials,
        noise_interval=binomial_interval(hits, trials, _CONFIDENCE),
        noise_p_value=binomial_p_value(hits, trials, false_alarm),
        rising=_rises(table),
        control=bool(corpus.manifest.spec.get("waveform", {}).get("control", False)),
    )


def _score_part(
    part: xr.Dataset,
    bins: np.ndarray,
    level: np.ndarray,
    names: list[str],
    groups: dict[tuple[float, str], Scores],
) -> None:
    noise_mw = 10 ** (part["noise_power"].values.astype(np.float64) / 10)
    decided = energy(part["iq"].values, noise_mw, bins) > level
    label, levels = part["label"].values, np.nan_to_num(part["snr_level"].values.astype(np.float64))
    for snr in np.unique(levels):
        rows = levels == snr
        for receiver, name in enumerate(names):
            scores = count(label[rows], decided[rows, receiver])
            group = (float(snr), name)
            groups[group] = groups[group] + scores if group in groups else scores


def _row(snr_level_db: float, receiver: str, scores: Scores) -> dict[str, float | str | int]:
    return {
        "snr_level_db": snr_level_db,
        "receiver": receiver,
        "p_d": scores.detection,
        "p_fa": scores.false_alarm,
        "f1_occupied": scores.f1_occupied,
        "f1_hole": scores.f1_hole,
        "occupied": scores.hits + scores.misses,
        "vacant": scores.false_alarms + scores.rejections,
    }


def _noise_trials(bins: np.ndarray, level: np.ndarray, *, seed: int) -> tuple[int, int]:
    """Return false alarms and trials on white noise of the corpus's capture length."""
    rng = stream(seed, Stage.DETECTORS)
    samples = bins.shape[1]
    remaining = max(1, min(_NOISE_CAPTURES, _NOISE_SAMPLES // samples))
    at_once = max(1, _NOISE_SAMPLES_AT_ONCE // samples)
    hits = trials = 0
    while remaining:
        captures = min(at_once, remaining)
        noise = rng.standard_normal((captures, 2 * samples), dtype=np.float32).view(np.complex64)
        # Real and imaginary parts of unit variance make a noise power of 2.
        decided = energy(noise, np.full(captures, 2.0), bins) > level
        hits, trials, remaining = hits + int(decided.sum()), trials + decided.size, remaining - captures
    return hits, trials


def _trivial(label: np.ndarray) -> pd.DataFrame:
    occupied = float(label.mean())
    ones, zeros = count(label, np.ones_like(label)), count(label, np.zeros_like(label))
    rows = [
        {
            "detector": name,
            "p_d": s.detection,
            "p_fa": s.false_alarm,
            "f1_occupied": s.f1_occupied,
            "f1_hole": s.f1_hole,
        }
        for name, s in (("all ones", ones), ("all zeros", zeros))
    ]
    # A coin with the prior's bias is right by chance: its expected scores are the prior's.
    prior = {
        "detector": "prior",
        "p_d": occupied,
        "p_fa": occupied,
        "f1_occupied": occupied,
        "f1_hole": 1 - occupied,
    }
    return pd.DataFrame([*rows, prior])


def _rises(table: pd.DataFrame) -> bool:
    """Return whether no P_D falls from a level to the next by more than chance allows."""
    for _, rows in table.groupby("receiver"):
        floor = 0.0
        rising = rows.sort_values("snr_level_db")
        for share, trials in zip(rising["p_d"].tolist(), rising["occupied"].tolist(), strict=True):
            if not trials:
                continue
            low, high = binomial_interval(round(share * trials), trials, _CONFIDENCE)
            if high < floor:
                return False
            floor = max(floor, low)
    return True
