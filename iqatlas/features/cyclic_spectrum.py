"""Cyclic spectra as they are stored: magnitudes on a grid of frequency and cyclic frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Complex64, Float32, Float64, Num

from iqatlas.errors import SpecError
from iqatlas.features import _arrays, coherence, cyclic_plane, cyclic_tensors, fam, ssca
from iqatlas.features.channelizer import used_samples
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, FullOutput, Pool, ProfileOutput

_CHUNK_CELLS = 1 << 19
"""Cells held at once: 4 MiB."""


def cyclic_spectrum(
    samples: Num[Any, "*batch sample"], spec: CyclicSpectrumSpec, *, sample_rate_hz: float
) -> Float32[Any, "..."]:
    """Return the magnitudes of cyclic spectra, pooled as the spec says.

    Args:
        samples: Captures in √mW, a NumPy array or a tensor; complex128 is cut to complex64.
        spec: Method, plane, and what is stored.
        sample_rate_hz: Sampling rate.

    Returns:
        ``[*batch, cyclic_frequency, frequency]``, or ``[*batch, cyclic_frequency]`` for profiles, in
        dBm/Hz or mW/Hz; a coherence in dB (10·log10) or as a ratio. Where the plane has no cells, beyond
        |f| + |α|/2 = fs/2, it is 0, and the lowest value of its capture in dB. All of a capture is NaN where
        one of its samples is NaN or infinite.

    Raises:
        SpecError: The captures are too short for what is asked, or they are no complex arrays.
    """
    samples = _arrays.captures(samples, where="features.cyclic_spectrum")
    used = _used_samples(spec, samples.shape[-1], sample_rate_hz=sample_rate_hz)
    pool: Pool = "max" if isinstance(spec.output, FullOutput) else spec.output.pool
    shape = (*samples.shape[:-1], *stored_shape(spec, samples.shape[-1], sample_rate_hz=sample_rate_hz))
    if not _arrays.is_numpy(samples):
        xp = _arrays.namespace(samples)
        rows = xp.reshape(samples, (-1, samples.shape[-1]))
        values = cyclic_tensors.stored_values(rows, spec, used, pool=pool, sample_rate_hz=sample_rate_hz)
        return xp.reshape(values, shape)
    rows = samples.reshape(-1, samples.shape[-1])
    pooling = cyclic_plane.pooling(spec, used)
    stored = np.zeros((len(rows), pooling.shape[0] * pooling.shape[1]), np.float32)
    rows_at_once = min(len(rows), max(1, _CHUNK_CELLS // len(pooling.of_cell)))
    method = ssca if spec.method == "ssca" else fam
    # One array for the cells of all pieces: fresh pages for each would cost as much as the transforms.
    room = np.empty((rows_at_once, *method.cell_shape(spec, used)), np.complex64)
    for begin in range(0, len(rows), max(1, rows_at_once)):
        piece, level, sound = _levelled(rows[begin : begin + rows_at_once])
        cells = room[: len(piece)]
        method.row_cells(piece, spec, used, sample_rate_hz=1.0, out=cells)
        weight = coherence.coherence_weight(piece, cells, spec, used) if spec.coherence else None
        values = pooling.pooled(cells, weight, pool)
        if not spec.coherence:
            values *= level
            values *= level
        _to_scale(values, spec, sample_rate_hz)
        out = stored[begin : begin + rows_at_once]
        if spec.scale == "db":
            out[:] = values.min(axis=-1, keepdims=True)
        out[:, pooling.value] = values
        out[~sound] = np.nan
    return stored.reshape(shape)


def stored_shape(spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float) -> tuple[int, ...]:
    """Return the stored values over cyclic frequency and, unless it is a profile, over frequency.

    Args:
        spec: What is stored.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are too short for what is asked.
    """
    used = _used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
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
    used = _used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    return cyclic_plane.cyclic_steps(spec, used) * (sample_rate_hz / used)


def frequency_hz(
    spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float
) -> Float64[np.ndarray, "frequency"]:
    """Return the middle of the frequencies that each column covers, relative to the carrier.

    A column of the full plane is a channel wide and has one cell of each α, :func:`frequency_offset_hz` above
    its middle. The conjugate plane is even in f and stored from 0; the full one of ssca is stored from -fs/2.

    Args:
        spec: What is stored.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are too short for what is asked.
    """
    used = _used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    return cyclic_plane.frequency_steps(spec, used) * (sample_rate_hz / (2 * used))


def frequency_offset_hz(
    spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float
) -> Float64[np.ndarray, "cyclic_frequency"]:
    """Return by how much the cells of each row of the full plane lie above :func:`frequency_hz`.

    Args:
        spec: A spec of the full plane.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are too short for what is asked, or values are pooled.
    """
    if not isinstance(spec.output, FullOutput):
        raise SpecError(
            "pooled values are of cells at several frequencies",
            where="features.cyclic_spectrum.output.kind",
            accepted="full",
        )
    used = _used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    return cyclic_plane.frequency_offset_steps(spec, used) * (sample_rate_hz / (2 * used))


def _used_samples(spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float) -> int:
    """Return how many samples of a capture are used; refuse what they don't allow."""
    used = used_samples(spec, samples, sample_rate_hz=sample_rate_hz)
    cyclic_plane.refuse_finer(spec, used, samples=samples, sample_rate_hz=sample_rate_hz)
    return used


def _levelled(
    rows: Complex64[np.ndarray, "row sample"],
) -> tuple[Complex64[np.ndarray, "row sample"], Float32[np.ndarray, "row 1"], Bool[np.ndarray, "row"]]:
    """Return captures of a power near 1, the powers of two that they were divided by, and which are sound.

    Squares of cells then neither vanish nor overflow at any level, and a power of two changes no digit. What
    holds NaN or infinite samples becomes silence: compiled code takes numbers alone.
    """
    levelled = np.array(rows, np.complex64)
    parts = levelled.view(np.float32)
    power = np.einsum("ij,ij->i", parts, parts, dtype=np.float64) / max(1, rows.shape[-1])
    sound = np.isfinite(power)
    levelled[~sound] = 0
    exponent = np.frexp(np.sqrt(np.where(sound, power, 0.0)))[1].clip(-126, 126)[:, None]
    parts *= np.ldexp(np.float32(1), -exponent)
    return levelled, np.ldexp(np.float32(1), exponent), sound


def _to_scale(
    values: Float32[np.ndarray, "row value"], spec: CyclicSpectrumSpec, sample_rate_hz: float
) -> None:
    """Bring densities a sample to the spec's scale, in place."""
    rate = np.float32(1.0 if spec.coherence else sample_rate_hz)
    if spec.scale == "linear":
        values /= rate
        return
    np.maximum(values, cyclic_plane.LEAST_DENSITY, out=values)
    np.log10(values, out=values)
    values *= np.float32(10)
    values -= np.float32(10) * np.log10(rate)
