"""Paths in a corpus: what was traced is what is read back, to the last bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas import Corpus
from iqatlas.catalogs._zarr import open_store, write_group
from iqatlas.catalogs.path_store import paths_dataset, paths_from_dataset
from iqatlas.errors import CorpusError
from iqatlas.raytracing.paths import PathSet


def random_paths(rng: np.random.Generator, shape: tuple[int, int, int, int], depth: int) -> PathSet:
    """Return paths of arbitrary values: storing them has no opinion on physics."""
    gain = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return PathSet(
        gain=gain,
        delay_s=rng.uniform(0, 1e-5, shape),
        doppler_hz=rng.normal(size=shape),
        departure_azimuth_deg=rng.uniform(-180, 180, shape),
        departure_zenith_deg=rng.uniform(0, 180, shape),
        arrival_azimuth_deg=rng.uniform(-180, 180, shape),
        arrival_zenith_deg=rng.uniform(0, 180, shape),
        interaction=rng.integers(0, 5, (*shape, depth), dtype=np.int8),
        vertex_m=np.where(rng.random((*shape, depth, 3)) < 0.3, np.nan, rng.normal(size=(*shape, depth, 3))),
        valid=rng.random(shape) < 0.7,
        frequency_hz=1.8467e9,
        model={"kind": "sionna", "version": "2.1", "max_reflections": 5, "diffraction": True, "loss_db": 0.1},
    )


def check_equal(one: PathSet, other: PathSet) -> None:
    for field in dataclasses.fields(PathSet):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == theirs.dtype, field.name
            assert mine.shape == theirs.shape, field.name
            assert mine.tobytes() == theirs.tobytes(), field.name  # NaN included
        else:
            assert mine == theirs, field.name


SITES, RECEIVERS = ("north", "south é", "east"), ("uav0", "uav1")


@given(seed=st.integers(0, 1000), paths=st.integers(0, 4), depth=st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_paths_survive_a_dataset(seed: int, paths: int, depth: int) -> None:
    made = random_paths(np.random.default_rng(seed), (2, 2, 3, paths), depth)
    dataset = paths_dataset(made, sites=SITES, receivers=RECEIVERS)
    check_equal(paths_from_dataset(dataset), made)


def test_paths_survive_the_disk(tmp_path: Path) -> None:
    made = random_paths(np.random.default_rng(1), (2, 2, 3, 5), 2)
    write_group(tmp_path / "store", "paths", paths_dataset(made, sites=SITES, receivers=RECEIVERS))
    dataset = open_store(tmp_path / "store", "paths", consolidated=False)
    check_equal(paths_from_dataset(dataset), made)
    assert dataset["site"].values.tolist() == list(SITES)
    assert dataset["receiver"].values.tolist() == list(RECEIVERS)


@pytest.mark.parametrize("shape", [(1, 2, 3, 0), (1, 2, 3, 1)])
def test_links_without_paths_survive_the_disk(tmp_path: Path, shape: tuple[int, int, int, int]) -> None:
    made = random_paths(np.random.default_rng(1), shape, 0)
    write_group(tmp_path / "store", "paths", paths_dataset(made, sites=SITES, receivers=RECEIVERS))
    check_equal(paths_from_dataset(open_store(tmp_path / "store", "paths", consolidated=False)), made)


def test_a_published_corpus_holds_the_paths_of_its_captures(small_corpus: Corpus) -> None:
    paths = paths_from_dataset(small_corpus.paths)
    assert paths.frequency_hz == small_corpus.dataset.attrs["carrier_frequency_hz"]
    assert paths.gain.shape == (1, 3, 3, 1)
    assert paths.model["kind"] == "free_space"
    # Free space: a gain follows from its delay, λ/(4πd); both were stored as float64.
    wavelength_m = 299_792_458 / paths.frequency_hz
    distance_m = paths.delay_s * 299_792_458
    np.testing.assert_allclose(np.abs(paths.gain), wavelength_m / (4 * np.pi * distance_m), rtol=1e-12)


def test_missing_variables_are_named(small_corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="the stored paths lack gain, vertex; get the corpus again"):
        paths_from_dataset(small_corpus.paths.drop_vars(["gain", "vertex"]))
