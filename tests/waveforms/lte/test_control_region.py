"""The control region divides into groups as TS 36.211, sections 6.2.4 and 6.7 to 6.9, say."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.waveforms.lte import pcfich, phich
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.control_region import control_region, control_symbols, groups_of_symbol
from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.pdcch import element_count, symbols


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("resource_blocks", [6, 15, 50, 100])
@pytest.mark.parametrize("control_format", [1, 2, 3])
@pytest.mark.parametrize("cell_id", [0, 301, 503])
def test_every_element_but_the_reference_ones_belongs_to_one_group(
    resource_blocks: int, control_format: int, cell_id: int, extended: bool
) -> None:
    cell = Cell(cell_id, resource_blocks, 2, extended)
    region = control_region(cell, control_format)
    taken = np.concatenate([a.reshape(-1) for a in (region.pcfich, region.phich, region.pdcch)])
    assert len(set(taken.tolist())) == len(taken)
    count = control_symbols(resource_blocks, control_format)
    symbol, subcarrier = np.divmod(taken, cell.subcarriers)
    per_block = [8, 12, 12, 8 if extended else 12][:count]
    assert np.bincount(symbol).tolist() == [n * resource_blocks for n in per_block]
    assert (subcarrier[symbol == 0] % 3 != cell_id % 3).all()


@pytest.mark.parametrize(
    ("resource_blocks", "control_format", "elements"),
    [
        (6, 3, 6),
        (15, 3, 12),
        (25, 2, 12),
        (50, 1, 8),
        (50, 2, 25),
        (50, 3, 41),
        (75, 2, 37),
        (100, 1, 17),
        (100, 3, 84),
    ],
)
def test_numbers_of_control_channel_elements(
    resource_blocks: int, control_format: int, elements: int
) -> None:
    # Worked out by hand: blocks · (2 + 3 + 3 groups) less 4 and 3 for each eight blocks, in nines.
    region = control_region(Cell(0, resource_blocks), control_format)
    assert element_count(len(region.pdcch)) == elements


def test_groups_leave_room_for_the_references_of_two_ports() -> None:
    assert groups_of_symbol(Cell(0, 6), 0)[:2].tolist() == [[1, 2, 4, 5], [7, 8, 10, 11]]
    assert groups_of_symbol(Cell(2, 6), 0)[0].tolist() == [0, 1, 3, 4]
    assert groups_of_symbol(Cell(0, 6), 1)[0].tolist() == [0, 1, 2, 3]
    assert groups_of_symbol(Cell(1, 6, 1, True), 3)[0].tolist() == [0, 2, 3, 5]


def test_the_mapping_goes_through_time_first() -> None:
    cell = Cell(7, 25)
    region = control_region(cell, 2)
    symbol, subcarrier = np.divmod(region.pdcch[:, 0], cell.subcarriers)
    begin = np.where(symbol == 0, subcarrier // 6 * 6, subcarrier // 4 * 4)
    order = list(zip(begin.tolist(), symbol.tolist(), strict=True))
    assert order == sorted(order)


@pytest.mark.parametrize("control_format", [1, 2, 3])
def test_the_format_indicator_is_its_code_word_scrambled(control_format: int) -> None:
    word = {1: "011", 2: "101", 3: "110"}[control_format] * 11
    cell, subframe = Cell(301, 50), 7
    mask = gold_sequence(np.array((subframe + 1) * (2 * 301 + 1) * 2**9 + 301), 32)
    bits = np.array([int(b) for b in word[:32]]) ^ mask
    wanted = ((1 - 2.0 * bits[0::2]) + 1j * (1 - 2.0 * bits[1::2])) / np.sqrt(2)
    # Rounding of complex64.
    np.testing.assert_allclose(pcfich.symbols(cell, subframe, control_format)[0], wanted, atol=1e-6)


def test_the_four_groups_of_the_format_indicator_are_a_quarter_of_the_carrier_apart() -> None:
    assert pcfich.group_places(Cell(0, 50)).tolist() == [0, 25, 50, 75]
    assert pcfich.group_places(Cell(301, 50)).tolist() == [1, 26, 51, 76]
    assert pcfich.group_places(Cell(99, 25)).tolist() == [49, 11, 24, 36]


@pytest.mark.parametrize(
    ("resource_blocks", "groups"), [(6, 1), (15, 2), (25, 4), (50, 7), (75, 10), (100, 13)]
)
def test_indicator_groups_follow_the_bandwidth(resource_blocks: int, groups: int) -> None:
    assert phich.group_count(Cell(0, resource_blocks)) == groups
    assert phich.group_count(Cell(0, resource_blocks, 1, True)) == 2 * groups
    assert phich.unit_count(Cell(0, resource_blocks, 1, True)) == groups


@pytest.mark.parametrize("extended", [False, True])
def test_an_indicator_is_sent_three_times_and_its_sign_is_the_acknowledgement(extended: bool) -> None:
    cell = Cell(33, 6, 1, extended)
    groups = phich.group_count(cell)
    no, yes = (phich.symbols(cell, 4, np.full(groups, value, np.uint8)) for value in (0, 1))
    assert no.shape == (1, 1, 12)
    np.testing.assert_allclose(yes, -no, atol=1e-6)
    np.testing.assert_allclose(np.abs(no), 1, atol=1e-6)


def test_messages_fill_their_elements_and_leave_the_others_silent() -> None:
    cell = Cell(301, 50, 2)
    bits = np.random.default_rng(1).integers(0, 2, 144, np.uint8)
    region = control_region(cell, 2)
    sent = symbols(cell, 3, len(region.pdcch), [(4, bits)])
    used = np.abs(sent).sum(axis=(0, 2)) > 0
    assert used.sum() == 18
    assert not symbols(cell, 3, len(region.pdcch), []).any()
