"""Stored cyclic spectra: which cells a value holds, scales, coherence, and memory that doesn't grow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import SetupError
from iqatlas.features import cyclic_engine
from iqatlas.features.cyclic_plane import pooling
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum import cyclic_frequency_hz, cyclic_spectrum, frequency_hz, stored_shape
from iqatlas.features.fam import fam, fam_cells
from iqatlas.features.ssca import ssca, ssca_cells

RATE_HZ = 1.92e6


def spec(**fields: object) -> CyclicSpectrumSpec:
    """Return a spec as YAML would give it, on a linear scale unless it says otherwise."""
    return CyclicSpectrumSpec.model_validate({"scale": "linear", **fields})


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Return complex64 noise of power 1."""
    rng = np.random.default_rng(seed)
    scale = np.float32(np.sqrt(0.5))
    return scale * rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@settings(max_examples=25, deadline=None)
@given(
    method=st.sampled_from(["fam", "ssca"]),
    conjugate=st.booleans(),
    pool=st.sampled_from(["max", "mean"]),
    frequencies=st.integers(2, 16),
    cyclic=st.integers(2, 512),
)
def test_a_value_is_the_largest_or_mean_of_the_cells_around_its_coordinates(
    engine: str, method: str, conjugate: bool, pool: str, frequencies: int, cyclic: int
) -> None:
    """Cell by cell, by their exact frequencies: independently of the integers that the package uses."""
    frequencies = min(frequencies, 8) if conjugate else frequencies
    asked = spec(
        method=method,
        channels=16,
        conjugate=conjugate,
        output={"kind": "plane", "grid": [frequencies, cyclic], "pool": pool},
    )
    if engine == "numba":
        pytest.importorskip("numba")
    samples = noise(512)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cyclic_engine.VARIABLE, engine)
        got = cyclic_spectrum(samples, asked, sample_rate_hz=1.0)
    run, where = (fam, fam_cells) if method == "fam" else (ssca, ssca_cells)
    magnitude = np.abs(run(samples, asked, sample_rate_hz=1.0)).ravel().astype(float)
    f, a = (grid.ravel() for grid in where(asked, 512, sample_rate_hz=1.0))
    if conjugate:
        column, row = np.abs(f) * 2 * frequencies, (a + 1) / 2 * cyclic
    else:
        column, row = (f + 0.5) * frequencies, np.abs(a) * cyclic
        # Both hold some cells at α and at -α, FAM those of a channel with itself, SSCA those of fs/2.
        once = a >= 0 if method == "fam" else np.abs(a + 0.5) > 1e-12
        magnitude, column, row = (x[once] for x in (magnitude, column, row))
    column = np.clip(np.floor(column + 1e-9), 0, frequencies - 1).astype(int)
    row = np.clip(np.floor(row + 1e-9), 0, cyclic - 1).astype(int)
    wanted, count = np.zeros((cyclic, frequencies)), np.zeros((cyclic, frequencies))
    if pool == "max":
        np.maximum.at(wanted, (row, column), magnitude)
    else:
        np.add.at(wanted, (row, column), magnitude)
        np.add.at(count, (row, column), 1)
        wanted /= np.maximum(count, 1)
    assert got.shape == wanted.shape == stored_shape(asked, 512, sample_rate_hz=1.0)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("conjugate", [False, True])
def test_coordinates_say_where_a_tone_pair_is(method: str, conjugate: bool) -> None:
    """Two tones, α and f apart from every axis: the largest value off α = 0 is the one around them."""
    t = np.arange(4096)
    f1, f2 = 0.21, -0.17
    samples = (np.exp(2j * np.pi * f1 * t) + np.exp(2j * np.pi * f2 * t)).astype(np.complex64)
    grid = {"kind": "plane", "grid": [16, 64]}
    asked = spec(method=method, conjugate=conjugate, output=grid)
    values = cyclic_spectrum(samples, asked, sample_rate_hz=RATE_HZ)
    f = frequency_hz(asked, 4096, sample_rate_hz=RATE_HZ) / RATE_HZ
    a = cyclic_frequency_hz(asked, 4096, sample_rate_hz=RATE_HZ) / RATE_HZ
    if conjugate:
        values[:, f < 0.02] = 0  # each tone with itself, f = 0: 2·f1 and 2·f2
        wanted = ((f1 - f2) / 2, f1 + f2)
    else:
        values[a < 3 / 64] = 0
        wanted = ((f1 + f2) / 2, f1 - f2)
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert abs(f[column] - wanted[0]) < (1 / 32 if conjugate else 1 / 16)
    assert abs(a[row] - wanted[1]) <= (1 / 32 if conjugate else 1 / 64)


