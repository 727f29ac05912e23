"""Estimates of chains: exact intervals that hold, runs that were seen whole, records in any order."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import iqatlas.occupancy
from iqatlas.errors import SpecError
from iqatlas.occupancy.estimation import estimate, run_lengths
from iqatlas.occupancy.markov import MarkovChains
from iqatlas.occupancy.spec import MarkovOccupancy

WORD = np.array([int(c) for c in "0011100101111000"], bool)


def test_it_is_reached_from_the_folder() -> None:
    assert iqatlas.occupancy.estimate is estimate
    with pytest.raises(AttributeError):
        _ = iqatlas.occupancy.estimation_of


def test_known_runs() -> None:
    runs = run_lengths(WORD[:, None])
    assert runs.slots[runs.occupied].tolist() == [3, 1, 4]
    assert runs.slots[~runs.occupied].tolist() == [2, 1]
    found = estimate(WORD)
    assert found.mean_busy_slots == pytest.approx(8 / 3)
    assert found.mean_idle_slots == pytest.approx(1.5)
    assert found.share == pytest.approx(8 / 16)
    assert (found.p01, found.p10) == (pytest.approx(3 / 7), pytest.approx(3 / 8))
    assert found.steps == 15


def records(states: np.ndarray, levels: int, keep: np.ndarray | None = None) -> xr.Dataset:
    """Return a corpus's variables: draws by slots by levels, in an order of no meaning."""
    draws, slots = states.shape[:2]
    draw, slot, _ = (a.ravel() for a in np.meshgrid(*map(np.arange, (draws, slots, levels)), indexing="ij"))
    order = np.random.default_rng(0).permutation(len(draw))
    occupancy = states.reshape(-1, *states.shape[2:])[draw * slots + slot][order]
    data = xr.Dataset(
        {
            "occupancy": (("record", "site", "subchannel"), occupancy),
            "label": (("record", "subchannel"), occupancy.any(axis=1)),
            "draw": ("record", draw[order]),
            "slot": ("record", slot[order]),
        }
    )
    return data if keep is None else data.isel(record=keep[slot[order]])


def test_levels_count_once_and_draws_do_not_touch() -> None:
    states = np.stack([WORD, ~WORD])[:, :, None, None]
    found = estimate(records(states, levels=3))
    assert found.steps == 30
    assert found.p01[0, 0] == pytest.approx((3 + 3) / (7 + 8))
    runs = run_lengths(records(states, levels=3))
    assert sorted(runs.slots.tolist()) == sorted([3, 2, 1, 1, 4] * 2)


def test_slots_that_are_left_out_are_no_transitions() -> None:
    keep = np.ones(16, bool)
    keep[5:7] = False
    runs = run_lengths(records(WORD[None, :, None, None], 2, keep))
    # 00111 and 101111000: what touches the cut was not seen whole.
    assert runs.slots[runs.occupied].tolist() == [4]
    assert runs.slots[~runs.occupied].tolist() == [1]
    assert estimate(records(WORD[None, :, None, None], 2, keep)).steps == 12


def test_labels_are_chains_too() -> None:
    states = np.zeros((1, 16, 2, 1), bool)
    states[0, :, 1, 0] = WORD
    found = estimate(records(states, 1), variable="label")
    assert found.p01.shape == (1,)
    assert found.p01[0] == pytest.approx(3 / 7)


def test_rates_lie_in_their_exact_intervals() -> None:
    """3 × 16 chains of two rates each: at 99%, more than 5 of 96 outside has a probability of 4e-4."""
    made = MarkovChains(MarkovOccupancy(), sites=3, subchannels=16, slots=1, seed=11)
    found = estimate(made.draw(0, 4000), confidence=0.99)
    outside = 0
    for rate, interval in ((0.05, found.p01_interval), (0.2, found.p10_interval)):
        outside += int(((rate < interval[..., 0]) | (rate > interval[..., 1])).sum())
    assert outside <= 5
    # Means of about 160 runs each, of deviation √(1 − p)/p: six standard errors.
    assert np.abs(found.mean_busy_slots - 5).max() < 6 * np.sqrt(0.8) / 0.2 / np.sqrt(120)
    assert np.abs(found.mean_idle_slots - 20).max() < 6 * np.sqrt(0.95) / 0.05 / np.sqrt(120)


def split_by_site(slots: int, draws: int, seed: int) -> xr.Dataset:
    """Return records of three sites, each silenced in the splits of the others, as plans lay them out."""
    made = MarkovChains(MarkovOccupancy(p01=0.2, p10=0.3), sites=3, subchannels=8, slots=slots, seed=seed)
    states = np.stack([made.draw(number, slots) for number in range(draws)])
    third = (slots - 20) // 3
    split = np.full(slots, "guard", "<U10")
    for number, name in enumerate(("train", "validation", "test")):
        split[number * (third + 10) : number * (third + 10) + third] = name
    own = np.array(["train", "validation", "test"])
    on = (split[:, None] == own) | (split == "guard")[:, None]
    data = records(states & on[None, :, :, None], levels=2)
    return data.assign_coords(
        split=("record", split[data["slot"].values]), site_split=("site", own)
    ).set_xindex("split")


