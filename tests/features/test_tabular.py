"""The table of statistics against NumPy, column by column, and on signals whose statistics are known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from iqatlas.errors import SpecError
from iqatlas.features.bands import bin_shares
from iqatlas.features.spec import SpectrogramSpec, TabularSpec
from iqatlas.features.spectrogram import spectrogram
from iqatlas.features.tabular import BAND_PERCENTILES, PERCENTILES, statistics, table, tabular

RATE_HZ = 1.92e6
EDGES = np.array([[-6e5, -2e5], [-2e5, 2e5], [2e5, 6e5]])
SPEC = TabularSpec(nperseg=64)
NAMES = [name for name, _ in statistics(3)]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


def columns(samples: np.ndarray, spec: TabularSpec = SPEC) -> dict[str, np.ndarray]:
    values = tabular(samples, spec, edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    return dict(zip(NAMES, np.moveaxis(values, -1, 0), strict=True))


def test_every_column_is_named_once_with_its_units() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert dict(statistics(2))["duty_cycle_01"] == "1"
    assert dict(statistics(2))["power_p95"] == "dBm"


def test_columns_are_numpys_statistics() -> None:
    samples = np.float32(1e-5) * noise(4, 3, 2000)  # -97 dBm: squares of powers would leave float32
    got = columns(samples)
    exact = samples.astype(np.complex128)
    power = np.abs(exact) ** 2
    mean = power.mean(axis=-1)
    # Float32 levels of about -100 dB: 1e-5 dB; moments of 2000 values to 1e-4.
    np.testing.assert_allclose(got["power"], 10 * np.log10(mean), atol=1e-3)
    np.testing.assert_allclose(got["kurtosis"], (power**2).mean(axis=-1) / mean**2, rtol=1e-4)
    np.testing.assert_allclose(got["skewness"], scipy.stats.skew(np.abs(exact), axis=-1), rtol=1e-3)
    np.testing.assert_allclose(got["peak_to_average"], 10 * np.log10(power.max(axis=-1) / mean), atol=1e-3)
    density = spectrogram(samples, SpectrogramSpec(nperseg=64, scale="mw_per_hz"), sample_rate_hz=RATE_HZ)
    density = density.astype(np.float64)
    short = 10 * np.log10(density.mean(axis=-1) * RATE_HZ)
    for percent in PERCENTILES:
        np.testing.assert_allclose(
            got[f"power_p{percent}"], np.percentile(short, percent, axis=-1), atol=1e-3
        )
    np.testing.assert_allclose(got["deviation"], short.std(axis=-1), rtol=1e-3)
    frames_ms = np.arange(short.shape[-1]) * 32 / RATE_HZ * 1e3
    slope = [np.polyfit(frames_ms, row, 1)[0] for row in short.reshape(-1, short.shape[-1])]
    np.testing.assert_allclose(got["slope"].ravel(), slope, rtol=1e-3, atol=1e-3)
    spectrum = density.mean(axis=-2)
    flat = 10 * (np.log10(spectrum).mean(axis=-1) - np.log10(spectrum.mean(axis=-1)))
    np.testing.assert_allclose(got["flatness"], flat, atol=1e-3)
    shares = bin_shares(EDGES[:, 0], EDGES[:, 1], 64, sample_rate_hz=RATE_HZ)
    band = 10 * np.log10(np.einsum("...f,bf->...b", density, shares) * 4e5)
    whole = 10 * np.log10(np.einsum("...f,bf->...b", spectrum, shares) * 4e5)
    for index in range(3):
        own, name = band[..., index], f"{index:02d}"
        np.testing.assert_allclose(got[f"power_{name}"], whole[..., index], atol=1e-3)
        np.testing.assert_allclose(got[f"deviation_{name}"], own.std(axis=-1), rtol=1e-3)
        for percent in BAND_PERCENTILES:
            wanted = np.percentile(own, percent, axis=-1)
            np.testing.assert_allclose(got[f"power_p{percent}_{name}"], wanted, atol=1e-3)
        slope = [np.polyfit(frames_ms, row, 1)[0] for row in own.reshape(-1, own.shape[-1])]
        np.testing.assert_allclose(got[f"slope_{name}"].ravel(), slope, rtol=1e-3, atol=1e-3)
        low, high = EDGES[index]
        quarter = (high - low) / 4
        for side, inside, outside in (
            ("lower", (low, low + quarter), (low - quarter, low)),
            ("upper", (high - quarter, high), (high, high + quarter)),
        ):
            edges = np.array([inside, outside])
            around = bin_shares(edges[:, 0], edges[:, 1], 64, sample_rate_hz=RATE_HZ)
            level = 10 * np.log10(np.einsum("...f,bf->...b", spectrum, around))
            wanted = level[..., 0] - level[..., 1]
            np.testing.assert_allclose(got[f"contrast_{side}_{name}"], wanted, atol=1e-3)
    frequency = np.fft.fftshift(np.fft.fftfreq(64, 1 / RATE_HZ))
    centroid = (spectrum * frequency).sum(axis=-1) / spectrum.sum(axis=-1)
    np.testing.assert_allclose(got["centroid"], centroid, atol=1)  # of bins of 30 kHz


def test_gaussian_noise_has_a_kurtosis_of_two_and_a_tone_of_one() -> None:
    # 1.2 million exponential powers: the fourth moment's variance is 20/n, 0.4% in five sigma.
    assert columns(noise(1, 1_200_000))["kurtosis"][0] == pytest.approx(2, rel=0.01)
    tone = np.exp(2j * np.pi * 0.1 * np.arange(2000)).astype(np.complex64)
    got = columns(tone[None])
    assert got["kurtosis"][0] == pytest.approx(1, abs=1e-5)
    assert got["centroid"][0] == pytest.approx(0.1 * RATE_HZ, abs=500)  # a fiftieth of a bin


def test_a_burst_shows_in_duty_cycle_slope_and_contrast_of_its_sub_channel() -> None:
    """A band-limited burst in the upper sub-channel, over the last quarter of the capture, 20 dB up."""
    size = 9600
    spectrum = np.fft.fft(noise(1, size, seed=1))
    frequency = np.fft.fftfreq(size, 1 / RATE_HZ)
    burst = np.fft.ifft(np.where((frequency > 2e5) & (frequency < 6e5), spectrum, 0))
    samples = noise(1, size, seed=2) + 10 * burst * (np.arange(size) >= 0.75 * size)
    got = columns(samples.astype(np.complex64))
    assert got["duty_cycle_02"][0] == pytest.approx(0.25, abs=0.06)  # and the noise's own few crossings
    assert got["duty_cycle_00"][0] < 0.1
    assert got["slope_02"][0] > 2 > abs(got["slope_00"][0])
    assert got["contrast_upper_02"][0] > 8 > abs(got["contrast_lower_00"][0])
    assert got["contrast_upper_01"][0] < -8  # the neighbour's edge is in the burst's shade
    strict = columns(samples.astype(np.complex64), TabularSpec(nperseg=64, duty_threshold_db=40))
    assert strict["duty_cycle_02"][0] == 0


def test_silence_is_finite() -> None:
    assert np.isfinite(
        tabular(np.zeros((2, 256), np.complex64), SPEC, edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    ).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, -np.inf)])
def test_what_is_no_number_makes_no_statistic(value: complex) -> None:
    """A duty cycle of 0 and ordinary percentiles would pass for a vacant capture."""
    samples = noise(3, 2000)
    samples[1, 700] = value
    got = tabular(samples, SPEC, edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    assert np.isnan(got[1]).all()
    assert np.isfinite(got[[0, 2]]).all()


def test_rows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(9, 500)
    whole = tabular(samples, SPEC, edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    monkeypatch.setattr("iqatlas.features.tabular._VALUES_AT_ONCE", 200)
    got = tabular(samples, SPEC, edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    # Transforms of fewer segments at once may round otherwise.
    np.testing.assert_allclose(got, whole, rtol=1e-4, atol=1e-3)


def test_bands_reach_around_the_ends_of_the_spectrum_and_hold_parts_of_bins() -> None:
    shares = bin_shares(np.array([-9.0, 0.0, 0.25]), np.array([-7.0, 1.0, 0.5]), 16, sample_rate_hz=16.0)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert np.flatnonzero(shares[0]).tolist() == [0, 1, 15]
    np.testing.assert_allclose(shares[0][[0, 1, 15]], [0.5, 0.25, 0.25])
    np.testing.assert_allclose(shares[1][[8, 9]], [0.5, 0.5])
    np.testing.assert_allclose(shares[2][8], 1)


def test_a_table_has_a_row_a_receiver_and_units() -> None:
    values = tabular(noise(3, 2, 500), SPEC, edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    units = [unit for _, unit in statistics(3)]
    array = xr.DataArray(
        values,
        dims=("record", "receiver", "statistic"),
        coords={"statistic": NAMES, "statistic_units": ("statistic", units), "receiver": ["a", "b"]},
    )
    made = table(array)
    assert made.index.names == ["record", "receiver"] and len(made) == 6
    assert made.loc[(2, "b"), "kurtosis"] == values[2, 1, NAMES.index("kurtosis")]
    assert made.attrs["units"]["slope_02"] == "dB/ms"
    # Made by hand, it says of no part which records it holds; a coordinate of its own does.
    assert table(array[1:]).index[0] == (0, "a")
    assert table(array.assign_coords(record=[5, 7, 9])[1:]).index[-1] == (9, "b")
    assert table(array.drop_vars("statistic_units")).attrs["units"] == {}
    with pytest.raises(SpecError, match=r"^table: there are no named columns; accepted: the array tabular"):
        table(array.drop_vars(["statistic", "statistic_units"]))


@pytest.mark.parametrize(
    ("samples", "spec", "said"),
    [
        (4096, {"nperseg": 4000, "hop": 3000}, "a shorter hop, or capture.samples of 7000 or more"),
        (4096, {"nperseg": 3000, "hop": 2000}, "accepted: 2000 to 2096; or capture.samples of 5000 or more"),
        (1024, {"nperseg": 1000}, "accepted: 8 to 683; or capture.samples of 1500 or more"),
        (9, {"nperseg": 64}, "capture.samples of 96 or more"),
    ],
)  # fmt: skip
def test_bounds_that_are_told_work(samples: int, spec: dict[str, int], said: str) -> None:
    with pytest.raises(SpecError) as failure:
        tabular(noise(samples), TabularSpec(**spec), edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    assert failure.value.line().endswith(f"don't fit into captures of {samples}; {said}")
    if failure.value.accepted:
        for nperseg in map(int, failure.value.accepted.split(" to ")):
            tabular(
                noise(samples),
                TabularSpec(**{**spec, "nperseg": nperseg}),
                edges_hz=EDGES,
                sample_rate_hz=RATE_HZ,
            )
    needed = int(said.split()[-3])
    tabular(noise(needed), TabularSpec(**spec), edges_hz=EDGES, sample_rate_hz=RATE_HZ)


def test_two_segments_are_needed() -> None:
    said = (
        r"2 segments of 128 samples don't fit into captures of 150; accepted: 8 to 100; "
        r"or capture\.samples of 192 or more"
    )
    with pytest.raises(SpecError, match=said):
        tabular(noise(150), TabularSpec(), edges_hz=EDGES, sample_rate_hz=RATE_HZ)
    tabular(noise(150), TabularSpec(nperseg=100), edges_hz=EDGES, sample_rate_hz=RATE_HZ)
