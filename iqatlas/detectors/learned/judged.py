"""Learned detectors among those that ``validate`` runs, and whether they beat energy where it is hard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Complex64, Float64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.assessment import Assessment
from iqatlas.detectors.detector import Detector
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.model_folder import load_model
from iqatlas.detectors.learned.scored import DECISION
from iqatlas.detectors.learned.training import origin_of
from iqatlas.detectors.scores import Scores
from iqatlas.detectors.tallies import Tally
from iqatlas.detectors.verdicts import Verdict

_HARD_DB = -5.0
"""Levels below are where a learned detector may earn its keep."""


class JudgedModel(Detector):
    """A learned detector as one among others: its statistic is a probability, its threshold ½.

    Args:
        model: What has learned.
        name: What it is called.
    """

    calibrated = False
    probability = True

    def __init__(self, model: LearnedDetector, name: str) -> None:
        self.model, self._name = model, name

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return how likely each sub-channel is occupied; it is not told the noise."""
        del noise_power_mw
        return self.model.probabilities(iq).astype(np.float64)

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return ½, which no probability of false alarm follows from."""
        del false_alarm
        return np.full(len(self.model.setting.subchannel_edges_hz), DECISION)


def judged_models(folders: Sequence[str | Path], corpus: Corpus) -> list[JudgedModel]:
    """Return the models in folders, for a corpus that has captures like those that they learned from.

    Args:
        folders: What ``iqatlas train`` has written.
        corpus: What they are to be run over.

    Raises:
        MissingFileError: There is no model.
        CorpusError: A model that can't be read, or is for other captures.
    """
    models = [load_model(folder) for folder in folders]
    kinds = [model.name for model in models]
    made = []
    for number, model in enumerate(models, 1):
        model.refuse_others(corpus)
        name = model.name if kinds.count(model.name) == 1 else f"{model.name}-{number}"
        made.append(JudgedModel(model, name))
    return made


def model_verdicts(found: Assessment, models: Sequence[JudgedModel], corpus: Corpus) -> tuple[Verdict, ...]:
    """Return whether each model beats energy below −5 dB: told, and not held against the corpus.

    What counts is Matthews' correlation, which is 0 for all detectors that don't look: F1 would praise one
    that takes all for occupied.

    Args:
        found: What detectors made of the corpus.
        models: Those among them that have learned.
        corpus: The corpus.
    """
    return tuple(_verdicts(found, models, corpus))


def _verdicts(found: Assessment, models: Sequence[JudgedModel], corpus: Corpus) -> Iterator[Verdict]:
    energy = found.tallies.get("energy")
    hard = np.array([]) if energy is None else np.flatnonzero(energy.levels < _HARD_DB)
    if energy is None or not len(hard):
        return
    for model in models:
        ours, theirs = (_scores(tally, hard) for tally in (found.tallies[model.name], energy))
        holds = ours.matthews > theirs.matthews
        own = origin_of(corpus) in model.model.card.corpora
        yield Verdict(
            "learned against energy",
            holds,
            f"{model.name} beats energy below {_HARD_DB:g} dB: {'yes' if holds else 'no'}, Matthews' "
            f"correlation {ours.matthews:.3f} against {theirs.matthews:.3f}, F1 {ours.f1_occupied:.3f} "
            f"against {theirs.f1_occupied:.3f}" + (" (its own training split included)" if own else ""),
            binding=False,
        )


def _scores(tally: Tally, levels: np.ndarray) -> Scores:
    total = Scores(0, 0, 0, 0)
    for level in levels.tolist():
        total += tally.scores(level)
    return total
