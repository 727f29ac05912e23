"""The cyclic spectrum of LTE.

Left: the plane of a busy 1.4 MHz carrier, estimated by FAM (the mean of forty captures) with enough
channels to see the lag of the useful symbol: the cyclic prefix makes lines at multiples of the symbol
rate, 14 kHz, clearest at the edges of the band. Right: those lines by the cyclic autocorrelation,
against the closed form for LTE's unequal prefixes (docs/physics.md).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from iqatlas.features.cyclic_autocorrelation import cyclic_autocorrelation
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, FullOutput
from iqatlas.features.cyclic_spectrum import cyclic_frequency_hz, cyclic_spectrum, frequency_hz
from iqatlas.plotting.levels import cell_edges, pooled_edges, pooled_largest
from iqatlas.seeds import Stage, key
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

MAPS = ()
THEORY = (0.0667, 0.0662, 0.0647, 0.0623, 0.0591, 0.0550, 0.0503)
"""Lines at 0 to 84 kHz as shares of the power, at the lag of the useful symbol."""


def draw(picture: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly from fewer captures. Gives the largest error of a line."""
    downlink = LteDownlink(LteWaveform(bandwidth_mhz=1.4, subchannels=1, control=False), cell_ids=[1])
    rate = downlink.sample_rate_hz
    signal = downlink.synthesise(
        start_sample=np.array([0]),
        samples=1 << 20,
        occupancy=np.ones((1, 1, 1, 1), bool),
        first_slot=np.array([0]),
        slot_samples=downlink.samples_per_slot,
        keys=key(9, Stage.PAYLOAD)[None, None],
    )[:, 0]
    alpha = np.arange(7) * 14_000.0
    lines = np.abs(
        cyclic_autocorrelation(
            signal, lags=np.array([128]), cyclic_frequency_hz=alpha, sample_rate_hz=rate
        ).reshape(-1)
    )
    lines /= np.mean(np.abs(signal) ** 2)

    spec = CyclicSpectrumSpec(channels=256, output=FullOutput(), scale="linear")
    short = signal.reshape(-1, 1 << 14)[: 1 if quick else 40]
    plane = 10 * np.log10(np.mean(cyclic_spectrum(short, spec, sample_rate_hz=rate), axis=0) + 1e-30)
    alphas = cyclic_frequency_hz(spec, short.shape[-1], sample_rate_hz=rate)
    frequencies = frequency_hz(spec, short.shape[-1], sample_rate_hz=rate)
    shown = alphas <= 60e3
    # A line is one row, and a picture has fewer: two that share one are drawn by the larger.
    rows = pooled_largest(plane[shown], 2, axis=0)
    edges = pooled_edges(cell_edges(alphas[shown], 1.0), 2)

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    top = plane[alphas == 0].max() - 6
    image = left.pcolormesh(
        cell_edges(frequencies, 1.0) / 1e3,
        edges / 1e3,
        rows,
        cmap="viridis",
        vmin=top - 18,
        vmax=top,
    )
    figure.colorbar(image, ax=left, label="magnitude, dBm/Hz", extend="both")
    left.set(
        xlabel="frequency, kHz", ylabel="cyclic frequency, kHz", title="Cyclic spectrum, FAM, 256 channels"
    )
    right.bar(alpha / 1e3, lines, width=5, color="#00798c", label="measured")
    right.plot(alpha / 1e3, THEORY, "k_", markersize=22, label="closed form")
    right.set(
        xlabel="cyclic frequency, kHz", ylabel="share of the power", title="Cyclic autocorrelation at Tu"
    )
    right.legend()
    figure.savefig(picture, dpi=110)
    return {"largest_error": float(np.abs(lines - THEORY).max())}


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