def test_slots_in_which_a_site_is_silenced_are_not_vacant_ones() -> None:
    """24 chains of two rates each: at 99%, more than 4 of 48 outside has a probability of 2e-4."""
    data = split_by_site(slots=1500, draws=2, seed=3)
    found = estimate(data, confidence=0.99)
    outside = 0
    for rate, interval in ((0.2, found.p01_interval), (0.3, found.p10_interval)):
        outside += int(((rate < interval[..., 0]) | (rate > interval[..., 1])).sum())
    assert outside <= 4
    # Some 1,000 slots a chain of memory (1 + 0.5)/(1 - 0.5): six standard errors; and 120 runs of 3.3 and 5.
    assert np.abs(found.share - 0.4).max() < 6 * np.sqrt(0.24 * 3 / 1000)
    assert np.abs(found.mean_idle_slots - 5).max() < 6 * np.sqrt(0.8) / 0.2 / np.sqrt(100)
    assert np.abs(found.mean_busy_slots - 10 / 3).max() < 6 * np.sqrt(0.7) / 0.3 / np.sqrt(100)
    # A part of the records, and of the sites, is masked alike.
    one = estimate(data.isel(site=1), confidence=0.99)
    np.testing.assert_array_equal(one.p01, found.p01[1])
    np.testing.assert_array_equal(one.mean_idle_slots, found.mean_idle_slots[1])
    train = estimate(data.sel(split="train"))
    assert np.isnan(train.p01[1:]).all() and np.isnan(train.share[1:]).all()
    assert not np.isnan(train.p01[0]).any()


def test_a_run_that_silence_cuts_was_not_seen_whole() -> None:
    states = np.stack([WORD, np.zeros(16, bool)], axis=1)[None, :, :, None]
    split = np.array(["train"] * 9 + ["guard"] * 2 + ["test"] * 5)
    on = (split[:, None] == np.array(["train", "test"])) | (split == "guard")[:, None]
    data = records(states & on[None, :, :, None], levels=1)
    data = data.assign_coords(
        split=("record", split[data["slot"].values]), site_split=("site", ["train", "test"])
    )
    runs = run_lengths(data)
    # 00111001011 is what the first site was seen to send: the second 11 and all after it are cut off.
    assert runs.slots[runs.occupied].tolist() == [3, 1]
    assert runs.slots[~runs.occupied].tolist() == [2, 1]
    assert set(runs.chain.tolist()) == {0}
    # The labels are what was sent, whoever sends.
    assert estimate(data, variable="label").share == pytest.approx(6 / 16)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, float, complex, list])
def test_states_of_any_type_say_the_same(kind: type) -> None:
    states = np.stack([WORD, ~WORD], axis=1)
    wanted, given = estimate(states), states.astype(int).tolist() if kind is list else states.astype(kind)
    found = estimate(given)
    for name in ("share", "p01", "p10", "mean_busy_slots", "p01_interval"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    np.testing.assert_array_equal(run_lengths(given).slots, run_lengths(states).slots)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([0, 1, 2], "data: a state of 2; accepted: an array [slot, …] of 0 and 1"),
        ([0.0, 0.5], "data: a state of 0.5; accepted"),
        (np.array([0, np.nan]), "data: a state of nan; accepted"),
        ([[0, 1], [1]], "data: rows of unlike lengths; accepted"),
        (["0", "1"], "data: values of type <U1; accepted"),
        ([None, 1], "data: values of type object; accepted"),
        (np.array(1), "data: no axis of slots in 1; accepted"),
    ],
)
def test_what_are_no_states_is_one_line(given: object, line: str) -> None:
    for look in (estimate, run_lengths):
        with pytest.raises(SpecError) as caught:
            look(given)
        assert str(caught.value).startswith(line)
        assert "\n" not in str(caught.value)


def test_what_can_not_be_looked_at_is_refused() -> None:
    with pytest.raises(SpecError, match="nothing to estimate from"):
        estimate(np.zeros((0, 2), bool))
    with pytest.raises(SpecError, match="variable: no chains in 'iq'; accepted: occupancy, label"):
        estimate(records(WORD[None, :, None, None], 1), variable="iq")
    with pytest.raises(SpecError, match="confidence"):
        estimate(WORD, confidence=99.0)


def test_one_slot_has_a_share_and_no_rates() -> None:
    found = estimate(np.array([[True, False]]))
    assert found.share.tolist() == [1.0, 0.0]
    assert np.isnan(found.p01).all() and np.isnan(found.mean_busy_slots).all()
    assert found.p01_interval.tolist() == [[0.0, 1.0], [0.0, 1.0]]
