"""Stored cyclic planes say where their values lie: every cell of a full one, the middle of a pooled one."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum import (
    cyclic_frequency_hz,
    cyclic_spectrum,
    frequency_hz,
    frequency_offset_hz,
)
from iqatlas.features.fam import fam, fam_cells
from iqatlas.features.ssca import ssca, ssca_cells

METHODS = {"fam": (fam, fam_cells), "ssca": (ssca, ssca_cells)}


def spec(**fields: object) -> CyclicSpectrumSpec:
    """Return a spec as YAML would give it, on a linear scale."""
    return CyclicSpectrumSpec.model_validate({"scale": "linear", **fields})


def noise(*shape: int) -> np.ndarray:
    """Return complex64 noise of power 1."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64) / np.sqrt(
        np.float32(2)
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize(("size", "channels"), [(4096, 64), (256, 64), (64, 32), (1000, 8)])
def test_a_value_of_the_full_plane_is_one_cell_at_its_coordinates(
    method: str, conjugate: bool, size: int, channels: int
) -> None:
    """Every cell of the capture is found at α and f + offset, exactly, and nothing else is stored."""
    asked = spec(method=method, channels=channels, conjugate=conjugate, output={"kind": "full"})
    samples = noise(size)
    run, where = METHODS[method]
    cells = np.abs(run(samples, asked, sample_rate_hz=1.0)).ravel()
    f, a = (grid.ravel() for grid in where(asked, size, sample_rate_hz=1.0))
    used = 1 << size.bit_length() - 1
    if conjugate:
        a = (a + 1) % 2 - 1  # both frequencies a turn further are the same ones
    else:
        # FAM holds both signs of α for a channel with itself, SSCA those of fs/2: the same cells.
        kept = a >= 0 if method == "fam" else np.abs(a + 0.5) > 1e-12
        cells, f, a = cells[kept], f[kept], np.abs(a[kept])
    held = cyclic_frequency_hz(asked, size, sample_rate_hz=1.0)
    middle = frequency_hz(asked, size, sample_rate_hz=1.0)
    offset = frequency_offset_hz(asked, size, sample_rate_hz=1.0)
    assert offset.shape == held.shape and np.abs(offset).max() <= 0.5 / channels
    row = np.round((a - held[0]) * used).astype(int)
    column = np.round((f - offset[row] - middle[0]) * channels).astype(int)
    # Float64: all of them are whole numbers of half steps.
    np.testing.assert_allclose(held[row], a, atol=1e-12)
    np.testing.assert_allclose(middle[column] + offset[row], f, atol=1e-12)
    assert len(np.unique(row * len(middle) + column)) == len(cells)
    wanted = np.zeros((len(held), len(middle)), np.float32)
    wanted[row, column] = cells
    # A square and its root in float32; levels that differ by a power of two round alike.
    np.testing.assert_allclose(
        cyclic_spectrum(samples, asked, sample_rate_hz=1.0), wanted, rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize("kind", ["full", "plane"])
def test_random_tone_pairs_lie_about_the_middle_of_their_columns(
    method: str, conjugate: bool, kind: str
) -> None:
    """300 pairs: f of the strongest value is off by up to half a channel more than its offset, 0 in the mean.

    An error of a uniform half channel to either side, and of as much where cells lie apart from the middle,
    has a deviation of 0.41 channels: 0.024 for the mean of 300, five sigma are half of a quarter channel.
    """
    rng, size, channels = np.random.default_rng(0), 512, 32
    n = np.arange(size)
    f1, f2 = rng.uniform(0.1, 0.4, 300)[:, None], rng.uniform(-0.4, -0.1, 300)[:, None]
    samples = np.exp(2j * np.pi * f1 * n) + np.exp(2j * np.pi * f2 * n + 1j)
    output: dict[str, object] = {"kind": kind}
    if kind == "plane":
        output["grid"] = [16 if conjugate else 32, 1024 if conjugate else 512]
    # Kaiser's window: the side lobes of Hamming's outweigh the pair in a few of them.
    asked = spec(method=method, channels=channels, conjugate=conjugate, window="kaiser6", output=output)
    values = cyclic_spectrum(samples.astype(np.complex64), asked, sample_rate_hz=1.0)
    middle = frequency_hz(asked, size, sample_rate_hz=1.0)
    cyclic = cyclic_frequency_hz(asked, size, sample_rate_hz=1.0)
    wanted_f, wanted_a = ((f1 - f2) / 2, f1 + f2) if conjugate else ((f1 + f2) / 2, f1 - f2)
    row = np.abs(cyclic - wanted_a).argmin(axis=1)
    column = values[np.arange(300), row].argmax(axis=1)
    # The full conjugate plane of SSCA holds -f as well as f.
    side = np.where(middle[column] < 0, -1, 1) if conjugate else 1
    error = side * middle[column] - wanted_f[:, 0]
    assert abs(np.mean(error)) * channels < 0.12
    if kind == "full":
        offset = frequency_offset_hz(asked, size, sample_rate_hz=1.0)[row]
        # The nearest cell, half a channel away at the most; lines that the next one holds as well: 0.05.
        assert np.abs(error + side * offset).max() * channels < 0.55
        assert abs(np.mean(error + side * offset)) * channels < 0.09  # 0.29 channels: five sigma


def test_pooled_planes_have_no_offset() -> None:
    with pytest.raises(SpecError, match=r"output\.kind: pooled values .*; accepted: full"):
        frequency_offset_hz(spec(), 4096, sample_rate_hz=1.0)
