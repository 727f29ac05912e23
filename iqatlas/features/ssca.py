"""The strip spectral correlation analyser, by transforms of lag products, with NumPy and SciPy.

The strips X_T(n, f_k) x*(n) are linear in the lags of a channel's window. So the long transforms can be
taken of the lag products x(n+r) x*(n) first, which gives the cyclic autocorrelation R_r(α), and the short
ones over r after. Since R_{-r}(α) = e^{-j2παr} R_r*(-α), half the lags are enough.

Source: Roberts, Brown and Loomis 1991 for the strips; the relation of R_{-r} to R_r is a shift of n by r.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float32, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.features.channelizer import channel_phases, lag_window, used_samples
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec

_CHUNK_PRODUCTS = 1 << 18
"""Lag products worked on at once: two megabytes, a core's second cache."""
_CHUNK_CYCLES = 1024
"""Cyclic frequencies worked on at once: half a megabyte for 64 channels."""


def ssca(
    samples: Complex64[np.ndarray, "*batch sample"], spec: CyclicSpectrumSpec, *, sample_rate_hz: float
) -> Complex64[np.ndarray, "*batch channel cycle"]:
    """Return every cell of the cyclic spectrum, in mW/Hz, by the strip spectral correlation analyser.

    The first cycle, α = 0, is the power spectral density (of Blackman and Tukey's kind, so weak
    frequencies may be negative): white noise of power σ² has the mean σ²/fs there. The phase is that
    of the symmetric cyclic autocorrelation with t from the first sample, as for
    :func:`iqatlas.features.fam.fam`.

    Args:
        samples: Captures in √mW.
        spec: Channels, window over the lags, plane.
        sample_rate_hz: Sampling rate; 1 for densities per sample.

    Returns:
        Cells whose frequencies :func:`ssca_cells` gives: half the cyclic frequencies for the plain
        plane, whose other half is its complex conjugate.

    Raises:
        SpecError: The captures are too short, or the spec is one of fam.
    """
    if spec.method != "ssca":
        raise SpecError(f"a spec of {spec.method}", where="features.cyclic_spectrum.method", accepted="ssca")
    used = used_samples(spec, samples.shape[-1], sample_rate_hz=sample_rate_hz)
    rows = samples.reshape(-1, samples.shape[-1])
    cells = np.empty((len(rows), *cell_shape(spec, used)), np.complex64)
    row_cells(rows, spec, used, sample_rate_hz=sample_rate_hz, out=cells)
    return cells.reshape(*samples.shape[:-1], *cells.shape[1:])


def cell_shape(spec: CyclicSpectrumSpec, used: int) -> tuple[int, int]:
    """Return the number of channels, and of cyclic frequencies."""
    return spec.channels, cycle_count(spec, used)


def row_cells(
    rows: Complex64[np.ndarray, "row sample"],
    spec: CyclicSpectrumSpec,
    used: int,
    *,
    sample_rate_hz: float,
    out: Complex64[np.ndarray, "row channel cycle"],
) -> None:
    """Write every cell of captures of which ``used`` samples each are taken, as :func:`ssca` does."""
    count, cycles = cell_shape(spec, used)
    weight = lag_weight(spec, used, sample_rate_hz=sample_rate_hz)
    turn = lag_turn(count, used)
    rows_at_once = max(1, _CHUNK_PRODUCTS // (used * (count // 2 + 1)))
    for first in range(0, len(rows), rows_at_once):
        some = slice(first, first + rows_at_once)
        lags = _cyclic_autocorrelation(rows[some, :used], count // 2, conjugate=spec.conjugate)
        for begin in range(0, cycles, _CHUNK_CYCLES):
            at = np.arange(begin, min(begin + _CHUNK_CYCLES, cycles))
            weighted = np.empty((len(lags), count, len(at)), np.complex64)
            positive, negative = weighted[:, : count // 2], weighted[:, : count // 2 - 1 : -1]
            np.multiply(lags[:, :-1, at[0] : at[-1] + 1], weight[count // 2 :], out=positive)
            mirrored = lags[:, 1:, at] if spec.conjugate else lags[:, 1:, -at % used].conj()
            np.multiply(mirrored, turn[:, at], out=negative)
            negative *= weight[count // 2 - 1 :: -1]
            out[some, :, begin : begin + len(at)] = scipy.fft.fft(weighted, axis=1, overwrite_x=True)


def ssca_cells(
    spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float
) -> tuple[Float64[np.ndarray, "channel cycle"], Float64[np.ndarray, "channel cycle"]]:
    """Return the exact frequency and cyclic frequency of every cell of :func:`ssca`, in Hz.

    Args:
        spec: Channels, plane.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are too short.
    """
    used = used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    half_steps, steps = cell_steps(spec, used)
    return half_steps * (sample_rate_hz / (2 * used)), steps * (sample_rate_hz / used)


def cell_steps(
    spec: CyclicSpectrumSpec, used: int
) -> tuple[Int64[np.ndarray, "channel cycle"], Int64[np.ndarray, "channel cycle"]]:
    """Return frequency in steps of fs/(2·``used``), and cyclic frequency in steps of fs/``used``."""
    first = ((np.arange(spec.channels) - spec.channels // 2) * (used // spec.channels))[:, None]
    cycle = np.arange(cycle_count(spec, used))
    # The second frequency of a cell lies in the band too: a cell outside is the same one a turn further.
    second = ((cycle - first if spec.conjugate else first - cycle) + used // 2) % used - used // 2
    if spec.conjugate:
        return first - second, first + second
    return first + second, first - second


def cycle_count(spec: CyclicSpectrumSpec, used: int) -> int:
    """Return the number of cyclic frequencies."""
    return used if spec.conjugate else used // 2 + 1


def _cyclic_autocorrelation(
    rows: Complex64[np.ndarray, "row sample"], lags: int, *, conjugate: bool
) -> Complex64[np.ndarray, "row lag cycle"]:
    """Return Σ_n x(n+r) x*(n) e^{-j2πin/N} for the lags r from 0 to ``lags``."""
    size = rows.shape[-1]
    products = np.zeros((len(rows), lags + 1, size), np.complex64)
    other = rows if conjugate else rows.conj()
    for lag in range(lags + 1):
        np.multiply(rows[:, lag:], other[:, : size - lag], out=products[:, lag, : size - lag])
    return np.asarray(scipy.fft.fft(products, axis=-1, overwrite_x=True))


def lag_weight(spec: CyclicSpectrumSpec, used: int, *, sample_rate_hz: float) -> Float32[np.ndarray, "lag 1"]:
    """Return what the lags from minus half the channels on are multiplied by."""
    # Alternating signs put the lowest channel first.
    signs = (-1.0) ** np.arange(-(spec.channels // 2), spec.channels // 2)
    return np.asarray(lag_window(spec) * signs / (used * sample_rate_hz), np.float32)[:, None]


@lru_cache(maxsize=4)
def lag_turn(channels: int, used: int) -> Complex64[np.ndarray, "lag cycle"]:
    """Return e^{-j2πir/N} for the lags r from 1 to half the channels."""
    turns = np.outer(np.arange(1, channels // 2 + 1), np.arange(used)) % used
    return channel_phases(used)[turns]
