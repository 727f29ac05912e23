"""Cyclic spectra of tensors: those of arrays, in every plane, and gradients that are finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from iqatlas.features import cyclic_tensors
from iqatlas.features.cyclic_engine import VARIABLE
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum import cyclic_spectrum

RATE_HZ = 1.92e6
FULL, MEAN = {"kind": "full"}, {"kind": "plane", "grid": (16, 32), "pool": "mean"}


def captures(rows: int, samples: int = 700, level: float = 1e-5) -> np.ndarray:
    """BPSK of four samples a symbol in noise: lines in both planes, and no symmetry."""
    rng = np.random.default_rng(3)
    symbols = np.repeat(rng.choice([-1.0, 1.0], (rows, -(-samples // 4))), 4, axis=-1)[:, :samples]
    noise = rng.standard_normal((rows, 2 * samples)).view(np.complex128)
    turned = symbols * np.exp(2j * np.pi * 0.07 * np.arange(samples))
    return np.asarray(level * (turned + noise), np.complex64)


def both(samples: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    spec = CyclicSpectrumSpec.model_validate({"channels": 32, **options})
    got = cyclic_spectrum(torch.from_numpy(samples), spec, sample_rate_hz=RATE_HZ)
    assert got.dtype == torch.float32
    wanted = cyclic_spectrum(samples, spec, sample_rate_hz=RATE_HZ)
    assert tuple(got.shape) == wanted.shape
    return got.numpy(), wanted


@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize("coherence", [False, True])
@pytest.mark.parametrize("output", [FULL, MEAN, {"kind": "profile", "size": 100}])
def test_tensors_give_what_arrays_give(method: str, conjugate: bool, coherence: bool, output: dict) -> None:
    options = {"method": method, "conjugate": conjugate, "coherence": coherence, "output": output}
    got, wanted = both(captures(4).reshape(2, 2, -1), scale="linear", **options)
    # As the compiled engine: rounding errors of the transforms, beside the largest value.
    assert np.abs(got - wanted).max() <= 2e-6 * wanted.max()
    logarithms, levels = both(captures(4), **options)
    # A cell of a thousandth of the largest value holds the same rounding errors.
    near = levels > levels.max() - 30
    np.testing.assert_allclose(logarithms[near], levels[near], atol=0.02)


@pytest.mark.parametrize(
    "options",
    [
        {"window": "kaiser6", "hop": 4},
        {"window": "rectangular", "hop": 16, "channels": 64},
        {"window": "hann", "cyclic_resolution_hz": RATE_HZ / 128},
        {"method": "ssca", "window": "kaiser6", "channels": 128},
    ],
)
def test_windows_hops_and_shorter_spectra(options: dict) -> None:
    for samples in (512, 700):  # the last blocks reach beyond the first
        got, wanted = both(captures(2, samples), scale="linear", **options)
        assert np.abs(got - wanted).max() <= 2e-6 * wanted.max()


@pytest.mark.parametrize("method", ["fam", "ssca"])
def test_levels_silence_and_what_is_no_number(method: str) -> None:
    samples = captures(6)
    samples[0] *= 1e-8
    samples[1] *= 1e15
    samples[2] = 0
    samples[3, 7] = np.nan
    samples[4, 7] = np.inf
    for coherence in (False, True):
        got, wanted = both(samples, method=method, coherence=coherence, scale="linear")
        assert np.isnan(got[[3, 4]]).all()
        np.testing.assert_array_equal(got[2], 0)
        for row in (0, 1, 5):
            assert wanted[row].max() > 0
            assert np.abs(got[row] - wanted[row]).max() <= 2e-6 * wanted[row].max()
    # Without power there are only the floors of the logarithm.
    for values in both(samples, method=method):
        assert np.isfinite(values[[0, 1, 2, 5]]).all()


def test_the_compiled_engine_is_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setenv(VARIABLE, "numba")
    got, wanted = both(captures(3), channels=64, scale="linear")
    assert np.abs(got - wanted).max() <= 2e-6 * wanted.max()


def test_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = captures(5)
    whole = [both(samples, method=method)[0] for method in ("fam", "ssca")]
    monkeypatch.setattr(cyclic_tensors, "_PIECE_PRODUCTS", 20_000)
    for method, wanted in zip(("fam", "ssca"), whole, strict=True):
        np.testing.assert_allclose(both(samples, method=method)[0], wanted, atol=1e-4)


def test_no_captures_and_any_device() -> None:
    spec = CyclicSpectrumSpec(channels=32)
    for device, rows in (("cpu", 0), ("meta", 0), ("meta", 3)):
        nothing = torch.zeros(rows, 2, 512, dtype=torch.complex64, device=device)
        got = cyclic_spectrum(nothing, spec, sample_rate_hz=RATE_HZ)
        assert tuple(got.shape) == (rows, 2, 64, 32)
        assert got.device.type == device


@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("coherence", [False, True])
def test_gradients_of_silence_and_of_sound_captures_are_finite(method: str, coherence: bool) -> None:
    samples = captures(3, 512, level=1.0)
    samples[1] = 0
    given = torch.from_numpy(samples).requires_grad_()
    spec = CyclicSpectrumSpec.model_validate({"channels": 32, "method": method, "coherence": coherence})
    cyclic_spectrum(given, spec, sample_rate_hz=1.0).sum().backward()
    assert given.grad is not None
    assert torch.isfinite(torch.view_as_real(given.grad)).all()
    assert (given.grad[[0, 2]] != 0).any()
