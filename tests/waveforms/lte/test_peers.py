"""Independent peers: Sionna PHY's modulator and turbo encoder, and py3gpp where NR and LTE share a part.

The peers get a resource grid or bits; what they make of it has to be what we make of it.
"""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.waveforms.lte.coding.crc import CRC16, CRC24A, CRC24B, attach
from iqatlas.waveforms.lte.coding.qpp import BLOCK_SIZES
from iqatlas.waveforms.lte.coding.turbo import encode
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.grid import reference_elements, sync_elements
from iqatlas.waveforms.lte.modulation import modulate
from iqatlas.waveforms.lte.payload import SymbolPayload
from iqatlas.waveforms.spec import LteWaveform

CELL = 301
KEY = np.array([5, 7], np.uint64)
SINGLE = 1e-6
"""Relative to the RMS: complex64 rounds to 6e-8, and a transform's ten stages add a few of those up."""


def subframe_of(downlink: LteDownlink, subframe: int, occupied: np.ndarray) -> np.ndarray:
    """Return one subframe as we synthesise it."""
    length = 2 * downlink.samples_per_slot
    return downlink.synthesise(
        start_sample=np.array([subframe * length]),
        samples=length,
        occupancy=occupied[None, None, None],
        first_slot=np.array([subframe]),
        slot_samples=length,
        keys=KEY[None, None],
    )[0, 0]


def coded_elements(downlink: LteDownlink, subframe: int, occupied: np.ndarray) -> np.ndarray:
    """Return the elements of a coded subframe from the functions of its channels, on [symbol, subcarrier]."""
    (coded,) = downlink.coded_cells
    cell = coded.cell
    elements = coded.ports(subframe, occupied, KEY).sum(axis=0)
    blocks, extended = cell.resource_blocks, cell.extended_prefix
    for control in (
        reference_elements([CELL], blocks, antenna_ports=cell.antenna_ports, extended_prefix=extended),
        sync_elements([CELL], blocks, extended_prefix=extended),
    ):
        for symbol, row in enumerate(elements):
            ordinal = control.ordinal[subframe * len(elements) + symbol]
            if ordinal >= 0:
                row[control.subcarrier[ordinal, 0]] = control.value[ordinal, 0]
    return elements * np.sqrt(downlink.resource_element_power)


def centred(downlink: LteDownlink, elements: np.ndarray) -> np.ndarray:
    """Return elements on all bins of the transform, DC in the middle, as the peers expect them."""
    grid = np.zeros((len(elements), downlink.fft_size), complex)
    grid[:, (downlink.numerology.subcarrier_bins + downlink.fft_size // 2) % downlink.fft_size] = elements
    return grid


def by_sionna(downlink: LteDownlink, grid: np.ndarray) -> np.ndarray:
    """Return the samples that Sionna PHY makes of a centred grid of a subframe, in double precision."""
    import torch
    from sionna.phy.ofdm import OFDMModulator

    prefix = np.tile(downlink.numerology.prefix_samples, 2)
    modulator = OFDMModulator(prefix, precision="double", device="cpu")
    # Its transform is unitary; ours sums up.
    return modulator(torch.tensor(grid)).numpy() * np.sqrt(downlink.fft_size)


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.abs(ours - theirs) ** 2) / np.mean(np.abs(theirs) ** 2)))


@pytest.mark.parametrize(
    ("bandwidth_mhz", "prefix", "ports"),
    [
        (1.4, "normal", 2),
        (3.0, "extended", 1),
        (5.0, "normal", 1),
        (10.0, "normal", 2),
        (15.0, "extended", 2),
        (20.0, "normal", 1),
    ],
)
def test_sionna_modulates_a_coded_grid_to_our_samples(bandwidth_mhz: float, prefix: str, ports: int) -> None:
    spec = LteWaveform(
        payload="coded",
        bandwidth_mhz=bandwidth_mhz,
        subchannels=3,
        cyclic_prefix=prefix,  # type: ignore[arg-type]
        antenna_ports=ports,  # type: ignore[arg-type]
    )
    downlink = LteDownlink(spec, cell_ids=[CELL])
    occupied = np.array([True, False, True])
    for subframe in (0, 5, 8):  # broadcast; system information; neither
        grid = centred(downlink, coded_elements(downlink, subframe, occupied))
        ours = subframe_of(downlink, subframe, occupied)
        assert relative_error(ours, by_sionna(downlink, grid)) < SINGLE


