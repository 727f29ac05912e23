"""Duty cycles: noise is idle, signals are busy, whatever stands beside them; and the laws behind it."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.features.duty_cycle import DutyRule, duty_rule
from iqatlas.features.segments import density_pieces, density_window
from iqatlas.features.spec import TabularSpec
from iqatlas.features.tabular import statistics, tabular

SAMPLES = 1024
WIDTHS = [(bins, nperseg) for bins in (4.5, 9.0, 13.0) for nperseg in (32, 64, 128)]


def gaussian(*shape: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32)
    return parts.view(np.complex64) * np.float32(0.5**0.5)


def bands(bins: float, nperseg: int, *, guard: bool) -> np.ndarray:
    """Return edges in cycles a sample: about 70% of the band, or as much of it as goes in."""
    count = max(1, int((0.7 if guard else 1) * nperseg / bins))
    edges = (np.arange(count + 1) - count / 2) * bins / nperseg
    return np.stack([edges[:-1], edges[1:]], axis=-1)


def captures(
    edges: np.ndarray, busy: range | list[int], *, snr_db: float = 10, until: float = 1
) -> np.ndarray:
    """Return noise of power 1, with noise of a band on top that ends after a share of the capture."""
    rows = 160
    frequency = np.fft.fftfreq(SAMPLES)
    inside = np.zeros(SAMPLES, bool)
    for lower, upper in edges[busy]:
        inside |= (frequency >= lower) & (frequency < upper)
    signal = np.fft.ifft(np.fft.fft(gaussian(rows, SAMPLES, seed=1)) * inside)
    signal *= 10 ** (snr_db / 20) * (np.arange(SAMPLES) < until * SAMPLES)
    return (1e-5 * (gaussian(rows, SAMPLES, seed=2) + signal)).astype(np.complex64)  # -100 dBm


def duty(samples: np.ndarray, edges: np.ndarray, **options: object) -> np.ndarray:
    spec = TabularSpec.model_validate(options)
    columns = [name.startswith("duty_cycle") for name, _ in statistics(len(edges))]
    return tabular(samples, spec, edges_hz=edges * 1e6, sample_rate_hz=1e6)[:, columns]


def rule_of(edges: np.ndarray, **options: object) -> DutyRule:
    spec = TabularSpec.model_validate(options)
    frames = 1 + (SAMPLES - spec.nperseg) // spec.hop_samples
    return duty_rule(spec, edges * 1e6, frames=frames, sample_rate_hz=1e6)


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize(("bins", "nperseg"), WIDTHS)
def test_noise_is_idle_and_what_lies_10_db_above_it_is_busy(bins: float, nperseg: int, guard: bool) -> None:
    edges = bands(bins, nperseg, guard=guard)
    middle = len(edges) // 2
    idle = duty(captures(edges, []), edges, nperseg=nperseg)
    # 1% is asked for; 160 captures of 15 segments and more tell it to a fifth, and so does the floor.
    assert 0.004 < idle.mean() < 0.02
    if not guard and len(edges) == 1:
        return
    busy = duty(captures(edges, [middle]), edges, nperseg=nperseg)
    assert busy[:, middle].mean() > 0.98
    far = np.abs(np.arange(len(edges)) - middle) > 1
    assert not far.any() or busy[:, far].mean() < 0.02
    half = duty(captures(edges, [middle], until=0.5), edges, nperseg=nperseg)
    # Where the signal ends in a segment, that one is busy too: up to half a segment of the capture.
    assert 0.47 < half[:, middle].mean() < 0.53 + nperseg / 2 / SAMPLES


@pytest.mark.parametrize(("bins", "nperseg"), [(4.5, 128), (9.0, 64), (13.0, 32)])
def test_all_busy_is_told_by_bins_outside_and_by_nothing_else(bins: float, nperseg: int) -> None:
    guarded, full = bands(bins, nperseg, guard=True), bands(bins, nperseg, guard=False)
    samples = captures(guarded, range(len(guarded)))
    assert duty(samples, guarded, nperseg=nperseg).mean() > 0.98
    # What fills the band is its own floor, as docs/features.md says: noise again, of 1%.
    assert duty(samples, guarded, nperseg=nperseg, duty_guard=False).mean() < 0.02
    whole = captures(full, range(len(full)))
    assert duty(whole, full, nperseg=nperseg).mean() < (0.02 if full[-1, 1] > 0.49 else 1.01)


def test_most_busy_without_bins_outside_leaves_the_rest_idle() -> None:
    edges = bands(4.0, 64, guard=False)
    assert len(edges) == 16 and edges[-1, 1] == 0.5
    got = duty(captures(edges, range(12)), edges, nperseg=64).mean(axis=0)
    assert got[:12].min() > 0.97 and got[13:15].max() < 0.03  # 12 and 15 are neighbours of the busy ones


def test_a_strong_neighbour_is_not_heard_in_a_wide_sub_channel() -> None:
    edges = bands(13.0, 128, guard=True)
    got = duty(captures(edges, [2], snr_db=20), edges, nperseg=128)
    # Bins beside an edge are left out: of the bin at the edge the taper passes a half, 17 dB above the noise.
    assert got[:, 2].mean() == 1 and got[:, [1, 3]].mean() < 0.1


@pytest.mark.parametrize("wanted", [0.001, 0.05])
def test_a_false_alarm_has_the_probability_that_is_asked_for(wanted: float) -> None:
    edges = bands(4.5, 64, guard=True)
    samples = gaussian(400, SAMPLES, seed=3)
    got = duty(samples, edges, nperseg=64, duty_false_alarm=wanted).mean()
    # 100,000 segments that share medians; the gamma law is off by a fifth so far out in its tail.
    assert got == pytest.approx(wanted, rel=0.4)


def test_segments_that_overlap_more_vote_at_half_a_segments_distance() -> None:
    edges = bands(9.0, 64, guard=True)
    dense = rule_of(edges, nperseg=64, hop=8)
    assert dense.apart == 4 and dense.voters == rule_of(edges, nperseg=64).voters == 3
    assert duty(captures(edges, []), edges, nperseg=64, hop=8).mean() < 0.02
    narrow = bands(4.5, 256, guard=True)
    assert rule_of(narrow, nperseg=256).voters == 7
    # Three segments are all that there are; then two, of which one decides.
    assert rule_of(narrow[::2] / 2, nperseg=512).voters == 3 and rule_of(narrow, nperseg=640).voters == 1


def test_independent_values_are_those_of_the_variance() -> None:
    edges = bands(4.5, 64, guard=True)
    rule, spec = rule_of(edges, nperseg=64), TabularSpec(nperseg=64)
    samples = gaussian(400, SAMPLES, seed=4)
    window = density_window("hann", 64, sample_rate_hz=1.0)
    density = np.concatenate([piece for _, _, piece in density_pieces(samples, spec, window)])
    short = np.einsum("rtf,bf->rtb", density, rule.shares)
    # Of 12,000 values, neighbours alike: a variance to 5%.
    np.testing.assert_allclose(short.var(axis=(0, 1)), 1 / rule.freedom, rtol=0.12)
    over_time = density.mean(axis=1)
    assert over_time.var(axis=0).mean() == pytest.approx(1 / rule.frame_freedom, rel=0.05)
    middle = np.median(over_time[:, rule.outside], axis=-1)
    # What the median over neighbouring bins is worth is a rule of thumb.
    assert 1 / (middle.var() / middle.mean() ** 2) == pytest.approx(rule.outside_freedom, rel=0.3)


def test_the_thresholds_of_earlier_corpora_keep_their_meaning_and_their_spec() -> None:
    stored = {"nperseg": 64, "hop": None, "duty_threshold_db": 6.0}
    assert TabularSpec.model_validate(stored).model_dump() == stored
    assert set(TabularSpec().model_dump()) == {"nperseg", "hop", "duty_false_alarm", "duty_guard"}
    edges = bands(8.0, 64, guard=True)
    samples = captures(edges, [1])
    window = density_window("hann", 64, sample_rate_hz=1e6)
    density = np.concatenate([p for _, _, p in density_pieces(samples, TabularSpec(nperseg=64), window)])
    places = np.arange(64)[None] - 32
    # Whole bins but for the two at the edges, of which a half lies inside.
    off = np.abs(places - (edges.mean(axis=1) * 64)[:, None])
    share = np.clip(4.5 - off, 0, 1) / 8
    short = np.einsum("rtf,bf->rtb", density, share)
    floor = np.percentile(short.reshape(len(short), -1), 10, axis=1)
    wanted = (short > floor[:, None, None] * 10**0.6).mean(axis=1)
    np.testing.assert_allclose(duty(samples, edges, **stored), wanted, atol=0.04)  # one segment at the limit


def test_silence_and_two_segments_are_worked_out() -> None:
    edges = bands(9.0, 64, guard=True)
    assert not duty(np.zeros((2, 300), np.complex64), edges, nperseg=64).any()
    short = duty(gaussian(300, 96, seed=5), edges, nperseg=64)
    assert short.shape == (300, len(edges)) and short.mean() < 0.1  # a floor of two segments errs by half
