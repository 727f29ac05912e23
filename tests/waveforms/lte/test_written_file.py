"""The file that other receivers are given, read as its format says: a blind receiver decodes all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from receiver_channels import SI_RNTI, listen

from iqatlas.cli.app import run
from iqatlas.waveforms.lte.schedule import system_block
from iqatlas.waveforms.lte.sib1 import CellAccess


def read(file: Path) -> np.ndarray:
    """Return the samples of a file: interleaved little-endian float32, no header."""
    pairs = np.fromfile(file, "<f4").reshape(-1, 2).astype(float)
    return pairs[:, 0] + 1j * pairs[:, 1]


@pytest.mark.slow
def test_a_blind_receiver_decodes_the_file_of_400_ms_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "cell.cf32"
    options = ["--cell-id", "137", "--duration-ms", "400", "--payload", "coded"]
    assert run(["waveform", "-o", str(file), *options]) == 0
    samples = read(file)
    assert len(samples) == 400 * 15_360
    heard = listen(samples, 15.36e6)
    assert heard is not None
    assert heard.grid.found.cell_id == 137
    # The file begins with frame 0, and every broadcast of its forty frames decodes.
    assert heard.grid.begin == 0
    assert [b.frame if b else None for b in heard.broadcasts] == list(range(40))
    assert (heard.block.resource_blocks, heard.block.ports) == (50, 1)
    # Full load: system information on subframe 5 of even frames, payload on every subframe.
    for place in (0, 3, 5, 205, 396, 399):
        subframe = heard.subframe(place)
        control_format, _ = subframe.control_format()
        messages = subframe.messages(control_format)
        blocks = {message.rnti: subframe.block_of(message, control_format) for message in messages}
        assert all(block is not None for block in blocks.values())  # their CRCs hold
        assert (SI_RNTI in blocks) == (place in (5, 205))
        assert len(blocks) > (SI_RNTI in blocks)
        if SI_RNTI in blocks:
            wanted = system_block(CellAccess(cell_identity=256 + 137))
            np.testing.assert_array_equal(blocks[SI_RNTI], wanted)


@pytest.mark.parametrize(
    ("bandwidth_mhz", "subchannels", "ports", "modulation", "cell_id", "carrier", "band"),
    [
        (1.4, 3, 2, "qpsk", 301, "earfcn=2000", 4),
        (20.0, 16, 2, "16qam", 503, "earfcn=66500", 64),
        (5.0, 8, 1, "64qam", 0, "frequency_hz=2.115e9", 1),
    ],
)
def test_files_of_other_cells_decode_and_tell_the_band_of_their_carrier(
    tmp_path: Path,
    bandwidth_mhz: float,
    subchannels: int,
    ports: int,
    modulation: str,
    cell_id: int,
    carrier: str,
    band: int,
) -> None:
    file, spec = tmp_path / "cell.cf32", tmp_path / "spec.yaml"
    spec.write_text(f"name: cell\ncarrier: {{{carrier.replace('=', ': ')}}}\n")
    rate_hz = {1.4: 1.92e6, 5.0: 7.68e6, 20.0: 30.72e6}[bandwidth_mhz]
    fields = {
        "bandwidth_mhz": bandwidth_mhz,
        "subchannels": subchannels,
        "antenna_ports": ports,
        "modulation": modulation,
        "payload": "coded",
    }
    options = [word for name, value in fields.items() for word in ("--set", f"waveform.{name}={value}")]
    options += ["--cell-id", str(cell_id), "--duration-ms", "60", "--full-load"]
    assert run(["waveform", str(spec), "-o", str(file), *options]) == 0
    heard = listen(read(file), rate_hz)
    assert heard is not None
    assert (heard.grid.found.cell_id, heard.grid.begin) == (cell_id, 0)
    assert [b.frame if b else None for b in heard.broadcasts] == list(range(6))
    assert heard.block.ports == ports
    for place in (5, 25, 8):
        subframe = heard.subframe(place)
        control_format, _ = subframe.control_format()
        blocks = {m.rnti: subframe.block_of(m, control_format) for m in subframe.messages(control_format)}
        assert len(blocks) > (SI_RNTI in blocks)
        assert all(block is not None for block in blocks.values())  # their CRCs hold
        assert (SI_RNTI in blocks) == (place != 8)
        if SI_RNTI in blocks:
            wanted = system_block(CellAccess(cell_identity=256 + cell_id, band=band))
            np.testing.assert_array_equal(blocks[SI_RNTI], wanted)


def test_random_symbols_hold_a_broadcast_but_nothing_that_is_announced(tmp_path: Path) -> None:
    file = tmp_path / "cell.cf32"
    options = ["--set", "waveform.bandwidth_mhz=3", "--set", "waveform.subchannels=5"]
    assert run(["waveform", "-o", str(file), "--cell-id", "137", "--duration-ms", "40", *options]) == 0
    heard = listen(read(file), 3.84e6)
    assert heard is not None
    assert [b.frame if b else None for b in heard.broadcasts] == list(range(4))
    assert not any(heard.subframe(place).messages(1) for place in (0, 3, 5))


def test_the_commands_help_tells_the_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["waveform", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for words in ("float32", "no header", "15.36 Msps at 10 MHz", "--payload coded"):
        assert words in told