@pytest.mark.parametrize("modulation", ["qpsk", "16qam", "64qam"])
@pytest.mark.parametrize("prefix", ["normal", "extended"])
def test_sionna_modulates_random_symbols_to_our_samples(prefix: str, modulation: str) -> None:
    spec = LteWaveform(control=False, cyclic_prefix=prefix, modulation=modulation)  # type: ignore[arg-type]
    downlink = LteDownlink(spec, cell_ids=[CELL])
    occupied = np.arange(16) % 3 != 0
    count = downlink.numerology.symbols_per_subframe
    symbol = 3 * count + np.arange(count)
    bins = np.full(downlink.fft_size, -1)
    bins[downlink.numerology.subcarrier_bins[downlink.subchannel_subcarriers]] = np.arange(16)[:, None]
    payload = SymbolPayload(modulation, float(np.sqrt(downlink.resource_element_power)), bins)
    spectra = np.empty((count, downlink.fft_size), np.complex64)
    payload.fill(
        spectra,
        payload.blank_rows(count),
        payload.bytes(KEY[None, None], np.zeros_like(symbol), symbol),
        payload.kinds(np.tile(occupied, (count, 1, 1))).repeat(count, axis=0),
    )
    elements = spectra[:, downlink.numerology.subcarrier_bins].astype(complex)
    theirs = by_sionna(downlink, centred(downlink, elements))
    assert relative_error(subframe_of(downlink, 3, occupied), theirs) < SINGLE


def test_sionnas_turbo_encoder_gives_our_code_words_with_their_tails() -> None:
    import torch
    from sionna.phy.fec.turbo import TurboEncoder

    peer = TurboEncoder(
        constraint_length=4, rate=1 / 3, terminate=True, interleaver_type="3GPP", device="cpu"
    )
    rng = np.random.default_rng(1)
    # Every eleventh of the 188 sizes, and the largest.
    for size in (*BLOCK_SIZES[::11], BLOCK_SIZES[-1]):
        bits = rng.integers(0, 2, (2, size), dtype=np.uint8)
        words = peer(torch.tensor(bits, dtype=torch.float32)).numpy().astype(np.uint8)
        # It writes the three streams bit by bit in turn, and so the tails.
        np.testing.assert_array_equal(encode(bits), words.reshape(2, -1, 3).swapaxes(1, 2))


@pytest.mark.parametrize("bandwidth_mhz", [1.4, 10.0])
def test_py3gpp_frames_symbols_of_15_khz_as_we_do(bandwidth_mhz: float) -> None:
    from py3gpp import nrOFDMModulate

    spec = LteWaveform(payload="coded", bandwidth_mhz=bandwidth_mhz, subchannels=2)
    downlink = LteDownlink(spec, cell_ids=[CELL])
    occupied = np.array([True, True])
    grid = centred(downlink, coded_elements(downlink, 0, occupied))
    # A slot of NR at 15 kHz is a subframe of LTE, with the same prefixes.
    samples, _ = nrOFDMModulate(
        grid=grid.T, scs=15, Nfft=downlink.fft_size, SampleRate=downlink.sample_rate_hz
    )
    assert relative_error(subframe_of(downlink, 0, occupied), samples * downlink.fft_size) < SINGLE


@pytest.mark.parametrize("c_init", [1, 0x12345, 301 * 512 + 7, (1 << 31) - 1])
def test_py3gpp_has_the_same_gold_sequence(c_init: int) -> None:
    from py3gpp import nrPRBS

    np.testing.assert_array_equal(gold_sequence(np.array(c_init), 700), nrPRBS(c_init, 700))


@pytest.mark.parametrize(("crc", "name"), [(CRC24A, "24A"), (CRC24B, "24B"), (CRC16, "16")])
def test_py3gpp_attaches_the_same_parity(crc: object, name: str) -> None:
    from py3gpp import nrCRCEncode

    for size in (1, 24, 1000):
        bits = np.random.default_rng(size).integers(0, 2, size, dtype=np.uint8)
        # Its register grows with the block, beyond what a NumPy integer holds.
        theirs = nrCRCEncode(bits.astype(object), name)[:, 0]
        np.testing.assert_array_equal(attach(crc, bits), theirs.astype(np.uint8))  # type: ignore[arg-type]


@pytest.mark.parametrize(("bits_per_symbol", "name"), [(2, "QPSK"), (4, "16QAM"), (6, "64QAM")])
def test_py3gpp_maps_bits_to_the_same_symbols(bits_per_symbol: int, name: str) -> None:
    from py3gpp import nrSymbolModulate

    points = np.arange(1 << bits_per_symbol)
    bits = ((points[:, None] >> np.arange(bits_per_symbol)) & 1).astype(np.uint8).reshape(-1)
    # Levels are rounded to float32, 6e-8 of at most 1.1.
    theirs = nrSymbolModulate(bits.astype(np.int64), name)
    np.testing.assert_allclose(modulate(bits, bits_per_symbol), theirs, atol=1e-7)
