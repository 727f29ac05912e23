"""The same features of torch tensors as of NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from iqatlas.features.registry import FEATURES, feature_with
from iqatlas.features.scaling import Scaling
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.tabular import statistics
from iqatlas.waveforms.spec import LteWaveform

SETTING = CaptureSetting.of(
    LteWaveform(bandwidth_mhz=1.4),
    samples=700,
    sample_rate_hz=1.92e6,
    subchannel_edges_hz=np.array([[-5e5, -1e5], [-1e5, 2e5], [2e5, 5e5]]),
)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("spectrogram", {"nperseg": 64, "scale": "mw_per_hz"}),
        ("spectrogram", {"nperseg": 9, "hop": 5}),
        ("power_spectrum", {"nperseg": 64, "scale": "mw_per_hz"}),
        ("power_spectrum", {"window": "blackman"}),
        ("subchannel_energy", {"scale": "mw"}),
        ("subchannel_energy", {}),
        ("cyclic_autocorrelation", {}),
        ("cyclic_autocorrelation", {"lag_samples": [3, 128], "normalised": True, "output": "magnitude"}),
        ("tabular", {"nperseg": 64}),
    ],
)
def test_tensors_give_what_arrays_give(name: str, options: dict) -> None:
    rng = np.random.default_rng(0)
    samples = np.float32(1e-3) * rng.standard_normal((4, 2, 1400), dtype=np.float32).view(np.complex64)
    feature, spec = feature_with(name, options)
    wanted = feature.compute(samples, spec, SETTING)
    got = feature.compute(torch.from_numpy(samples), spec, SETTING)
    assert isinstance(got, torch.Tensor)
    assert tuple(got.shape) == wanted.shape and got.numpy().dtype == wanted.dtype
    if feature.layout(spec, SETTING).quantity.units.startswith("dB"):
        # Where densities are a thousandth of the largest, float32 is good for 1e-5 of the level.
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-5)
        return
    largest: Any = np.abs(wanted).max()
    if name == "tabular":
        # Each column by its own largest value; those in dB are differences of levels of about -60 dB.
        units = np.array([unit for _, unit in statistics(3)])
        level = np.where(np.char.startswith(units, "dB"), 60.0, 0.0)
        largest = np.maximum(np.abs(wanted).max(axis=(0, 1)), level)
    assert np.all(np.abs(got.numpy() - wanted) <= 1e-5 * largest)


def test_tensors_are_scaled_like_arrays() -> None:
    scaling = Scaling(
        variable="x", units="dB", method="z_score", split="train", records=2,
        per=("receiver",), lengths=(2,), centre=(1.0, 2.0), spread=(0.5, 4.0),
    )  # fmt: skip
    values = np.random.default_rng(1).standard_normal((5, 2, 3), dtype=np.float32)
    got = scaling.apply(torch.from_numpy(values), axes=("record", "receiver", "frequency"))
    wanted = scaling.apply(values, axes=("record", "receiver", "frequency"))
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-6)
    np.testing.assert_allclose(wanted[:, 1], (values[:, 1] - 2) / 4, rtol=1e-6)


def test_features_load_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, iqatlas.features.registry, iqatlas.features.scaling; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert "spectrogram" in FEATURES