def test_a_profile_is_the_largest_over_frequency() -> None:
    samples = noise(3, 1024)
    plane = cyclic_spectrum(samples, spec(output={"kind": "plane", "grid": [32, 128]}), sample_rate_hz=1.0)
    profile = cyclic_spectrum(samples, spec(output={"kind": "profile", "size": 128}), sample_rate_hz=1.0)
    np.testing.assert_allclose(profile, plane.max(axis=-1), rtol=1e-6)


@pytest.mark.parametrize("power_mw", [1.0, 1e-12, 1e6])
def test_decibels_are_per_hertz_and_true_at_the_level_of_thermal_noise(power_mw: float) -> None:
    samples = (np.sqrt(power_mw) * noise(2, 1024)).astype(np.complex64)
    for output in ({"kind": "plane"}, {"kind": "profile"}, {"kind": "full"}):
        linear = cyclic_spectrum(noise(2, 1024), spec(output=output), sample_rate_hz=RATE_HZ)
        decibel = cyclic_spectrum(samples, spec(output=output, scale="db"), sample_rate_hz=RATE_HZ)
        filled = linear > 0
        # Float32 at -200: 2e-5.
        np.testing.assert_allclose(
            decibel[filled], 10 * np.log10(linear[filled].astype(float) * power_mw), atol=1e-3
        )
        for row in range(2):  # where there are no cells, the lowest value of the capture itself
            assert np.all(decibel[row][~filled[row]] == decibel[row][filled[row]].min())
    density = cyclic_spectrum(samples, spec(output={"kind": "profile"}), sample_rate_hz=RATE_HZ)
    # The largest of 64 power densities with a standard deviation of 0.18 about the mean.
    assert 1 < density[:, 0].mean() * RATE_HZ / power_mw < 2.2


