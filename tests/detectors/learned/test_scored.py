"""Tables of F1 against scikit-learn's, and detectors on corpora that are not theirs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.energy import energy, threshold
from iqatlas.detectors.learned._torch import Network
from iqatlas.detectors.learned.layers import cnn_layers
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.scored import score
from iqatlas.errors import CorpusError
from iqatlas.features.subchannel_energy import subchannel_bins


def test_every_row_is_scikit_learns(cnn: LearnedDetector, learnable: Corpus) -> None:
    """The same decisions, counted by scikit-learn; the rows are levels by receivers, in order."""
    names = ("iq", "label", "snr_level", "noise_power")
    iq, label, levels, noise_dbm = learnable.numpy(split="test", variables=names).values()
    decided = cnn.probabilities(iq) > 0.5
    bins = subchannel_bins(64, edges_hz=cnn.setting.subchannel_edges_hz, sample_rate_hz=1.92e6)
    by_energy = energy(iq, 10 ** (noise_dbm.astype(np.float64) / 10), bins) > threshold(bins.sum(axis=1), 0.1)
    rows = score(cnn, learnable)
    assert [(row.snr_level_db, row.receiver) for row in rows] == [
        (level, name) for level in (5.0, 15.0) for name in ("uav0", "uav1")
    ]
    for row in rows:
        own, receiver = levels == row.snr_level_db, int(row.receiver[-1])
        truth = label[own].ravel()
        assert row.captures == own.sum()
        for ours, predicted in (
            (row.f1_occupied, decided[own, receiver]),
            (row.energy, by_energy[own, receiver]),
            (row.all_ones, np.ones_like(label[own])),
        ):
            assert ours == pytest.approx(sklearn.metrics.f1_score(truth, predicted.ravel()), abs=1e-12)
        hole = sklearn.metrics.f1_score(~truth, ~decided[own, receiver].ravel())
        assert row.f1_hole == pytest.approx(hole, abs=1e-12)
        assert row.prior == pytest.approx(truth.mean(), abs=1e-12)


def test_progress_counts_the_records_of_the_split(cnn: LearnedDetector, learnable: Corpus) -> None:
    heard: list[tuple[int, int]] = []
    score(cnn, learnable, split="validation", progress=lambda done, total: heard.append((done, total)))
    assert heard[-1] == (learnable.manifest.splits["validation"],) * 2


def made_for(cnn: LearnedDetector, weights: dict[str, np.ndarray], **changes: object) -> LearnedDetector:
    """Return the detector as if it had been made for other captures."""
    setting = cnn.card.setting.model_copy(update=changes)
    return LearnedDetector(cnn.card.model_copy(update={"setting": setting}), weights)


def test_corpora_of_other_captures_are_refused(cnn: LearnedDetector, learnable: Corpus) -> None:
    edges = cnn.card.setting.subchannel_edges_hz
    moved = tuple((low + 15e3, high + 15e3) for low, high in edges)
    with pytest.raises(CorpusError, match="not learned from 2 sub-channels with other edges"):
        score(made_for(cnn, cnn.weights, subchannel_edges_hz=moved), learnable)
    one_more = Network(cnn_layers(64, 3), seed=0).weights()
    with pytest.raises(CorpusError, match="not learned from 2 sub-channels with other edges"):
        score(made_for(cnn, one_more, subchannel_edges_hz=(*edges, edges[0])), learnable)
    with pytest.raises(CorpusError, match=r"a sample rate of 1\.92e\+06 Hz; accepted: 3\.84e"):
        score(made_for(cnn, cnn.weights, sample_rate_hz=3.84e6), learnable)
    longer = Network(cnn_layers(65, 2), seed=0).weights()
    with pytest.raises(CorpusError, match=r"not learned from captures of 64 samples; accepted: 65 or more"):
        score(made_for(cnn, longer, samples=65), learnable)
    with pytest.raises(CorpusError, match="no split 'tests', did you mean 'test'"):
        score(cnn, learnable, split="tests")


def test_longer_captures_and_thermal_noise_are_scored(
    cnn: LearnedDetector, made_corpus: Callable[..., Corpus]
) -> None:
    other = made_corpus(capture={"slots": 60, "samples": 100, "noise": "thermal", "snr_db": None})
    rows = score(cnn, other)
    assert [row.snr_level_db for row in rows] == [None, None]


def test_short_captures_are_refused(cnn: LearnedDetector) -> None:
    with pytest.raises(CorpusError, match="captures of 63 samples; accepted: 64 or more"):
        cnn.probabilities(np.zeros((1, 63), np.complex64))


def test_axes_before_the_samples_are_kept(detector: LearnedDetector, learnable: Corpus) -> None:
    iq = learnable.numpy(split="test", variables=("iq",))["iq"][:5]
    made = detector.probabilities(iq)
    assert made.shape == (5, 2, 2)
    np.testing.assert_allclose(detector.probabilities(iq[3, 1]), made[3, 1], atol=1e-5)  # other batches
    assert detector.probabilities(iq[:0]).shape == (0, 2, 2)
