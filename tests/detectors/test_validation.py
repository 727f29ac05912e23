"""The validation of whole corpora: noise where nothing is sent, detection that rises with the SNR."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.scores import binomial_interval, binomial_p_value
from iqatlas.detectors.validation import Validation, validate_energy
from iqatlas.errors import SpecError
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec


def make_corpus(folder: Path, *, p01: float, snr_db: list[float], slots: int, control: bool) -> Corpus:
    spec = CorpusSpec.from_tree(
        {
            "name": "validated",
            "raytracing": {"kind": "free_space"},
            "waveform": {"control": control},
            "occupancy": {"p01": p01, "p10": 0.3},
            "capture": {"slots": slots, "snr_db": snr_db, "samples": 256, "noise": "per_receiver"},
            "features": {"spectrogram": None},
        }
    )
    return generate(spec, folder)


@pytest.fixture(scope="module")
def vacant(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("validation") / "vacant"
    return make_corpus(folder, p01=0.0, snr_db=[0.0, 10.0], slots=150, control=False)


@pytest.fixture(scope="module")
def sounded(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("validation") / "sounded"
    return make_corpus(folder, p01=0.06, snr_db=[-25.0, -10.0, 0.0, 15.0], slots=120, control=False)


@pytest.mark.parametrize("false_alarm", [0.1, 0.01])
def test_a_vacant_corpus_alarms_as_designed(vacant: Corpus, false_alarm: float) -> None:
    """Two levels, three receivers, 150 slots of 16 sub-channels: 14,400 trials of the corpus's own noise."""
    found = validate_energy(vacant, false_alarm=false_alarm)
    hits = int(np.round(found.table["p_fa"] * found.table["vacant"]).sum())
    trials = int(found.table["vacant"].sum())
    assert trials == 14_400
    low, high = binomial_interval(hits, trials)
    assert low <= false_alarm <= high
    assert found.as_designed
    low, high = found.noise_interval
    assert low <= found.noise_false_alarm <= high


def test_where_nothing_is_sent_there_is_nothing_to_detect(vacant: Corpus) -> None:
    found = validate_energy(vacant)
    assert found.table["p_d"].isna().all()
    assert (found.table["occupied"] == 0).all()
    assert found.rising  # no P_D falls where there is none
    assert found.sound
    assert not found.control
    trivial = found.trivial.set_index("detector")
    assert trivial.loc["all zeros", "f1_hole"] == 1
    assert trivial.loc["prior", "p_fa"] == 0
    assert np.isnan(trivial.loc["all zeros", "p_d"])


def test_detection_rises_with_the_snr(sounded: Corpus) -> None:
    found = validate_energy(sounded)
    assert found.rising and found.sound
    by_receiver = found.table.pivot(index="snr_level_db", columns="receiver", values="p_d")
    assert by_receiver.shape == (4, 3)
    # At −25 dB the detector does little better than its P_FA; at 15 dB nearly nothing is missed.
    assert np.all(by_receiver.loc[-25.0] < 0.25)
    assert np.all(by_receiver.loc[15.0] > 0.9)
    assert np.all(by_receiver.diff().dropna() > -0.05)
    labels = sounded.dataset["label"].values
    prior = found.trivial.set_index("detector").loc["prior", "f1_occupied"]
    assert prior == pytest.approx(labels.mean(), abs=1e-3)  # of whole cases


def test_the_table_counts_every_label_once(sounded: Corpus) -> None:
    table = validate_energy(sounded).table
    labels = sounded.dataset["label"].values
    for _, rows in table.groupby("receiver"):
        assert rows["occupied"].sum() == labels.sum()
        assert rows["vacant"].sum() == (~labels).sum()


def test_progress_ends_with_all_records(sounded: Corpus) -> None:
    told: list[tuple[int, int]] = []
    validate_energy(sounded, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (480, 480)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_probability_that_is_none_is_refused(sounded: Corpus) -> None:
    with pytest.raises(SpecError, match="no probability of false alarm"):
        validate_energy(sounded, false_alarm=1.5)


def test_as_designed_allows_for_chance_only(vacant: Corpus) -> None:
    found = validate_energy(vacant)

    def measured(hits: int) -> Validation:
        return replace(found, noise_p_value=binomial_p_value(hits, 32_000, 0.1))

    # Three sigma off happens to one corpus in 370; six sigma don't happen.
    assert measured(3200 + 3 * 54).as_designed
    assert not measured(3200 + 6 * 54).as_designed
    assert not measured(3200 - 6 * 54).sound
