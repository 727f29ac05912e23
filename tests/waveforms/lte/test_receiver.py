"""A blind receiver, written from the standard, reads what the coded downlink sends, and nothing in noise.

The channel: 10 dB signal to noise, 2 kHz carrier offset, a second path 6 dB below the first one and
1 µs after it. Frames are caught off their boundaries, and the frame number wraps inside the capture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from receiver import search
from receiver_channels import SI_RNTI, Heard, listen

from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.lte.schedule import system_block
from iqatlas.waveforms.lte.sib1 import CellAccess
from iqatlas.waveforms.spec import BANDWIDTHS_MHZ, LteWaveform

SUBCHANNELS = {1.4: 3, 3.0: 5, 5.0: 8, 10.0: 16, 15.0: 15, 20.0: 16}
FIRST_FRAME = 1021
KEY = np.array([5, 7], np.uint64)
FRAMES = 9.6


@dataclass
class Sent:
    """What was sent, and when."""

    downlink: LteDownlink
    start: int
    occupancy: np.ndarray
    samples: np.ndarray

    def subframe_of(self, heard: Heard) -> int:
        """Return the subframe at which the receiver's first frame begins, by the sender's clock."""
        return round((self.start + heard.grid.begin) / (2 * self.downlink.samples_per_slot))

    def occupied(self, subframe: int) -> np.ndarray:
        return self.occupancy[subframe - 10 * FIRST_FRAME, 0]


def send(frames: float = FRAMES, **fields: object) -> Sent:
    """Return a capture of one cell with half of the sub-channels switched on at random."""
    cell_id = int(fields.pop("cell_id"))  # type: ignore[call-overload]
    bandwidth_mhz = float(fields["bandwidth_mhz"])  # type: ignore[arg-type]
    fields.setdefault("subchannels", SUBCHANNELS[bandwidth_mhz])
    downlink = LteDownlink(LteWaveform(payload="coded", **fields), cell_ids=[cell_id])  # type: ignore[arg-type]
    occupancy = np.random.default_rng(cell_id).random((10 * int(frames) + 12, 1, downlink.spec.subchannels))
    subframe = 2 * downlink.samples_per_slot
    start = 10 * FIRST_FRAME * subframe + subframe * 37 // 10
    samples = downlink.synthesise(
        start_sample=np.array([start]),
        samples=int(frames * downlink.samples_per_frame),
        occupancy=occupancy[None] < 0.6,
        first_slot=np.array([10 * FIRST_FRAME]),
        slot_samples=subframe,
        keys=KEY[None, None],
    )[0, 0]
    return Sent(downlink, start, occupancy < 0.6, samples)


def through_the_air(sent: Sent, snr_db: float) -> np.ndarray:
    rate_hz, x = sent.downlink.sample_rate_hz, sent.samples
    late = round(1e-6 * rate_hz)
    y = x.astype(complex)
    y[late:] += 0.5 * np.exp(2.1j) * x[:-late]
    y *= np.exp(2j * np.pi * 2000 / rate_hz * np.arange(len(y)))
    rng = np.random.default_rng(3)
    scale = np.sqrt((np.abs(x) ** 2).mean() * 10 ** (-snr_db / 10) / 2)
    return y + scale * (rng.standard_normal(len(y)) + 1j * rng.standard_normal(len(y)))


def read(sent: Sent, snr_db: float, subframes: tuple[int, ...]) -> None:
    """Check every message and every transport block of some subframes."""
    heard = listen(through_the_air(sent, snr_db), sent.downlink.sample_rate_hz)
    assert heard is not None
    spec, (coded,) = sent.downlink.spec, sent.downlink.coded_cells
    assert heard.grid.found.cell_id == coded.cell.cell_id
    assert heard.grid.found.extended == (spec.cyclic_prefix == "extended")
    # A receiver needs to know the offset to a fraction of the spacing of 15 kHz: 1% of it.
    assert heard.grid.offset_hz == pytest.approx(2000, abs=150)
    broadcasts = heard.broadcasts[:8]
    assert [b.frame if b else None for b in broadcasts] == [(FIRST_FRAME + 1 + i) % 1024 for i in range(8)]
    for b in broadcasts:
        assert b is not None
        assert (b.resource_blocks, b.ports) == (sent.downlink.resource_blocks, spec.antenna_ports)
    first = sent.subframe_of(heard)
    for place in subframes:
        subframe = heard.subframe(place)
        control_format, fit = subframe.control_format()
        assert control_format == coded.scheduler.control_format
        assert fit > 0.9
        messages = {message.rnti: message for message in subframe.messages(control_format)}
        wanted = coded.assignments(first + place, sent.occupied(first + place))
        assert messages.keys() == {assignment.rnti for assignment in wanted}
        for assignment in wanted:
            message = messages[assignment.rnti]
            if not assignment.groups:
                run = range(assignment.first_block, assignment.first_block + assignment.blocks)
                assert message.blocks == tuple(run)
            block = subframe.block_of(message, control_format)
            assert block is not None
            np.testing.assert_array_equal(block, coded.transport_block(assignment, first + place, KEY))


@pytest.mark.parametrize(
    ("bandwidth_mhz", "cell_id", "ports", "prefix"),
    [
        (1.4, 301, 1, "normal"),
        (1.4, 0, 2, "extended"),
        (3.0, 503, 2, "normal"),
        (5.0, 503, 1, "extended"),
        (5.0, 0, 2, "normal"),
        (10.0, 301, 2, "normal"),
    ],
)
def test_a_blind_receiver_reads_everything(
    bandwidth_mhz: float, cell_id: int, ports: int, prefix: str
) -> None:
    sent = send(bandwidth_mhz=bandwidth_mhz, cell_id=cell_id, antenna_ports=ports, cyclic_prefix=prefix)
    # Subframe 0 holds the broadcast channel; frame 1022, the first whole one, has system information
    # in its subframe 5.
    read(sent, 10.0, (0, 3, 5))


@pytest.mark.slow
@pytest.mark.parametrize("ports", [1, 2])
@pytest.mark.parametrize("bandwidth_mhz", [1.4, 3.0, 5.0, 10.0, 15.0, 20.0])
def test_a_blind_receiver_reads_everything_in_all_set_ups(bandwidth_mhz: float, ports: int) -> None:
    # Each bandwidth with both prefixes and either number of ports; each of those with all cells, which
    # are the three primary sequences, and the least and the greatest identity.
    place = BANDWIDTHS_MHZ.index(bandwidth_mhz)
    prefix = "extended" if (place + ports) % 2 else "normal"
    cell_id = (0, 301, 503)[(place + ports) % 3]
    sent = send(bandwidth_mhz=bandwidth_mhz, cell_id=cell_id, antenna_ports=ports, cyclic_prefix=prefix)
    read(sent, 10.0, (0, 5))


@pytest.mark.parametrize(("modulation", "ports", "snr_db"), [("16qam", 2, 20.0), ("64qam", 1, 28.0)])
def test_higher_modulations_are_read_where_there_is_less_noise(
    modulation: str, ports: int, snr_db: float
) -> None:
    sent = send(bandwidth_mhz=5.0, cell_id=301, modulation=modulation, antenna_ports=ports)
    (coded,) = sent.downlink.coded_cells
    used = {a.modulation for a in coded.assignments(3, np.ones(8, bool))}
    assert used == {modulation}
    read(sent, snr_db, (3,))


def test_bitmaps_announce_sub_channels_that_are_whole_block_groups() -> None:
    sent = send(bandwidth_mhz=3.0, cell_id=7, subchannels=7)
    (coded,) = sent.downlink.coded_cells
    occupied = np.array([1, 0, 1, 1, 0, 1, 0], bool)
    assert all(a.groups for a in coded.assignments(1, occupied))
    read(sent, 10.0, (1, 2))


def test_the_four_versions_of_system_information_add_up() -> None:
    sent = send(bandwidth_mhz=1.4, cell_id=11, subchannels=3)
    heard = listen(through_the_air(sent, 10.0), sent.downlink.sample_rate_hz)
    assert heard is not None
    versions = []
    for place in (5, 25, 45, 65):
        subframe = heard.subframe(place)
        (message,) = [m for m in subframe.messages(3) if m.rnti == SI_RNTI]
        block = subframe.block_of(message, 3)
        assert block is not None
        np.testing.assert_array_equal(block, system_block(CellAccess(cell_identity=256 + 11)))
        versions.append(message.redundancy_version)
    # Frames 1022, 0, 2, 4: half of them is 3, 0, 1, 2 modulo 4.
    assert versions == [1, 0, 2, 3]


def test_an_idle_cell_is_found_and_grants_nothing_but_system_information() -> None:
    downlink = LteDownlink(LteWaveform(payload="coded", bandwidth_mhz=5.0, subchannels=8), cell_ids=[301])
    samples = downlink.synthesise(
        start_sample=np.zeros(1, np.int64),
        samples=2 * downlink.samples_per_frame,
        occupancy=np.zeros((1, 1, 1, 8), bool),
        first_slot=np.zeros(1, np.int64),
        slot_samples=7680,
        keys=KEY[None, None],
    )[0, 0]
    heard = listen(samples.astype(complex), downlink.sample_rate_hz)
    assert heard is not None
    assert [b.frame for b in heard.broadcasts if b] == [0, 1]
    for place in (0, 4, 5):
        subframe = heard.subframe(place)
        rntis = [m.rnti for m in subframe.messages(subframe.control_format()[0])]
        assert rntis == [SI_RNTI] * (place == 5)


@pytest.mark.parametrize("seed", range(4))
def test_in_noise_there_is_no_cell(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(160_000) + 1j * rng.standard_normal(160_000)
    # Sixteen half frames are averaged: of 9 · 9600 such averages one exceeds five times the mean in
    # far less than one of 1e10 captures.
    assert search(noise, 1.92e6) is None
    assert listen(noise, 1.92e6) is None
