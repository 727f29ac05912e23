"""A sound corpus passes; one that is wrong on purpose is caught, each by the right line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.assessment import assess
from iqatlas.detectors.tallies import Tally
from iqatlas.detectors.verdicts import rises, sound, verdicts
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec

LEVELS = 4


def failing(corpus: Corpus) -> dict[str, str]:
    judged = verdicts(assess(corpus, names=["energy"]))
    assert sound(judged) == all(v.holds for v in judged if v.binding)
    return {verdict.name: verdict.text for verdict in judged if not verdict.holds}


def test_a_sound_corpus_passes(sound_corpus: Corpus) -> None:
    judged = verdicts(assess(sound_corpus))
    assert sound(judged)
    assert [verdict.name for verdict in judged if verdict.text.endswith("(energy)")] == [
        "P_FA as designed",
        "monotone in SNR",
    ]
    lines = "\n".join(verdict.text for verdict in judged)
    for words in (
        "P_D of energy against theory, from each record's exact SNR: yes",
        "P_FA of energy against theory, from each record's exact SNR: yes",
        "labels are the OR of what sites send: yes",
        "P_D rises with the SNR at every receiver: yes (eigenvalue)",
    ):
        assert words in lines


def test_labels_shifted_by_one_slot(sabotaged: Callable[..., Corpus]) -> None:
    """With what sites send shifted alike, labels still agree with it, but no longer with the samples."""
    wrong = sabotaged(
        label=lambda values: np.roll(values, LEVELS, axis=0),
        occupancy=lambda values: np.roll(values, LEVELS, axis=0),
    )
    lines = failing(wrong)
    assert "P_D against theory" in lines
    assert lines["P_D against theory"].startswith("P_D of energy against theory")
    assert "labels" not in lines


def test_labels_alone_shifted_by_one_slot(sabotaged: Callable[..., Corpus]) -> None:
    lines = failing(sabotaged(label=lambda values: np.roll(values, LEVELS, axis=0)))
    assert "of them are not" in lines["labels"]


@pytest.mark.parametrize("off_db", [-3.0, 3.0])
def test_noise_three_decibels_off(off_db: float, sabotaged: Callable[..., Corpus]) -> None:
    wrong = sabotaged(noise_power=lambda values: values + np.float32(off_db))
    lines = failing(wrong)
    assert "P_FA against theory" in lines
    assert "P_FA as designed" not in lines  # the detector itself is as good as ever


def test_samples_without_the_signal(sabotaged: Callable[..., Corpus]) -> None:
    def noise_alone(iq: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(1)
        power = np.square(np.abs(iq)).mean(axis=-1, keepdims=True)
        noise = rng.standard_normal((*iq.shape[:-1], 2 * iq.shape[-1]), dtype=np.float32).view(np.complex64)
        return (noise * np.sqrt(power / 2)).astype(np.complex64)

    assert "P_D against theory" in failing(sabotaged(iq=noise_alone)) or "P_FA against theory" in failing(
        sabotaged(iq=noise_alone)
    )


@pytest.fixture(scope="module")
def slot_long(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return captures as long as their slot: side lobes raise P_FA to 0.6, and echoes reach in."""
    tree = {
        "name": "long",
        "raytracing": {"kind": "free_space"},
        "waveform": {"control": False},
        "capture": {"slots": 80, "snr_db": 20, "samples": 15_360},
        "features": {"spectrogram": None},
    }
    return generate(CorpusSpec.from_tree(tree), tmp_path_factory.mktemp("long") / "corpus")


def test_long_captures_without_control_pass(slot_long: Corpus) -> None:
    """With sub-channels taken for brick walls P_FA was 0.4 from theory here."""
    found = assess(slot_long, names=["energy"])
    judged = {verdict.name: verdict for verdict in verdicts(found)}
    assert all(verdict.holds for verdict in judged.values() if verdict.binding), judged
    assert judged["P_FA against theory"].holds
    assert found.theory is not None
    cases, false_alarms = found.theory.sums[0, :, 0, :2].sum(axis=0)
    assert false_alarms > 0.4 * cases


def test_long_captures_whose_labels_are_a_slot_off(
    slot_long: Corpus, sabotaged: Callable[..., Corpus]
) -> None:
    late = dict.fromkeys(("label", "occupancy"), lambda values: np.roll(values, 1, axis=0))
    assert "P_D against theory" in failing(sabotaged(slot_long, **late))


def test_spill_that_nobody_knows_is_not_judged(slot_long: Corpus) -> None:
    found = assess(slot_long, names=["energy"])
    assert found.theory is not None
    found.theory.spectrum_known = False
    told = {verdict.name: verdict for verdict in verdicts(found)}["P_FA against theory"]
    assert told.text.endswith(
        "not judged, what occupied sub-channels spill into vacant ones is not known; to be sure, store "
        "components (storage.components: true)"
    )
    assert not told.holds and not told.binding


def tally(*shares: float, cases: int = 1000) -> Tally:
    made = Tally(np.arange(len(shares), dtype=np.float64), ["uav"], 1)
    hits = np.round(np.array(shares) * cases).astype(np.int64)
    made.counts[:, 0, 0, 0], made.counts[:, 0, 0, 1] = hits, cases - hits
    return made


def test_a_fall_beyond_chance_is_noticed() -> None:
    assert rises(tally(0.5, 0.9))
    assert not rises(tally(0.9, 0.5))
    assert rises(tally(0.55, 0.5, cases=20))  # eleven of twenty, then ten: chance
    # A fall two levels on is one as well, and a level without cases is none.
    late = tally(0.9, 0.9, 0.5)
    late.counts[1] = 0
    assert not rises(late)


@pytest.mark.parametrize("levels", [2, 41])
def test_chance_alone_is_no_fall(levels: int) -> None:
    """Of 100 sound corpora none: one in ten thousand by design, however many pairs of levels there are."""
    rng = np.random.default_rng(6)
    for _ in range(100):
        made = Tally(np.arange(levels, dtype=np.float64), ["a", "b", "c"], 1)
        made.counts[:, :, 0, 0] = rng.binomial(2000, 0.11, size=(levels, 3))
        made.counts[:, :, 0, 1] = 2000 - made.counts[:, :, 0, 0]
        assert rises(made)
