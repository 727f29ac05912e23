"""The receiver that the tests try on our signals reads a real cell, so it is no mirror of our encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from receiver_channels import SI_RNTI, Heard, listen
from receiver_codes import number


@pytest.fixture(scope="module")
def heard(shared_data: Path) -> Heard:
    file = shared_data / "lte-off-air-1815.3MHz-19.2Msps-int8.bin"
    raw = np.fromfile(file, np.int8).astype(np.float32).reshape(-1, 2)
    found = listen(raw[:, 0] + 1j * raw[:, 1], 19.2e6)
    assert found is not None
    return found


def test_the_cell_its_broadcast_and_its_frame_numbers_are_read(heard: Heard) -> None:
    assert heard.grid.found.cell_id == 301
    assert heard.grid.offset_hz == pytest.approx(14e3, abs=500)  # "near 14 kHz"
    frames = [b.frame for b in heard.broadcasts if b is not None]
    assert len(frames) == 8
    assert np.diff(frames).tolist() == [1] * 7
    assert {(b.resource_blocks, b.ports) for b in heard.broadcasts if b} == {(100, 2)}


def test_system_information_1_is_read_three_times_and_is_of_one_network(heard: Heard) -> None:
    blocks = []
    for place in (15, 35, 55):
        subframe = heard.subframe(place)
        control_format, _ = subframe.control_format()
        (message,) = [m for m in subframe.messages(control_format) if m.rnti == SI_RNTI]
        block = subframe.block_of(message, control_format)
        assert block is not None
        blocks.append(block.tolist())
    assert blocks[0] == blocks[1] == blocks[2]
    # The fields are where our encoder writes them: country 206, Belgium; network 01, Proximus, whose
    # downlink of band 3 this frequency is in.
    bits = np.array(blocks[0])
    assert bits[:2].tolist() == [0, 1]
    assert [number(bits[at : at + 4]) for at in (10, 14, 18)] == [2, 0, 6]
    assert bits[22] == 0
    assert [number(bits[at : at + 4]) for at in (23, 27)] == [0, 1]


def test_in_noise_of_the_same_length_nothing_is_found() -> None:
    rng = np.random.default_rng(1)
    assert listen(rng.standard_normal(1_536_000) + 1j * rng.standard_normal(1_536_000), 19.2e6) is None
