"""Stores: what xarray opens plainly, in the axes and units of the one table."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from iqatlas import Corpus
from iqatlas.axes import INT16_QUANTITIES, PATH_QUANTITIES, QUANTITIES, Quantity
from iqatlas.catalogs import _zarr
from iqatlas.catalogs._zarr import (
    array_variable,
    consolidate,
    copy_metadata,
    create_store,
    open_store,
    shard_files,
    write_group,
    write_records,
)

POWER = Quantity(("record", "receiver"), "float32", "dBm", "power")
NAME = Quantity(("record",), "str", "1", "name")
SHAPE = {"record": 10, "receiver": 2}


def _records(start: int, stop: int, value: float = 1.0) -> xr.Dataset:
    rows = np.arange(start, stop)
    return xr.Dataset(
        {
            "power": array_variable(POWER, np.stack([rows, rows], axis=1) * value),
            "name": array_variable(NAME, np.array([f"record {row}" for row in rows])),
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    coordinates = xr.Dataset(
        coords={"receiver": array_variable(QUANTITIES["receiver"], np.array(["a", "b"]))}
    )
    create_store(
        tmp_path / "store",
        coordinates.assign_attrs(title="a store"),
        {"power": POWER, "name": NAME},
        SHAPE,
        chunk_records=2,
        shard_records=4,
    )
    return tmp_path / "store"


def test_plain_xarray_opens_a_corpus_without_a_warning(small_corpus: Corpus) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = xr.open_zarr(small_corpus.path / "records.zarr")
        dataset.load()
        paths = xr.open_zarr(small_corpus.path / "records.zarr", group="paths").load()
        assert small_corpus.dataset.sizes["record"] == 160
        assert small_corpus.paths.equals(paths)
    assert dataset.sizes["record"] == 160


def test_metadata_is_consolidated(small_corpus: Corpus) -> None:
    # One small file in place of one for each array: what makes opening over a network quick.
    root = json.loads((small_corpus.path / "records.zarr" / "zarr.json").read_bytes())
    arrays = {
        p.parent.relative_to(small_corpus.path / "records.zarr").as_posix() for p in _metadata(small_corpus)
    }
    assert arrays - {"."} == set(root["consolidated_metadata"]["metadata"])


def _metadata(corpus: Corpus) -> list[Path]:
    return list((corpus.path / "records.zarr").rglob("zarr.json"))


# Stored where the spec asks for components, for real receivers, or for splits by receiver or site.
ASKED_FOR = {"signal", "noise", "receiver_split", "site_split"} | {
    "carrier_offset", "sampling_offset", "iq_gain", "iq_phase", "dc_power",
}  # fmt: skip


def test_variables_are_as_the_table_of_axes_says(small_corpus: Corpus) -> None:
    dataset = xr.open_zarr(small_corpus.path / "records.zarr")
    assert set(dataset.variables) == set(QUANTITIES) - ASKED_FOR
    for name in dataset.variables:
        quantity, variable = QUANTITIES[str(name)], dataset[name]
        assert variable.dims == quantity.dims, name
        assert {key: variable.attrs.get(key) for key in quantity.attributes()} == quantity.attributes(), name
        if quantity.dtype == "str":
            assert variable.dtype.kind in "OT", name
        else:
            assert variable.dtype == np.dtype(quantity.dtype), name


def test_paths_are_as_the_table_of_axes_says(small_corpus: Corpus) -> None:
    for name, quantity in PATH_QUANTITIES.items():
        variable = small_corpus.paths[name]
        assert variable.dims == quantity.dims, name
        assert variable.dtype == np.dtype(quantity.dtype), name
        assert variable.attrs["units"] == quantity.units, name


def test_an_array_lies_on_the_disk_in_chunks_within_shards(small_corpus: Corpus) -> None:
    manifest = small_corpus.manifest
    for name in ("iq", "label", "split"):
        array = zarr.open_array(small_corpus.path / "records.zarr" / name, mode="r")
        assert array.shards[0] == manifest.shards[0].stop
        assert array.shards[0] % array.chunks[0] == 0
        assert array.shards[1:] == array.chunks[1:] == array.shape[1:]
        files = [p for p in (small_corpus.path / "records.zarr" / name / "c").rglob("*") if p.is_file()]
        assert len(files) == len(manifest.shards)


def test_metadata_does_not_grow_with_the_records(small_corpus: Corpus) -> None:
    # Labels are arrays: what is stored in attributes is copied at every opening.
    root = json.loads((small_corpus.path / "records.zarr" / "zarr.json").read_bytes())
    assert len(json.dumps(root["attributes"])) < 2000


def test_noise_is_not_compressed_and_labels_are(small_corpus: Corpus) -> None:
    def compressors(name: str) -> int:
        return len(zarr.open_array(small_corpus.path / "records.zarr" / name, mode="r").compressors)

    assert [compressors(name) for name in ("iq", "spectrogram", "label", "occupancy")] == [0, 0, 1, 1]


def test_shards_written_in_any_order_read_back(store: Path) -> None:
    for start, stop in ((8, 10), (0, 4), (4, 8)):
        write_records(store, _records(start, stop), start)
    consolidate(store)
    dataset = open_store(store)
    xr.testing.assert_equal(dataset.drop_vars("receiver").load(), _records(0, 10))
    assert dataset.attrs["title"] == "a store"
    assert dataset["power"].attrs == {"units": "dBm", "long_name": "power"}
    assert dataset["receiver"].values.tolist() == ["a", "b"]


def test_a_shard_in_a_twin_store_leaves_its_files_alone(store: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    copy_metadata(store, twin)
    assert shard_files(twin) == []
    write_records(twin, _records(4, 8), 4)
    names = [p.relative_to(twin).as_posix() for p in shard_files(twin)]
    assert names == ["name/c/1", "power/c/1/0"]
    assert not (store / "power" / "c").exists()


def test_a_shard_of_zeros_leaves_files_too(store: Path, tmp_path: Path) -> None:
    # Zarr leaves out chunks that hold nothing but the fill value; then nothing could be checked.
    twin = tmp_path / "twin"
    copy_metadata(store, twin)
    write_records(twin, _records(0, 4, value=0.0), 0)
    assert "power/c/0/0" in [p.relative_to(twin).as_posix() for p in shard_files(twin)]


def test_the_same_records_are_the_same_bytes(store: Path, tmp_path: Path) -> None:
    contents = []
    for twin in (tmp_path / "one", tmp_path / "two"):
        copy_metadata(store, twin)
        write_records(twin, _records(4, 8), 4)
        contents.append([p.read_bytes() for p in shard_files(twin)])
    assert contents[0] == contents[1]


@pytest.mark.parametrize(("start", "stop"), [(0, 8), (8, 16), (16, 19)])
@pytest.mark.parametrize("name", ["iq", "spectrogram", "counts", "label", "snr", "slot", "split"])
def test_whole_shards_are_the_bytes_of_the_codecs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, start: int, stop: int
) -> None:
    quantities = {**QUANTITIES, "counts": INT16_QUANTITIES["iq"]}
    dims = {"record": 19, "receiver": 2, "sample": 5, "component": 2, "frame": 3, "frequency": 4}
    dims["subchannel"] = 3
    # What is stored as iq is written uncompressed; counts take its name.
    stored = "iq" if name == "counts" else name
    quantity = quantities[name]
    shape = (stop - start, *(dims[dim] for dim in quantity.dims[1:]))
    create_store(tmp_path / "a", xr.Dataset(), {stored: quantity}, dims, chunk_records=2, shard_records=8)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    values = np.random.default_rng(1).standard_normal(shape) * 100
    if quantity.dtype == "str":
        values = np.array(["train", "", "prüfung"])[values.astype(int) % 3]
    elif quantity.dtype == "bool":
        values = values > 0
    records = xr.Dataset({stored: array_variable(quantity, values)})
    with monkeypatch.context() as patch:
        patch.setattr(_zarr, "write_whole_shard", lambda *_: False)
        write_records(tmp_path / "b", records, start)
        patch.undo()
        patch.setattr(zarr, "open_group", None)  # nothing is left to the pipeline
        write_records(tmp_path / "a", records, start)
    (plain,), (coded,) = shard_files(tmp_path / "a"), shard_files(tmp_path / "b")
    assert plain.relative_to(tmp_path / "a") == coded.relative_to(tmp_path / "b")
    assert plain.read_bytes() == coded.read_bytes()
    back = open_store(tmp_path / "a", consolidated=False)[stored][start:stop].values
    assert np.array_equal(back, records[stored].values)


def test_records_are_written_as_xarray_writes_them(small_corpus: Corpus, tmp_path: Path) -> None:
    source = open_store(small_corpus.path / "records.zarr")
    over_records = source[[name for name in source.data_vars if "record" in source[name].dims]]
    start, stop = small_corpus.manifest.shards[1].start, small_corpus.manifest.shards[1].stop
    part = over_records.isel(record=slice(start, stop)).load().drop_vars(list(over_records.coords))
    twins = tmp_path / "ours", tmp_path / "xarray"
    for twin in twins:
        copy_metadata(small_corpus.path / "records.zarr", twin)
    write_records(twins[0], part, start)
    with zarr.config.set({"array.write_empty_chunks": True}):
        plain = part.drop_encoding()
        plain.to_zarr(twins[1], region={"record": slice(start, stop)}, zarr_format=3, consolidated=False)
    ours, theirs = ({p.relative_to(t): p.read_bytes() for p in shard_files(t)} for t in twins)
    assert ours == theirs and len(ours) == len(part.data_vars)


def test_creating_again_removes_arrays_and_keeps_groups(store: Path) -> None:
    write_records(store, _records(0, 4), 0)
    write_group(store, "paths", xr.Dataset({"gain": ("path", np.arange(3.0))}))
    (store / "half.partial").write_bytes(b"")
    create_store(store, xr.Dataset(), {"power": POWER}, SHAPE, chunk_records=2, shard_records=4)
    assert not (store / "half.partial").exists()
    assert not (store / "name").exists()
    assert np.isnan(open_store(store, consolidated=False)["power"].values).all()
    group = open_store(store, "paths", consolidated=False)
    assert group["gain"].values.tolist() == [0, 1, 2]


def test_a_group_is_written_anew(store: Path) -> None:
    write_group(store, "paths", xr.Dataset({"old": ("path", np.zeros(5))}))
    write_group(store, "paths", xr.Dataset({"gain": ("path", np.zeros(3))}))
    group = open_store(store, "paths", consolidated=False)
    assert list(group.data_vars) == ["gain"]
    assert any(p.is_file() for p in (store / "paths" / "gain" / "c").rglob("*"))  # zeros are stored too


def test_a_variable_takes_type_axes_and_units_from_its_quantity() -> None:
    variable = array_variable(POWER, np.zeros((3, 2), np.float64))
    assert variable.dtype == np.float32
    assert variable.dims == POWER.dims
    assert variable.attrs["units"] == "dBm"
    assert array_variable(NAME, np.array(["a", "bc"])).dtype == np.dtypes.StringDType()
    with pytest.raises(ValueError, match="dimensions"):
        array_variable(POWER, np.zeros(3))


def test_complex64_stays_complex64(small_corpus: Corpus, tmp_path: Path) -> None:
    array = array_variable(QUANTITIES["iq"], np.zeros((1, 1, 4), np.complex64))
    assert array.dtype == np.complex64
    copy = shutil.copytree(small_corpus.path / "records.zarr", tmp_path / "moved")
    assert xr.open_zarr(copy)["iq"].dtype == np.complex64  # a store holds no path of its own
