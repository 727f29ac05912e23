"""The FFT accumulation method: cross-spectra of pairs of channels, with NumPy and SciPy.

A cell is a pair of channels k ≥ l and a bin q of the transform over their product. The pairs k < l hold
nothing new: S^{-α}(f) is the complex conjugate of S^α(f), and the conjugate plane is even in f.

Source: R. S. Roberts, W. A. Brown, H. H. Loomis, "Computationally efficient algorithms for cyclic spectral
analysis", IEEE Signal Processing Magazine 8(2), 1991.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.features.channelizer import channel_phases, channelize, used_samples
from iqatlas.features.cyclic_engine import compiled
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec

_CHUNK_SAMPLES = 1 << 16
"""Demodulates of the captures worked on at once."""
_PRODUCT_SAMPLES = 43 << 11
"""Products worked on at once: 688 KiB, which stay in a core's second cache beside their factors."""


def fam(
    samples: Complex64[np.ndarray, "*batch sample"],
    spec: CyclicSpectrumSpec,
    *,
    sample_rate_hz: float,
    out: Complex64[np.ndarray, "*batch pair cycle"] | None = None,
) -> Complex64[np.ndarray, "*batch pair cycle"]:
    """Return every cell of the cyclic spectrum, in mW/Hz, by the FFT accumulation method.

    The cells of α = 0 are the power spectral density: white noise of power σ² has the mean σ²/fs there.
    The phase is that of the symmetric cyclic autocorrelation, ⟨x(t+τ/2) x*(t−τ/2) e^{-j2παt}⟩ with t
    from the first sample, within half a sample (π/(2 Np)) at the edges of a cell; in the conjugate plane
    x* is x. Only the bins of q that belong to a cell are kept: cells tile the plane and never overlap.

    Args:
        samples: Captures in √mW.
        spec: Channels, window, hop, plane.
        sample_rate_hz: Sampling rate; 1 for densities per sample.
        out: Where to write the cells, contiguous; runs over many captures save the fresh pages.

    Returns:
        Cells whose frequencies :func:`fam_cells` gives.

    Raises:
        SpecError: The captures are too short, the spec is one of ssca, or ``out`` doesn't fit.
    """
    if spec.method != "fam":
        raise SpecError(f"a spec of {spec.method}", where="features.cyclic_spectrum.method", accepted="fam")
    used = used_samples(spec, samples.shape[-1], sample_rate_hz=sample_rate_hz)
    rows = samples.reshape(-1, samples.shape[-1])
    shape = (*samples.shape[:-1], *cell_shape(spec, used))
    if out is None:
        out = np.empty(shape, np.complex64)
    elif out.shape != shape or not out.flags.c_contiguous:
        raise SpecError(
            f"the array for the cells has the shape {out.shape}", where="out", accepted=f"{shape}, contiguous"
        )
    row_cells(rows, spec, used, sample_rate_hz=sample_rate_hz, out=out.reshape(-1, *shape[-2:]))
    return out


def cell_shape(spec: CyclicSpectrumSpec, used: int) -> tuple[int, int]:
    """Return the number of pairs, and of kept bins of each."""
    return spec.channels * (spec.channels + 1) // 2, kept_bins(spec, used)


