"""Cyclic spectra as they are stored: magnitudes on a grid of frequency and cyclic frequency."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Float32, Float64

from iqatlas.features import coherence, cyclic_plane, fam, ssca
from iqatlas.features.channelizer import used_samples
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, FullOutput, Pool, ProfileOutput

_LEAST_DENSITY = np.float32(1e-35)
"""Floor for the logarithm, a sample: far below any thermal noise."""
_CHUNK_CELLS = 1 << 19
"""Cells held at once: 4 MiB."""


def cyclic_spectrum(
    samples: Complex64[np.ndarray, "*batch sample"], spec: CyclicSpectrumSpec, *, sample_rate_hz: float
) -> Float32[np.ndarray, "..."]:
    """Return the magnitudes of cyclic spectra, pooled as the spec says.

    Args:
        samples: Captures in √mW.
        spec: Method, plane, and what is stored.
        sample_rate_hz: Sampling rate.

    Returns:
        ``[*batch, cyclic_frequency, frequency]``, or ``[*batch, cyclic_frequency]`` for profiles, in
        dBm/Hz or mW/Hz; a coherence in dB (10·log10) or as a ratio. Where the plane has no cells, beyond
        |f| + |α|/2 = fs/2, it is 0, and the lowest value of its capture in dB.

    Raises:
        SpecError: The captures are too short for what is asked.
    """
    used = used_samples(spec, samples.shape[-1], sample_rate_hz=sample_rate_hz)
    rows = samples.reshape(-1, samples.shape[-1])
    pooling = cyclic_plane.pooling(spec, used)
    pool: Pool = "max" if isinstance(spec.output, FullOutput) else spec.output.pool
    stored = np.zeros((len(rows), pooling.shape[0] * pooling.shape[1]), np.float32)
    rows_at_once = min(len(rows), max(1, _CHUNK_CELLS // len(pooling.of_cell)))
    method = ssca if spec.method == "ssca" else fam
    # One array for the cells of all pieces: fresh pages for each would cost as much as the transforms.
    room = np.empty((rows_at_once, *method.cell_shape(spec, used)), np.complex64)
    for begin in range(0, len(rows), max(1, rows_at_once)):
        piece = rows[begin : begin + rows_at_once]
        cells = room[: len(piece)]
        method.row_cells(piece, spec, used, sample_rate_hz=1.0, out=cells)
        weight = coherence.coherence_weight(piece, spec, used) if spec.coherence else None
        values = pooling.pooled(cells, weight, pool)
        _to_scale(values, spec, sample_rate_hz)
        out = stored[begin : begin + rows_at_once]
        if spec.scale == "db":
            out[:] = values.min(axis=-1, keepdims=True)
        out[:, pooling.value] = values
    shape = stored_shape(spec, samples.shape[-1], sample_rate_hz=sample_rate_hz)
    return stored.reshape(*samples.shape[:-1], *shape)


def stored_shape(spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float) -> tuple[int, ...]:
    """Return the stored values over cyclic frequency and, unless it is a profile, over frequency.

    Args:
        spec: What is stored.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are too short for what is asked.
    """
    used = used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    frequencies, cyclic = cyclic_plane.grid_shape(spec, used)
    return (cyclic,) if isinstance(spec.output, ProfileOutput) else (cyclic, frequencies)


def cyclic_frequency_hz(
    spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float
) -> Float64[np.ndarray, "cyclic_frequency"]:
    """Return the middle of the cyclic frequencies that each stored value covers; exact for the full plane.

    They rise from 0, or from -fs for the conjugate plane, relative to twice the carrier.

    Args:
        spec: What is stored.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are too short for what is asked.
    """
    used = used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    return cyclic_plane.cyclic_steps(spec, used) * (sample_rate_hz / used)


def frequency_hz(
    spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float
) -> Float64[np.ndarray, "frequency"]:
    """Return the middle of the frequencies that each column covers, relative to the carrier.

    Cells lie half a channel apart, so a column of the full plane covers two: one for even multiples of a
    channel's width in α, one for odd ones. The conjugate plane is even in f and stored from 0.

    Args:
        spec: What is stored.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are too short for what is asked.
    """
    used = used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    return cyclic_plane.frequency_half_channels(spec, used) * (sample_rate_hz / (2 * spec.channels))


def _to_scale(
    values: Float32[np.ndarray, "row value"], spec: CyclicSpectrumSpec, sample_rate_hz: float
) -> None:
    """Bring densities a sample to the spec's scale, in place."""
    rate = np.float32(1.0 if spec.coherence else sample_rate_hz)
    if spec.scale == "linear":
        values /= rate
        return
    np.maximum(values, _LEAST_DENSITY, out=values)
    np.log10(values, out=values)
    values *= np.float32(10)
    values -= np.float32(10) * np.log10(rate)
