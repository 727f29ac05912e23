"""Every classical detector keeps its false alarms on noise, and says which captures it can't work on."""

from __future__ import annotations

import numpy as np
import pytest
from noise_captures import gaussian, lte_setting

from iqatlas.detectors.detector import Detector, DetectorSetting
from iqatlas.detectors.registry import DETECTORS, made_for
from iqatlas.detectors.scores import binomial_interval
from iqatlas.errors import SpecError
from iqatlas.features.setting import CaptureSetting

# Captures that each needs, and how many of them: some tens of thousands of trials where they are cheap.
LONG = {"prefix": 4096, "dandawate-giannakis": 12_288, "cyclic-coherence": 4096, "pss": 4096}
RECORDS = {"prefix": 150, "dandawate-giannakis": 40, "cyclic-coherence": 60, "pss": 600}


@pytest.fixture(scope="module")
def on_noise() -> dict[str, tuple[Detector, np.ndarray]]:
    """Return each detector with its statistic of noise of a power that it is told, or its excess over it."""
    found = {}
    for place, name in enumerate(DETECTORS):
        samples, records = LONG.get(name, 1024), RECORDS.get(name, 700)
        detector = DETECTORS[name].make(lte_setting(samples))
        noise = gaussian(records, 3, samples, power=3e-9 * detector.noise_excess, seed=40 + place)
        statistic = detector.statistic(noise, np.full((records, 3), 3e-9))
        found[name] = detector, statistic[:, :1] if detector.fuses else statistic
    return found


@pytest.mark.parametrize("false_alarm", [0.1, 0.01])
@pytest.mark.parametrize("name", DETECTORS)
def test_false_alarms_on_noise_are_as_many_as_designed(
    name: str, false_alarm: float, on_noise: dict[str, tuple[Detector, np.ndarray]]
) -> None:
    """The designed probability lies in the exact 99% interval of what is measured."""
    detector, statistic = on_noise[name]
    hits = int((statistic > detector.threshold(false_alarm)).sum())
    low, high = binomial_interval(hits, statistic.size)
    assert low <= false_alarm <= high
    assert statistic.size >= 1800


@pytest.mark.parametrize("name", DETECTORS)
def test_what_needs_no_noise_power_does_not_look_at_it(name: str) -> None:
    """A factor on samples and noise changes nothing; on samples alone only for who needs the noise power."""
    samples = LONG.get(name, 1024)
    detector = DETECTORS[name].make(lte_setting(samples))
    assert isinstance(detector, Detector)
    noise = gaussian(4, 3, samples, seed=1)
    told = np.full((4, 3), 1.0)
    plain = detector.statistic(noise, told)
    # Float32 samples: their sums agree to some 1e-5 under a factor that is no power of two.
    np.testing.assert_allclose(detector.statistic(3 * noise, 9 * told), plain, rtol=1e-4)
    louder = detector.statistic(3 * noise, told)
    if DETECTORS[name].needs_noise_power:
        np.testing.assert_allclose(louder, 9 * plain, rtol=1e-4)
    else:
        np.testing.assert_allclose(louder, plain, rtol=1e-4)
    assert plain.shape == (4, 3, 1 if name == "pss" else 16)
    decided = detector.decide(noise, told, 0.3)
    assert np.array_equal(decided, plain > detector.threshold(0.3))
    assert np.all(detector.threshold(0.01) > detector.threshold(0.3))
    if detector.fuses:
        assert np.array_equal(plain[:, 0], plain[:, 2])


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("false_alarm", [0.0, 1.0, float("nan")])
def test_what_is_no_probability_is_refused_by_all(name: str, false_alarm: float) -> None:
    detector = DETECTORS[name].make(lte_setting(LONG.get(name, 1024)))
    with pytest.raises(SpecError, match="no probability of false alarm"):
        detector.threshold(false_alarm)


def test_theory_begins_at_the_false_alarm_and_rises() -> None:
    """Gaussian tails of prefix and line, and draws of the ratio, are near P without a signal."""
    snr = np.array([1e-4, 0.1, 1.0, 10.0])[:, None] * np.ones(16)
    for name in DETECTORS:
        detector = DETECTORS[name].make(lte_setting(LONG.get(name, 1024)))
        curve = detector.detection_probability(0.1, snr)
        if curve is None:
            assert name in ("cyclic-coherence", "pss")
            continue
        quiet = (
            0.1
            if name != "energy-uncertain"
            else detector.decide(gaussian(500, 3, 1024, seed=3), np.ones((500, 3)), 0.1).mean()
        )
        np.testing.assert_allclose(curve[0], quiet, atol=0.01)
        assert np.all(np.diff(curve, axis=0) > -1e-9)
        assert np.all(curve[-1] > curve[0])


def test_captures_that_are_too_short_leave_detectors_out_in_one_line_each() -> None:
    made, left_out = made_for(lte_setting(1024))
    assert list(made) == ["energy", "energy-estimated", "energy-uncertain", "eigenvalue", "eigenvalue-ratio"]
    assert set(left_out) == {"prefix", "dandawate-giannakis", "cyclic-coherence", "pss"}
    assert left_out["prefix"] == (
        "captures of 1024 samples don't hold the prefix lag; accepted: 2048 samples or more"
    )
    made, left_out = made_for(lte_setting(2048))
    assert "prefix" in made and "pss" in made
    assert "200 of them" in left_out["dandawate-giannakis"]


def test_waveforms_without_symbols_and_single_receivers() -> None:
    captures = CaptureSetting(4096, 15.36e6, lte_setting(16).captures.subchannel_edges_hz)
    made, left_out = made_for(DetectorSetting(captures, receivers=1))
    assert left_out["prefix"] == "this waveform has no cyclic prefix"
    assert left_out["pss"] == "this waveform sends no synchronisation signals"
    assert left_out["eigenvalue"] == "a covariance needs two receivers or more"
    assert "cyclic-coherence" in made


def test_names() -> None:
    made, _ = made_for(lte_setting(1024), ["eigenvalue", "energy", "energy"])
    assert list(made) == ["eigenvalue", "energy"]
    with pytest.raises(SpecError, match="--detectors: no detector 'enrgy', did you mean 'energy'"):
        made_for(lte_setting(1024), ["enrgy"])
