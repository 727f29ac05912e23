"""Learned detectors among those that ``validate`` runs, and whether they beat energy where it is hard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Complex64, Float64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.assessment import Assessment
from iqatlas.detectors.blocks import in_all, matthews_interval
from iqatlas.detectors.detector import Detector
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.model_folder import load_model
from iqatlas.detectors.learned.scored import DECISION
from iqatlas.detectors.learned.training import origin_of
from iqatlas.detectors.tallies import CONFIDENCE
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

    What counts is Matthews' correlation, which is 0 for one that takes all for occupied: F1 would praise it.
    A difference within chance is none. On the corpus that it has learned from, a model and energy beside it
    are judged on the test split.

    Args:
        found: What detectors made of the corpus.
        models: Those among them that have learned.
        corpus: The corpus.
    """
    return tuple(_verdicts(found, models, corpus))


def _verdicts(found: Assessment, models: Sequence[JudgedModel], corpus: Corpus) -> Iterator[Verdict]:
    energy, tally = found.blocks.get("energy"), found.tallies.get("energy")
    if energy is None or tally is None:
        return
    hard = np.flatnonzero(tally.levels < _HARD_DB)
    if not len(hard):
        return
    for model in models:
        # Of what it has learned from, it is judged on what it has not seen: so is energy.
        own = origin_of(corpus) in model.model.card.corpora
        names = (corpus.receivers_of("test") if own else None) or tally.receivers
        heard = np.array([tally.receivers.index(name) for name in names])
        counts = [blocks.of(hard, heard, tested=own) for blocks in (found.blocks[model.name], energy)]
        where = " (test split of the corpus that it has learned from)" if own else ""
        begins = f"{model.name} beats energy below {_HARD_DB:g} dB: "
        interval = matthews_interval(counts[0], counts[1], CONFIDENCE)
        if interval is None:
            text = f"{begins}not judged, too few records{where}"
            yield Verdict("learned against energy", False, text, binding=False)
            continue
        low, high = interval
        answer = "yes" if low > 0 else "no" if high < 0 else "no difference"
        ours, theirs = (in_all(part) for part in counts)
        yield Verdict(
            "learned against energy",
            low > 0,
            f"{begins}{answer}, Matthews' correlation {ours.matthews:.3f} against {theirs.matthews:.3f}, 99% "
            f"interval of the difference {low:.3f} to {high:.3f}, F1 {ours.f1_occupied:.3f} against "
            f"{theirs.f1_occupied:.3f}{where}",
            binding=False,
        )
