"""A sound corpus passes the audit; one that leaks on purpose is caught, each by the right line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from iqatlas.catalogs import audit
from iqatlas.catalogs.audit import Finding, audit_corpus
from iqatlas.catalogs.corpus import Corpus, open_corpus
from iqatlas.catalogs.probes import Probe
from iqatlas.errors import CorpusError
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec

LEVELS = 2


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 320 records, a quarter of them with 10 dB of signal and more."""
    spec = CorpusSpec.from_tree(
        {
            "name": "audited",
            "raytracing": {"kind": "free_space"},
            "occupancy": {"p01": 0.2, "p10": 0.5},
            "capture": {"slots": 160, "snr_db": [0, 25], "samples": 256},
            "features": {"spectrogram": None},
        }
    )
    return generate(spec, tmp_path_factory.mktemp("audit") / "sound")


@pytest.fixture
def sabotaged(sound: Corpus, tmp_path: Path) -> Callable[..., Corpus]:
    def sabotage(**changes: Callable[[np.ndarray], np.ndarray]) -> Corpus:
        folder = tmp_path / "sabotaged"
        shutil.copytree(sound.path, folder)
        group = zarr.open_group(folder / "records.zarr", mode="r+")
        for name, change in changes.items():
            group[name][...] = change(np.asarray(group[name][...]))
        return open_corpus(folder)

    return sabotage


def found(corpus: Corpus) -> dict[str, Finding]:
    return {finding.name: finding for finding in audit_corpus(corpus)}


def test_a_sound_corpus_passes(sound: Corpus) -> None:
    told: list[tuple[int, int]] = []
    findings = audit_corpus(sound, progress=lambda *done: told.append(done))
    assert all(finding.holds for finding in findings if finding.binding)
    assert [finding.name for finding in findings] == [
        "time", "receiver", "draw", "occupancy", "copies", "payload", "balance", "metadata", "power",
    ]  # fmt: skip
    assert told[-1] == (320, 320)
    by_name = {finding.name: finding for finding in findings}
    assert "strong captures compared" in by_name["payload"].text
    assert by_name["balance"].holds


def test_splits_that_touch(sabotaged: Callable[..., Corpus]) -> None:
    def interleaved(split: np.ndarray) -> np.ndarray:
        slot = np.arange(len(split)) // LEVELS
        return np.where(slot % 2 == 0, "train", "test").astype(split.dtype)

    findings = found(sabotaged(split=interleaved))
    assert not findings["time"].holds
    assert findings["time"].text.startswith("splits are apart in time: no")


