"""One run over a corpus: every case counted once, theory from each record, and a time that is kept."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.assessment import assess
from iqatlas.detectors.detector import Detector
from iqatlas.detectors.report import parquet, tables
from iqatlas.detectors.scores import count
from iqatlas.detectors.tallies import trivial_scores
from iqatlas.detectors.verdicts import verdicts
from iqatlas.errors import CorpusError, SpecError
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec


class Oracle(Detector):
    """States what it makes of a few samples as a probability, as a learned detector would."""

    name = "oracle"
    calibrated = False
    probability = True

    def statistic(self, iq: np.ndarray, noise_power_mw: np.ndarray) -> np.ndarray:
        return np.clip(np.abs(iq[..., :16]) ** 2 / noise_power_mw[..., None] / 8, 0, 1).astype(np.float64)

    def threshold(self, false_alarm: float) -> np.ndarray:
        return np.full(16, 0.5)


def test_every_case_is_counted_once(sound_corpus: Corpus) -> None:
    told: list[tuple[int, int]] = []
    found = assess(sound_corpus, names=["energy", "eigenvalue"], progress=lambda *done: told.append(done))
    label = sound_corpus.dataset["label"].values
    for tally in found.tallies.values():
        assert tally.counts.sum() == label.size * 3
        assert tally.counts[..., :2].sum() == label.sum() * 3
        assert tally.scores(0, 1).total == label.size // 4
        # One decision for all receivers is one case, whatever is asked over receivers.
        receivers = 1 if tally.fuses else 3
        assert tally.scores().total == label.size * receivers
        assert (tally.by_level("any")["occupied"].sum(), tally.by_subchannel("any")["vacant"].sum()) == (
            label.sum() * receivers,
            (~label).sum() * receivers,
        )
        assert tally.by_receiver("any")["occupied"].sum() == label.sum() * 3
    assert [name for name, tally in found.tallies.items() if tally.fuses] == ["eigenvalue"]
    assert found.records == found.total_records == 400
    assert told[-1] == (400, 400)
    # Decisions at the designed P_FA lie on the operating characteristic's course.
    made = tables(found, verdicts(found))
    curve = made["operating"].query("detector == 'energy' and snr_level_db == 20.0")
    assert np.all(np.diff(curve["p_d"]) >= 0) and np.all(np.diff(curve["p_fa"]) >= 0)
    row = made["by_level"].query("detector == 'energy' and snr_level_db == 20.0").iloc[0]
    below, above = curve[curve["designed_false_alarm"] < 0.1], curve[curve["designed_false_alarm"] > 0.1]
    assert below["p_d"].iloc[-1] <= row["p_d"] <= above["p_d"].iloc[0]
    assert row["p_d_low"] <= row["p_d"] <= row["p_d_high"]
    for table in made.values():
        assert parquet(table)[:4] == b"PAR1"
    trivial = made["trivial"].set_index("detector")
    prior = label.mean()
    assert trivial.loc["all ones", "f1_occupied"] == pytest.approx(2 * prior / (1 + prior))
    assert trivial.loc["all zeros", "brier"] == pytest.approx(prior)
    assert trivial.loc["prior", "p_d"] == pytest.approx(prior, abs=1e-3)


def test_detectors_of_others_join_in(sound_corpus: Corpus) -> None:
    found = assess(sound_corpus, names=["energy"], also=[Oracle()])
    assert set(found.tallies) == {"energy", "oracle"}
    assert set(found.noise) == {"energy"}  # its threshold promises no P_FA
    scores = found.scores().set_index("detector")
    reliability = found.reliability["oracle"]
    assert scores.loc["oracle", "brier"] == reliability.brier != 1 - scores.loc["oracle", "accuracy"]
    assert int(reliability.cases.sum()) == 400 * 3 * 16
    iq = sound_corpus.dataset["iq"].values
    noise = 10 ** (sound_corpus.dataset["noise_power"].values.astype(np.float64) / 10)
    decided = Oracle().decide(iq, noise, 0.1)
    label = np.broadcast_to(sound_corpus.dataset["label"].values[:, None], decided.shape)
    assert found.tallies["oracle"].scores() == count(label, decided)
    assert "reliability_oracle" in tables(found, verdicts(found))


def test_a_budget_is_kept_and_told(sound_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 50 records; the clock is 10 s on after each look at it."""
    clock = iter(np.arange(0, 10**4, 10.0))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    small = sound_corpus.dataset.chunk({"record": 50})
    monkeypatch.setitem(sound_corpus.__dict__, "dataset", small)
    found = assess(sound_corpus, names=["energy"], budget_s=30.0)
    assert 50 <= found.records < 400
    assert found.tallies["energy"].counts.sum() == found.records * 3 * 16


