"""The broadcast channel's message and its places; a blind receiver decodes it in test_receiver."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.waveforms.lte import pbch
from iqatlas.waveforms.lte.cell import Cell


@pytest.mark.parametrize(
    ("resource_blocks", "frame", "bits"),
    [
        (6, 0, "000010000000000000000000"),
        (50, 3, "011010000000000000000000"),
        (50, 4, "011010000000010000000000"),
        (100, 1023, "101010111111110000000000"),
        (25, 1024 + 5, "010010000000010000000000"),
        (15, -1, "001010111111110000000000"),
    ],
)
def test_the_message_tells_bandwidth_phich_and_the_upper_bits_of_the_frame(
    resource_blocks: int, frame: int, bits: str
) -> None:
    message = pbch.master_information_block(resource_blocks, frame)
    assert "".join(map(str, message.tolist())) == bits


@pytest.mark.parametrize(("extended", "count"), [(False, 240), (True, 216)])
@pytest.mark.parametrize("resource_blocks", [6, 25, 100])
def test_elements_are_1920_or_1728_bits_in_four_frames(
    resource_blocks: int, extended: bool, count: int
) -> None:
    cell = Cell(301, resource_blocks, 2, extended)
    mask = pbch.elements(cell)
    assert 4 * 2 * mask.sum() == 8 * count
    assert mask.sum(axis=1).tolist() == ([48, 48, 72, 48] if extended else [48, 48, 72, 72])
    assert not mask[:, : 6 * resource_blocks - 36].any() and not mask[:, 6 * resource_blocks + 36 :].any()
    assert pbch.symbols(cell).shape == (2, 1024, count)


def test_every_frame_number_is_told_in_a_way_of_its_own() -> None:
    (frames,) = pbch.symbols(Cell(5, 50))
    assert len({frame.tobytes() for frame in frames}) == 1024


def test_ports_are_told_by_the_check_alone() -> None:
    one, two = (pbch.symbols(Cell(5, 50, ports))[0, 0] for ports in (1, 2))
    # With the check of two ports the first port would send what a lone port does, √2 weaker.
    assert np.abs(two * np.sqrt(2) - one).max() > 1
