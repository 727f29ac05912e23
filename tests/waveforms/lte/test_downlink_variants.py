"""Prefix, ports, modulation, powers: every field of the waveform does what it says and no more."""

from __future__ import annotations

import numpy as np
import pytest
from test_downlink import CELLS, demodulate, transmit

from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.lte.reference import reference_sequence, reference_subcarriers
from iqatlas.waveforms.lte.sync import pss, sss
from iqatlas.waveforms.spec import LteWaveform


def widened(**fields: object) -> LteDownlink:
    """Return a downlink of random symbols with other fields than the default ones."""
    return LteDownlink(LteWaveform(**({"bandwidth_mhz": 3.0, "subchannels": 4} | fields)), cell_ids=CELLS)


@pytest.mark.parametrize(
    "fields",
    [
        {"cyclic_prefix": "extended"},
        {"antenna_ports": 2},
        {"cyclic_prefix": "extended", "antenna_ports": 2, "modulation": "64qam"},
    ],
)
def test_prefix_and_ports_move_the_control_and_nothing_else(fields: dict[str, str]) -> None:
    downlink = widened(**fields)
    numbers, ports = downlink.numerology, downlink.spec.antenna_ports
    occupancy = np.random.default_rng(5).random((10, len(CELLS), 4)) < 0.5
    grid = demodulate(downlink, transmit(downlink, occupancy=occupancy, slot_samples=3840))
    extended = numbers.extended_prefix
    for site, cell in enumerate(CELLS):
        for n in range(numbers.symbols_per_frame):
            slot, symbol = divmod(n, numbers.symbols_per_slot)
            wanted = np.full(180, np.nan, complex)
            silent = np.ones(180, bool)
            busy = downlink.subchannel_subcarriers[occupancy[slot // 2, site]]
            silent[busy.reshape(-1)] = False
            wanted[silent] = 0
            if slot == 1 and symbol < 4:
                # The broadcast channel has a test of its own.
                wanted[54:126] = np.nan
                silent[54:126] = True
            if symbol in (0, numbers.symbols_per_slot - 3):
                values = reference_sequence(cell, slot, symbol, 15, extended_prefix=extended)
                for port in range(ports):
                    wanted[reference_subcarriers(cell, symbol, 15, port=port)] = values
            if slot in (0, 10) and numbers.symbols_per_slot - symbol in (1, 2):
                last = symbol == numbers.symbols_per_slot - 1
                sequence = pss(cell) if last else sss(cell, slot // 2)
                wanted[54:126] = np.concatenate([np.zeros(5), sequence, np.zeros(5)])
            fixed = ~np.isnan(wanted)
            # Rounding of complex64.
            assert np.abs(grid[site, n, fixed] - wanted[fixed]).max() < 1e-5
            assert (np.abs(grid[site, n, ~fixed & ~silent]) > 0.1).all()


@pytest.mark.parametrize("field", ["modulation", "antenna_ports", "cyclic_prefix", "payload"])
def test_every_field_changes_the_signal(field: str) -> None:
    other = {"modulation": "16qam", "antenna_ports": 2, "cyclic_prefix": "extended", "payload": "coded"}
    plain, changed = transmit(widened()), transmit(widened(**{field: other[field]}))
    assert (plain != changed).mean() > 0.1


@pytest.mark.parametrize("payload", ["symbols", "coded"])
@pytest.mark.parametrize("kind", ["payload", "reference", "synchronisation", "broadcast", "control"])
def test_each_kind_of_channel_has_a_power_of_its_own(kind: str, payload: str) -> None:
    plain = widened(payload=payload, antenna_ports=2)
    louder = widened(payload=payload, antenna_ports=2, power={f"{kind}_db": 6.0})
    before, after = demodulate(plain, transmit(plain)), demodulate(louder, transmit(louder))
    used = np.abs(before) > 1e-3
    gain = np.ones(before.shape)
    gain[used] = np.abs(after[used]) / np.abs(before[used])
    raised = np.abs(gain - 10 ** (6 / 20)) < 1e-3
    # Each element is as it was or 6 dB stronger, to the rounding of complex64.
    assert (raised | (np.abs(gain - 1) < 1e-3)).all()
    site, symbol, subcarrier = np.nonzero(raised)
    within = symbol % 14
    if kind == "control" and payload == "symbols":
        assert not raised.any()
        return
    assert raised.any()
    if kind == "reference":
        assert set((symbol % 7).tolist()) == {0, 4}
        assert (subcarrier % 3 == np.array(CELLS)[site] % 3).all()
    if kind == "synchronisation":
        assert set(symbol.tolist()) == {5, 6, 75, 76}
    if kind == "broadcast":
        assert set(symbol.tolist()) == {7, 8, 9, 10}
    if kind == "control":
        assert set(within.tolist()) == {0, 1, 2}
    if kind == "payload":
        assert raised.sum() > 0.6 * used.sum()
    level = 10 * np.log10(louder.full_load_spectrum().sum() / plain.full_load_spectrum().sum())
    assert 0 < level < 6


def test_coded_payload_without_control_is_refused() -> None:
    with pytest.raises(ValueError, match="needs control: on"):
        LteWaveform(payload="coded", control=False)
