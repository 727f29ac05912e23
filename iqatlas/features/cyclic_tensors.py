"""Cyclic spectra of tensors, wherever they are: the array API's own functions, and gradients pass through.

The same cells, coherence and pooling as :mod:`iqatlas.features.fam`, :mod:`iqatlas.features.ssca` and
:mod:`iqatlas.features.coherence`, which are written for a core's caches. These are written for many cores:
large pieces, gathers, and nothing in place.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex64, Float32, Int64, Num

from iqatlas.features import _arrays, channelizer, coherence, cyclic_plane, fam, ssca
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, Pool

_PIECE_PRODUCTS = 1 << 23
"""Products worked on at once, 64 MiB: a GPU wants more of them than a cache holds."""


def stored_values(
    rows: Num[Any, "row sample"], spec: CyclicSpectrumSpec, used: int, *, pool: Pool, sample_rate_hz: float
) -> Float32[Any, "row value"]:
    """Return what :func:`iqatlas.features.cyclic_spectrum.cyclic_spectrum` does, in one row a capture.

    Args:
        rows: Captures in √mW, complex64.
        spec: Method, plane, and what is stored.
        used: Samples of a capture that its spectrum is made of.
        pool: How cells make a value.
        sample_rate_hz: Sampling rate.
    """
    xp, pooling = _arrays.namespace(rows), cyclic_plane.pooling(spec, used)
    if not rows.shape[0]:  # torch transforms no nothing
        width = pooling.shape[0] * pooling.shape[1]
        return xp.zeros((0, width), dtype=xp.float32, device=_arrays.device(rows))
    pairs = spec.channels * (spec.channels + 1) // 2
    blocks = used // spec.hop_samples
    products = pairs * blocks if spec.method == "fam" else (spec.channels // 2 + 1) * used
    at_once = max(1, _PIECE_PRODUCTS // products)
    pieces = []
    for begin in range(0, rows.shape[0], at_once):
        piece, level, sound = levelled(rows[begin : begin + at_once])
        power = _fam_power(piece, spec, used) if spec.method == "fam" else _ssca_power(piece, spec, used)
        values = _pooled(power, spec, used, pool)
        if not spec.coherence:
            values = values * level * level
        stored = _placed(_to_scale(values, spec, sample_rate_hz), pooling, spec)
        pieces.append(xp.where(sound[:, None], stored, xp.nan))
    return pieces[0] if len(pieces) == 1 else xp.concat(pieces, axis=0)


def levelled(
    rows: Num[Any, "row sample"],
) -> tuple[Complex64[Any, "row sample"], Float32[Any, "row 1"], Bool[Any, "row"]]:
    """Return captures of a power near 1, the powers of two that they were divided by, and which are sound.

    Captures that hold NaN or infinite samples become silence.

    Args:
        rows: Captures in √mW, complex64.
    """
    xp = _arrays.namespace(rows)
    parts = xp.astype(xp.real(rows), xp.float64), xp.astype(xp.imag(rows), xp.float64)
    power = xp.mean(parts[0] * parts[0] + parts[1] * parts[1], axis=-1)
    sound = xp.isfinite(power)
    heard = sound & (power > 0)
    exponent = xp.floor(xp.log2(xp.where(heard, power, 0.5)) / 2) + 1
    level = xp.astype(2.0 ** xp.clip(exponent, min=-126, max=126), xp.float32)[:, None]
    return xp.where(sound[:, None], rows, 0) / level, level, sound


def channelize(
    rows: Complex64[Any, "row sample"], spec: CyclicSpectrumSpec, *, used: int
) -> Complex64[Any, "row channel block"]:
    """Return the complex demodulates of every channel, as :func:`channelizer.channelize` does.

    Args:
        rows: Captures.
        spec: Channels, window, hop.
        used: Samples that the blocks begin in.
    """
    xp, hop, channels = _arrays.namespace(rows), spec.hop_samples, spec.channels
    blocks, reach = used // hop, used - hop + channels
    window = channelizer.shaped_window(spec, hop, blocks, min(rows.shape[-1], reach)).reshape(-1)
    held = _padded(rows[:, :reach], reach)
    sample = np.arange(blocks)[:, None] * hop + np.arange(channels)
    frames = _gathered(held, sample) * _arrays.like(window, rows)
    spectra = xp.fft.fft(frames, axis=-1)
    turned = _arrays.like(channelizer.demodulation(channels, hop, blocks), rows)
    return xp.permute_dims(spectra, (0, 2, 1)) * turned


def _fam_power(
    rows: Complex64[Any, "row sample"], spec: CyclicSpectrumSpec, used: int
) -> Float32[Any, "row cell"]:
    """Return the squared magnitude of every cell of fam, weighed for a coherence."""
    xp = _arrays.namespace(rows)
    channels = channelize(rows, spec, used=used)
    count, blocks = spec.channels, channels.shape[-1]
    first = xp.roll(channels, shift=fam.middle_block(spec), axis=-1)
    turn = _arrays.like(fam.lowest_bin_first(spec, blocks) / np.float32(blocks), rows)
    second = (first if spec.conjugate else xp.conj(first)) * turn
    upper, lower = (_arrays.like(pair, rows) for pair in fam.channel_pairs(count))
    kept = fam.kept_bins(spec, used)
    at_once = max(1, _PIECE_PRODUCTS // (rows.shape[0] * blocks))
    pieces = []
    for begin in range(0, upper.shape[0], at_once):
        pair = slice(begin, begin + at_once)
        products = xp.take(first, upper[pair], axis=1) * xp.take(second, lower[pair], axis=1)
        pieces.append(_arrays.power(xp.fft.fft(products, axis=-1)[..., :kept]))
    power = xp.concat(pieces, axis=1)
    if spec.coherence:
        mean = xp.mean(_arrays.power(channels), axis=-1)
        power = power * _inverse(xp.take(mean, upper, axis=1) * xp.take(mean, lower, axis=1))[..., None]
    return xp.reshape(power, (rows.shape[0], -1))


def _ssca_power(
    rows: Complex64[Any, "row sample"], spec: CyclicSpectrumSpec, used: int
) -> Float32[Any, "row cell"]:
    """Return the squared magnitude of every cell of ssca, weighed for a coherence."""
    xp, half = _arrays.namespace(rows), spec.channels // 2
    cycles = ssca.cycle_count(spec, used)
    taken = rows[:, :used]
    ahead = _gathered(_padded(taken, used + half), np.arange(half + 1)[:, None] + np.arange(used))
    other = taken if spec.conjugate else xp.conj(taken)
    lags = xp.fft.fft(ahead * other[:, None], axis=-1)
    weight = _arrays.like(ssca.lag_weight(spec, used, sample_rate_hz=1.0), rows)
    turn = _arrays.like(ssca.lag_turn(spec.channels, used), rows)
    behind = lags[:, 1:] if spec.conjugate else xp.conj(xp.roll(xp.flip(lags[:, 1:], axis=-1), 1, axis=-1))
    # Lags from 0 to half the channels, then those from minus half of them to -1.
    mirrored = xp.flip((behind * turn)[..., :cycles], axis=1)
    weighted = xp.concat([lags[:, :-1, :cycles] * weight[half:], mirrored * weight[:half]], axis=1)
    power = _arrays.power(xp.fft.fft(weighted, axis=1))
    if spec.coherence:
        mean = _strip_power(rows, spec, used)
        first, second = coherence.steps_of_cells(spec, used)
        beside = xp.take(mean, _arrays.like(first, rows), axis=1)[..., None] * _gathered(mean, second)
        power = power * _inverse(xp.maximum(beside, power))
    return xp.reshape(power, (rows.shape[0], -1))


def _strip_power(
    rows: Complex64[Any, "row sample"], spec: CyclicSpectrumSpec, used: int
) -> Float32[Any, "row step"]:
    xp = _arrays.namespace(rows)
    spectra = xp.fft.fft(_padded(rows[:, :used], 2 * used), axis=-1)
    parts = xp.astype(xp.real(spectra), xp.float64), xp.astype(xp.imag(spectra), xp.float64)
    lags = xp.fft.rfft((parts[0] * parts[0] + parts[1] * parts[1]) / used, axis=-1)
    window = _arrays.like(coherence.strip_lags(spec, used), rows)
    mean = xp.fft.irfft(lags * window, n=2 * used, axis=-1)[:, ::2]
    return xp.astype(xp.clip(mean, min=0), xp.float32)


def _inverse(product: Float32[Any, "*shape"]) -> Float32[Any, "*shape"]:
    xp = _arrays.namespace(product)
    held = product > coherence.LEAST_POWER * coherence.LEAST_POWER
    return xp.where(held, 1 / xp.where(held, product, 1), 0)


def _pooled(
    power: Float32[Any, "row cell"], spec: CyclicSpectrumSpec, used: int, pool: Pool
) -> Float32[Any, "row filled"]:
    """Return the largest magnitude of each value's cells, or the mean of magnitudes."""
    xp = _arrays.namespace(power)
    cell, held = _cells_of_values(spec, used)
    of_value = _gathered(power, cell)
    if pool == "max":
        return _root(xp.max(of_value, axis=-1))
    count = _arrays.like(held.sum(axis=-1).astype(np.float32), power)
    return xp.sum(xp.where(_arrays.like(held, power), _root(of_value), 0), axis=-1) / count


