"""What detectors decided over a corpus, counted by SNR level, receiver and sub-channel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from iqatlas.detectors.scores import Scores, binomial_interval, score_columns

CONFIDENCE = 0.99
ROC_FALSE_ALARMS = np.geomspace(1e-3, 0.9, 24)
"""Designed P_FA at which the operating characteristic is taken."""


@dataclass(eq=False)
class Tally:
    """Counts of one detector.

    Args:
        levels: SNR levels in dB, rising; 0 where noise is thermal.
        receivers: Names of the receivers.
        channels: Sub-channels.
        fuses: Whether all receivers get one decision: over receivers it is counted once.
    """

    levels: Float64[np.ndarray, " level"]
    receivers: list[str]
    channels: int
    fuses: bool = False
    counts: Int64[np.ndarray, "level receiver subchannel 4"] = field(init=False)
    roc: Int64[np.ndarray, "level design 2"] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((len(self.levels), len(self.receivers), self.channels, 4), np.int64)
        self.roc = np.zeros((len(self.levels), len(ROC_FALSE_ALARMS), 2), np.int64)

    def add(
        self,
        level: Int64[np.ndarray, " record"],
        label: Bool[np.ndarray, "record subchannel"],
        decided: Bool[np.ndarray, "record receiver subchannel"],
    ) -> None:
        """Count decisions.

        Args:
            level: Index of each record's SNR level.
            label: What is occupied.
            decided: What is taken for occupied.
        """
        truth = label[:, None]
        cases = np.stack([truth & decided, truth & ~decided, ~truth & decided, ~truth & ~decided], axis=-1)
        for index in np.unique(level):
            self.counts[index] += cases[level == index].sum(axis=0)

    def add_roc(
        self,
        level: Int64[np.ndarray, " record"],
        label: Bool[np.ndarray, "record subchannel"],
        statistic: Float64[np.ndarray, "record receiver subchannel"],
        thresholds: Float64[np.ndarray, "design subchannel"],
    ) -> None:
        """Count what exceeds thresholds of several designs."""
        for design, limit in enumerate(thresholds):
            exceeds = (statistic > limit).sum(axis=1)
            np.add.at(self.roc[:, design, 0], level, (exceeds * label).sum(axis=1))
            np.add.at(self.roc[:, design, 1], level, (exceeds * ~label).sum(axis=1))

    def scores(self, *index: int | slice) -> Scores:
        """Return the scores of a part of the counts: level, receiver, sub-channel, all without them."""
        over_receivers = len(index) < 2 or isinstance(index[1], slice)
        part = (self.counts[:, :1] if self.fuses and over_receivers else self.counts)[index]
        return Scores(*(int(value) for value in part.reshape(-1, 4).sum(axis=0)))

    def by_receiver(self, detector: str) -> pd.DataFrame:
        """Return a row an SNR level and receiver."""
        rows = [
            {
                "detector": detector,
                "snr_level_db": float(level),
                "receiver": name,
                **described(self.scores(i, r)),
            }
            for i, level in enumerate(self.levels)
            for r, name in enumerate(self.receivers)
        ]
        return pd.DataFrame(rows)

    def by_subchannel(self, detector: str) -> pd.DataFrame:
        """Return a row an SNR level and sub-channel."""
        rows = [
            {
                "detector": detector,
                "snr_level_db": float(level),
                "subchannel": k,
                **described(self.scores(i, slice(None), k)),
            }
            for i, level in enumerate(self.levels)
            for k in range(self.channels)
        ]
        return pd.DataFrame(rows)

    def by_level(self, detector: str) -> pd.DataFrame:
        """Return a row an SNR level."""
        rows = [
            {"detector": detector, "snr_level_db": float(level), **described(self.scores(i))}
            for i, level in enumerate(self.levels)
        ]
        return pd.DataFrame(rows)

    def characteristic(self, detector: str) -> pd.DataFrame:
        """Return the receiver operating characteristic: a row an SNR level and design."""
        totals = self.counts.sum(axis=(1, 2))
        occupied, vacant = totals[:, :2].sum(axis=1), totals[:, 2:].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            p_d, p_fa = self.roc[..., 0] / occupied[:, None], self.roc[..., 1] / vacant[:, None]
        level, design = np.indices(p_d.shape)
        return pd.DataFrame(
            {
                "detector": detector,
                "snr_level_db": self.levels[level.reshape(-1)],
                "designed_false_alarm": ROC_FALSE_ALARMS[design.reshape(-1)],
                "p_d": p_d.reshape(-1),
                "p_fa": p_fa.reshape(-1),
            }
        )


def described(scores: Scores) -> dict[str, float | int]:
    """Return counts and scores as columns, with the exact intervals of P_D and P_FA."""
    occupied, vacant = scores.hits + scores.misses, scores.false_alarms + scores.rejections
    columns: dict[str, float | int] = {
        "hits": scores.hits,
        "misses": scores.misses,
        "false_alarms": scores.false_alarms,
        "rejections": scores.rejections,
        "occupied": occupied,
        "vacant": vacant,
        **score_columns(scores),
        # Of a hard decision the Brier score is the share of errors.
        "brier": 1 - scores.accuracy,
    }
    for name, share, cases in (("p_d", scores.hits, occupied), ("p_fa", scores.false_alarms, vacant)):
        low, high = binomial_interval(share, cases, CONFIDENCE) if cases else (float("nan"), float("nan"))
        columns[f"{name}_low"], columns[f"{name}_high"] = low, high
    return columns


def trivial_scores(
    cases: Int64[np.ndarray, "subchannel 2"], training: Int64[np.ndarray, "subchannel 2"]
) -> pd.DataFrame:
    """Return the scores of detectors that don't look.

    All ones, all zeros, a coin of the prior's bias, and the likelier state of each sub-channel in the
    training split: the more sub-channels differ, the better. Without a training split that row is missing.

    Args:
        cases: How often each sub-channel is occupied, and how often vacant.
        training: The same in the training split.
    """
    occupied, vacant = (int(count) for count in cases.sum(axis=0))
    prior = occupied / (occupied + vacant)
    hits, alarms = round(occupied * prior), round(vacant * prior)
    rows = [
        ("all ones", Scores(occupied, 0, vacant, 0)),
        ("all zeros", Scores(0, occupied, 0, vacant)),
        # Its expected counts, to whole ones.
        ("prior", Scores(hits, occupied - hits, alarms, vacant - alarms)),
    ]
    if training.any():
        likelier = training[:, 0] > training[:, 1]
        hits, alarms = (int(count) for count in cases[likelier].sum(axis=0))
        rows.append(
            ("prior of each sub-channel", Scores(hits, occupied - hits, alarms, vacant - alarms)),
        )
    return pd.DataFrame([{"detector": name, **described(scores)} for name, scores in rows])
