"""What features are given: any order in memory, complex128, tensors; the rest is told in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from iqatlas.errors import SpecError
from iqatlas.features import _arrays
from iqatlas.features.registry import FEATURES, feature_with
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import SubchannelEnergySpec, WaveletSpec
from iqatlas.features.subchannel_energy import subchannel_energy
from iqatlas.features.wavelet import denoise, denoise_iq
from iqatlas.waveforms.spec import LteWaveform

ON_TENSORS = ("spectrogram", "power_spectrum", "subchannel_energy", "tabular", "cyclic_spectrum")
SETTING = CaptureSetting.of(
    LteWaveform(bandwidth_mhz=1.4),
    samples=512,
    sample_rate_hz=1.92e6,
    subchannel_edges_hz=np.array([[-5e5, -1e5], [-1e5, 2e5], [2e5, 5e5]]),
)


def compute(name: str, samples: Any, **options: Any) -> Any:
    feature, spec = feature_with(name, options)
    return feature.compute(samples, spec, SETTING)


def captures(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.standard_normal((*shape, 1024), dtype=np.float32).view(np.complex64)


@pytest.mark.parametrize("name", FEATURES)
def test_order_in_memory_and_precision_make_no_difference(name: str) -> None:
    samples = captures(3, 2)
    wanted = compute(name, samples)
    read_only = samples.copy()
    read_only.setflags(write=False)
    for other in (
        samples.astype(np.complex128),
        np.asfortranarray(samples),
        np.asfortranarray(samples.astype(np.complex128)),
        np.repeat(samples, 2, axis=-1)[..., ::2],
        samples.astype(">c8"),
        read_only,
    ):
        got = compute(name, other)
        assert (
            got.dtype
            == wanted.dtype
            == np.dtype(FEATURES[name].layout(feature_with(name, {})[1], SETTING).quantity.dtype)
        )
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (captures(2).real, "captures are float32; accepted: complex64"),
        (np.zeros((2, 512), np.int16), "captures are int16; accepted: complex64"),
        (np.zeros((2, 0), np.complex64), "captures of the shape (2, 0) hold no samples; accepted"),
    ],
)  # fmt: skip
def test_what_is_no_capture_is_one_line(name: str, samples: np.ndarray, said: str) -> None:
    with pytest.raises(SpecError) as failure:
        compute(name, samples)
    assert failure.value.line().startswith(f"features.{name}: {said}")


def test_what_is_no_array_is_one_line() -> None:
    with pytest.raises(SpecError, match=r"^here: list is no array; accepted: a NumPy array or a tensor$"):
        _arrays.captures([1j, 2j], where="here")
    with pytest.raises(SpecError, match=r"^here: captures of the shape \(\) hold no samples"):
        _arrays.captures(np.array(1j), where="here")
    with pytest.raises(SpecError, match=r"captures are torch\.float32"):
        _arrays.captures(torch.zeros(3), where="here")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(2, 512, dtype=torch.complex64),
        torch.zeros(2, 512, dtype=torch.complex64, requires_grad=True),
        torch.zeros(2, 512, dtype=torch.complex64).conj(),
        torch.zeros(2, 512, dtype=torch.complex64, device="meta"),
    ],
    ids=["plain", "grad", "conj", "meta"],
)
def test_what_takes_no_tensors_wants_arrays_of_numpy(tensor: torch.Tensor) -> None:
    said = r"^features\.wavelet: torch\.Tensor is no array of NumPy; accepted: NumPy arrays alone; a tensor"
    with pytest.raises(SpecError, match=said):
        denoise_iq(tensor, WaveletSpec())
    with pytest.raises(SpecError, match=said):
        denoise(tensor.real, WaveletSpec())


def test_the_remedy_of_the_message_works() -> None:
    samples = captures(1)
    tensor = torch.from_numpy(samples).requires_grad_().conj()
    np.testing.assert_array_equal(
        denoise_iq(tensor.numpy(force=True), WaveletSpec()), denoise_iq(samples.conj(), WaveletSpec())
    )


def test_denoised_whole_numbers_are_no_whole_numbers() -> None:
    rng = np.random.default_rng(1)
    series = (100 * np.sin(np.arange(512) / 20) + 3 * rng.standard_normal(512)).astype(np.int16)
    got = denoise(series, WaveletSpec())
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, denoise(series.astype(np.float32), WaveletSpec()))
    assert denoise(series.astype(np.float64), WaveletSpec()).dtype == np.float64
    with pytest.raises(SpecError, match="series are complex64; accepted: real numbers; denoise_iq takes"):
        denoise(captures(1), WaveletSpec())


@pytest.mark.parametrize("name", ON_TENSORS)
def test_tensors_of_no_captures_and_of_double_precision(name: str) -> None:
    samples = captures(3)
    wanted = compute(name, samples)
    none = compute(name, torch.from_numpy(samples[:0]))
    assert tuple(none.shape) == (0, *wanted.shape[1:]) and none.dtype == torch.float32
    assert compute(name, samples[:0]).dtype == np.float32
    double = compute(name, torch.from_numpy(samples.astype(np.complex128)))
    assert double.dtype == torch.float32
    lazy = compute(
        name, torch.from_numpy(samples.conj()).conj()
    )  # a view that torch conjugates when it is read
    plain = compute(name, torch.from_numpy(samples))
    for other in (double, lazy):
        np.testing.assert_allclose(other.numpy(), plain.numpy(), rtol=1e-6)


def test_energies_stay_on_the_device_of_their_captures() -> None:
    samples = torch.zeros(0, 512, dtype=torch.complex64, device="meta")
    got = subchannel_energy(
        samples, SubchannelEnergySpec(), edges_hz=SETTING.subchannel_edges_hz, sample_rate_hz=1.92e6
    )
    assert got.device.type == "meta" and tuple(got.shape) == (0, 3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("spectrogram", {"nperseg": 64}),
        ("power_spectrum", {"nperseg": 64}),
        ("subchannel_energy", {}),
        ("tabular", {"nperseg": 64}),
        ("cyclic_autocorrelation", {"output": "magnitude"}),
        ("cyclic_spectrum", {"channels": 32, "output": {"kind": "plane", "pool": "mean"}}),
        ("cyclic_spectrum", {"channels": 32, "method": "ssca", "coherence": True}),
    ],
)
def test_gradients_are_finite_and_those_of_a_small_step(name: str, options: dict) -> None:
    samples = torch.from_numpy(captures(2)).requires_grad_()
    values = compute(name, samples, **options)
    rng = np.random.default_rng(2)
    # Columns of a table differ by orders of magnitude: each by its own value.
    weight = torch.from_numpy(rng.standard_normal(values.shape)) / (1 + values.detach().abs().double())
    (values.double() * weight).sum().backward()
    assert samples.grad is not None and torch.isfinite(torch.view_as_real(samples.grad)).all()
    step = torch.from_numpy(captures(2)[:, ::-1].copy())
    slope = float((samples.grad.conj() * step).real.double().sum())
    size = 1e-3
    with torch.no_grad():
        ends = [
            float((compute(name, samples + sign * size * step, **options).double() * weight).sum())
            for sign in (1, -1)
        ]
    # Values of float32 to 1e-7 over a step of 2e-3, with the cubic term beside it.
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * size), rel=1e-2, abs=1e-3)
