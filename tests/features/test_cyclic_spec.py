"""What a spec of cyclic spectra accepts, and what it says when it doesn't."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from iqatlas.errors import SpecError
from iqatlas.features.channelizer import used_samples
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, PlaneOutput
from iqatlas.features.cyclic_spectrum import cyclic_spectrum, stored_shape

RATE_HZ = 1e6


def spec(**fields: object) -> CyclicSpectrumSpec:
    """Return a spec as YAML would give it."""
    return CyclicSpectrumSpec.model_validate(fields)


def test_method_and_channels_are_enough() -> None:
    short = spec(method="fam", channels=64)
    assert short.hop_samples == 16
    assert isinstance(short.output, PlaneOutput)
    assert stored_shape(short, 1024, sample_rate_hz=RATE_HZ) == (64, 64)


def test_defaults_shrink_with_few_channels_and_short_captures() -> None:
    assert stored_shape(spec(channels=8), 32, sample_rate_hz=RATE_HZ) == (32, 8)
    assert stored_shape(spec(output={"kind": "profile"}), 200, sample_rate_hz=RATE_HZ) == (128,)
    assert stored_shape(spec(output={"kind": "profile"}), 4096, sample_rate_hz=RATE_HZ) == (256,)
    assert stored_shape(spec(conjugate=True), 4096, sample_rate_hz=RATE_HZ) == (64, 32)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": 100}, "a power of two, such as 64 or 128"),
        ({"hop": 12}, "a power of two from 1 to half of channels"),
        ({"hop": 64}, "a power of two from 1 to half of channels"),
        ({"method": "ssca", "hop": 4}, "takes no hop"),
        ({"output": {"kind": "plane", "grid": [65, 64]}}, "needs 128 channels; 64 channels give up to 64"),
        ({"conjugate": True, "output": {"kind": "plane", "grid": [64, 64]}}, "needs 128 channels"),
        ({"output": {"kind": "profile", "grid": [64, 64]}}, "Extra inputs"),
        ({"chanels": 64}, "Extra inputs"),
        ({"cyclic_resolution_hz": 1e-320}, "greater than or equal to 0.000001"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**fields)


@pytest.mark.parametrize("method", ["fam", "ssca"])
def test_captures_too_short_for_the_channels_are_told_what_would_do(method: str) -> None:
    short = spec(method=method, channels=64)
    with pytest.raises(
        SpecError, match=r"cyclic_spectrum\.channels: 64 channels need captures of 128 samples"
    ):
        used_samples(short, 127, sample_rate_hz=RATE_HZ)
    with pytest.raises(SpecError, match="accepted: 8 to 32"):
        used_samples(short, 127, sample_rate_hz=RATE_HZ)
    assert used_samples(short, 128, sample_rate_hz=RATE_HZ) == 128
    assert used_samples(spec(channels=32), 127, sample_rate_hz=RATE_HZ) == 64


@pytest.mark.parametrize(("asked_hz", "needed"), [(1e6 / 4096, 4096), (240.0, 8192), (1e6 / 4097, 8192)])
def test_a_resolution_takes_the_next_power_of_two(asked_hz: float, needed: int) -> None:
    fine = spec(cyclic_resolution_hz=asked_hz)
    assert used_samples(fine, needed, sample_rate_hz=RATE_HZ) == needed
    assert used_samples(fine, 4 * needed, sample_rate_hz=RATE_HZ) == needed
    with pytest.raises(
        SpecError, match=rf"needs captures of {needed} samples.*set capture\.samples to {needed}"
    ):
        used_samples(fine, needed - 1, sample_rate_hz=RATE_HZ)


def test_absurd_resolutions_end_in_one_line() -> None:
    with pytest.raises(SpecError, match="accepted: 976"):
        used_samples(spec(cyclic_resolution_hz=1e-6), 1024, sample_rate_hz=RATE_HZ)
    assert used_samples(spec(cyclic_resolution_hz=1e12), 1024, sample_rate_hz=RATE_HZ) == 128


def test_planes_that_no_memory_holds_are_refused_with_what_would_do() -> None:
    many = spec(channels=4096)
    assert used_samples(many, 8192, sample_rate_hz=RATE_HZ) == 8192
    with pytest.raises(SpecError, match=r"16777216 cells; ask for fewer channels, or set .* 122\.07 or more"):
        used_samples(many, 1 << 20, sample_rate_hz=RATE_HZ)
    coarse = spec(channels=4096, cyclic_resolution_hz=122.08)
    assert used_samples(coarse, 1 << 20, sample_rate_hz=RATE_HZ) == 8192


def test_grids_finer_than_the_steps_are_told_what_would_do() -> None:
    fine = spec(output={"kind": "plane", "grid": [64, 1025]})
    with pytest.raises(SpecError, match=r"output\.grid: 1025 values.*set capture\.samples to 2048"):
        stored_shape(fine, 1024, sample_rate_hz=RATE_HZ)
    assert stored_shape(fine, 2048, sample_rate_hz=RATE_HZ) == (1025, 64)
    profile = spec(output={"kind": "profile", "size": 2049}, conjugate=True)
    with pytest.raises(SpecError, match=r"output\.size: 2049 values.*set capture\.samples to 2048"):
        stored_shape(profile, 1024, sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize("samples", [4096, 1024])
@pytest.mark.parametrize("conjugate", [False, True])
def test_grids_finer_than_the_resolution_asked_for_name_one_that_does(samples: int, conjugate: bool) -> None:
    """60 kHz of 15.36 MHz needs no more than 256 samples, however many a capture has."""
    rate_hz = 15.36e6
    output = {"kind": "profile", "size": 8192 if conjugate else 4096}
    coarse = spec(cyclic_resolution_hz=60e3, conjugate=conjugate, output=output)
    longer = "" if samples >= 4096 else r"capture\.samples to 4096 and "
    said = rf"of 4096 samples, these are of 256; .*; or set {longer}cyclic_resolution_hz to less than 7500$"
    with pytest.raises(SpecError, match=said):
        stored_shape(coarse, samples, sample_rate_hz=rate_hz)
    just = spec(cyclic_resolution_hz=7499, conjugate=conjugate, output=output)
    assert stored_shape(just, 4096, sample_rate_hz=rate_hz) == (output["size"],)
    with pytest.raises(SpecError, match="to less than 7500"):
        limit = spec(cyclic_resolution_hz=7500, conjugate=conjugate, output=output)
        stored_shape(limit, 4096, sample_rate_hz=rate_hz)


def test_grids_that_no_length_allows_get_no_remedy() -> None:
    finest = spec(output={"kind": "profile", "size": 1 << 20})
    with pytest.raises(SpecError) as failure:
        stored_shape(finest, 1024, sample_rate_hz=RATE_HZ)
    assert failure.value.line().endswith("these are of 1024; accepted: up to 1024 values")
    with pytest.raises(SpecError, match="accepted: up to 16777216 cells"):
        stored_shape(finest, 1 << 20, sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize(
    ("method", "lag", "channels"), [("fam", 127, 128), ("fam", 128, 256), ("ssca", 128, 512)]
)
def test_the_fewest_channels_that_see_a_lag_do(method: str, lag: int, channels: int) -> None:
    assert spec(method=method).channels_beyond(lag) == channels
    assert spec(method=method, channels=channels).lags_below > lag
    assert spec(method=method, channels=channels // 2).lags_below <= lag


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "ssca"},
        {"channels": 32},
        {"window": "hann"},
        {"window": "kaiser6"},
        {"window": "rectangular"},
        {"hop": 8},
        {"conjugate": True},
        {"cyclic_resolution_hz": 4000.0},
        {"coherence": True},
        {"scale": "linear"},
        {"output": {"kind": "plane", "grid": [32, 64]}},
        {"output": {"kind": "plane", "grid": [64, 32]}},
        {"output": {"kind": "plane", "pool": "mean"}},
        {"output": {"kind": "profile"}},
        {"output": {"kind": "profile", "size": 100}},
        {"output": {"kind": "profile", "pool": "mean"}},
        {"output": {"kind": "full"}},
    ],
)
def test_every_field_changes_what_is_stored(fields: dict[str, object]) -> None:
    rng = np.random.default_rng(3)
    samples = rng.standard_normal((1, 1024), dtype=np.float32).view(np.complex64)
    base = {"output": {"kind": "profile"}} if "size" in str(fields) or "profile" in str(fields) else {}
    if fields == {"output": {"kind": "profile"}}:
        base = {}
    got = cyclic_spectrum(samples, spec(**{**base, **fields}), sample_rate_hz=RATE_HZ)
    usual = cyclic_spectrum(samples, spec(**base), sample_rate_hz=RATE_HZ)
    assert got.shape != usual.shape or not np.allclose(got, usual, rtol=1e-3)