@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("conjugate", [False, True])
def test_coherence_does_not_see_the_level_nor_the_colour(method: str, conjugate: bool) -> None:
    asked = spec(method=method, conjugate=conjugate, coherence=True, output={"kind": "full"})
    samples = noise(2, 4096)
    samples[:, ::8] *= 3  # power that comes and goes with a period of eight
    plain = cyclic_spectrum(samples, asked, sample_rate_hz=RATE_HZ)
    loud = cyclic_spectrum(np.complex64(1e-5) * samples, asked, sample_rate_hz=1.0)
    np.testing.assert_allclose(plain, loud, rtol=1e-3, atol=1e-6)
    assert plain.max() <= 1 + 1e-5  # by Cauchy and Schwarz; float32 of 256 products
    if not conjugate and method == "fam":
        np.testing.assert_allclose(plain[:, 0], 1, rtol=1e-5)  # α = 0
    if not conjugate:
        # S^{1/8}/S⁰ = (9 − 1)/(9 + 7) = 0.5 for white noise, the mean over f to 0.09/√57.
        cells = plain[:, 4096 // 8]
        assert np.mean(cells[cells > 0]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("pool", ["max", "mean"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0, np.nan)])
def test_a_capture_with_a_sample_that_is_no_number_is_nan_and_no_other(
    engine: str, method: str, pool: str, bad: complex, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
        monkeypatch.setattr("iqatlas.features.fam.compiled_pays", lambda channels, kept: kept >= 4)
    monkeypatch.setenv(cyclic_engine.VARIABLE, engine)
    samples = noise(3, 128)
    broken = samples.copy()
    broken[1, 77] = bad
    for fields in ({}, {"coherence": True}, {"scale": "db"}, {"output": {"kind": "full"}}):
        asked = spec(
            **{"method": method, "channels": 16, "output": {"kind": "profile", "pool": pool}, **fields}
        )
        values = cyclic_spectrum(broken, asked, sample_rate_hz=1.0)
        assert np.all(np.isnan(values[1]))
        sound = cyclic_spectrum(samples, asked, sample_rate_hz=1.0)
        assert np.array_equal(values[[0, 2]], sound[[0, 2]])


@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_every_level_from_thermal_noise_to_a_kilowatt_counts_alike(
    method: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-200 to +60 dBm: squares of cells, and inverses of powers, would leave float32."""
    if engine == "numba":
        pytest.importorskip("numba")
    monkeypatch.setenv(cyclic_engine.VARIABLE, engine)
    samples = noise(2, 256).astype(np.complex128)
    samples += 10 * np.exp(2j * np.pi * 0.11 * np.arange(256))
    for coherence in (False, True):
        for pool in ("max", "mean"):
            output = {"kind": "plane", "pool": pool}
            asked = spec(method=method, channels=32, coherence=coherence, output=output)
            wanted = cyclic_spectrum(samples.astype(np.complex64), asked, sample_rate_hz=1.0)
            for level_dbm in (-200, -130, 60):
                scaled = (samples * 10 ** (level_dbm / 20)).astype(np.complex64)
                got = cyclic_spectrum(scaled, asked, sample_rate_hz=1.0)
                got = got if coherence else got / np.float32(10 ** (level_dbm / 10))
                # Samples that are rounded otherwise: weak cells are sums that nearly cancel.
                np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6 * wanted.max())


def test_silence_is_finite() -> None:
    for method in ("fam", "ssca"):
        for coherence in (False, True):
            for scale in ("db", "linear"):
                asked = spec(method=method, coherence=coherence, scale=scale)
                values = cyclic_spectrum(np.zeros((2, 256), np.complex64), asked, sample_rate_hz=RATE_HZ)
                assert np.all(np.isfinite(values))


def test_leading_axes_and_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(4, 3, 512)
    for method in ("fam", "ssca"):
        asked = spec(method=method, channels=32, coherence=True)
        whole = cyclic_spectrum(samples, asked, sample_rate_hz=1.0)
        assert whole.shape[:2] == (4, 3)
        monkeypatch.setattr("iqatlas.features.cyclic_spectrum._CHUNK_CELLS", 1)
        one = cyclic_spectrum(samples[2, 1], asked, sample_rate_hz=1.0)
        np.testing.assert_allclose(cyclic_spectrum(samples, asked, sample_rate_hz=1.0), whole, rtol=1e-4)
        np.testing.assert_allclose(one, whole[2, 1], rtol=1e-4)
        monkeypatch.undo()
    assert cyclic_spectrum(samples[:0], asked, sample_rate_hz=1.0).shape == (0, 3, 64, 32)


def test_same_input_same_bytes() -> None:
    samples = noise(7, 1024)
    first, second = (cyclic_spectrum(samples, spec(), sample_rate_hz=1.0) for _ in range(2))
    assert first.tobytes() == second.tobytes()


_STREAM = """
import os, pathlib, sys
import numpy as np
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum import cyclic_spectrum

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

spec, rng, kept, held = CyclicSpectrumSpec(), np.random.default_rng(0), [], []
for piece in range(40):
    captures = rng.standard_normal((100, 8192), dtype=np.float32).view(np.complex64)
    cyclic_spectrum(captures, spec, sample_rate_hz=1.0)
    if piece >= 20:
        kept.append(captures[0].copy())
    held.append(resident())
# What is resident goes back and forth between pieces: the largest of a few.
begin, clean, leaking = (max(held[last - 4 : last]) for last in (8, 20, 40))
print(clean - begin, leaking - clean)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system tells no resident memory")
def test_memory_does_not_grow_with_the_number_of_records() -> None:
    """2,000 captures of 4096 samples through the plane, then as many of which one in a hundred is kept.

    Without a leak what is resident stays as it was after 800 of them, to a quarter of what the leak takes:
    20 captures of 32 KiB, each of which the allocator is told to map, so that none fits into a hole.
    """
    told = subprocess.check_output(
        [sys.executable, "-c", _STREAM], env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "16384"}
    )
    clean, leaking = (int(grown) >> 10 for grown in told.split())
    assert clean < 20 * 32 // 4 < leaking


def test_the_engine_is_told_and_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cyclic_engine.VARIABLE, "numpy")
    assert cyclic_engine.engine().startswith("scipy ")
    monkeypatch.setenv(cyclic_engine.VARIABLE, "fortran")
    with pytest.raises(SetupError, match="'fortran' is no engine; accepted: numpy, numba"):
        cyclic_engine.engine()
    monkeypatch.setattr(cyclic_engine, "find_spec", lambda name: None)
    monkeypatch.setenv(cyclic_engine.VARIABLE, "numba")
    with pytest.raises(SetupError, match="Numba is not installed"):
        cyclic_engine.engine()
    monkeypatch.delenv(cyclic_engine.VARIABLE)
    assert cyclic_engine.engine().startswith("scipy ")


def test_numba_is_not_imported_before_it_is_used() -> None:
    code = "import sys, iqatlas.features.cyclic_spectrum as c; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pooling_leaves_out_no_cell_but_the_doubled_ones() -> None:
    asked = spec(channels=16)
    pooled = pooling(asked, 256)
    _, cyclic = fam_cells(asked, 256, sample_rate_hz=1.0)
    assert len(pooled.order) == np.sum(cyclic >= 0)
    assert np.all(cyclic.ravel()[pooled.order] >= 0)