def row_cells(
    rows: Complex64[np.ndarray, "row sample"],
    spec: CyclicSpectrumSpec,
    used: int,
    *,
    sample_rate_hz: float,
    out: Complex64[np.ndarray, "row pair cycle"],
) -> None:
    """Write every cell of captures of which ``used`` samples each are taken, as :func:`fam` does."""
    blocks = used // spec.hop_samples
    at_once = min(len(rows), max(1, _CHUNK_SAMPLES // (spec.channels * blocks)))
    fast = compiled() and compiled_pays(spec.channels, out.shape[-1])
    # One room for all pieces: fresh pages for each would cost a tenth of the work.
    factors = np.empty((1 if fast else 3, at_once, spec.channels, blocks), np.complex64)
    products = None if fast else product_room(at_once, spec.channels, blocks)
    for begin in range(0, len(rows), max(1, at_once)):
        piece, cells = rows[begin : begin + at_once], out[begin : begin + at_once]
        own = factors[:, : len(piece)]
        channels = channelize(piece, spec, used=used, hop=spec.hop_samples, room=own[0])
        if products is None:
            _compiled_cross_spectra(channels, spec, cells, sample_rate_hz=sample_rate_hz)
        else:
            fill_pair_factors(channels, spec, own[1], own[2], sample_rate_hz=sample_rate_hz)
            cross_spectra(own[1], own[2], cells, products=products)


def fam_cells(
    spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float
) -> tuple[Float64[np.ndarray, "pair cycle"], Float64[np.ndarray, "pair cycle"]]:
    """Return the exact frequency and cyclic frequency of every cell of :func:`fam`, in Hz.

    Args:
        spec: Channels, hop, plane.
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
) -> tuple[Int64[np.ndarray, "pair cycle"], Int64[np.ndarray, "pair cycle"]]:
    """Return frequency in steps of fs/(2·``used``), and cyclic frequency in steps of fs/``used``."""
    upper, lower = (pair - spec.channels // 2 for pair in channel_pairs(spec.channels))
    total, difference = (upper + lower)[:, None], (upper - lower)[:, None]
    kept = kept_bins(spec, used)
    bins = np.arange(kept) - kept // 2
    frequency, cyclic = (difference, total) if spec.conjugate else (total, difference)
    # A channel is as many steps wide as it keeps bins.
    return np.broadcast_to(frequency * kept, (len(total), kept)).copy(), cyclic * kept + bins


def kept_bins(spec: CyclicSpectrumSpec, used: int) -> int:
    """Return the number of bins q that belong to a cell: those within half a channel, P·L/Np."""
    return used // spec.channels


def channel_pairs(channels: int) -> tuple[Int64[np.ndarray, "pair"], Int64[np.ndarray, "pair"]]:
    """Return the channels k and l ≤ k of every pair: by rising k − l, then by l."""
    difference = np.repeat(np.arange(channels), np.arange(channels, 0, -1))
    begin = np.concatenate([[0], np.cumsum(np.arange(channels, 1, -1))])
    second = np.arange(len(difference)) - begin[difference]
    return second + difference, second


def fill_pair_factors(
    channels: Complex64[np.ndarray, "row channel block"],
    spec: CyclicSpectrumSpec,
    first: Complex64[np.ndarray, "row channel block"],
    second: Complex64[np.ndarray, "row channel block"],
    *,
    sample_rate_hz: float,
) -> None:
    """Write u and v so that a pair's cells are the first bins of the transform of u_k·v_l over blocks."""
    blocks, late = channels.shape[-1], middle_block(spec)
    first[..., late:] = channels[..., : blocks - late]
    first[..., :late] = channels[..., blocks - late :]
    turn = np.float32(1 / (blocks * sample_rate_hz)) * lowest_bin_first(spec, blocks)
    if spec.conjugate:
        np.multiply(first, turn, out=second)
    else:
        np.conjugate(first, out=second)
        second *= turn


def middle_block(spec: CyclicSpectrumSpec) -> int:
    """Return by how many blocks the middle of a block is later than its beginning.

    Blocks are demodulated from their first sample and counted from their middle, which gives the phase of
    lines beside the middle of their cell. A symmetric window's middle is half a sample earlier.
    """
    return spec.channels // (2 * spec.hop_samples)


def lowest_bin_first(spec: CyclicSpectrumSpec, blocks: int) -> Complex64[np.ndarray, "block"]:
    """Return what turns a factor so that the lowest bin of a cell comes first in the transform."""
    half = spec.hop_samples * blocks // (2 * spec.channels)
    return channel_phases(blocks).conj()[np.arange(blocks) * half % blocks]


def product_room(rows: int, channels: int, blocks: int) -> Complex64[np.ndarray, "product block"]:
    """Return room for the products, in mW, of as many pairs as are transformed at once."""
    pairs = min(max(1, _PRODUCT_SAMPLES // (rows * blocks)), channels * (channels + 1) // 2)
    return np.empty((rows * pairs, blocks), np.complex64)


def cross_spectra(
    first: Complex64[np.ndarray, "row channel block"],
    second: Complex64[np.ndarray, "row channel block"],
    out: Complex64[np.ndarray, "row pair cycle"],
    *,
    products: Complex64[np.ndarray, "product block"],
) -> None:
    """Write the first bins of the transforms of ``first[k]·second[l]`` over the blocks, for all pairs."""
    rows, count, blocks = first.shape
    kept, most = out.shape[-1], len(products) // rows
    products = products[: rows * most].reshape(rows, most, blocks)
    apart = lower = 0
    for begin in range(0, out.shape[1], most):
        pairs = min(most, out.shape[1] - begin)
        filled = 0
        while filled < pairs:
            end = min(lower + pairs - filled, count - apart)
            upper, place = slice(lower + apart, end + apart), slice(filled, filled + end - lower)
            np.multiply(first[:, upper], second[:, lower:end], out=products[:, place])
            filled += end - lower
            apart, lower = (apart + 1, 0) if end == count - apart else (apart, end)
        spectra = scipy.fft.fft(products[:, :pairs], axis=-1, overwrite_x=True)
        out[:, begin : begin + pairs] = spectra[..., :kept]


def compiled_pays(channels: int, kept: int) -> bool:
    """Return whether the compiled kernels can do it, and about twice as fast as NumPy.

    Few channels leave lanes of a vector empty, many bins leave the first cache; four bins they need.
    """
    return channels >= 32 and 4 <= kept <= 256


def _compiled_cross_spectra(
    channels: Complex64[np.ndarray, "row channel block"],
    spec: CyclicSpectrumSpec,
    out: Complex64[np.ndarray, "row pair cycle"],
    *,
    sample_rate_hz: float,
) -> None:
    """Do what :func:`cross_spectra` does with the factors of `fill_pair_factors`, by compiled kernels."""
    from iqatlas.features import _numba_cyclic  # an extra, and slow to import

    blocks = channels.shape[-1]
    _numba_cyclic.cross_spectra(
        channels,
        np.float32(1 / np.sqrt(blocks * sample_rate_hz)) * lowest_bin_first(spec, blocks),
        out,
        delay=middle_block(spec),
        scale=float(1 / np.sqrt(blocks * sample_rate_hz)),
        conjugate=spec.conjugate,
    )