def repeated(iq: np.ndarray, noise: float) -> np.ndarray:
    """Return samples in which every test record is a train record, with further noise on top."""
    test = np.arange(len(iq) - 30, len(iq))
    rng = np.random.default_rng(2)
    copies = iq[: len(test)].copy()
    added = rng.standard_normal((*copies.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    iq[test] = copies + np.float32(noise) * np.abs(copies).mean() * added
    return iq


def test_samples_that_come_again(sabotaged: Callable[..., Corpus]) -> None:
    findings = found(sabotaged(iq=lambda iq: repeated(iq, 0.0)))
    assert not findings["copies"].holds
    assert "30 of 60 doubles, as " in findings["copies"].text
    assert not findings["payload"].holds


def test_a_payload_that_comes_again_under_other_noise(sabotaged: Callable[..., Corpus]) -> None:
    findings = found(sabotaged(iq=lambda iq: repeated(iq, 0.05)))
    assert findings["copies"].holds
    assert not findings["payload"].holds
    assert "pairs are alike, as " in findings["payload"].text


def test_labels_that_follow_the_slot(sabotaged: Callable[..., Corpus]) -> None:
    """Every other slot occupied, whatever the sub-channel: a probe on the slot's number finds out."""

    def by_parity(values: np.ndarray) -> np.ndarray:
        odd = np.arange(len(values)) // LEVELS % 2 == 1
        return np.broadcast_to(odd.reshape(-1, *([1] * (values.ndim - 1))), values.shape)

    findings = found(sabotaged(label=by_parity, occupancy=by_parity))
    assert not findings["metadata"].holds
    assert "balanced accuracy 1.000" in findings["metadata"].text
    assert findings["copies"].holds


def test_too_few_records_for_a_shortcut_to_show(tmp_path: Path) -> None:
    """24 records: chance alone reaches so far that "yes" would say nothing."""
    spec = CorpusSpec.from_tree(
        {
            "name": "few",
            "raytracing": {"kind": "free_space"},
            "waveform": {"subchannels": 4},
            "occupancy": {"p01": 0.3, "p10": 0.5},
            "capture": {"slots": 24, "snr_db": 20, "samples": 64},
            "features": {"spectrogram": None},
        }
    )
    findings = found(generate(spec, tmp_path / "few"))
    for name in ("metadata", "power"):
        finding = findings[name]
        assert "not judged, too few records (chance reaches " in finding.text
        assert not finding.holds and not finding.binding


def test_a_shortcut_beyond_chance_is_told_however_wide_chance_is() -> None:
    text = "metadata alone doesn't tell the labels"
    for score, chance, beyond, answer in (
        (1.0, (0.24, 0.76), True, "no, balanced accuracy 1.000, chance 0.240 to 0.760"),
        (0.9, (0.24, 0.76), False, "not judged, too few records (chance reaches 0.760 of balanced accuracy)"),
        (0.6, (0.26, 0.74), False, "yes, balanced accuracy 0.600, chance 0.260 to 0.740"),
    ):
        finding = audit._probe_finding("metadata", text, Probe(score, chance, beyond), binding=True)
        assert finding.text == f"{text}: {answer}"
        assert finding.binding == ("not judged" not in answer) and finding.holds == answer.startswith("yes")


def test_power_that_gives_the_labels_away(sabotaged: Callable[..., Corpus]) -> None:
    """Labels alike in all sub-channels, and samples silent where all is vacant: informational."""
    state = np.random.default_rng(3).random(160) < 0.5

    def labels(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.repeat(state, LEVELS).reshape(-1, *([1] * (values.ndim - 1))), values.shape)

    def silent(iq: np.ndarray) -> np.ndarray:
        return np.where(np.repeat(state, LEVELS)[:, None, None], iq, iq * np.float32(1e-3))

    findings = found(sabotaged(label=labels, occupancy=labels, iq=silent))
    assert not findings["power"].holds
    assert not findings["power"].binding


def test_draws_that_send_the_same(tmp_path: Path) -> None:
    spec = CorpusSpec.from_tree(
        {
            "name": "draws",
            "raytracing": {"kind": "free_space"},
            "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
            "capture": {"slots": 40, "draws": 6, "snr_db": [0], "samples": 64},
            "features": {"spectrogram": None},
            "splits": {"by": "draw"},
        }
    )
    corpus = generate(spec, tmp_path / "draws")
    assert found(corpus)["draw"].holds
    assert "whole draws" in found(corpus)["time"].text
    group = zarr.open_group(tmp_path / "draws" / "records.zarr", mode="r+")
    for name in ("occupancy", "label"):
        values = np.asarray(group[name][...])
        values[-40:] = values[:40]
        group[name][...] = values
    wrong = found(open_corpus(tmp_path / "draws"))["draw"]
    assert not wrong.holds
    assert "draws 0 and 5 send the same" in wrong.text


def test_occupancy_that_comes_again(sabotaged: Callable[..., Corpus]) -> None:
    """The last 23 slots, which are the test split, repeat some of training, as a trace that wraps."""

    def wrapped(values: np.ndarray) -> np.ndarray:
        values[-23 * LEVELS :] = values[31 * LEVELS : 54 * LEVELS]
        return values

    findings = found(sabotaged(occupancy=wrapped, label=wrapped))
    assert not findings["occupancy"].holds and findings["occupancy"].binding
    text = findings["occupancy"].text
    assert text.endswith(
        "stretches of 20 slots do, as those from slot 31 of draw 0 and from slot 137 of draw 0"
    )
    assert findings["copies"].holds


@pytest.fixture
def one_slot(tmp_path: Path) -> Callable[..., Corpus]:
    def make(**capture: object) -> Corpus:
        spec = CorpusSpec.from_tree(
            {
                "name": "one-slot",
                "raytracing": {"kind": "free_space"},
                "occupancy": {"p01": 0.03, "p10": 0.9},
                "capture": {"slots": 1, "draws": 500, "snr_db": [10], "samples": 32, **capture},
                "features": {"spectrogram": None},
                "splits": {"by": "draw"},
            }
        )
        return generate(spec, tmp_path / "one-slot")

    return make


def test_draws_of_one_slot_are_the_same_by_chance(one_slot: Callable[..., Corpus]) -> None:
    """Fresh payload, and 48 chains that are vacant 97% of the time: 7,000 pairs of draws are the same."""
    findings = found(one_slot())
    assert all(finding.holds for finding in findings.values() if finding.binding)
    assert not findings["draw"].binding
    assert "not judged, chance alone makes 7" in findings["draw"].text


def test_a_payload_that_the_spec_fixes(one_slot: Callable[..., Corpus]) -> None:
    """Captures of 32 samples at 10 dB, which pair by pair can't be told from independent ones."""
    findings = found(one_slot(payload="fixed"))
    assert not findings["payload"].holds
    assert findings["payload"].binding
    assert "capture.payload: fixed sends the same in all 500 draws" in findings["payload"].text
    assert not findings["draw"].binding and "not judged" in findings["draw"].text


def test_captures_of_one_receiver_that_come_again(sabotaged: Callable[..., Corpus]) -> None:
    def copied(iq: np.ndarray) -> np.ndarray:
        iq[-30::LEVELS, 0] = iq[:30:LEVELS, 0]
        return iq

    findings = found(sabotaged(iq=copied))
    assert not findings["copies"].holds
    assert "no, 15 captures of a receiver do, or nearly, as " in findings["copies"].text


def test_what_can_t_be_audited_is_told(sound: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sound.__dict__, "dataset", sound.dataset.drop_vars(["label", "snr"]))
    with pytest.raises(CorpusError, match="the records have no label, snr, so there is nothing to audit"):
        audit_corpus(sound)
