"""The picture of a transmitted signal: what is occupied, a spectrogram, the power spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.signal
from jaxtyping import Bool, Complex64, Float64
from matplotlib.figure import Figure

from iqatlas.plotting.colours import INK
from iqatlas.plotting.png import png_bytes

_COLUMNS = 900
_ROWS = 1024
_FLOOR_DB = 70.0


@dataclass(frozen=True, eq=False)
class TransmittedSignal:
    """What the picture shows.

    Args:
        samples: The beginning of the signal, √mW.
        sample_rate_hz: Sampling rate.
        carrier_hz: Radio frequency at the middle of the baseband.
        occupancy: Which sub-channels are occupied in each slot.
        slot_s: Length of a slot.
        edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
        symbol_starts: First sample after the prefix of each OFDM symbol, or None for other waveforms.
        fft_size: Points of a symbol's transform, or None.
        subcarrier_hz: Frequencies in use, relative to the carrier.
    """

    samples: Complex64[np.ndarray, "sample"]
    sample_rate_hz: float
    carrier_hz: float
    occupancy: Bool[np.ndarray, "slot subchannel"]
    slot_s: float
    edges_hz: Float64[np.ndarray, "subchannel 2"]
    symbol_starts: np.ndarray | None
    fft_size: int | None
    subcarrier_hz: Float64[np.ndarray, "subcarrier"]


def draw_waveform(signal: TransmittedSignal, *, title: str) -> bytes:
    """Return a PNG picture of a signal.

    Args:
        signal: What to show.
        title: Heading of the picture.
    """
    figure = Figure(figsize=(13, 9), dpi=110, facecolor="white", layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, height_ratios=(1, 1, 0.8))
    if signal.symbol_starts is not None and signal.fft_size is not None and len(signal.symbol_starts) > 1:
        _draw_grid(figure, upper, signal, signal.symbol_starts, signal.fft_size)
    else:
        _draw_occupancy(figure, upper, signal)
    _draw_spectrogram(figure, middle, signal)
    _draw_spectrum(lower, signal)
    figure.suptitle(title, fontsize=14, fontweight="bold", color=INK)
    return png_bytes(figure)


def _draw_grid(figure: Any, axes: Any, signal: TransmittedSignal, starts: np.ndarray, size: int) -> None:
    bodies = signal.samples[starts[:, None] + np.arange(size)]
    spectrum = np.abs(np.fft.fft(bodies)) ** 2
    bins = np.round(signal.subcarrier_hz / signal.sample_rate_hz * size).astype(np.int64) % size
    power = 10 * np.log10(np.maximum(spectrum[:, bins], 1e-12))
    top = float(power.max())
    image = axes.imshow(
        power.T,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap="magma",
        vmin=top - 30,
        vmax=top,
        extent=(0, len(starts), 0, power.shape[1]),
    )
    axes.set_title("Resource grid: power of each resource element", fontsize=11, color=INK)
    axes.set(xlabel="OFDM symbol", ylabel="subcarrier")
    figure.colorbar(image, ax=axes, label="dB", pad=0.01)


def _draw_occupancy(figure: Any, axes: Any, signal: TransmittedSignal) -> None:
    shown = signal.occupancy[: int(np.ceil(len(signal.samples) / signal.sample_rate_hz / signal.slot_s))]
    time_ms = np.arange(len(shown) + 1) * signal.slot_s * 1e3
    # Channels need not touch: what lies between them is drawn as vacant.
    bounds = signal.edges_hz.reshape(-1) / 1e6
    rows = np.zeros((len(bounds) - 1, len(shown)))
    rows[::2] = shown.T
    image = axes.pcolormesh(time_ms, bounds, rows, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    axes.set_title("Occupied sub-channels", fontsize=11, color=INK)
    shown_ms = len(signal.samples) / signal.sample_rate_hz * 1e3
    axes.set(xlabel="time / ms", ylabel="frequency / MHz", xlim=(0, shown_ms))
    figure.colorbar(image, ax=axes, label="occupied", ticks=(0, 1), pad=0.01)


def _draw_spectrogram(figure: Any, axes: Any, signal: TransmittedSignal) -> None:
    narrowest = float(np.diff(signal.edges_hz, axis=1).min())
    wanted = 1 << int(np.ceil(np.log2(8 * signal.sample_rate_hz / narrowest)))
    points = int(np.clip(wanted, 16, min(_ROWS, len(signal.samples))))
    hop = max(1, (len(signal.samples) - points) // _COLUMNS)
    segments = np.lib.stride_tricks.sliding_window_view(signal.samples, points)[::hop]
    window = np.hanning(points).astype(np.float32)
    window /= np.sqrt(np.sum(window**2) * signal.sample_rate_hz)
    density = np.abs(np.fft.fftshift(np.fft.fft(segments * window), axes=-1)) ** 2
    level = 10 * np.log10(np.maximum(density, 1e-30))
    half = signal.sample_rate_hz / 2e6
    image = axes.imshow(
        level.T,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap="magma",
        vmax=float(level.max()),
        vmin=float(level.max()) - _FLOOR_DB,
        extent=(0, len(signal.samples) / signal.sample_rate_hz * 1e3, -half, half),
    )
    axes.set_title("Spectrogram", fontsize=11, color=INK)
    axes.set(xlabel="time / ms", ylabel="frequency / MHz")
    figure.colorbar(image, ax=axes, label="dBm/Hz", pad=0.01)


def _draw_spectrum(axes: Any, signal: TransmittedSignal) -> None:
    points = min(len(signal.samples), 2048)
    frequency, density = scipy.signal.welch(
        signal.samples, signal.sample_rate_hz, "blackmanharris", points, return_onesided=False, detrend=False
    )
    level = 10 * np.log10(np.maximum(np.fft.fftshift(density), 1e-30))
    for low, high in signal.edges_hz / 1e6:
        axes.axvspan(low, high, color="#00798c", alpha=0.08, lw=0)
    axes.plot(np.fft.fftshift(frequency) / 1e6, level, color=INK, lw=0.9)
    half = signal.sample_rate_hz / 2e6
    axes.set(
        xlim=(-half, half),
        ylim=(float(level.max()) - 110, float(level.max()) + 5),
        xlabel=f"frequency from {signal.carrier_hz / 1e6:,.4f} MHz / MHz",
        ylabel="dBm/Hz",
    )
    axes.set_title("Power spectrum; sub-channels shaded", fontsize=11, color=INK)
    axes.grid(alpha=0.25)
