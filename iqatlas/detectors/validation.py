"""The energy detector over a corpus, in one value: the short form of an assessment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.assessment import assess
from iqatlas.detectors.scores import binomial_interval, binomial_p_value
from iqatlas.detectors.tallies import CONFIDENCE
from iqatlas.detectors.verdicts import LEAST_P_VALUE, rises

_COLUMNS = ("snr_level_db", "receiver", "p_d", "p_fa", "f1_occupied", "f1_hole", "occupied", "vacant")


@dataclass(frozen=True, eq=False)
class Validation:
    """What the energy detector made of a corpus.

    Args:
        table: One row an SNR level and receiver: P_D, P_FA, F1 of occupied and of holes, trials.
        trivial: The same scores for detectors that don't look: all ones, all zeros, priors.
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
        return self.noise_p_value >= LEAST_P_VALUE

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
    """
    found = assess(corpus, false_alarm=false_alarm, names=["energy"], progress=progress)
    tally = found.tallies["energy"]
    hits, trials = found.noise["energy"]
    waveform = corpus.manifest.spec.get("waveform") or {}
    return Validation(
        table=tally.by_receiver("energy")[list(_COLUMNS)],
        trivial=found.trivial[["detector", "p_d", "p_fa", "f1_occupied", "f1_hole"]],
        designed_false_alarm=false_alarm,
        noise_false_alarm=hits / trials,
        noise_interval=binomial_interval(hits, trials, CONFIDENCE),
        noise_p_value=binomial_p_value(hits, trials, false_alarm),
        rising=rises(tally),
        control=bool(waveform.get("control", False)),
    )
