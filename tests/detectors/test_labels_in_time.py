"""Labels that are not those of the signal, or of another slot, are caught where that can show at all."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.assessment import assess
from iqatlas.detectors.neighbour_slots import NeighbourSlots
from iqatlas.detectors.verdicts import Verdict, sound, verdicts
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec

Make = Callable[..., Corpus]
IN_TIME = "labels change in the slot in which the signal does: "


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    def made(
        components: bool = False, waveform: dict[str, object] | None = None, **capture: object
    ) -> Corpus:
        tree = {
            "name": "timed",
            "raytracing": {"kind": "free_space"},
            "capture": {"slots": 100, "samples": 64, **capture},
            "features": {"spectrogram": None},
            "storage": {"components": components},
            "waveform": waveform or {},
        }
        return generate(CorpusSpec.from_tree(tree), tmp_path_factory.mktemp("timed") / "corpus")

    return made


@pytest.fixture(scope="module")
def with_components(make: Make) -> Corpus:
    """Return 200 records whose noise hides the signal of the first level altogether."""
    return make(components=True, snr_db=[-20, 0], samples=128)


@pytest.fixture(scope="module")
def plain(make: Make) -> Corpus:
    """Return 100 records at 10 dB."""
    return make(snr_db=10)


def judged(corpus: Corpus) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in verdicts(assess(corpus, names=["energy"]))}


def moved(records: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    return dict.fromkeys(("label", "occupancy"), lambda values: np.roll(values, records, axis=0))


def test_components_that_are_where_labels_say(with_components: Corpus) -> None:
    found = judged(with_components)
    assert sound(tuple(found.values()))
    assert "in the sub-channels that labels say: yes, shares 0.0" in found["labels against signal"].text
    assert found["labels in time"].text == IN_TIME + "yes"


def test_components_whose_labels_were_dealt_anew(with_components: Corpus, sabotaged: Make) -> None:
    """Labels and occupancy alike: the OR still holds, and Marcum's law needs neither."""
    order = np.random.default_rng(3).permutation(with_components.dataset.sizes["record"])
    dealt = dict.fromkeys(("label", "occupancy"), lambda values: values[order])
    found = judged(sabotaged(with_components, **dealt))
    failing = {name for name, verdict in found.items() if not verdict.holds}
    assert failing == {"labels against signal", "labels in time"}
    assert not sound(tuple(found.values()))


@pytest.mark.parametrize("slots", [-1, 1])
def test_components_whose_labels_are_a_slot_off(slots: int, with_components: Corpus, sabotaged: Make) -> None:
    found = judged(sabotaged(with_components, **moved(2 * slots)))
    assert not found["labels in time"].holds and found["labels in time"].binding


@pytest.mark.parametrize("slots", [-1, 1])
def test_samples_whose_labels_are_a_slot_off(slots: int, plain: Corpus, sabotaged: Make) -> None:
    found = judged(sabotaged(plain, **moved(slots)))
    side = "before" if slots < 0 else "after"
    # How far, of what chance allows, where, and what to do about it.
    assert re.fullmatch(
        rf"{IN_TIME}no, where they differ from the slot {side} energy is 0\.\d+ nearer to that slot than it "
        rf"should be, 0\.\d+ by chance \(10 dB, uav\d\); to be sure, store components .*",
        found["labels in time"].text,
    )
    assert not sound(tuple(found.values()))


def test_samples_whose_labels_are_in_time(plain: Corpus) -> None:
    found = judged(plain)
    assert sound(tuple(found.values()))
    assert found["labels in time"].text == IN_TIME + "yes"
    # At one level nothing can rise.
    rising = found["monotone in SNR"]
    assert rising.text.endswith("not judged, one level (energy)") and not rising.holds and not rising.binding


@pytest.mark.parametrize(("slots", "level_db"), [(100, -25), (40, 0)], ids=["too weak", "too few"])
def test_where_no_shift_can_show_none_is_denied(
    slots: int, level_db: float, make: Make, sabotaged: Make
) -> None:
    corpus = make(slots=slots, snr_db=level_db)
    for found in (judged(corpus), judged(sabotaged(corpus, **moved(1)))):
        verdict = found["labels in time"]
        assert verdict.text == IN_TIME + "not judged, a shift would not show beyond chance"
        assert not verdict.binding and not verdict.holds


def test_voice_in_short_captures_may_be_farther_off(make: Make) -> None:
    """Its power is steady: 0.068 from what is heard of Gaussian signals, over 800 slots of 96 samples."""
    corpus = make(components=True, slots=60, snr_db=0, samples=96, waveform={"kind": "marine_vhf"})
    found = assess(corpus, names=["energy"])
    assert found.theory is not None and not found.theory.gaussian
    found.theory.labelled[:, :, 1] = [20_000, 20_000 * 0.868, 20_000 * 0.8, 20_000 * 0.16]
    for gaussian in (False, True):
        found.theory.gaussian = gaussian
        verdict = {verdict.name: verdict for verdict in verdicts(found)}["labels against signal"]
        assert verdict.holds != gaussian and verdict.binding, verdict.text


def test_a_signal_that_comes_again_tells_nothing_new(with_components: Corpus) -> None:
    """The same cases, were they copies of a few: chance is wider by the root of how many there are."""
    found = assess(with_components, names=["energy"])
    assert found.theory is not None and found.theory.repeats == 1
    found.theory.repeats = 200
    text = {verdict.name: verdict.text for verdict in verdicts(found)}
    assert text["labels against signal"].endswith("not judged, too few cases")
    assert "not judged" in text["labels in time"]


def test_neighbours_are_of_the_same_draw_and_level(with_components: Corpus) -> None:
    """Two levels in turn: the record before is two places up, and the first slot has none."""
    dataset = with_components.dataset
    label = dataset["label"].values
    number = np.array([7, 0, 199, 2])
    before, after = NeighbourSlots(dataset).switched(number, label[number])
    np.testing.assert_array_equal(before[[0, 2, 3]], label[number[[0, 2, 3]]] != label[[5, 197, 0]])
    np.testing.assert_array_equal(after[[0, 1, 3]], label[number[[0, 1, 3]]] != label[[9, 2, 4]])
    assert not before[1].any() and not after[2].any()
    other = dataset.assign(draw=("record", np.arange(200)))
    assert not np.any(NeighbourSlots(other).switched(number, label[number]))
