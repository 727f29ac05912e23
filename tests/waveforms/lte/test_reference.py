"""Cell-specific reference signals against TS 36.211, section 6.10.1."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.reference import reference_sequence, reference_subcarriers, reference_symbols


@pytest.mark.parametrize("cell_id", [0, 1, 5, 6, 301, 503])
@pytest.mark.parametrize("symbol", [0, 4])
def test_positions_shift_by_the_cell_identity_modulo_6(cell_id: int, symbol: int) -> None:
    v = {0: 0, 4: 3}[symbol]
    wanted = [6 * m + (v + cell_id % 6) % 6 for m in range(100)]
    assert reference_subcarriers(cell_id, symbol, 50).tolist() == wanted


@pytest.mark.parametrize(("cell_id", "slot", "symbol"), [(0, 0, 0), (301, 7, 4), (503, 19, 4)])
@pytest.mark.parametrize("resource_blocks", [6, 75, 100])
def test_values_are_the_middle_of_the_widest_carriers_sequence(
    cell_id: int, slot: int, symbol: int, resource_blocks: int
) -> None:
    c_init = 2**10 * (7 * (slot + 1) + symbol + 1) * (2 * cell_id + 1) + 2 * cell_id + 1
    c = gold_sequence(np.array(c_init), 440).astype(int).tolist()
    wanted = []
    for m in range(2 * resource_blocks):
        at = m + 110 - resource_blocks
        wanted.append(((1 - 2 * c[2 * at]) + 1j * (1 - 2 * c[2 * at + 1])) / np.sqrt(2))
    # One rounding of 1/√2 in double precision.
    np.testing.assert_allclose(reference_sequence(cell_id, slot, symbol, resource_blocks), wanted, atol=1e-15)


@pytest.mark.parametrize("extended", [False, True])
def test_two_ports_send_side_by_side_every_third_subcarrier(extended: bool) -> None:
    first, second = reference_symbols(extended)
    assert (first, second) == (0, 3 if extended else 4)
    for symbol in (first, second):
        ports = [reference_subcarriers(8, symbol, 6, port=port) for port in (0, 1)]
        assert np.sort(np.concatenate(ports)).tolist() == list(range(2, 72, 3))
    # What one port sends on in a slot's first symbol, the other one does in its second.
    np.testing.assert_array_equal(
        reference_subcarriers(8, first, 6, port=1), reference_subcarriers(8, second, 6, port=0)
    )


def test_the_prefix_is_the_lowest_bit_of_the_sequences_start() -> None:
    c_init = 2**10 * (7 * (9 + 1) + 3 + 1) * (2 * 301 + 1) + 2 * 301
    c = gold_sequence(np.array(c_init), 440).astype(float)[208:232]
    wanted = ((1 - 2 * c[0::2]) + 1j * (1 - 2 * c[1::2])) / np.sqrt(2)
    # One rounding of 1/√2 in double precision.
    np.testing.assert_allclose(reference_sequence(301, 9, 3, 6, extended_prefix=True), wanted, atol=1e-15)


def test_what_is_no_cell_identity_is_refused() -> None:
    with pytest.raises(SpecError, match="0 to 503"):
        reference_sequence(504, 0, 0, 6)
