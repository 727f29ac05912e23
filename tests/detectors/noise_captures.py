"""White noise and settings that tests of detectors share."""

from __future__ import annotations

import numpy as np

from iqatlas.detectors.detector import DetectorSetting
from iqatlas.features.setting import CaptureSetting
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

RATE_HZ = 15.36e6
EDGES_HZ = LteDownlink(LteWaveform(), cell_ids=[0]).subchannel_edges_hz


def gaussian(*shape: int, power: float = 1.0, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)
    return drawn * np.float32(np.sqrt(power / 2))


def lte_setting(samples: int, *, receivers: int = 3, subchannels: int = 16) -> DetectorSetting:
    captures = CaptureSetting(samples, RATE_HZ, EDGES_HZ[:subchannels], 1024, 14_000.0)
    return DetectorSetting(captures, receivers=receivers, synchronisation=True, seed=7)


def one_band(points: int, *, useful: int = 64, prefix: int = 16, receivers: int = 1) -> DetectorSetting:
    """Return captures of one sub-channel that is as wide as the sampling rate: a stream is the capture."""
    captures = CaptureSetting(points, 1e6, np.array([[-0.5e6, 0.5e6]]), useful, 1e6 / (useful + prefix))
    return DetectorSetting(captures, receivers=receivers, seed=7)


def prefixed(captures: int, points: int, *, useful: int, prefix: int, power: float, seed: int) -> np.ndarray:
    """Return Gaussian symbols with cyclic prefixes, each capture beginning anywhere in one."""
    rng = np.random.default_rng(seed)
    symbols = points // (useful + prefix) + 2
    body = gaussian(captures, symbols, useful, power=power, seed=seed + 1)
    signal = np.concatenate([body[..., -prefix:], body], axis=-1).reshape(captures, -1)
    begin = rng.integers(0, useful + prefix, size=captures)
    return np.take_along_axis(signal, begin[:, None] + np.arange(points), axis=1)
