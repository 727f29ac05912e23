"""``iqatlas validate``: what it shows of unusual corpora, and its exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from iqatlas.cli.console import say_finding
from iqatlas.detectors import verdicts
from iqatlas.detectors.validated_corpus import of_metadata


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
    small_corpus: Any, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = verdicts.verdicts

    def failing(name: str) -> Callable[..., Any]:
        return lambda found: tuple(replace(v, holds=v.name != name) for v in real(found))

    monkeypatch.setattr(verdicts, "verdicts", failing("monotone in SNR"))
    shown = command("validate", small_corpus.path, "-o", tmp_path / "out", "--detectors", "energy")
    assert shown.code == 1
    assert "✓ P_FA on noise alone" in shown.out
    assert "✗ P_D rises" in shown.out


def test_names_from_a_corpus_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    say_finding("P_D at [red]roof[/x]", holds=True, binding=True)
    say_finding("P_D at [0]", holds=False, binding=False)
    assert capsys.readouterr().out.splitlines() == ["✓ P_D at [red]roof[/x]", "– P_D at [0]"]


def test_tables_and_figures_are_kept_beside_the_corpus(
    small_corpus: Any, tmp_path: Path, command: Callable[..., Any]
) -> None:
    folder = tmp_path / "out"
    shown = command(
        "validate", small_corpus.path, "-o", folder, "--detectors", "energy,prefix", "--budget", "5m"
    )
    assert shown.code == 0
    assert f"tables    {folder}" in shown.out
    lines = " ".join(shown.out.split())
    assert "captures of 256 samples don't hold the prefix lag; accepted: 2048 samples or more" in lines
    assert "✓ P_D of energy against theory, from each record's exact SNR: yes" in lines
    names = {path.name for path in folder.iterdir()}
    assert {"scores.parquet", "by_level.parquet", "by_receiver.parquet", "by_subchannel.parquet"} < names
    assert {"trivial.parquet", "verdicts.parquet", "energy_theory.parquet", "energy_by_snr.parquet"} < names
    assert {"detection.png", "operating.png"} < names
    scores = pd.read_parquet(folder / "scores.parquet")
    assert scores["detector"].tolist() == ["energy"]
    assert (scores["hits"] + scores["misses"] == scores["occupied"]).all()
    held = pd.read_parquet(folder / "verdicts.parquet")
    assert held["holds"].all()
    # The corpus itself holds what it held.
    assert command("verify", small_corpus.path, "--quick").code == 0


def test_an_unknown_detector(small_corpus: Any, command: Callable[..., Any]) -> None:
    shown = command("validate", small_corpus.path, "--detectors", "energy,prefx")
    assert shown.code == 2
    assert "no detector 'prefx', did you mean 'prefix'?" in shown.err


def test_the_threshold_follows_the_asked_probability(
    small_corpus: Any, tmp_path: Path, command: Callable[..., Any]
) -> None:
    """Of 32,000 trials the measured P_FA is within a third of 0.01, once in 10^9 outside."""
    shown = command(
        "validate", small_corpus.path, "--pfa", "0.01", "--detectors", "energy", "-o", tmp_path / "out"
    )
    measured = re.search(r"P_FA on noise alone ([\d.]+), designed 0\.01", shown.out)
    assert measured
    assert float(measured[1]) == pytest.approx(0.01, rel=0.34)


@pytest.mark.parametrize("names", ["prefix", "", "prefix,dandawate-giannakis"])
def test_without_a_detector_that_suits_it_is_one_line(
    names: str, small_corpus: Any, tmp_path: Path, command: Callable[..., Any]
) -> None:
    shown = command("validate", small_corpus.path, "--detectors", names, "-o", tmp_path / "out")
    assert shown.code == 2
    assert len(shown.error_lines) == 1
    assert "--detectors: no detector to run" in shown.err
    for name in filter(None, names.split(",")):
        assert f"{name}: captures of 256 samples" in shown.err
    assert "accepted: energy" in shown.err


def test_what_an_older_run_left_goes(small_corpus: Any, tmp_path: Path, command: Callable[..., Any]) -> None:
    """Tables and pictures that the new run doesn't make; strangers' files stay, and have to be asked for."""
    old = ("reliability_cnn.parquet", "reliability_spectrogram-cnn-2.parquet", "energy_by_snr.parquet")
    for name in (*old, "notes.parquet", "reliability_mine.parquet"):
        (tmp_path / name).write_bytes(b"old")
    words = ("validate", small_corpus.path, "-o", tmp_path, "--detectors", "eigenvalue", "--pfa", "0.2")
    shown = command(*words)
    assert (shown.code, len(shown.error_lines)) == (2, 1)
    assert "something else (notes.parquet)" in shown.err and "--overwrite" in shown.err
    assert command(*words, "--overwrite").code in (0, 1)
    names = {path.name for path in tmp_path.iterdir()}
    assert not names & set(old)
    assert {"notes.parquet", "reliability_mine.parquet", "verdicts.parquet", "detection.png"} < names
    told = of_metadata(pq.read_metadata(tmp_path / "verdicts.parquet").metadata)
    assert told is not None
    stated = json.loads((small_corpus.path / "manifest.json").read_text())["manifest_sha256"]
    assert (told.manifest_sha256, told.false_alarm) == (stated, 0.2)
    assert told.records == told.total_records == 160
