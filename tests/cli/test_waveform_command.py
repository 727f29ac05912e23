"""``iqatlas waveform``: files that other tools open, errors in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sigmf

from iqatlas.cli.app import run
from iqatlas.waveforms.lte.sync import pss

SMALL = ["--set", "waveform.bandwidth_mhz=1.4", "--set", "waveform.subchannels=6"]


def test_samples_metadata_and_picture_lie_beside_each_other(tmp_path: Path) -> None:
    data = tmp_path / "cell.cf32"
    assert run(["waveform", "-o", str(data), "--cell-id", "137", "--duration-ms", "20", *SMALL]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["cell.cf32", "cell.png", "cell.sigmf-meta"]
    recording = sigmf.fromfile(tmp_path / "cell.sigmf-meta")
    recording.validate()
    signal = np.fromfile(data, np.complex64)
    np.testing.assert_array_equal(recording.read_samples(), signal)
    assert len(signal) == 38_400
    assert np.mean(np.abs(signal) ** 2) == pytest.approx(1.0, rel=0.02)  # 1 mW at full load
    assert len(recording.get_annotations()) == 6  # without a spec every sub-channel is busy
    # The PSS of cell 137 is in symbol 6 of slots 0 and 10, of its root and no other.
    at = 6 * 137 + 1 + 9
    bins = np.r_[-31:0, 1:32]
    for start in (at, at + 9600, at + 19_200):
        lines = np.fft.fft(signal[start : start + 128])[bins]
        match = [abs(np.vdot(pss(root), lines)) / np.linalg.norm(lines) / np.sqrt(62) for root in range(3)]
        assert match[137 % 3] == pytest.approx(1.0, abs=1e-3)
        assert max(match[root] for root in range(3) if root != 137 % 3) < 0.5


def test_a_maritime_spec_is_written_as_it_is_occupied(tmp_path: Path) -> None:
    spec = tmp_path / "sea.yaml"
    spec.write_text(
        "waveform: {kind: marine_vhf, channels: [6, 16]}\noccupancy: {slot_s: 0.1, p01: 0.4, p10: 0.4}\n"
    )
    command = ["waveform", str(spec), "--duration-ms", "1000"]
    assert run([*command, "-o", str(tmp_path / "a.sigmf-data"), "--site", "1"]) == 0
    found = sigmf.fromfile(tmp_path / "a.sigmf-meta")
    assert found.get_captures()[0]["core:frequency"] == 156.55e6
    busy = sum(note["core:sample_count"] for note in found.get_annotations())
    assert 0 < busy < 2 * found.sample_count
    assert run([*command, "-o", str(tmp_path / "b.sigmf-data"), "--full-load"]) == 0
    full = sigmf.fromfile(tmp_path / "b.sigmf-meta")
    assert sum(note["core:sample_count"] for note in full.get_annotations()) == 2 * full.sample_count


def test_options_of_the_transmitter_change_the_file(tmp_path: Path) -> None:
    base = ["waveform", "--cell-id", "1", "--duration-ms", "2", *SMALL]
    plain, changed = tmp_path / "plain.cf32", tmp_path / "changed.cf32"
    assert run([*base, "-o", str(plain)]) == 0
    assert run([*base, "-o", str(changed), "--set", "transmitter.carrier_offset_ppm=1"]) == 0
    turn = np.fromfile(changed, np.complex64) / np.fromfile(plain, np.complex64)
    step = np.angle(np.mean(turn[1:] * turn[:-1].conj())) * 1.92e6 / 2 / np.pi
    assert step == pytest.approx(1846.7, rel=1e-4)  # 1 ppm of the carrier, to float32


def test_the_sites_own_identity_comes_from_its_scene(tmp_path: Path) -> None:
    data = tmp_path / "own.cf32"
    assert run(["waveform", "-o", str(data), "--duration-ms", "1", *SMALL]) == 0
    description = sigmf.fromfile(tmp_path / "own.sigmf-meta").get_global_field("core:description")
    assert description.startswith("LTE downlink, 1.4 MHz, cell ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--site", "3", "--cell-id", "1"], "--site: no site 3; accepted: 0 to 2"),
        (["--cell-id", "504"], "503"),
        (["--cell-id", "1", "--duration-ms", "0"], "--duration-ms"),
        (["--cell-id", "1", "--payload", "nonsense"], "waveform.payload"),
        (["--cell-id", "1", "--set", "transmitter.edge_windo=0.5"], "did you mean 'edge_window'?"),
        (["--set", "waveform.kind=morse"], "accepted: lte, marine_vhf"),
        (["--set", "waveform.kind=marine_vhf", "--set", "waveform.channels=[16, 99]"], "99 is no channel"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["waveform", "-o", str(tmp_path / "x.cf32"), *arguments]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())
