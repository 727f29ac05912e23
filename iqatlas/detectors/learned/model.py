"""A detector that has learned: samples in, probabilities that sub-channels are occupied out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.special
from jaxtyping import Complex64, Float32

from iqatlas.detectors.learned.card import ModelCard, ScoreRow
from iqatlas.detectors.learned.inputs import looked_at, segment_length
from iqatlas.detectors.learned.layers import Layer, cnn_layers, spectrogram_layers, weight_shapes
from iqatlas.detectors.learned.score_calibration import Platt
from iqatlas.detectors.learned.spec import BoostedSpec, CnnSpec, DetectorSpec
from iqatlas.detectors.learned.subchannel_rows import column_count, subchannel_rows
from iqatlas.detectors.learned.trees import Trees, trees_from
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus
    from iqatlas.detectors.learned._torch import Network

_SAMPLES_AT_ONCE = 1 << 20


def network_layers(spec: DetectorSpec, *, samples: int, subchannels: int) -> tuple[Layer, ...]:
    """Return the layers of a detector that is a net.

    Args:
        spec: What the detector is: not one of trees.
        samples: Samples that it looks at.
        subchannels: Sub-channels that it tells of.

    Raises:
        SpecError: Captures that are too short or too long for it.
    """
    if isinstance(spec, CnnSpec):
        return cnn_layers(samples, subchannels)
    return spectrogram_layers(segment_length(spec, samples), subchannels)


class LearnedDetector:
    """A detector with its weights.

    Args:
        card: All about it but the weights.
        weights: Arrays by name: of a net's layers, or of trees.
        where: Where the weights come from, for messages.

    Raises:
        CorpusError: The weights are not those of the detector.
    """

    def __init__(self, card: ModelCard, weights: Mapping[str, np.ndarray], *, where: str = "weights") -> None:
        self.card = card
        self.weights = dict(weights)
        self.setting = card.setting.capture_setting()
        self._trees: Trees | None = None
        if isinstance(card.detector, BoostedSpec):
            columns = column_count(len(card.setting.subchannel_edges_hz))
            self._trees = trees_from(self.weights, columns=columns, where=where)
        else:
            _check_shapes(self.layers, self.weights, where)

    @property
    def name(self) -> str:
        """Kind of detector: cnn, spectrogram-cnn or boosted."""
        return self.card.detector.kind

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Layers of a net."""
        edges = self.card.setting.subchannel_edges_hz
        return network_layers(self.card.detector, samples=self.card.setting.samples, subchannels=len(edges))

    @cached_property
    def _network(self) -> Network:
        from iqatlas.detectors.learned._torch import Network

        network = Network(self.layers, seed=0)
        network.load(self.weights)
        return network

    def probabilities(
        self, iq: Complex64[np.ndarray, "*batch sample"]
    ) -> Float32[np.ndarray, "*batch subchannel"]:
        """Return how likely each sub-channel is occupied, as each capture has it.

        Args:
            iq: Captures in √mW, as many samples as it looks at or more; those behind are left alone.

        Raises:
            CorpusError: The captures are too short.
            SetupError: PyTorch, which nets need, is not installed.
        """
        looked = self.setting.samples
        if iq.shape[-1] < looked:
            raise CorpusError(
                f"captures of {iq.shape[-1]} samples",
                accepted=f"{looked} or more, which this detector looks at",
            )
        flat = iq[..., :looked].reshape(-1, looked)
        step = max(1, _SAMPLES_AT_ONCE // looked)
        made = np.empty((len(flat), len(self.setting.subchannel_edges_hz)), np.float32)
        for at in range(0, len(flat), step):
            made[at : at + step] = self._of_captures(flat[at : at + step])
        return made.reshape(*iq.shape[:-1], made.shape[1])

    def _of_captures(self, iq: Complex64[np.ndarray, "item sample"]) -> np.ndarray:
        seen = looked_at(iq, self.card.detector, self.setting)
        if self._trees is not None:
            scores = self._trees.scores(subchannel_rows(seen, self.setting)).reshape(len(iq), -1)
            made: np.ndarray = (self.card.calibration or Platt()).probabilities(scores)
            return made
        scaled = self.card.scaling.apply(seen) if self.card.scaling else seen
        likely: np.ndarray = scipy.special.expit(self._network.logits(scaled))
        return likely

    def scored(self, rows: tuple[ScoreRow, ...]) -> LearnedDetector:
        """Return it with scores on its card."""
        return LearnedDetector(self.card.model_copy(update={"scores": rows}), self.weights)

    def refuse_others(self, corpus: Corpus) -> None:
        """Refuse a corpus whose captures are not like those that the detector was made for.

        Raises:
            CorpusError: Another sample rate, other sub-channels, or captures that are too short.
        """
        dataset = corpus.dataset
        edges = np.stack([dataset["subchannel_lower"].values, dataset["subchannel_upper"].values], axis=-1)
        own, rate = self.setting.subchannel_edges_hz, float(dataset.attrs["sample_rate_hz"])
        differ = None
        if not np.isclose(rate, self.setting.sample_rate_hz, rtol=1e-9):
            differ = (f"a sample rate of {rate:g} Hz", f"{self.setting.sample_rate_hz:g} Hz")
        elif edges.shape != own.shape or not np.allclose(edges, own, atol=1.0):
            differ = (
                f"{len(edges)} sub-channels with other edges than its own",
                f"the {len(own)} it has learned",
            )
        elif dataset.sizes["sample"] < self.setting.samples:
            differ = (f"captures of {dataset.sizes['sample']} samples", f"{self.setting.samples} or more")
        if differ is not None:
            raise CorpusError(
                f"this detector has not learned from {differ[0]}",
                where=corpus.place.name,
                accepted=differ[1],
                remedy="train one on this corpus: iqatlas train",
            )


def _check_shapes(layers: tuple[Layer, ...], weights: Mapping[str, np.ndarray], where: str) -> None:
    shapes = weight_shapes(layers)
    there = {name: array.shape for name, array in weights.items()}
    if there != shapes or any(array.dtype != np.float32 for array in weights.values()):
        raise CorpusError(
            "the weights are not those of this detector", where=where, remedy="get the model again"
        )
