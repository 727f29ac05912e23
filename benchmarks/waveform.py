"""Whole LTE frames against the inverse FFTs and random symbols that they can't avoid."""

from __future__ import annotations

import numpy as np
import scipy.fft

from benchmarks.timing import Comparison, compare
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

_SITES = 3
_SYMBOLS = 140


def run() -> list[Comparison]:
    """Compare 10 ms at 10 MHz, all sub-channels busy, control on."""
    downlink = LteDownlink(LteWaveform(), cell_ids=[0, 4, 8])
    occupancy = np.ones((1, 1, _SITES, 16), bool)
    keys = np.arange(2 * _SITES, dtype=np.uint64).reshape(1, _SITES, 2)
    rng = np.random.default_rng(1)

    def ours() -> object:
        return downlink.synthesise(
            start_sample=np.zeros(1, np.int64),
            samples=downlink.samples_per_frame,
            occupancy=occupancy,
            first_slot=np.zeros(1, np.int64),
            slot_samples=15360,
            keys=keys,
        )

    def bare() -> object:
        grid = np.zeros((_SITES * _SYMBOLS, 1024), np.complex64)
        symbols = rng.integers(0, 4, (_SITES * _SYMBOLS, 600), dtype=np.uint8)
        grid[:, 212:812] = np.array([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j], np.complex64)[symbols]
        return scipy.fft.ifft(grid, axis=-1, overwrite_x=True)

    work = _SITES * downlink.samples_per_frame / 1e6
    return [
        compare(
            "LTE frames",
            work=work,
            unit="Msps",
            ours=ours,
            peer=bare,
            peer_name="bare inverse FFTs and symbols",
        )
    ]
