"""LTE frames and windows, against the transforms that they need and a modulator that does nothing else.

Every rival runs on one core. Rates count the samples of the transforms, without prefixes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
import torch
from sionna.phy.ofdm import OFDMModulator

from benchmarks.timing import Comparison, compare
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

_SITES = 3
_SYMBOLS = 140
_WINDOWS = 64
_WINDOW_SAMPLES, _SUBFRAME_SAMPLES = 128, 15_360


def run() -> list[Comparison]:
    """Compare frames at 10 MHz, all sub-channels busy, and short windows with whole subframes."""
    rng = np.random.default_rng(1)
    starts = rng.integers(0, 10**8, _WINDOWS)

    def bare() -> object:
        grid = np.zeros((_SITES * _SYMBOLS, 1024), np.complex64)
        symbols = rng.integers(0, 4, (_SITES * _SYMBOLS, 600), dtype=np.uint8)
        grid[:, 212:812] = np.array([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j], np.complex64)[symbols]
        return scipy.fft.ifft(grid, axis=-1, overwrite_x=True)

    frame = np.zeros(1, np.int64)
    megasamples = _SITES * _SYMBOLS * 1024 / 1e6
    symbols, coded = (
        _synthesis(LteWaveform(payload=payload), frame, 10 * _SUBFRAME_SAMPLES)
        for payload in ("symbols", "coded")
    )
    rivals = [
        ("LTE frames", symbols, bare, "bare inverse FFTs and symbols"),
        ("LTE frames", symbols, _modulator(np.tile([80] + [72] * 6, 20)), "Sionna PHY on a ready grid"),
        ("LTE frames", symbols, _modulator(72), "the same, prefixes of one length"),
        ("LTE frames, coded", coded, bare, "bare inverse FFTs and symbols"),
    ]
    return [
        *(
            compare(name, work=megasamples, unit="Msps", ours=ours, peer=peer, peer_name=peer_name)
            for name, ours, peer, peer_name in rivals
        ),
        compare(
            "LTE windows of 128 samples",
            work=_WINDOWS,
            unit="1/s",
            ours=_synthesis(LteWaveform(), starts, _WINDOW_SAMPLES),
            peer=_synthesis(LteWaveform(), starts, _SUBFRAME_SAMPLES),
            peer_name="subframes of 1 ms",
        ),
    ]


def _modulator(prefix: int | np.ndarray) -> Callable[[], object]:
    """Return Sionna PHY's modulator at work on a grid that is ready, in one thread."""
    torch.set_num_threads(1)
    modulator = OFDMModulator(prefix, device="cpu")
    grid = torch.randn(_SITES, _SYMBOLS, 1024, dtype=torch.complex64)
    return lambda: modulator(grid)


def _synthesis(spec: LteWaveform, starts: np.ndarray, samples: int) -> Callable[[], object]:
    downlink = LteDownlink(spec, cell_ids=[0, 4, 8])
    records = len(starts)
    keys = np.arange(2 * _SITES * records, dtype=np.uint64).reshape(records, _SITES, 2)

    def synthesise() -> object:
        return downlink.synthesise(
            start_sample=starts,
            samples=samples,
            occupancy=np.ones((records, 1, _SITES, 16), bool),
            first_slot=np.zeros(records, np.int64),
            slot_samples=_SUBFRAME_SAMPLES,
            keys=keys,
        )

    return synthesise
