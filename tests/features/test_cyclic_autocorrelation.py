"""The cyclic autocorrelation against its definition, and against the truth tables of prefixes and pulses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.features.cyclic_autocorrelation import FEATURE, cyclic_autocorrelation, cyclic_frequency_hz, lags
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import CyclicAutocorrelationSpec
from iqatlas.seeds import Stage, key, words
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform, MarineVhfWaveform

RATE_HZ = 1.92e6
EDGES = np.array([[-5e5, 0.0], [0.0, 5e5]])


def setting(samples: int, waveform: object = None) -> CaptureSetting:
    return CaptureSetting.of(
        waveform or LteWaveform(bandwidth_mhz=1.4),
        samples=samples,
        sample_rate_hz=RATE_HZ,
        subchannel_edges_hz=EDGES,
    )


def at(samples: np.ndarray, lag: int, steps: np.ndarray) -> np.ndarray:
    """Return values at one lag and at cyclic frequencies given a sample."""
    return cyclic_autocorrelation(
        samples, lags=np.array([lag]), cyclic_frequency_hz=np.asarray(steps, float), sample_rate_hz=1.0
    )[..., 0, :]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(2, 300),
    lag=st.integers(0, 299),
    alpha=st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_it_is_the_mean_of_the_definition(size: int, lag: int, alpha: list[float], seed: int) -> None:
    lag = min(lag, size - 1)
    samples = noise(2, size, seed=seed)
    got = at(samples, lag, np.array(alpha))
    exact = samples.astype(np.complex128)
    n = np.arange(size - lag)
    product = exact[:, n + lag] * exact[:, n].conj()
    wanted = [np.mean(product * np.exp(-2j * np.pi * a * n), axis=-1) for a in alpha]
    # Float32 of 300 terms of magnitude 2.
    np.testing.assert_allclose(got, np.stack(wanted, -1), atol=2e-5)


def test_a_long_capture_is_worked_out_in_pieces_with_exact_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(3, 5000)
    whole = at(samples, 7, np.array([0.0, 0.123, -0.4]))
    monkeypatch.setattr("iqatlas.features.cyclic_autocorrelation._CHUNK_SAMPLES", 333)
    # Sums in another order: float32 of 5000 terms.
    np.testing.assert_allclose(at(samples, 7, np.array([0.0, 0.123, -0.4])), whole, atol=1e-5)


def test_equal_prefixes_have_the_lines_of_the_closed_form() -> None:
    """R^{k/Ns}(Nu) = sin(pi k Ng/Ns) / (Ns sin(pi k/Ns)) exp(-j pi k (Ng-1)/Ns), unit power.

    16,000 symbols of 80: 1.28 million products of unit power know it to 9e-4 a component; five of those.
    """
    useful, guard, symbols = 64, 16, 16_000
    length = useful + guard
    body = np.fft.ifft(noise(symbols, useful)) * np.sqrt(useful / 2)
    samples = np.concatenate([body[:, -guard:], body], axis=1).reshape(-1).astype(np.complex64)
    k = np.arange(-4, 5)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sin(np.pi * k * guard / length) / (length * np.sin(np.pi * k / length))
    size = np.where(k == 0, guard / length, ratio)
    wanted = size * np.exp(-1j * np.pi * k * (guard - 1) / length)
    np.testing.assert_allclose(at(samples, useful, k / length), wanted, atol=5e-3)
    assert np.abs(at(samples, useful, np.array([0.5 / length, 1.5 / length]))).max() < 5e-3


def test_the_downlinks_unequal_prefixes_have_lines_at_multiples_of_14_khz() -> None:
    """The project's own waveform, at rest of all control, against the exact sum over a slot.

    A million products of a signal in 72 of 128 subcarriers: 1.3e-3 a component; four of those.
    """
    downlink = LteDownlink(LteWaveform(bandwidth_mhz=1.4, subchannels=1, control=False), cell_ids=[1])
    slots, slot = 1100, downlink.samples_per_slot
    samples = downlink.synthesise(
        start_sample=np.array([0]),
        samples=slots * slot,
        occupancy=np.ones((1, 1, 1, 1), bool),
        first_slot=np.array([0]),
        slot_samples=20 * slot,
        keys=words(key(5, Stage.PAYLOAD), np.zeros((1, 1, 2), np.uint64)),
    )[0, 0]
    samples = samples / np.float32(np.sqrt(np.mean(np.abs(samples) ** 2)))
    spec = CyclicAutocorrelationSpec()
    captures = setting(len(samples))
    assert lags(spec, captures).tolist() == [128]
    lines_hz = cyclic_frequency_hz(spec, captures)
    assert lines_hz.tolist() == [14e3 * k for k in range(7)]
    got = FEATURE.compute(samples, spec, captures)

    def exact(alpha_hz: float, points: int = 128) -> complex:
        first, other = 160 * points // 2048, 144 * points // 2048
        starts = np.concatenate([[0], first + points + (other + points) * np.arange(6)])
        within = np.concatenate([s + np.arange(other if s else first) for s in starts])
        rate_hz = 15e3 * points
        return complex(np.sum(np.exp(-2j * np.pi * alpha_hz / rate_hz * within)) / (rate_hz * 0.5e-3))

    table = [0.0667, 0.0662, 0.0647, 0.0623, 0.0591, 0.0550, 0.0503]
    # Four digits are printed; they are of 2048 points, whose shortest step in time is a sixteenth.
    np.testing.assert_allclose([abs(exact(a, 2048)) for a in lines_hz], table, atol=6e-5)
    np.testing.assert_allclose(got, [exact(a) for a in lines_hz], atol=5.2e-3)
    # Side lines, which equal prefixes lack: how much there is of the twenty strongest, to 9e-4/0.015 = 0.06.
    others = np.array([2e3 * k for k in range(480) if k % 7])
    side = np.array([exact(a) for a in others])
    strongest = np.argsort(np.abs(side))[-20:]
    there = cyclic_autocorrelation(
        samples, lags=np.array([128]), cyclic_frequency_hz=others[strongest], sample_rate_hz=RATE_HZ
    )[0]
    assert np.abs(there - side[strongest]).max() < 5.2e-3
    share = np.vdot(side[strongest], there) / np.vdot(side[strongest], side[strongest])
    assert share == pytest.approx(1, abs=0.25)  # four sigma; equal prefixes have 0


def test_a_rectangular_pulse_has_its_line() -> None:
    """|R^{k/T0}(tau)| = |sin(pi k (T0 - tau)/T0)| / (T0 sin(pi k/T0)): 0.3236 for BPSK of ten samples.

    At tau = 5 half of the products are of one symbol: 200,000 of +-1 know the other half to 2e-3.
    """
    symbols = np.sign(np.random.default_rng(1).standard_normal(40_000)).astype(np.complex64)
    samples = np.repeat(symbols, 10)
    assert abs(at(samples, 5, np.array([0.1]))[0]) == pytest.approx(0.3236, abs=0.01)
    assert abs(at(samples, 5, np.array([0.05]))[0]) < 0.01


def test_white_noise_has_no_line() -> None:
    """The variance of R is 1/M for unit power over M products: 500 values of it, known to 4.5%, 5 sigma."""
    values = at(noise(500, 2048) / np.float32(np.sqrt(2)), 128, np.array([0.01]))
    assert np.mean(np.abs(values) ** 2) == pytest.approx(1 / (2048 - 128), rel=0.23)


def test_options_choose_lags_lines_and_scale() -> None:
    samples = noise(3, 500)
    spec = CyclicAutocorrelationSpec(lag_samples=(0, 128), cyclic_frequency_hz=(0.0, 1e3))
    values = FEATURE.compute(samples, spec, setting(500))
    assert values.shape == (3, 2, 2)
    power = np.mean(np.abs(samples) ** 2, axis=-1)
    np.testing.assert_allclose(values[:, 0, 0], power, rtol=1e-5)  # float32 of 500 terms
    one = FEATURE.compute(samples, spec.model_copy(update={"lag_samples": 128}), setting(500))
    np.testing.assert_array_equal(one, values[:, 1])
    shares = FEATURE.compute(samples, spec.model_copy(update={"normalised": True}), setting(500))
    np.testing.assert_allclose(shares, values / power[:, None, None], rtol=1e-5)
    size = FEATURE.compute(samples, spec.model_copy(update={"output": "magnitude"}), setting(500))
    assert size.dtype == np.float32
    np.testing.assert_array_equal(size, np.abs(values))
    assert len(cyclic_frequency_hz(CyclicAutocorrelationSpec(harmonics=3), setting(500))) == 4


@pytest.mark.parametrize(
    ("spec", "samples", "waveform", "said"),
    [
        ({}, 128, None, "captures of 128 samples hold no products at a lag of 128; accepted: lags up to 127; "
         "or capture.samples of 129 or more"),
        ({}, 512, MarineVhfWaveform(), "no cyclic prefix that a lag would follow from; accepted: lags from"),
        ({"lag_samples": 3}, 512, MarineVhfWaveform(), "no symbol rate that cyclic frequencies would follow"),
        ({"cyclic_frequency_hz": [1e6]}, 512, None, "1e+06 Hz is more than half the sampling rate; "
         "accepted: -960000 to 960000 Hz"),
        ({"harmonics": 69}, 512, None, "cyclic_autocorrelation.harmonics: 966000 Hz is more than half"),
    ],
)  # fmt: skip
def test_what_captures_dont_allow_is_one_line(spec: dict, samples: int, waveform: object, said: str) -> None:
    with pytest.raises(SpecError) as failure:
        FEATURE.layout(CyclicAutocorrelationSpec(**spec), setting(samples, waveform))
    assert said in failure.value.line()
    assert "\n" not in failure.value.line()


def test_a_lag_that_a_capture_does_not_reach_is_refused_by_the_function_too() -> None:
    for lag in (-1, 64):
        with pytest.raises(SpecError, match="accepted: 0 to 63"):
            at(noise(64), lag, np.zeros(1))
