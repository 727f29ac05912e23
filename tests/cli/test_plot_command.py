"""``iqatlas plot``: pictures of features, and what it says where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iqatlas import Corpus

PNG = b"\x89PNG"


def test_a_stored_and_a_computed_feature_are_drawn(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any]
) -> None:
    stored, computed, other = (tmp_path / f"{name}.png" for name in "abc")
    assert command("plot", small_corpus.path, "--record", "3", "-o", stored).code == 0
    shown = command("plot", small_corpus.path, "--feature", "power_spectrum", "--record", "3", "-o", computed)
    assert shown.code == 0 and str(computed) in shown.out.replace("\n", "")
    assert command(
        "plot", small_corpus.path, "--feature", "power_spectrum", "--record", "3", "--set", "nperseg=32",
        "--receiver", "uav0", "-o", other,
    ).code == 0  # fmt: skip
    drawn = [file.read_bytes() for file in (stored, computed, other)]
    assert all(content.startswith(PNG) for content in drawn)
    assert len(set(drawn)) == 3


def test_a_picture_knows_what_was_asked_for(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a value is the largest or a mean stands in no array: a heading takes it from the spec."""
    given: list[dict[str, Any]] = []

    def draw(values: object, record: object, setting: object, **about: Any) -> bytes:
        given.append(about["options"])
        return PNG

    monkeypatch.setattr("iqatlas.plotting.features.draw_feature", draw)
    picture = ("-o", tmp_path / "x.png")
    pooled = ("--set", "output={kind: profile, pool: mean}")
    assert command("plot", small_corpus.path, "--feature", "cyclic_spectrum", *pooled, *picture).code == 0
    assert command("plot", small_corpus.path, *picture).code == 0
    assert given == [
        {"output": {"kind": "profile", "pool": "mean"}},
        small_corpus.manifest.spec["features"]["spectrogram"],
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "160"], "--record: there is no record 160; accepted: 0 to 159"),
        (["--feature", "spektrogram"], "no feature 'spektrogram', did you mean 'spectrogram'?"),
        (["--receiver", "uav9"], "--receiver: no receiver 'uav9'; accepted: uav0, uav1, uav2"),
        (["--feature", "tabular", "--set", "hop"], "--set: 'hop' is not an override"),
        (["--feature", "cyclic_autocorrelation"], "lags up to 255; or capture.samples of 1025 or more"),
        (["--feature", "cyclic_spectrum", "--set", "channels=48"], "such as 32 or 64"),
    ],
)
def test_what_cant_be_drawn_is_one_line(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], arguments: list[str], said: str
) -> None:
    outcome = command("plot", small_corpus.path, *arguments, "-o", tmp_path / "x.png")
    assert outcome.code == 2
    assert len(outcome.error_lines) == 1 and said in outcome.error_lines[0]
    assert not (tmp_path / "x.png").exists()
