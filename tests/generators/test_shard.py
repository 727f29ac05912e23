"""Records: a pure function of recipe and shard, labels that the samples obey, streams that differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from jaxtyping import Float64

from iqatlas import Corpus, CorpusSpec, plan
from iqatlas.generators import execute
from iqatlas.generators.plan import Plan, Shard
from iqatlas.generators.shard import Recipe, Workshop, make_shard
from iqatlas.occupancy.markov import estimate_rates
from iqatlas.raytracing.free_space import free_space_paths

ONE_SPLIT = {"train": 1, "validation": 0, "test": 0}


def listed(*sites: dict[str, Any]) -> dict[str, Any]:
    """Return sites in the middle of the bundled city, at roughly the same distance from the receiver."""
    places = [(24.940, 60.1685), (24.948, 60.1685), (24.944, 60.1705)]
    return {
        "kind": "list",
        "sites": [
            {"name": f"s{i}", "longitude_deg": lon, "latitude_deg": lat, "height_m": 90, **site}
            for i, ((lon, lat), site) in enumerate(zip(places, sites, strict=False))
        ],
    }


HERE = {"positions": [{"longitude_deg": 24.944, "latitude_deg": 60.1685, "altitude_m": 100}]}


def recipe(tree: dict[str, Any]) -> Recipe:
    """Return the recipe of a spec over free space."""
    spec = CorpusSpec.from_tree({"raytracing": {"kind": "free_space"}, "splits": ONE_SPLIT, **tree})
    scene = execute.scene_of(spec)
    return Recipe(
        plan=plan(spec),
        paths=free_space_paths(scene.sites, scene.receivers, frequency_hz=1846.7e6),
        cell_ids=tuple(site.cell_id for site in scene.sites),
        site_power_dbm=tuple(site.power_dbm for site in scene.sites),
    )


def whole(made: Plan) -> Shard:
    return Shard(0, 0, made.records)


def likeness(iq: np.ndarray) -> Float64[np.ndarray, "a b"]:
    """Return the magnitude of the correlation coefficients of rows."""
    unit = iq / np.linalg.norm(iq, axis=-1, keepdims=True)
    return np.abs(unit @ unit.conj().T)


def test_the_same_recipe_and_shard_give_the_same_bytes() -> None:
    """In a fresh workshop, alone or after other shards, and in another order."""
    tree = {"capture": {"samples": 4096, "slots": 200, "snr_db": 5, "draws": 2}}
    ingredients = recipe(tree)
    made = ingredients.plan
    workshop = Workshop(ingredients)
    assert len(made.shards) >= 3
    forward = [workshop.make_shard(shard) for shard in made.shards]
    for shard in reversed(made.shards):
        again = make_shard(recipe(tree), shard)
        for name, array in again.items():
            assert array.values.tobytes() == forward[shard.index][name].values.tobytes(), name


def test_labels_agree_with_the_noise_free_energies() -> None:
    """With control off and all but no noise, a sub-channel has power if and only if its label says so.

    A vacant sub-channel holds what the subcarriers of its neighbours leave there: in its middle, nine
    or more subcarriers away from the next occupied one, a hundredth of them. The two sites are equally
    strong, so that the weakest occupied sub-channel is a threshold for all.
    """
    made = recipe(
        {
            "sites": listed({}, {}),
            "receivers": HERE,
            "waveform": {"control": False, "subchannels": 12, "bandwidth_mhz": 10},
            "capture": {"samples": 8192, "slots": 400, "snr_db": 150},
            "features": {"spectrogram": None},
        }
    )
    workshop = Workshop(made)
    records = workshop.make_shard(whole(made.plan))
    window = scipy.signal.windows.blackmanharris(8192)
    spectrum = np.abs(scipy.fft.fft(records["iq"].values[:, 0] * window)) ** 2
    frequency = scipy.fft.fftfreq(8192, 1 / made.plan.sample_rate_hz)
    middle = workshop.downlink.subchannel_edges_hz.mean(axis=1)
    inner = np.abs(frequency - middle[:, None]) < 4.5 * 15e3
    energy = 10 * np.log10(np.stack([spectrum[:, bins].mean(axis=1) for bins in inner], axis=1))
    label = records["label"].values
    assert 0.2 < label.mean() < 0.6
    assert np.count_nonzero((energy > energy[label].min() - 1e-9) != label) == 0
    assert energy[label].min() - energy[~label].max() > 3  # they don't just happen to be in order


def test_captures_lie_inside_their_slots_and_after_the_echoes_of_the_slot_before() -> None:
    made = recipe({"capture": {"samples": 1024, "slots": 300, "snr_db": [0, 10], "draws": 2}})
    workshop = Workshop(made)
    records = workshop.make_shard(whole(made.plan))
    start = np.round(records["time"].values * made.plan.sample_rate_hz).astype(np.int64)
    within = start - records["slot"].values * made.plan.slot_samples
    assert within.min() >= workshop.max_delay_samples > 0
    assert (within + 1024).max() <= made.plan.slot_samples
    # All of the room is used: with 1200 uniform starts the ends stay farther away once in e^12.
    room = made.plan.slot_samples - 1024 - workshop.max_delay_samples
    assert within.min() < workshop.max_delay_samples + 0.01 * room
    assert within.max() > made.plan.slot_samples - 1024 - 0.01 * room


def full_load(**changes: Any) -> dict[str, Any]:
    """Return a spec whose captures all begin with their slot, every sub-channel occupied, no noise."""
    return {
        "sites": listed({}),
        "receivers": HERE,
        "waveform": {"control": False},
        "occupancy": {"p01": 1, "p10": 0, "slot_s": 5e-4},
        "capture": {"samples": 7680, "slots": 20, "draws": 2, "snr_db": [150, 160]},
        "features": {"spectrogram": None},
        **changes,
    }


def test_payload_differs_between_slots_draws_and_snr_levels() -> None:
    """Independent captures of N = 7680 samples correlate by 1/√(0.56 N) = 0.015; 0.1 is 6 sigma and more."""
    made = recipe(full_load())
    iq = Workshop(made).make_shard(whole(made.plan))["iq"].values[:, 0]
    assert len(iq) == 80
    assert np.all(likeness(iq) - np.eye(80) < 0.1)


def test_payload_differs_between_sites_and_seeds() -> None:
    """Two sites at one place, one of them 100 dB stronger: like payloads would give like captures."""
    first, second, other_seed = (
        Workshop(made).make_shard(whole(made.plan))["iq"].values[:, 0]
        for made in (
            recipe(full_load(sites=listed({"power_dbm": 70}, {"power_dbm": -30, "longitude_deg": 24.940}))),
            recipe(full_load(sites=listed({"power_dbm": -30}, {"power_dbm": 70, "longitude_deg": 24.940}))),
            recipe(
                full_load(
                    sites=listed({"power_dbm": 70}, {"power_dbm": -30, "longitude_deg": 24.940}), seed=8
                )
            ),
        )
    )
    assert likeness(np.stack([first[0], first[0]]))[0, 1] == pytest.approx(1, abs=1e-5)
    assert likeness(np.stack([first[0], second[0]]))[0, 1] < 0.1
    assert likeness(np.stack([first[0], other_seed[0]]))[0, 1] < 0.1


def test_occupancy_of_a_corpus_has_the_rates_that_were_asked() -> None:
    """All chains pooled, each rate lies in its exact 99% interval. The seed is fixed, so is the outcome."""
    made = recipe({"capture": {"samples": 16, "slots": 5000, "snr_db": 0}, "features": {"spectrogram": None}})
    records = Workshop(made).make_shard(whole(made.plan))
    assert np.array_equal(records["slot"].values, np.arange(5000))
    occupancy = records["occupancy"].values
    found = estimate_rates(occupancy.reshape(5000, -1, 1), confidence=0.99)
    for rate, interval in ((0.05, found.p01_interval), (0.2, found.p10_interval)):
        assert interval[0, 0] <= rate <= interval[0, 1]
        assert np.ptp(interval[0]) < 0.1 * rate
    assert np.array_equal(records["label"].values, occupancy.any(axis=1))


def test_levels_of_a_slot_share_occupancy_and_nothing_else(small_corpus: Corpus) -> None:
    """The level varies fastest; occupancy belongs to the slot, payload, start and noise to the record."""
    records = small_corpus.dataset
    occupancy = records["occupancy"].values.reshape(80, 2, -1)
    assert np.array_equal(occupancy[:, 0], occupancy[:, 1])
    assert np.array_equal(records["snr_level"].values, np.tile([0, 20], 80))
    assert np.array_equal(records["slot"].values, np.repeat(np.arange(80), 2))
    time = records["time"].values.reshape(80, 2)
    assert np.all(time[:, 0] != time[:, 1])


def test_noise_has_the_stated_power_and_differs_everywhere() -> None:
    """Of 3 × 300 captures of 2048 samples, mean power over stated: 1 ± 5/√(1.8e6) = 0.4%."""
    made = recipe({"capture": {"samples": 2048, "slots": 300, "snr_db": -100}})
    records = Workshop(made).make_shard(whole(made.plan))
    iq = records["iq"].values
    stated = 10 ** (records["noise_power"].values / 10)
    ratio = np.mean(np.abs(iq) ** 2, axis=-1) / stated
    assert ratio.mean() == pytest.approx(1, abs=5e-3)
    rows = iq.reshape(-1, 2048)
    # 400,000 pairs of |ρ|² ~ exponential of mean 1/2048: beyond 0.13 once in 2000 such tests.
    assert np.max(likeness(rows) - np.eye(len(rows))) < 0.13


def test_common_floor_and_per_receiver_snr_are_kept() -> None:
    """At full load the realised SNR of a static flat link is the asked one within the payload's spread."""
    for noise, spread in (("common_floor", True), ("per_receiver", False)):
        made = recipe(
            full_load(
                receivers={"count": 3},
                capture={"samples": 7680, "slots": 20, "snr_db": 10, "noise": noise},
            )
        )
        snr = Workshop(made).make_shard(whole(made.plan))["snr"].values
        assert snr.max(axis=1) == pytest.approx(10, abs=0.2)
        assert (np.ptp(snr.mean(axis=0)) > 1) == spread


def test_fixed_payload_repeats_in_every_draw_and_fresh_payload_never() -> None:
    """All sub-channels on, next to no noise: fixed, a slot is the same in every draw and at every level."""
    capture = {"samples": 1024, "slots": 3, "draws": 4, "snr_db": [140, 150]}
    for payload, repeats in (("fixed", True), ("fresh", False)):
        tree = full_load(capture={**capture, "payload": payload})
        made = recipe(tree)
        records = Workshop(made).make_shard(whole(made.plan))
        same = likeness(records["iq"].values[:, 0]) > 0.999
        slot = records["slot"].values
        alike = slot[:, None] == slot if repeats else np.eye(len(slot), dtype=bool)
        np.testing.assert_array_equal(same, alike)
        # Slots begin at times of their own, each inside its slot.
        start = np.round(records["time"].values * made.plan.sample_rate_hz).astype(int) - slot * 7680
        assert len(np.unique(start)) == (3 if repeats else len(slot))
        assert start.min() >= 0
        assert start.max() <= 7680 - 1024
