"""Detector curves: theory, Monte Carlo, and a corpus.

The energy detector on one sub-channel of 36 bins, at a false alarm in ten. The line is the closed form
for a Gaussian signal, the dots are noise and signal drawn anew, the open marks a corpus of three sites.
They lie lower, and that is no fault: the SNR is that of all sites at full load, and a sub-channel that
one distant site occupies has a small part of it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import iqatlas
from iqatlas.detectors.energy import detection_probability, energy, threshold
from iqatlas.features.subchannel_energy import subchannel_bins

MAPS = ()
LEVELS_DB = (-15, -10, -5, 0, 5)


def draw(picture: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly from fewer records. Gives the largest distance of a dot from the line."""
    bins = np.array([36])
    dense = np.linspace(-18, 6, 80)
    trials = 20_000
    rng = np.random.default_rng(1)
    level = threshold(bins, 0.1)
    measured = []
    for snr_db in LEVELS_DB:
        drawn = rng.standard_normal((trials, 36, 2)) @ np.array([1, 1j]) / np.sqrt(2)
        power = np.mean(np.abs(drawn) ** 2, axis=1) * (1 + 10 ** (snr_db / 10))
        measured.append(float(np.mean(power > level)))
    theory = _theory(np.array(LEVELS_DB, float))

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(dense, _theory(dense), color="#22303c", label="closed form")
    axes.plot(LEVELS_DB, measured, "o", color="#00798c", label="Monte Carlo")
    for name, marker in zip(("uav0", "uav1", "uav2"), "sD^", strict=True):
        axes.plot(
            LEVELS_DB,
            _of_corpus(name, slots=60 if quick else 800),
            marker,
            fillstyle="none",
            label=f"corpus, {name}",
        )
    axes.set(
        xlabel="SNR at full load, dB", ylabel="probability of detection", title="Energy detector, P_FA = 0.1"
    )
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=110)
    return {"largest_distance": float(np.abs(theory - measured).max())}


def _theory(snr_db: np.ndarray) -> np.ndarray:
    return detection_probability(np.full(len(snr_db), 36), 0.1, 10 ** (snr_db / 10))


_MADE: dict[int, tuple] = {}


def _of_corpus(receiver: str, *, slots: int) -> list[float]:
    """Give the share of busy sub-channels that is found at each level."""
    if slots not in _MADE:
        spec = iqatlas.CorpusSpec.from_tree(
            {
                "name": "curves",
                "raytracing": {"kind": "free_space"},
                "waveform": {"control": False},
                "capture": {
                    "samples": 1024,
                    "slots": slots,
                    "snr_db": list(LEVELS_DB),
                    "noise": "per_receiver",
                },
                "features": {"spectrogram": None},
            }
        )
        with tempfile.TemporaryDirectory() as folder:
            data = iqatlas.generate(spec, Path(folder) / "curves", workers=1).dataset.load()
        edges = np.stack([data["subchannel_lower"].values, data["subchannel_upper"].values], axis=-1)
        bins = subchannel_bins(1024, edges_hz=edges, sample_rate_hz=float(data.attrs["sample_rate_hz"]))
        noise = 10 ** (data["noise_power"].values.astype(float) / 10)
        found = energy(data["iq"].values, noise, bins) > threshold(bins.sum(axis=1), 0.1)
        _MADE[slots] = (data, found)
    data, found = _MADE[slots]
    place = [str(name) for name in data["receiver"].values].index(receiver)
    return [
        float(found[rows, place][data["label"].values[rows]].mean())
        for rows in (data["snr_level"].values == level for level in LEVELS_DB)
    ]


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
