"""FAM against its definition, and against what is known of noise and of lines between channels."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import scipy.stats

from iqatlas.errors import SpecError
from iqatlas.features.channelizer import channel_window, used_samples
from iqatlas.features.cyclic_engine import VARIABLE
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.fam import cell_steps, channel_pairs, fam, fam_cells
from iqatlas.features.power_spectrum import power_spectrum
from iqatlas.features.spec import PowerSpectrumSpec


@pytest.fixture(params=["numpy", "numba"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with each engine that is installed."""
    if request.param == "numba":
        pytest.importorskip("numba")
        monkeypatch.setattr("iqatlas.features.fam.compiled_pays", lambda channels, kept: kept >= 4)
    monkeypatch.setenv(VARIABLE, request.param)
    return str(request.param)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Return complex64 noise of power 1."""
    rng = np.random.default_rng(seed)
    scale = np.float32(np.sqrt(0.5))
    return scale * rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


def literal_fam(samples: np.ndarray, spec: CyclicSpectrumSpec, used: int) -> dict[tuple[int, int], complex]:
    """Return every cell of all pairs by the definition, by (f in half steps, α in steps of 1/used).

    In complex128: its own error must not be what the comparison sees.
    """
    channels, hop, window = spec.channels, spec.hop_samples, channel_window(spec)
    blocks, kept = used // hop, used // channels
    padded = np.concatenate([samples.astype(np.complex128), np.zeros(channels)])
    frequency = np.arange(channels) / channels - 0.5
    demodulates = np.empty((channels, blocks), np.complex128)
    energy = 0.0
    for r in range(blocks):
        block = padded[r * hop : r * hop + channels]
        energy += np.sum(window[: max(0, len(samples) - r * hop)] ** 2)
        spectrum = np.fft.fftshift(np.fft.fft(block * window))
        demodulates[:, r] = spectrum * np.exp(-2j * np.pi * frequency * r * hop)
    demodulates *= np.sqrt(blocks / energy)
    cells = {}
    for k in range(channels):
        for l in range(channels):  # noqa: E741
            other = demodulates[l] if spec.conjugate else demodulates[l].conj()
            bins = np.fft.fft(demodulates[k] * other) / blocks
            upper, lower = k - channels // 2, l - channels // 2
            f, a = (upper - lower, upper + lower) if spec.conjugate else (upper + lower, upper - lower)
            for q in range(-kept // 2, kept // 2):
                middle = np.exp(-2j * np.pi * q / used * channels / 2)
                cells[f * kept, a * kept + q] = bins[q] * middle
    return cells


@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize(
    ("length", "channels", "hop", "window"),
    [
        (256, 16, None, "hamming"),
        (300, 16, 8, "kaiser6"),
        (133, 16, 2, "hann"),
        (128, 32, 16, "rectangular"),
        (64, 32, None, "hamming"),
        (1024, 8, 1, "hamming"),
        (128, 32, 1, "hann"),
    ],
)
def test_it_is_the_literal_loop(
    engine: str, length: int, channels: int, hop: int | None, window: str, conjugate: bool
) -> None:
    spec = CyclicSpectrumSpec.model_validate(
        {"channels": channels, "hop": hop, "window": window, "conjugate": conjugate}
    )
    samples = noise(2, 3, length)
    got = fam(samples, spec, sample_rate_hz=1.0)
    used = used_samples(spec, length, sample_rate_hz=1.0)
    wanted = literal_fam(samples[1, 2], spec, used)
    half_steps, steps = cell_steps(spec, used)
    same = np.vectorize(lambda f, a: wanted[f, a])(half_steps, steps)
    assert got.shape == (2, 3, *steps.shape)
    # Float32, about ten roundings of 6e-8 each in turn.
    np.testing.assert_allclose(got[1, 2], same, rtol=0, atol=1e-6 * np.abs(same).max())
    # What is not computed follows from what is: nothing of the full plane is lost.
    for (f, a), value in wanted.items():
        if not conjugate and a < 0 and (f, -a) in wanted:
            assert abs(value - np.conj(wanted[f, -a])) < 1e-9
        if conjugate:
            assert abs(value - wanted[-f, a]) < 1e-9


def exact_fam(samples: np.ndarray, spec: CyclicSpectrumSpec) -> np.ndarray:
    """Return the cells of all pairs of one capture by the definition, vectorised, in complex128."""
    channels, hop, size, window = spec.channels, spec.hop_samples, len(samples), channel_window(spec)
    blocks, kept = size // hop, size // channels
    padded = np.pad(samples.astype(np.complex128), (0, channels))
    begin = np.arange(blocks) * hop
    spectra = np.fft.fft(np.lib.stride_tricks.sliding_window_view(padded, channels)[begin] * window, axis=-1)
    frequency = np.arange(channels) / channels - 0.5
    demodulates = np.fft.fftshift(spectra, axes=-1).T * np.exp(-2j * np.pi * np.outer(frequency, begin))
    energy = np.cumsum(window**2)[np.clip(size - begin, 1, channels) - 1].sum()
    demodulates *= np.sqrt(blocks / energy)
    upper, lower = channel_pairs(channels)
    second = demodulates if spec.conjugate else demodulates.conj()
    q = np.arange(kept) - kept // 2
    middle = np.exp(-1j * np.pi * q * channels / size) / blocks
    parts = [slice(place, place + 1024) for place in range(0, len(upper), 1024)]
    bins = (np.fft.fft(demodulates[upper[some]] * second[lower[some]], axis=-1) for some in parts)
    return np.concatenate([part[:, q] * middle for part in bins])


@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize(("length", "channels"), [(4096, 64), (16384, 128)])
def test_it_is_exact_to_float32_at_the_sizes_in_use(
    engine: str, length: int, channels: int, conjugate: bool
) -> None:
    spec, samples = CyclicSpectrumSpec(channels=channels, conjugate=conjugate), noise(length)
    wanted = exact_fam(samples, spec)
    # Float32, about ten roundings of 6e-8 each in turn: 3e-7 was seen.
    np.testing.assert_allclose(
        fam(samples, spec, sample_rate_hz=1.0), wanted, rtol=0, atol=1e-6 * np.abs(wanted).max()
    )


@pytest.mark.parametrize("conjugate", [False, True])
def test_engines_agree(monkeypatch: pytest.MonkeyPatch, conjugate: bool) -> None:
    """To 1e-6 of the peak, at every number of kept bins from 4 to 1024, and each to the bit again."""
    pytest.importorskip("numba")
    monkeypatch.setattr("iqatlas.features.fam.compiled_pays", lambda channels, kept: kept >= 4)
    for length in (8 << n for n in range(2, 11)):
        spec, samples = CyclicSpectrumSpec(channels=8, conjugate=conjugate), noise(2, length)
        results = []
        for name in ("numpy", "numba"):
            monkeypatch.setenv(VARIABLE, name)
            results.append(fam(samples, spec, sample_rate_hz=1.0))
        np.testing.assert_allclose(results[0], results[1], rtol=0, atol=1e-6 * np.abs(results[0]).max())
        assert np.array_equal(results[1], fam(samples, spec, sample_rate_hz=1.0))


def test_cells_tile_the_half_plane() -> None:
    """Every (f, α) once, α in steps of fs/N without a gap, inside |f| + |α|/2 ≤ fs/2 to half a channel."""
    spec = CyclicSpectrumSpec(channels=16)
    frequency, cyclic = fam_cells(spec, 256, sample_rate_hz=1e6)
    assert len(set(zip(frequency.ravel(), cyclic.ravel(), strict=True))) == cyclic.size
    steps = np.unique(np.round(cyclic / (1e6 / 256)).astype(int))
    np.testing.assert_array_equal(steps, np.arange(steps[0], steps[-1] + 1))
    assert np.all(np.abs(frequency) + np.abs(cyclic) / 2 <= 0.5e6 * (1 + 1 / 16))
    upper, lower = channel_pairs(16)
    np.testing.assert_allclose(frequency[:, 0], (upper + lower - 16) / 2 * 1e6 / 16)
    np.testing.assert_allclose(cyclic[:, 8], (upper - lower) * 1e6 / 16)  # q = 0


def test_a_batch_is_its_captures(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, samples = CyclicSpectrumSpec(channels=32), noise(5, 3, 512)
    whole = fam(samples, spec, sample_rate_hz=2.0)
    before = samples.copy()
    for piece in (1, 1 << 12, 1 << 30):
        monkeypatch.setattr("iqatlas.features.fam._CHUNK_SAMPLES", piece)
        monkeypatch.setattr("iqatlas.features.fam._PRODUCT_SAMPLES", piece)
        # Transforms of fewer channels at once may round otherwise.
        np.testing.assert_allclose(
            fam(samples, spec, sample_rate_hz=2.0), whole, rtol=0, atol=1e-6 * np.abs(whole).max()
        )
    assert np.array_equal(samples, before)


def test_the_slice_at_zero_is_welchs_power_spectrum(engine: str) -> None:
    spec, rate_hz = CyclicSpectrumSpec(), 15.36e6
    samples = noise(4096 + 48)  # as many samples as 256 blocks of 64 need
    cells = fam(samples, spec, sample_rate_hz=rate_hz)
    _, cyclic = fam_cells(spec, len(samples), sample_rate_hz=rate_hz)
    _, wanted = scipy.signal.welch(
        samples.astype(np.complex128),
        rate_hz,
        window=channel_window(spec),
        noverlap=48,
        detrend=False,
        return_onesided=False,
    )
    # Float32 sums of 256 squares.
    np.testing.assert_allclose(cells[cyclic == 0], np.fft.fftshift(wanted), rtol=1e-5)


@pytest.mark.parametrize("length", [1024, 4096])
def test_beside_the_power_spectrum_the_slice_at_zero_has_three_blocks_more(length: int) -> None:
    """The last three of N/16 blocks of 64 reach beyond the capture, which a power spectrum leaves out.

    Without a taper both have the same window, and the difference is those blocks exactly. With Hamming's
    they hold the energy of 1.5 blocks, which fluctuate by as much as the density that they estimate.
    """
    samples, blocks = noise(40, length), length // 16
    slices = {}
    for window, name in (("rectangular", "boxcar"), ("hamming", "hamming")):
        spec = CyclicSpectrumSpec.model_validate({"window": window})
        _, cyclic = fam_cells(spec, length, sample_rate_hz=1.0)
        slices[window] = fam(samples, spec, sample_rate_hz=1.0)[:, cyclic == 0].real
        welch = PowerSpectrumSpec.model_validate(
            {"nperseg": 64, "hop": 16, "window": name, "scale": "mw_per_hz"}
        )
        slices[name + " welch"] = power_spectrum(samples, welch, sample_rate_hz=1.0)
    held = 64 - 16 * np.arange(1, 4)
    tails = np.stack([np.pad(samples[:, length - size :], ((0, 0), (0, 64 - size))) for size in held])
    beyond = np.fft.fftshift(np.sum(np.abs(np.fft.fft(tails.astype(complex))) ** 2, axis=0), axes=-1)
    total = (blocks - 3) * 64 * slices["boxcar welch"].astype(float) + beyond
    # Float32 sums of 256 squares.
    np.testing.assert_allclose(slices["rectangular"], total / (64 * (blocks - 3) + held.sum()), rtol=1e-5)
    window = channel_window(CyclicSpectrumSpec())
    energy = np.array([np.sum(window[:size] ** 2) for size in held]) / np.sum(window**2)
    # (Σ E_r |X_r|² − E_r S)/(P S): blocks that overlap add up at the worst, and half a sample by which the
    # tapers differ (one is periodic) moves densities by a share of 1/64 of their own deviation √(2.08/P).
    deviation = energy.sum() / blocks + np.sqrt(2.08 / blocks) / 64
    off = slices["hamming"] / slices["hamming welch"] - 1
    assert np.sqrt(np.mean(off**2)) < deviation
    assert np.sqrt(np.mean(off**2)) > deviation / 3  # what is told apart is not nothing


def overlap(window: np.ndarray, hop: int) -> np.ndarray:
    """Return the correlation of the window with itself, ``hop`` apart, from the block itself on."""
    size = len(window)
    return np.array([window[: size - m] @ window[m:] for m in range(0, size, hop)]) / (window @ window)


@pytest.mark.parametrize(("window", "k"), [("hamming", 2.08), ("kaiser6", 1.93)])
def test_white_noise(window: str, k: float) -> None:
    """Mean, variance and tail over 100 records of 4096 samples in 64 channels."""
    spec = CyclicSpectrumSpec.model_validate({"window": window})
    cells = fam(noise(100, 4096), spec, sample_rate_hz=1.0)
    _, cyclic = fam_cells(spec, 4096, sample_rate_hz=1.0)
    power = np.abs(cells) ** 2
    # α = 0: 6400 estimates, each with a standard deviation of √(K/P) = 0.09, neighbours half dependent.
    assert cells[:, cyclic == 0].real.mean() == pytest.approx(1, abs=0.005)
    # Off α = 0 the variance is Σ_m ρ²(mL) cos(2πqm/P)/P: K/P in the middle of a cell, less at its edges.
    rho = overlap(channel_window(spec), 16) ** 2
    bins = np.arange(-32, 32)
    theory = (rho[0] + 2 * rho[1:] @ np.cos(2 * np.pi * np.outer(np.arange(1, 4), bins) / 256)) / 256
    assert theory[32] == pytest.approx(k / 256, rel=0.003)  # K is printed to three digits
    far = np.abs(cyclic) >= 3 / 64
    mean = np.array([power[:, far[:, q], q].mean() for q in range(64)])
    # About 100 × 1800 exponential cells a bin, a quarter of them independent: 0.5%; five sigma.
    np.testing.assert_allclose(mean, theory, rtol=0.025)
    # A cell sums about 123 products: its tail is exponential but for terms of t²/(2·123).
    ratio = (power / theory)[:, far]
    for t, tolerance in ((1, 0.02), (3, 0.06)):
        assert np.mean(ratio > t) == pytest.approx(np.exp(-t), rel=tolerance)


@pytest.mark.slow
def test_the_largest_cell_of_noise_passes_its_threshold_as_often_as_asked() -> None:
    """λ = v[ln n − ln(−ln(1−P))] over |α| ≥ 3/Np: the rate lies in its exact 99% interval."""
    spec, rounds, wanted = CyclicSpectrumSpec(), 20, 0.1
    _, cyclic = fam_cells(spec, 4096, sample_rate_hz=1.0)
    far = np.abs(cyclic) >= 3 / 64
    level = 2.0846 / 256 * (np.log(far.sum()) - np.log(-np.log(1 - wanted)))
    passed = 0
    for part in range(rounds):
        power = np.abs(fam(noise(20, 4096, seed=part), spec, sample_rate_hz=1.0)) ** 2
        passed += int(np.sum(power[:, far].max(axis=-1) > level))
        # Beside α = 0, where the window leaks the power itself, every record would pass.
        assert np.all(power[:, ~far].max(axis=-1) > level)
    low, high = scipy.stats.binom.interval(0.99, 20 * rounds, wanted)
    assert low <= passed <= high


@pytest.mark.parametrize(("window", "droop"), [("hamming", 0.894), ("kaiser6", 0.908)])
def test_a_line_between_pairs_droops(engine: str, window: str, droop: float) -> None:
    """Impulses every 128 samples have flat lines at k/128: in the middle of a cell, and at an edge."""
    spec = CyclicSpectrumSpec.model_validate({"window": window})
    samples = np.zeros(4096 + 48, np.complex64)
    samples[64::128] = 1
    cells = np.abs(fam(samples, spec, sample_rate_hz=1.0))
    _, cyclic = fam_cells(spec, len(samples), sample_rate_hz=1.0)
    steps = np.round(cyclic * 128).astype(int)
    on = np.abs(cyclic * 128 - steps) < 1e-9
    middle, edge = cells[on & (steps % 2 == 0)], cells[on & (steps % 2 == 1)]
    # Every impulse lies in four blocks; the squared Kaiser window is not flat over them: 0.2%.
    np.testing.assert_allclose(middle, 1 / 128, rtol=0.003)
    np.testing.assert_allclose(edge * 128, droop, atol=0.003)


@pytest.mark.parametrize("conjugate", [False, True])
def test_the_phase_is_that_of_the_symmetric_autocorrelation(engine: str, conjugate: bool) -> None:
    """Two tones with phases: their cell holds e^{j(φ1 − φ2)}, or the sum of phases in the conjugate plane."""
    spec = CyclicSpectrumSpec(conjugate=conjugate)
    t = np.arange(4096 + 48)
    f1, f2 = 10 / 64 + 9 / 4096, -7 / 64 - 13 / 4096
    samples = (np.exp(2j * np.pi * f1 * t + 0.7j) + np.exp(2j * np.pi * f2 * t - 0.4j)).astype(np.complex64)
    cells = fam(samples, spec, sample_rate_hz=1.0)
    frequency, cyclic = fam_cells(spec, len(t), sample_rate_hz=1.0)
    wanted_cyclic = f1 + f2 if conjugate else f1 - f2
    wanted_frequency = (f1 - f2) / 2 if conjugate else (f1 + f2) / 2
    here = np.abs(cyclic - wanted_cyclic) < 1e-9
    here &= np.abs(frequency - wanted_frequency) <= 1 / 128
    best = cells[here][np.argmax(np.abs(cells[here]))]
    # Half a sample of the cell's offset, 2π·22/4096·½ = 0.017, and leakage of each tone into the other.
    assert np.angle(best) == pytest.approx(0.3 if conjugate else 1.1, abs=0.03)


def test_cells_go_where_they_are_asked_to(engine: str) -> None:
    spec, samples = CyclicSpectrumSpec(channels=32), noise(2, 512)
    cells = fam(samples, spec, sample_rate_hz=1.0)
    room = np.full_like(cells, np.nan)
    assert fam(samples, spec, sample_rate_hz=1.0, out=room) is room
    assert np.array_equal(room, cells)
    with pytest.raises(SpecError, match=r"out: .*accepted: \(2, 528, 16\), contiguous"):
        fam(samples, spec, sample_rate_hz=1.0, out=room[..., :8])
