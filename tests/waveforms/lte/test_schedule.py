"""Allocations follow the occupancy; system information keeps to the edge; messages never collide."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte import dci, pdsch
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.control_region import control_region
from iqatlas.waveforms.lte.grid import Subchannels
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL
from iqatlas.waveforms.lte.pdcch import element_count
from iqatlas.waveforms.lte.schedule import Scheduler, _place_messages

SET_UPS = [
    (6, 3),
    (6, 6),
    (15, 15),
    (15, 4),
    (25, 8),
    (25, 25),
    (50, 16),
    (50, 50),
    (75, 75),
    (100, 16),
    (100, 100),
]


def scheduler(blocks: int, subchannels: int, **cell: object) -> Scheduler:
    modulation = str(cell.pop("modulation", "qpsk"))
    set_up = Cell(301, blocks, **cell)  # type: ignore[arg-type]
    return Scheduler(set_up, Subchannels.centred(subchannels, blocks), modulation)


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("ports", [1, 2])
@pytest.mark.parametrize(("blocks", "subchannels"), SET_UPS)
def test_payload_is_in_all_occupied_blocks_and_in_no_other(
    blocks: int, subchannels: int, ports: int, extended: bool
) -> None:
    rules = scheduler(blocks, subchannels, antenna_ports=ports, extended_prefix=extended)
    elements = element_count(len(control_region(rules.cell, rules.control_format).pdcch))
    rng = np.random.default_rng(blocks)
    patterns = [np.ones(subchannels, bool), np.zeros(subchannels, bool), np.arange(subchannels) % 2 == 0]
    patterns += [rng.random(subchannels) < 0.5 for _ in range(3)]
    for subframe, system in ((0, False), (5, True), (5, False), (8, False)):
        free = pdsch.free_elements(rules.cell, subframe, rules.control_symbols)
        for pattern in patterns:
            assignments = rules.schedule(subframe, tuple(pattern.tolist()), system=system)
            wanted = np.zeros(12 * blocks, bool)
            wanted[rules.subchannels.subcarriers[pattern].reshape(-1)] = True
            if system:
                for block in rules.system_blocks():
                    wanted[12 * block : 12 * block + 12] = True
            held = [a.places for a in assignments]
            held = np.concatenate(held) if held else np.zeros(0, int)
            assert np.array_equal(np.sort(held), np.flatnonzero(free & wanted))
            # Each message has its control elements to itself, where its terminal looks.
            taken: list[int] = []
            for a in assignments:
                taken += range(a.element, a.element + a.level)
                common = a.rnti == dci.SI_RNTI
                assert a.element in dci.candidates(a.rnti, subframe, a.level, elements, common=common)
                assert len(a.scrambling) == BITS_PER_SYMBOL[a.modulation] * len(a.places)
                assert (a.size + 24) / len(a.scrambling) < 0.84  # the highest rate, of 48 bits at 1.4 MHz
            assert len(set(taken)) == len(taken)
            assert len({a.rnti for a in assignments}) == len(assignments)


@pytest.mark.parametrize(
    ("blocks", "subchannels", "wanted"),
    [(50, 16, [0]), (25, 8, [24]), (15, 4, [14]), (6, 6, [0, 1]), (100, 16, [0]), (75, 75, [0])],
)
def test_system_information_takes_left_over_blocks_first(
    blocks: int, subchannels: int, wanted: list[int]
) -> None:
    assert list(scheduler(blocks, subchannels).system_blocks()) == wanted


def test_one_run_is_one_message_and_runs_are_one_each() -> None:
    rules = scheduler(50, 16)
    (one,) = rules.schedule(1, (True,) * 16, system=False)
    assert (one.first_block, one.blocks, one.groups) == (1, 48, ())
    three = rules.schedule(1, (True, True, False, True, *[False] * 11, True), system=False)
    assert [(a.first_block, a.blocks) for a in three] == [(1, 6), (10, 3), (46, 3)]


def test_whole_block_groups_are_one_message_with_a_bitmap() -> None:
    rules = scheduler(15, 7)
    (one,) = rules.schedule(1, (True, False, True, False, False, True, False), system=False)
    assert (one.groups, one.blocks) == ((0, 2, 5), 6)


@pytest.mark.parametrize("modulation", ["qpsk", "16qam", "64qam"])
def test_the_modulation_is_the_one_asked_for_wherever_there_is_room(modulation: str) -> None:
    rules = scheduler(50, 16, modulation=modulation)
    for subframe in (0, 1, 5):
        (one,) = rules.schedule(subframe, (True,) * 16, system=False)
        assert one.modulation == modulation


def test_more_messages_than_fit_are_refused() -> None:
    with pytest.raises(SpecError, match="no room for 7 messages"):
        _place_messages(7, 0, np.ones(6, bool))


@pytest.mark.parametrize(
    ("extended", "subframe", "elements"),
    [(False, 1, 50 * 138), (True, 1, 50 * 114), (False, 5, 50 * 138 - 144), (False, 0, 50 * 138 - 144 - 276)],
)
def test_elements_of_the_shared_channel_at_10_mhz(extended: bool, subframe: int, elements: int) -> None:
    # By hand: twelve or ten symbols of 600, three with 100 reference elements of one port; less 72 for
    # each synchronisation signal and 4 · 72 − 12 for the broadcast channel, which holds 12 of those.
    assert pdsch.free_elements(Cell(0, 50, 1, extended), subframe, 2).sum() == elements
