"""Noise alone: as much of it as memory and time allow, and detectors that are told less than there is."""

from __future__ import annotations

import time

import pytest
from noise_captures import lte_setting

from iqatlas.detectors import noise_trials as module
from iqatlas.detectors.energy import EnergyDetector
from iqatlas.detectors.noise_trials import noise_trials
from iqatlas.detectors.registry import made_for

REQUEST = {"receivers": 3, "samples": 256, "false_alarm": 0.1, "seed": 1}


def test_long_captures_don_t_take_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = {"energy": EnergyDetector(lte_setting(256))}
    assert noise_trials(detector, **REQUEST)["energy"][1] == 666 * 3 * 16
    monkeypatch.setattr(module, "MOST_SAMPLES", 50_000)
    monkeypatch.setattr(module, "_SAMPLES_AT_ONCE", 7000)
    hits, trials = noise_trials(detector, **REQUEST)["energy"]
    assert trials == 50_000 // 768 * 3 * 16
    assert 0.05 * trials < hits < 0.15 * trials  # 3120 trials: nine sigma
    monkeypatch.setattr(module, "MOST_SAMPLES", 1)
    assert noise_trials(detector, **REQUEST)["energy"][1] == 3 * 16


def test_time_is_kept_but_for_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAMPLES_AT_ONCE", 7000)
    found = noise_trials({"energy": EnergyDetector(lte_setting(256))}, **REQUEST, until=time.monotonic() - 1)
    # Nine records at once, until there are fifty.
    assert found["energy"][1] == 54 * 3 * 16


def test_one_decision_of_all_receivers_is_one_trial() -> None:
    made, _ = made_for(lte_setting(256), ["energy-uncertain", "eigenvalue"])
    found = noise_trials(made, **REQUEST)
    assert found["eigenvalue"][1] == 666 * 16
    hits, trials = found["energy-uncertain"]
    # At the loudest noise that it allows for: designed, by five sigma of 31,968 trials.
    assert hits / trials == pytest.approx(0.1, abs=5 * 0.0017)
