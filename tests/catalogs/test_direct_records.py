"""Small variables straight from their files: what xarray reads of the store, lazily; no file stays open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from iqatlas import CorpusSpec, generate
from iqatlas.catalogs.direct_records import with_direct_arrays
from iqatlas.catalogs.place import place_of
from iqatlas.catalogs.record_store import format_for

SMALL = ("label", "occupancy", "snr", "signal_power", "noise_power", "slot", "time", "draw", "split")


@pytest.fixture(scope="module", params=["zarr", "hdf5"])
def both(
    request: pytest.FixtureRequest, tiny_spec: CorpusSpec, tmp_path_factory: pytest.TempPathFactory
) -> tuple[xr.Dataset, xr.Dataset, Path]:
    """Return records as the store opens them, and with what is small read directly."""
    tree = tiny_spec.model_dump(mode="json")
    tree["storage"] |= {"format": request.param}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 12)
        corpus = generate(CorpusSpec.from_tree(tree), tmp_path_factory.mktemp("corpora") / "stored")
    where = corpus.place.store(corpus.store.name)
    opened = corpus.store.open_at(where)
    assert corpus.path is not None
    return opened, with_direct_arrays(opened, corpus.store, where), Path(corpus.path)


@pytest.mark.parametrize(
    "key",
    [slice(None), slice(3, 50), slice(60, 10, -7), 41, -1, [5, 3, 77, 3], np.arange(80) % 3 == 0],
    ids=["all", "run", "backwards", "one", "last", "any order", "mask"],
)
def test_values_are_those_of_the_store(both: tuple[xr.Dataset, xr.Dataset, Path], key: object) -> None:
    opened, direct, _ = both
    for name in SMALL:
        expected, found = opened[name].isel(record=key), direct[name].isel(record=key)
        assert found.dims == expected.dims
        assert found.attrs == expected.attrs
        np.testing.assert_array_equal(found.values, expected.values.astype(found.dtype))
        assert found.dtype == (np.dtype("<U10") if name == "split" else expected.dtype)


def test_several_axes_are_chosen_at_once(both: tuple[xr.Dataset, xr.Dataset, Path]) -> None:
    opened, direct, _ = both
    for key in ({"record": slice(4, 30), "site": 1}, {"record": [9, 2], "subchannel": [1, 0]}):
        np.testing.assert_array_equal(
            direct["occupancy"].isel(key).values, opened["occupancy"].isel(key).values
        )


def test_coordinates_stay_coordinates_and_large_variables_as_they_are(
    both: tuple[xr.Dataset, xr.Dataset, Path],
) -> None:
    opened, direct, _ = both
    assert set(direct.coords) == set(opened.coords)
    assert set(direct.data_vars) == set(opened.data_vars)
    assert direct["iq"].chunks == opened["iq"].chunks
    assert all(direct[name].chunks is None for name in SMALL)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system doesn't tell what is mapped")
def test_no_file_stays_mapped(both: tuple[xr.Dataset, xr.Dataset, Path]) -> None:
    _, direct, folder = both
    held = direct[list(SMALL)].isel(record=slice(0, 80)).load()
    assert held["snr"].notnull().any()
    assert str(folder) not in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_where_files_are_not_here_nothing_changes(both: tuple[xr.Dataset, xr.Dataset, Path]) -> None:
    opened, _, _ = both
    store = format_for("zarr", place_of("s3://bucket/name"))
    assert with_direct_arrays(opened, store, "s3://bucket/name/records.zarr").identical(opened)
