"""Training: batches of the training split, the best weights by the validation split, and what it has cost."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.corpus_features import capture_setting
from iqatlas.detectors.learned.captures import Captures
from iqatlas.detectors.learned.card import Epoch, ModelCard, Origin, StoredSetting, TrainingReport
from iqatlas.detectors.learned.inputs import looked_at, scaling_of
from iqatlas.detectors.learned.layers import parameter_count
from iqatlas.detectors.learned.model import LearnedDetector, network_layers
from iqatlas.detectors.learned.spec import BoostedSpec, CnnSpec, DetectorSpec, TrainingSpec
from iqatlas.detectors.learned.stopping import EarlyStopping, Listener, TrainingProgress
from iqatlas.errors import CorpusError
from iqatlas.features.scaling import Scaling
from iqatlas.features.setting import CaptureSetting
from iqatlas.seeds import Stage, key
from iqatlas.version import __version__

if TYPE_CHECKING:
    from iqatlas.detectors.learned._torch import Network

_LARGEST_WINDOW = 65536
_LIBRARIES = ("torch", "scikit-learn", "numpy")
_LEARNING = 1
"""Index of training's streams among those of the detectors."""


def train(
    corpus: Corpus,
    detector: DetectorSpec,
    training: TrainingSpec | None = None,
    *,
    progress: Listener | None = None,
) -> LearnedDetector:
    """Return a detector that has learned from the training split of a corpus.

    An item is one receiver of one record; it learns the label of the record's sub-channels. The weights are
    those of the epoch with the lowest loss on the validation split; scaling is by the training split. The
    test split is not read. On one machine, with as many threads, the same arguments give the same weights,
    unless the budget ends it.

    Args:
        corpus: The corpus.
        detector: What to train.
        training: How long and how.
        progress: Called after each batch and epoch.

    Raises:
        CorpusError: No labels, an empty split, or captures that are too long.
        SpecError: Captures that are too short or too long for the detector.
        SetupError: PyTorch or scikit-learn is not installed.
    """
    training = training or TrainingSpec()
    setting = _setting(corpus, detector)
    initial, order = (int(word >> np.uint64(1)) for word in key(training.seed, Stage.DETECTORS, _LEARNING))
    reading = {"samples": setting.samples, "batch": training.batch}
    learning = Captures(corpus, "train", **reading, seed=order)
    trees = isinstance(detector, BoostedSpec)
    validating = Captures(corpus, "validation", **reading, seed=order if trees else None)
    scaling = calibration = None
    weights: dict[str, np.ndarray]
    if isinstance(detector, BoostedSpec):
        from iqatlas.detectors.learned.boosting import train_trees

        grown, calibration, report = train_trees(
            learning,
            validating,
            spec=detector,
            training=training,
            setting=setting,
            seed=initial,
            progress=progress,
        )
        weights = grown.arrays()
    else:
        net = _NetTraining(learning, validating, detector, training, setting, progress)
        weights, scaling, report = net.run(initial)
    card = ModelCard(
        detector=detector,
        training=training,
        setting=StoredSetting(
            samples=setting.samples,
            sample_rate_hz=setting.sample_rate_hz,
            subchannel_edges_hz=tuple((low, high) for low, high in setting.subchannel_edges_hz.tolist()),
        ),
        scaling=scaling,
        calibration=calibration,
        report=report,
        corpora=(origin_of(corpus),),
        versions=_versions(),
    )
    return LearnedDetector(card, weights)


def origin_of(corpus: Corpus) -> Origin:
    """Return name and hash of a corpus, as its manifest states it."""
    digest = sha256_json(corpus.manifest.model_dump(mode="json"))
    return Origin(name=corpus.manifest.name, manifest_sha256=digest)


def _setting(corpus: Corpus, detector: DetectorSpec) -> CaptureSetting:
    whole = capture_setting(corpus.dataset, corpus.manifest.spec)
    samples = detector.window or whole.samples
    if not samples <= min(whole.samples, _LARGEST_WINDOW):
        raise CorpusError(
            f"{samples} samples of captures of {whole.samples}",
            where=corpus.place.name,
            accepted=f"16 to {min(whole.samples, _LARGEST_WINDOW)}",
            remedy="choose a window",
        )
    return CaptureSetting(samples, whole.sample_rate_hz, whole.subchannel_edges_hz)


def _versions() -> dict[str, str]:
    there = {"iqatlas": __version__}
    for library in _LIBRARIES:
        try:
            there[library] = version(library)
        except PackageNotFoundError:
            continue
    return there


class _NetTraining:
    def __init__(
        self,
        learning: Captures,
        validating: Captures,
        detector: DetectorSpec,
        training: TrainingSpec,
        setting: CaptureSetting,
        progress: Listener | None,
    ) -> None:
        self._learning, self._validating = learning, validating
        self._detector, self._training, self._setting = detector, training, setting
        self._progress = progress
        self._layers = network_layers(
            detector, samples=setting.samples, subchannels=len(setting.subchannel_edges_hz)
        )

    def run(self, seed: int) -> tuple[dict[str, np.ndarray], Scaling, TrainingReport]:
        from iqatlas.detectors.learned._torch import Network, threads

        training = self._training
        stopping: EarlyStopping[dict[str, np.ndarray]] = EarlyStopping(training)
        with threads(training.threads):
            scaling = scaling_of((seen for seen, _ in self._seen(self._learning)), *self._variable())
            network = Network(self._layers, seed=seed, learning_rate=training.learning_rate)
            further = True
            while further:
                learned, losses = 0, 0.0
                for seen, label in self._seen(self._learning, len(stopping.epochs)):
                    losses += network.step(scaling.apply(seen), label) * len(label)
                    learned += len(label)
                    self._tell(stopping, learned)
                    if stopping.spent():
                        break
                epoch = Epoch(
                    training_loss=losses / learned,
                    validation_loss=self._validation_loss(network, scaling),
                )
                further = stopping.after(epoch, network.weights)
                self._tell(stopping, 0)
        report = TrainingReport(
            parameters=parameter_count(self._layers),
            samples=self._learning.count,
            validation_samples=self._validating.count,
            best_epoch=stopping.best_epoch,
            seconds=stopping.seconds,
            stopped_by=stopping.stopped_by,
            epochs=tuple(stopping.epochs),
        )
        return stopping.best or network.weights(), scaling, report

    def _variable(self) -> tuple[str, str]:
        if isinstance(self._detector, CnnSpec):
            return "iq", "1" if self._detector.power == "capture" else "√mW"
        return "spectrogram", "dB/Hz" if self._detector.power == "capture" else "dBm/Hz"

    def _seen(
        self, captures: Captures, epoch: int = 0
    ) -> Iterator[tuple[Float32[np.ndarray, "item ..."], Bool[np.ndarray, "item subchannel"]]]:
        for iq, label in captures.batches(epoch):
            yield looked_at(iq, self._detector, self._setting), label

    def _validation_loss(self, network: Network, scaling: Scaling) -> float:
        total = 0.0
        for seen, label in self._seen(self._validating):
            logits = network.logits(scaling.apply(seen)).astype(np.float64)
            total += float(np.mean(np.logaddexp(0, np.where(label, -logits, logits)), axis=1).sum())
        return total / self._validating.count

    def _tell(self, stopping: EarlyStopping[dict[str, np.ndarray]], done: int) -> None:
        if self._progress is not None:
            epochs = stopping.epochs
            self._progress(
                TrainingProgress(
                    len(epochs),
                    self._training.epochs,
                    done,
                    self._learning.count,
                    epochs[-1] if epochs else None,
                )
            )
