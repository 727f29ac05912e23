"""``iqatlas validate``: what it shows of unusual corpora, and its exit code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iqatlas.detectors import validation


@pytest.fixture
def thermal(tmp_path: Path, spec_file: Callable[..., Path], command: Callable[..., Any]) -> Path:
    """Return a corpus with thermal noise, in which no site ever sends."""
    spec = spec_file(capture={"slots": 80, "samples": 64, "noise": "thermal"}, occupancy={"p01": 0, "p10": 1})
    assert command("generate", spec, "-o", tmp_path / "out", "--workers", "1").code == 0
    return tmp_path / "out"


def test_thermal_noise_has_no_level_and_no_case_has_no_score(
    thermal: Path, command: Callable[..., Any]
) -> None:
    shown = command("validate", thermal)
    assert shown.code == 0
    assert re.search(r"^ *thermal +uav0 +– ", shown.out, re.MULTILINE)
    assert "nan" not in shown.out
    silent = command("info", thermal)
    assert silent.code == 0
    assert "nan" not in silent.out
    assert command("verify", thermal).code == 0


def test_what_does_not_hold_gives_exit_code_1(
    small_corpus: Any, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("validate", small_corpus.path).code == 0
    validate = validation.validate_energy
    monkeypatch.setattr(
        validation, "validate_energy", lambda *a, **b: replace(validate(*a, **b), rising=False)
    )
    shown = command("validate", small_corpus.path)
    assert shown.code == 1
    assert "✓ P_FA on noise alone" in shown.out
    assert "✗ P_D rises" in shown.out


def test_the_threshold_follows_the_asked_probability(small_corpus: Any, command: Callable[..., Any]) -> None:
    """Of 32,000 trials the measured P_FA is within a third of 0.01, once in 10^9 outside."""
    shown = command("validate", small_corpus.path, "--pfa", "0.01")
    measured = re.search(r"P_FA on noise alone ([\d.]+), designed 0\.01", shown.out)
    assert measured
    assert float(measured[1]) == pytest.approx(0.01, rel=0.34)
