"""Code words of transport blocks decode with a decoder written from the standard."""

from __future__ import annotations

import numpy as np
import pytest
from receiver_codes import transport_block

from iqatlas.waveforms.lte.transport import code_word, sent_shares


@pytest.mark.parametrize(
    ("size", "rate", "bits_per_symbol", "layers"),
    [(16, 0.4, 2, 1), (120, 0.6, 2, 2), (1256, 0.55, 4, 1), (6200, 0.6, 2, 2), (15840, 0.6, 6, 1)],
)
@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_a_block_comes_back_from_any_version_of_its_code_word(
    size: int, rate: float, bits_per_symbol: int, layers: int, version: int
) -> None:
    block = np.random.default_rng(size).integers(0, 2, size, np.uint8)
    unit = bits_per_symbol * layers
    sent = int((size + 24) / rate) // unit * unit
    word = code_word(block, sent, bits_per_symbol=bits_per_symbol, layers=layers, redundancy_version=version)
    assert word.shape == (sent,)
    # Noise that wakes the decoder up but, at 8 dB, stays far above the code's threshold.
    noise = np.random.default_rng(1).standard_normal(sent) * 0.4
    soft = 4 * (1 - 2.0 * word + noise)
    decoded = transport_block([(soft, version)], size, unit)
    assert decoded is not None
    np.testing.assert_array_equal(decoded, block)


def test_a_block_without_room_is_lost_alone_and_found_by_two_versions_together() -> None:
    block = np.random.default_rng(2).integers(0, 2, 1256, np.uint8)
    heard = []
    for version in (0, 2):
        word = code_word(block, 1200, bits_per_symbol=2, layers=1, redundancy_version=version)
        heard.append((4 * (1 - 2.0 * word), version))
    # 1,280 bits don't fit 1,200; with 2,400 the rate is 0.53.
    assert transport_block(heard[:1], 1256, 2) is None
    found = transport_block(heard, 1256, 2)
    assert found is not None
    np.testing.assert_array_equal(found, block)


@pytest.mark.parametrize(
    ("sent", "blocks", "unit", "shares"),
    [(1000, 1, 2, [1000]), (1000, 3, 2, [332, 334, 334]), (1200, 7, 4, [168] * 1 + [172] * 6)],
)
def test_shares_are_whole_symbols_and_the_last_blocks_get_the_longer_ones(
    sent: int, blocks: int, unit: int, shares: list[int]
) -> None:
    assert sent_shares(sent, blocks, unit) == shares
    assert sum(shares) == sent