@pytest.mark.parametrize(("variable", "what"), [("label", "labels"), ("noise_power", "noise power")])
def test_what_can_t_be_judged_is_told(
    variable: str, what: str, sound_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sound_corpus.__dict__, "dataset", sound_corpus.dataset.drop_vars(variable))
    with pytest.raises(CorpusError, match=f"the records have no {what}, so there is nothing to validate"):
        assess(sound_corpus)


def test_without_snr_there_is_no_theory(sound_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset: xr.Dataset = sound_corpus.dataset.drop_vars(["snr", "snr_level", "signal_power", "occupancy"])
    monkeypatch.setitem(sound_corpus.__dict__, "dataset", dataset)
    found = assess(sound_corpus, names=["energy"])
    assert found.theory is None
    assert found.tallies["energy"].counts.sum() == 400 * 3 * 16
    assert {verdict.name for verdict in verdicts(found)} == {"P_FA as designed", "monotone in SNR"}


def test_a_wrong_request_is_refused(sound_corpus: Corpus) -> None:
    with pytest.raises(SpecError, match="no detector 'energi', did you mean 'energy'"):
        assess(sound_corpus, names=["energi"])
    with pytest.raises(SpecError, match="no probability of false alarm"):
        assess(sound_corpus, false_alarm=0.0)


def test_stored_components_make_theory_exact(tmp_path: Path) -> None:
    """The energy of each capture's signal is known: P_D is Marcum's, within chance of four sigma."""
    spec = CorpusSpec.from_tree(
        {
            "name": "exact",
            "raytracing": {"kind": "free_space"},
            "capture": {"slots": 80, "snr_db": [-5, 5], "samples": 128},
            "features": {"spectrogram": None},
            "storage": {"components": True},
        }
    )
    found = assess(generate(spec, tmp_path / "exact"), names=["energy"])
    assert found.theory is not None and found.theory.exact
    cases, hits, expected, variance = np.moveaxis(found.theory.sums.sum(axis=1), -1, 0)
    assert np.all(cases > 1000)
    assert np.all(np.abs(hits - expected) < 4 * np.sqrt(variance))
    # And in each bin of SNR, P_FA at its lower end and certainty at its upper one.
    cases, hits, expected = found.theory.by_snr.T
    assert np.all(np.abs(hits - expected) < 4 * np.sqrt(cases) / 2 + 2)


def test_where_occupancy_differs_by_subchannel_priors_look_clever() -> None:
    """Two sub-channels, 90% and 10% occupied: correlation 0.8 without a look; a coin of the mean has none."""
    cases = np.array([[90, 10], [10, 90]])
    trivial = trivial_scores(cases, np.array([[60, 5], [5, 60]])).set_index("detector")
    assert trivial.loc["prior of each sub-channel", "mcc"] == pytest.approx(0.8)
    assert trivial.loc["prior", "mcc"] == pytest.approx(0)
    assert "prior of each sub-channel" not in trivial_scores(cases, np.zeros_like(cases))["detector"].tolist()


def test_the_prior_of_each_subchannel_is_that_of_training(sound_corpus: Corpus) -> None:
    found = assess(sound_corpus, names=["energy"])
    label = sound_corpus.dataset["label"].values
    likelier = label[sound_corpus.split_mask("train")].mean(axis=0) > 0.5
    row = found.trivial.set_index("detector").loc["prior of each sub-channel"]
    counts = count(label, np.broadcast_to(likelier, label.shape))
    assert (row["hits"], row["false_alarms"]) == (counts.hits, counts.false_alarms)
    assert row["hits"] > 0