def _to_scale(
    values: Float32[Any, "row filled"], spec: CyclicSpectrumSpec, sample_rate_hz: float
) -> Float32[Any, "row filled"]:
    rate = 1.0 if spec.coherence else sample_rate_hz
    if spec.scale == "linear":
        return values / rate
    return _arrays.decibels(values, float(cyclic_plane.LEAST_DENSITY)) - 10 * math.log10(rate)


def _placed(
    values: Float32[Any, "row filled"], pooling: cyclic_plane.Pooling, spec: CyclicSpectrumSpec
) -> Float32[Any, "row value"]:
    """Return values at their places; elsewhere 0, and the lowest of its capture in dB."""
    xp = _arrays.namespace(values)
    nothing = xp.min(values, axis=-1, keepdims=True) if spec.scale == "db" else xp.zeros_like(values[:, :1])
    place = np.full(pooling.shape[0] * pooling.shape[1], len(pooling.value))
    place[pooling.value] = np.arange(len(pooling.value))
    return xp.take(xp.concat([values, nothing], axis=1), _arrays.like(place, values), axis=1)


@lru_cache(maxsize=4)
def _cells_of_values(
    spec: CyclicSpectrumSpec, used: int
) -> tuple[Int64[np.ndarray, "filled most"], Bool[np.ndarray, "filled most"]]:
    """Return the cells of each value that has some, in as many places as the largest has, and which count."""
    pooling = cyclic_plane.pooling(spec, used)
    counts = np.diff(np.append(pooling.begin, len(pooling.order)))
    within = np.arange(counts.max())
    held = within < counts[:, None]
    cell = pooling.order[pooling.begin[:, None] + np.minimum(within, counts[:, None] - 1)]
    return cell, held


def _root(power: Float32[Any, "*shape"]) -> Float32[Any, "*shape"]:
    """Return square roots, whose gradient at 0 is 0."""
    xp = _arrays.namespace(power)
    some = power > 0
    return xp.where(some, xp.sqrt(xp.where(some, power, 1)), 0)


def _padded(rows: Complex64[Any, "row sample"], size: int) -> Complex64[Any, "row held"]:
    """Return captures with zeros after them."""
    xp = _arrays.namespace(rows)
    missing = size - rows.shape[-1]
    if not missing:
        return rows
    zeros = xp.zeros((rows.shape[0], missing), dtype=rows.dtype, device=_arrays.device(rows))
    return xp.concat([rows, zeros], axis=-1)


def _gathered(values: Num[Any, "row step"], index: Int64[np.ndarray, "*shape"]) -> Num[Any, "row *shape"]:
    """Return the values at indices of any shape."""
    xp = _arrays.namespace(values)
    flat = xp.take(values, _arrays.like(index.reshape(-1), values), axis=1)
    return xp.reshape(flat, (values.shape[0], *index.shape))
