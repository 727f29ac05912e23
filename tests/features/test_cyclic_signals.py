"""Cyclic spectra of known modulations against their closed forms.

Source of the closed forms: W. A. Gardner, "Cyclostationarity in Communications and Signal Processing", IEEE
Press, 1994, chapter 1; they are sums over one period of the pulse's or the prefix's products.
"""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.features.channelizer import channel_window, lag_window
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum import cyclic_frequency_hz, cyclic_spectrum
from iqatlas.features.fam import fam, fam_cells
from iqatlas.features.ssca import ssca
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform


def bpsk(rng: np.random.Generator, size: int, symbol_samples: int, carrier: float = 0.0) -> np.ndarray:
    """Return rectangular BPSK of power 1; the carrier in cycles a sample."""
    symbols = np.repeat(rng.choice([-1.0, 1.0], size // symbol_samples), symbol_samples)
    return (symbols * np.exp(2j * np.pi * carrier * np.arange(len(symbols)))).astype(np.complex64)


def autocorrelation(samples: np.ndarray, channels: int, cyclic: float) -> np.ndarray:
    """Return R_r(α) = ⟨x(n+r) x*(n) e^{-j2παn}⟩ for the lags 0 ≤ r < Np/2, back from the cells of SSCA."""
    spec = CyclicSpectrumSpec(method="ssca", channels=channels)
    row = round(cyclic * samples.shape[-1])
    cells = ssca(samples, spec, sample_rate_hz=1.0)[..., row]
    lags = np.fft.ifft(np.fft.ifftshift(cells, axes=-1), axis=-1)
    return lags[..., : channels // 2] / lag_window(spec)[channels // 2 :]


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_rectangular_bpsk(k: int) -> None:
    """|R^{k/T0}(τ)| = |sin(πk(T0−τ)/T0)| / (T0 sin(πk/T0)), and 1 − τ/T0 for k = 0."""
    t0, size = 8, 1 << 15
    rng = np.random.default_rng(k)
    samples = np.stack([bpsk(rng, size, t0) for _ in range(8)])
    got = autocorrelation(samples, 64, k / t0).mean(axis=0)
    tau = np.arange(t0)
    wanted = (
        1 - tau / t0
        if k == 0
        else np.abs(np.sin(np.pi * k * (t0 - tau) / t0)) / (t0 * np.sin(np.pi * k / t0))
    )
    # Products of different symbols: standard deviation √(T0/N/8) = 0.0055 at the most; four sigma.
    np.testing.assert_allclose(np.abs(got[:t0]), wanted, atol=0.022)
    np.testing.assert_allclose(np.abs(got[t0:]), 0, atol=0.03)  # 24 lags: five sigma


def test_rectangular_bpsk_of_ten_samples_a_symbol() -> None:
    """T0 = 10, k = 1, τ = 5: 0.3236. A period of ten is no power of two: the line lies 0.4 steps aside."""
    rng = np.random.default_rng(1)
    size = 1 << 15
    samples = np.stack([bpsk(rng, size + 10, 10)[:size] for _ in range(8)])
    row = round(size / 10)
    aside = size / 10 - row
    got = np.abs(autocorrelation(samples, 64, row / size).mean(axis=0)[5]) / np.sinc(aside)
    assert got == pytest.approx(0.3236, abs=0.03)  # √(10/N/8) = 0.006, over 0.76; four sigma


def expected_coherence(line: float, t0: int, *, noise_power: float, channels: int) -> float:
    """Return the largest coherence of rectangular BPSK and its shift by ``line``, seen through channels."""
    steps = 64 * channels
    window = np.abs(np.fft.fft(np.hamming(channels), steps)) ** 2
    near = np.fft.fftfreq(steps)

    def pulse(f: np.ndarray) -> np.ndarray:
        return np.asarray(np.sqrt(t0) * np.sinc(f * t0) / np.sinc(f))

    def density(f: float) -> float:
        return float(window @ pulse(near + f) ** 2 + noise_power * window.sum())

    middles = np.arange(-channels, channels) / (2 * channels)
    return max(
        abs(float(window @ (pulse(near + f + line / 2) * pulse(near + f - line / 2))))
        / np.sqrt(density(f + line / 2) * density(f - line / 2))
        for f in middles[np.abs(middles) < 1 / t0]
    )


def test_conjugate_lines_of_bpsk_lie_at_twice_the_carrier() -> None:
    """2·fc + k/T0, and nowhere else; QPSK has none."""
    rng = np.random.default_rng(2)
    size, t0, carrier = 1 << 14, 8, 5 / 64
    spec = CyclicSpectrumSpec.model_validate(
        {"conjugate": True, "coherence": True, "scale": "linear", "output": {"kind": "profile", "size": 256}}
    )
    noise = 0.1 * rng.standard_normal((2, 2 * size), dtype=np.float32).view(np.complex64)
    quaternary = bpsk(rng, size, t0, carrier) + 1j * bpsk(rng, size, t0, carrier)
    signals = np.stack([bpsk(rng, size, t0, carrier), quaternary.astype(np.complex64)]) + noise
    profile = cyclic_spectrum(signals, spec, sample_rate_hz=1.0)
    cyclic = cyclic_frequency_hz(spec, size, sample_rate_hz=1.0)
    lines = [int(np.argmin(np.abs(cyclic - (2 * carrier + k / t0)))) for k in (-1, 0, 1)]
    # A line that falls on the edge of a stored value may count for its neighbour.
    at_lines = [profile[0, line - 1 : line + 2].max() for line in lines]
    # (1 - ρ²)/√(2 K) of a coherence ρ from K = 1024/2.08 independent blocks: 0.0021 beside lines of 0.967.
    wanted = [expected_coherence(k / t0, t0, noise_power=0.02, channels=64) for k in (-1, 0, 1)]
    np.testing.assert_allclose(at_lines, wanted, atol=5 * 0.0021)
    # Noise-like cells: |C|² = λ would be passed once in a thousand planes of 2 million cells.
    level = np.sqrt(2.0846 / (size // 16) * (np.log(2.1e6) - np.log(-np.log(1 - 1e-3))))
    assert profile[1].max() < level < 0.3
    offset = (cyclic - 2 * carrier) * t0
    aside = np.abs(offset - np.round(offset)) > 3 / 64 * t0
    assert profile[0, aside].max() < level


def root_raised_cosine(roll_off: float, symbol_samples: int, span: int) -> np.ndarray:
    """Return a root-raised-cosine pulse from its spectrum, ``span`` symbols long."""
    size = symbol_samples * span
    f = np.abs(np.fft.fftfreq(size)) * symbol_samples
    edge = np.clip((f - (1 - roll_off) / 2) / roll_off, 0, 1)
    return np.fft.fftshift(np.fft.ifft(np.cos(np.pi / 2 * edge)).real) * symbol_samples


@pytest.mark.parametrize("roll_off", [0.25, 0.5])
def test_root_raised_cosine(roll_off: float) -> None:
    """|R^{1/T}(0)|/R⁰(0) = β/π, and nothing at 2/T."""
    rng = np.random.default_rng(3)
    t0, size = 8, 1 << 16
    spikes = np.zeros((4, size), complex)
    spikes[:, ::t0] = rng.choice([1, -1, 1j, -1j], (4, size // t0))
    pulse = np.fft.fft(root_raised_cosine(roll_off, t0, 64), size)
    samples = np.fft.ifft(np.fft.fft(spikes) * pulse).astype(np.complex64)
    zero, first, second = (autocorrelation(samples, 64, k / t0).mean(axis=0)[0] for k in range(3))
    # R at lag 0 fluctuates by √(T0/N/4) = 0.0055.
    assert abs(first) / zero.real == pytest.approx(roll_off / np.pi, abs=0.02)
    assert abs(second) / zero.real < 0.02


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_ofdm_prefix(k: int) -> None:
    """R^{k/Ns}(Nu) = sin(πkNg/Ns)/(Ns sin(πk/Ns)) e^{−jπk(Ng−1)/Ns}: lines once Np/2 passes the lag Nu."""
    useful, prefix, size = 48, 16, 1 << 15
    whole = useful + prefix
    rng = np.random.default_rng(4)
    grid = rng.choice([1, -1, 1j, -1j], (8, size // whole, useful))
    symbols = np.fft.ifft(grid, axis=-1) * np.sqrt(useful)
    samples = np.concatenate([symbols[..., -prefix:], symbols], axis=-1).reshape(8, size)
    got = autocorrelation(samples.astype(np.complex64), 128, k / whole).mean(axis=0)[useful]
    if k == 0:
        wanted = complex(prefix / whole)
    else:
        wanted = np.sin(np.pi * k * prefix / whole) / (whole * np.sin(np.pi * k / whole))
        wanted = wanted * np.exp(-1j * np.pi * k * (prefix - 1) / whole)
    # √(1/N/8) = 0.002 for white samples; five sigma.
    assert abs(got - wanted) < 0.01


def lte_samples(size: int, count: int) -> np.ndarray:
    """Return 1.4 MHz LTE at 1.92 Msps from the beginnings of frames, all busy, control off."""
    spec = LteWaveform.model_validate({"bandwidth_mhz": 1.4, "subchannels": 2, "control": "off"})
    downlink = LteDownlink(spec, cell_ids=[0])
    slots = -(-size // 960)
    return downlink.synthesise(
        start_sample=np.arange(count) * 19_200 * 20,
        samples=size,
        occupancy=np.ones((count, 2 * slots, 1, 2), bool),
        first_slot=np.zeros(count, np.int64),
        slot_samples=1 << 40,
        keys=np.arange(2 * count, dtype=np.uint64).reshape(count, 1, 2),
    )[:, 0]


def test_lte_prefixes_have_lines_at_multiples_of_14_khz_and_the_side_lines_of_unequal_ones() -> None:
    """R^{k/960}(128) at 1.92 Msps, k = 7m: 0.0667, 0.0662, 0.0647, 0.0623; beside them what equal ones lack.

    The lag is the useful symbol, 128 samples, so Np is 256. On frequencies fs/256 apart the lags 128 and
    -128 look the same where k - l is even, as it is here, and both hold the line: it shows twice. Where k - l
    is odd they cancel.
    """
    size, channels, captures = 1 << 15, 256, 8
    spec = CyclicSpectrumSpec(channels=channels)
    frequency, cyclic = fam_cells(spec, size, sample_rate_hz=1.0)
    window = channel_window(spec)
    at_lag = (window[128:] @ window[:-128]) / (window @ window)
    samples = lte_samples(size, captures)
    power = float(np.mean(np.abs(samples) ** 2))
    # One of seven prefixes is of 10 samples, the others of 9; equal ones have the same lines at 7m alone.
    starts = np.concatenate([[0], 138 + 137 * np.arange(6)])
    prefix = np.concatenate([start + np.arange(9 if start else 10) for start in starts])
    in_slot = np.isin(np.arange(960), prefix)
    lines = np.fft.fft(in_slot) / 960
    equal_in_slot = np.fft.ifft(np.where(np.arange(960) % 7 == 0, lines, 0)) * 960
    unequal, equal = (np.fft.fft(np.resize(one, size)) / size for one in (in_slot, equal_in_slot))

    k = np.arange(480)
    k = k[np.round(k / 960 * channels) % 2 == 0]
    steps = np.round(k / 960 * size).astype(np.int32)
    step_of_cell = np.round(cyclic * size).astype(np.int32).ravel()
    order = np.argsort(step_of_cell, kind="stable")
    begin, end = (np.searchsorted(step_of_cell, steps, side=side, sorter=order) for side in ("left", "right"))
    of_lines = [order[first:last] for first, last in zip(begin, end, strict=True)]
    turns = [np.exp(2j * np.pi * frequency.ravel()[cells] * 128) / channels for cells in of_lines]
    got = np.zeros(len(k), complex)
    room = np.empty(cyclic.shape, np.complex64)
    for capture in samples:
        cells = fam(capture, spec, sample_rate_hz=1.0, out=room).ravel()
        got += [cells[there] @ turn for there, turn in zip(of_lines, turns, strict=True)]
    # Back from the symmetric form, in shares of the power.
    got *= np.exp(1j * np.pi * steps / size * 128) / (2 * power * at_lag * captures)
    # 72 of 128 subcarriers: √(128/72/N/8) = 0.0026, over a sinc of 0.76 at the worst; 2.5 sigma.
    main = [int(np.flatnonzero(k == 7 * m)[0]) for m in range(4)]
    scale = np.abs(lines[k[main]] / unequal[steps[main]])
    np.testing.assert_allclose(np.abs(got[main]) * scale, [0.0667, 0.0662, 0.0647, 0.0623], atol=0.008)
    side = k % 7 != 0
    assert np.abs(got[side]).max() < 0.0025 + 4 * 0.0026  # largest of 192
    # How much of what tells unequal prefixes from equal ones is there: all of it, to 0.0026/√2/0.0104 = 0.18
    # where no line lies beside its step.
    apart = (unequal - equal)[steps[side]]
    there = np.vdot(apart, got[side] - equal[steps[side]]).real / np.vdot(apart, apart).real
    assert there == pytest.approx(1, abs=0.5)  # equal prefixes have 0


def voice(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a slow random message with a standard deviation of 1."""
    slow = np.fft.irfft(
        np.fft.rfft(rng.standard_normal(size)) * (np.arange(size // 2 + 1) < size // 200), size
    )
    return slow / slow.std()


def test_am_has_a_conjugate_line_at_twice_the_carrier_and_fm_has_none() -> None:
    rng = np.random.default_rng(6)
    size, carrier = 1 << 14, 6 / 64
    turn = np.exp(2j * np.pi * carrier * np.arange(size) + 0.3j)
    message = voice(rng, size)
    am = (1 + 0.3 * message) * turn
    fm = turn * np.exp(2j * np.pi * 0.01 * np.cumsum(message))  # 1% of fs deviation: an index above 2
    noise = 0.05 * rng.standard_normal((2, 2 * size), dtype=np.float32).view(np.complex64)
    samples = np.stack([am, fm]).astype(np.complex64) + noise
    tree = {"conjugate": True, "scale": "linear", "output": {"kind": "profile", "size": 512}}
    spec = CyclicSpectrumSpec.model_validate(tree)
    profile = cyclic_spectrum(samples, spec, sample_rate_hz=1.0)
    cyclic = cyclic_frequency_hz(spec, size, sample_rate_hz=1.0)
    line = int(np.argmin(np.abs(cyclic - 2 * carrier)))
    assert np.abs(profile[0].argmax() - line) <= 1
    plain = CyclicSpectrumSpec.model_validate({**tree, "conjugate": False})
    density = cyclic_spectrum(samples, plain, sample_rate_hz=1.0)[:, 0]  # α = 0: the power spectrum's peak
    # The envelope of AM is real, so its conjugate line is the carrier's density. Noise of 0.005 is 1e-4 of
    # the carrier in a channel of 1.36/64: √(2e-4) of it in one block; five sigma of 1024, four to a window.
    assert profile[0, line - 1 : line + 2].max() == pytest.approx(density[0], rel=5 * np.sqrt(2e-4 / 256))
    # Of FM, |E e^{j2φ}| is next to nothing, so what fluctuates is left.
    assert profile[1, line - 1 : line + 2].max() < 0.35 * density[1]
    # Nor has FM any plain line off α = 0.
    tall = cyclic_spectrum(samples, plain, sample_rate_hz=1.0)[1]
    plain_cyclic = cyclic_frequency_hz(plain, size, sample_rate_hz=1.0)
    assert tall[plain_cyclic > 0.15].max() < 0.1 * density[1]
