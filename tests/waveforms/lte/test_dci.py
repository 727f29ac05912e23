"""Control messages have the sizes and fields of TS 36.212, section 5.3.3.1, in their search spaces."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.waveforms.lte import dci

SIZES_1A = {6: 21, 15: 22, 25: 25, 50: 27, 75: 27, 100: 28}
SIZES_1 = {6: 19, 15: 23, 25: 27, 50: 31, 75: 33, 100: 39}


@pytest.mark.parametrize("resource_blocks", SIZES_1A)
def test_sizes_are_the_well_known_ones(resource_blocks: int) -> None:
    assert dci.compact_size(resource_blocks) == SIZES_1A[resource_blocks]
    assert dci.bitmap_size(resource_blocks) == SIZES_1[resource_blocks]


def text(bits: np.ndarray) -> str:
    return "".join(map(str, bits.tolist()))


def test_a_compact_message_is_its_fields_in_order() -> None:
    grant = dci.Grant(9, process=5, new_data=1, redundancy_version=2, power_control=1)
    # 48 of 50 blocks from the second one: more than half, so 50·(50 − 48 + 1) + 50 − 1 − 1 = 198.
    message = dci.compact(50, 1, 48, grant)
    assert text(message) == f"10{198:011b}01001101110010"
    assert text(dci.compact(50, 3, 6, grant))[2:13] == f"{50 * 5 + 3:011b}"


def test_every_run_of_blocks_has_an_indication_of_its_own() -> None:
    for total in (6, 15, 25):
        runs = [(first, count) for count in range(1, total + 1) for first in range(total - count + 1)]
        seen = {text(dci.compact(total, first, count, dci.Grant(0))) for first, count in runs}
        assert len(seen) == len(runs) == total * (total + 1) // 2


def test_a_bitmap_message_names_groups_from_the_highest_bit() -> None:
    message = dci.bitmap(50, (0, 2, 16), dci.Grant(4))
    assert text(message) == "0101000000000000010010000000000"
    assert text(dci.bitmap(6, (1, 5), dci.Grant(4)))[:6] == "010001"


def test_candidates_of_the_common_space_are_the_first_sixteen_elements() -> None:
    assert dci.candidates(dci.SI_RNTI, 5, 4, 25, common=True).tolist() == [0, 4, 8, 12]
    assert dci.candidates(dci.SI_RNTI, 5, 8, 25, common=True).tolist() == [0, 8]
    assert dci.candidates(dci.SI_RNTI, 5, 4, 6, common=True).tolist() == [0]
    assert dci.candidates(dci.SI_RNTI, 5, 8, 6, common=True).tolist() == []


@pytest.mark.parametrize("subframe", [0, 3, 9])
@pytest.mark.parametrize(("level", "count"), [(1, 6), (2, 6), (4, 2), (8, 2)])
def test_candidates_of_a_terminal_follow_the_recursion(subframe: int, level: int, count: int) -> None:
    y = 0x0123
    for _ in range(subframe + 1):
        y = (39827 * y) % 65537
    wanted = {level * ((y + m) % (41 // level)) for m in range(count)}
    assert set(dci.candidates(0x0123, subframe, level, 41, common=False).tolist()) == wanted
