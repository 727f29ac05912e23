"""One suite for every format of storage: the same corpus, read back the same, bit for bit."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.axes import QUANTITIES, Quantity
from iqatlas.catalogs import _hdf5
from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.record_store import FORMATS, RecordStore, store_in
from iqatlas.catalogs.sigmf_export import export_sigmf
from iqatlas.errors import IqAtlasError
from iqatlas.generators import execute
from iqatlas.generators.plan import Shard

TREE = {
    "name": "small",
    "raytracing": {"kind": "free_space"},
    "receivers": {"kind": "hover", "count": 2},
    "waveform": {"kind": "lte", "bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 90, "snr_db": 10, "samples": 64},
    "features": {"spectrogram": {"nperseg": 16}},
}
SHAPE = {"record": 10, "receiver": 2, "sample": 3}
POWER = Quantity(("record", "receiver"), "float32", "dBm", "power")
NAMES = {"power": POWER, "iq": QUANTITIES["iq"], "label": Quantity(("record",), "bool", "1", "label"),
         "name": Quantity(("record",), "str", "1", "name"), "slot": QUANTITIES["slot"]}  # fmt: skip


@pytest.fixture(params=FORMATS)
def store(request: pytest.FixtureRequest) -> RecordStore:
    return FORMATS[request.param]


def coordinates() -> xr.Dataset:
    return xr.Dataset(
        coords={
            "receiver": array_variable(QUANTITIES["receiver"], np.array(["a", "Töölö"])),
            "sample_time": array_variable(QUANTITIES["sample_time"], np.arange(3) / 7),
        },
        attrs={"title": "a störe", "rate": 1.5, "count": 3},
    )


def records(start: int, stop: int) -> xr.Dataset:
    rng = np.random.default_rng(start)
    count = stop - start
    values = {
        "power": rng.standard_normal((count, 2)),
        "iq": rng.standard_normal((count, 2, 6)).astype(np.float32).view(np.complex64),
        "label": rng.random(count) < 0.5,
        "name": np.array([f"n{row}é" for row in range(start, stop)]),
        "slot": np.arange(start, stop),
    }
    return xr.Dataset({name: array_variable(NAMES[name], value) for name, value in values.items()})


def written(store: RecordStore, folder: Path) -> Path:
    store.create(folder, coordinates(), NAMES, SHAPE, chunk_records=2, shard_records=4)
    for start, stop in ((8, 10), (0, 4), (4, 8)):
        store.write_records(folder, records(start, stop), start)
    store.finish(folder)
    return folder


def test_what_is_written_is_read(store: RecordStore, tmp_path: Path) -> None:
    folder = written(store, tmp_path)
    whole = xr.concat([records(*part) for part in ((0, 4), (4, 8), (8, 10))], "record")
    for dask in (True, False):
        dataset = store.open(folder, dask=dask)
        assert (dataset["iq"].chunks is not None) == dask
        assert not dask or dataset["iq"].chunks[0] == (2, 2, 2, 2, 2)
        assert dataset.attrs == {"title": "a störe", "rate": 1.5, "count": 3}
        assert dataset["receiver"].values.tolist() == ["a", "Töölö"]
        assert dataset["iq"].attrs == QUANTITIES["iq"].attributes()
        xr.testing.assert_equal(dataset.drop_vars(["receiver", "sample_time"]).load(), whole)
        for name, quantity in NAMES.items():
            assert dataset[name].dims == quantity.dims
            assert quantity.dtype == "str" or dataset[name].dtype == np.dtype(quantity.dtype)


@pytest.mark.parametrize(
    "key",
    [
        {"record": 5},
        {"record": [7, 0, 7, 9]},
        {"record": slice(3, 9, 2)},
        {"record": slice(9, None, -3)},
        {"record": slice(4, 4)},
        {"record": [1, 6], "receiver": 1, "sample": [2, 0]},
        {"record": 3, "receiver": [0], "sample": slice(1, None)},
    ],
)
def test_parts_are_those_of_the_whole(store: RecordStore, tmp_path: Path, key: dict[str, object]) -> None:
    folder = written(store, tmp_path)
    whole = store.open(folder).load()
    for dask in (True, False):
        lazy = store.open(folder, dask=dask)
        for name in NAMES:
            own = {dim: index for dim, index in key.items() if dim in NAMES[name].dims}
            xr.testing.assert_equal(lazy[name].isel(own).load(), whole[name].isel(own))
    assert pickle.loads(pickle.dumps(store.open(folder, dask=False)))["slot"].values[7] == 7


def test_groups_and_shards_are_files_of_their_own(store: RecordStore, tmp_path: Path) -> None:
    store.write_group(tmp_path, "paths", xr.Dataset({"old": ("path", np.zeros(3))}))
    gain = xr.Dataset({"gain": ("path", np.array([1 + 2j, 0]))}, {"site": ("path", ["x", "y"])}, {"m": 1.0})
    store.write_group(tmp_path, "paths", gain)
    before = {path: path.read_bytes() for path in store.group_files(tmp_path, "paths")}
    written(store, tmp_path)
    assert {path: path.read_bytes() for path in store.group_files(tmp_path, "paths")} == before
    assert before and not set(before) & set(store.metadata_files(tmp_path))
    back = store.open(tmp_path, "paths")
    assert list(back.data_vars) == ["gain"] and back.attrs == {"m": 1.0}
    assert back["gain"].values.tolist() == [1 + 2j, 0] and back["site"].values.tolist() == ["x", "y"]
    twin = tmp_path / "twin"
    store.make_twin(tmp_path, twin)
    assert store.shard_files(twin) == []
    store.write_records(twin, records(4, 8), 4)
    paths = [path.relative_to(twin).as_posix() for path in store.shard_files(twin)]
    places = {store.shard_of(path) for path in paths}
    assert {place[1] for place in places if place} == {1} and None not in places
    assert store.shard_of(f"{store.name}/other") is None
    # The same arrays are the same bytes, wherever and whenever they are written.
    assert [(twin / path).read_bytes() for path in paths] == [
        (tmp_path / path).read_bytes() for path in paths
    ]
    assert store_in(tmp_path) is store
    assert {path.name for path in tmp_path.iterdir()} == {*store.contents, "twin"}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Corpus]:
    """Return a corpus in each format and with each kind of samples; shared, never to be changed."""

    def draw_nothing(*_: object, **__: object) -> None:
        return None

    scenes: dict[str, object] = {}
    build = execute.scene_of
    folder, made = tmp_path_factory.mktemp("formats"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "scene_of", lambda spec: scenes.setdefault("one", build(spec)))
        patch.setattr("iqatlas.plotting.overview.draw_overview", draw_nothing)
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 11)
        for form in FORMATS:
            for iq in ("complex64", "int16"):
                spec = CorpusSpec.from_tree({**TREE, "storage": {"format": form, "iq": iq}})
                made[form, iq] = generate(spec, folder / f"{form}-{iq}")
    return made


def test_the_format_is_what_lies_on_the_disk(corpora: dict[tuple[str, str], Corpus]) -> None:
    for (form, _), corpus in corpora.items():
        assert corpus.store is FORMATS[form]
        tops = {path.name for path in corpus.path.iterdir()}
        assert tops >= set(FORMATS[form].contents)
        others = {name for other in FORMATS.values() for name in other.contents}
        assert not tops & (others - set(FORMATS[form].contents))
        assert len(corpus.manifest.shards) > 2


@pytest.mark.parametrize("iq", ["complex64", "int16"])
def test_hdf5_reads_back_as_zarr_does(corpora: dict[tuple[str, str], Corpus], iq: str) -> None:
    one, other = (corpora[form, iq] for form in ("zarr", "hdf5"))
    for first, second in ((one.dataset, other.dataset), (one.paths, other.paths)):
        xr.testing.assert_identical(first.load(), second.load())
        for name in first.variables:
            values, same = first[name].values, second[name].values
            if values.dtype.kind in "fcib":
                assert values.dtype == same.dtype and values.tobytes() == same.tobytes(), name


def test_every_format_verifies_and_loads(corpora: dict[tuple[str, str], Corpus]) -> None:
    torch = pytest.importorskip("torch")
    want = corpora["zarr", "complex64"].dataset["iq"].values
    for (_, iq), corpus in corpora.items():
        verification = corpus.verify()
        assert verification.sound, verification.problems
        assert verification.records == 90
        items = corpus.torch(split="train", variables=["iq", "label"])
        batch = items.__getitems__([5, 0])
        assert set(batch[0]) == {"iq", "label"} and batch[0]["iq"].dtype == torch.complex64
        rows = np.flatnonzero(corpus.dataset["split"].values == "train")[[5, 0]]
        got = np.stack([item["iq"].numpy() for item in batch])
        # Half a count of each part: 32767 of them are the largest part of a capture.
        largest = np.abs(want[rows].view(np.float32)).max(axis=-1)[..., None]
        assert np.all(np.abs(got - want[rows]) <= (0 if iq == "complex64" else largest / 32767))


def test_features_made_when_read_are_those_stored(corpora: dict[tuple[str, str], Corpus]) -> None:
    for corpus in corpora.values():
        stored = corpus.dataset["spectrogram"]
        made = corpus.features("spectrogram", nperseg=16)
        assert made.dtype == stored.dtype and made.values.tobytes() == stored.values.tobytes()


def test_cards_and_exports_follow_the_format(corpora: dict[tuple[str, str], Corpus], tmp_path: Path) -> None:
    for (form, iq), corpus in corpora.items():
        described = json.loads((corpus.path / "croissant.json").read_bytes())["distribution"]
        (arrays,) = (part for part in described if part["@type"] == "cr:FileSet")
        assert arrays["@id"] == FORMATS[form].name
        assert not any(part["@id"].startswith("records") for part in described[:-1] if ".h5" in part["@id"])
        assert (
            described[-1]["includes"]
            == {"zarr": "records.zarr/**", "hdf5": ["records.h5", "records/**"]}[form]
        )
        export_sigmf(corpus, tmp_path / form / iq, split="validation", progress=lambda *_: None)
        data = sorted((tmp_path / form / iq).rglob("*.sigmf-data"))
        rows = corpus.dataset.sel(split="validation")["iq"].values
        assert data[0].read_bytes() == np.ascontiguousarray(rows[:, 0]).tobytes()


@pytest.mark.parametrize("form", FORMATS)
def test_components_stay_complex_beside_counts(form: str, tmp_path: Path, quick_parts: None) -> None:
    spec = CorpusSpec.from_tree({**TREE, "storage": {"format": form, "iq": "int16", "components": True}})
    corpus = generate(spec, tmp_path / "made")
    assert corpus.verify().problems == ()
    records = corpus.dataset
    assert {records[name].dtype for name in ("iq", "signal", "noise")} == {np.dtype(np.complex64)}
    off = (records["signal"] + records["noise"] - records["iq"]).values.view(np.float32)
    counts = np.abs(off) / records["iq_scale"].values[..., None]
    # Half a count, and what float32 rounds in the product of 32767 counts and the scale.
    assert 0.4 < counts.max() <= 0.51


@pytest.mark.parametrize("form", FORMATS)
def test_workers_write_the_same_bytes(
    form: str, tmp_path: Path, quick_parts: None, by_others: list[Shard]
) -> None:
    spec = CorpusSpec.from_tree({**TREE, "storage": {"format": form}})
    one, two = (generate(spec, tmp_path / str(workers), workers=workers) for workers in (1, 2))
    assert [s.sha256 for s in one.manifest.shards] == [s.sha256 for s in two.manifest.shards]
    assert by_others


def test_plain_h5py_sees_whole_arrays(corpora: dict[tuple[str, str], Corpus]) -> None:
    corpus = corpora["hdf5", "complex64"]
    with h5py.File(corpus.path / "records.h5") as file:
        assert file["iq"].shape == (90, 2, 64) and file["iq"].dtype == np.complex64
        assert np.array_equal(file["iq"][:], corpus.dataset["iq"].values)
        assert [axis.label for axis in file["iq"].dims] == ["record", "receiver", "sample"]
        assert set(file["split"].asstr()[:]) >= {"train", "test"}
        assert np.array_equal(file["paths/gain"][:], corpus.paths["gain"].values)
        assert file["iq"].attrs["units"] == "mW^0.5"


def test_a_damaged_shard_is_found(corpora: dict[tuple[str, str], Corpus], tmp_path: Path) -> None:
    for (form, iq), corpus in corpora.items():
        copy = Path(shutil.copytree(corpus.path, tmp_path / f"{form}{iq}"))
        file = max((p for p in copy.rglob("*") if "records" in p.as_posix() and p.is_file()),
                   key=lambda p: p.stat().st_size)  # fmt: skip
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        assert any("SHA-256" in problem for problem in open_corpus(copy).verify().problems)


def link_elsewhere(file: h5py.File, name: str) -> None:
    del file[name]
    file[name] = h5py.ExternalLink("/etc/passwd", "/x")


def other_storage(file: h5py.File, name: str) -> None:
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape, dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File, name: str) -> None:
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    layout = h5py.VirtualLayout(shape, dtype)
    layout[:] = h5py.VirtualSource("/tmp/elsewhere.h5", name, shape)
    file.create_virtual_dataset(name, layout)


def compressed(file: h5py.File, name: str) -> None:
    values = file[name][:]
    del file[name]
    file.create_dataset(name, data=values, compression="gzip")


def never_written(file: h5py.File, name: str) -> None:
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape, dtype)


@pytest.mark.parametrize("trick", [link_elsewhere, other_storage, virtual, compressed, never_written])
def test_a_file_that_points_elsewhere_is_refused(
    corpora: dict[tuple[str, str], Corpus], tmp_path: Path, trick: Callable[[h5py.File, str], None]
) -> None:
    """What the package writes is plain arrays; what anything else would bring in is never read."""
    copy = Path(shutil.copytree(corpora["hdf5", "complex64"].path, tmp_path / "copy"))
    with h5py.File(copy / "records" / "00001.h5", "r+") as file:
        trick(file, "iq")
    with pytest.raises(ValueError, match="iq is"):
        open_corpus(copy).dataset["iq"].load()
    with h5py.File(copy / "records" / "paths.h5", "r+") as file:
        trick(file, "gain")
    with pytest.raises(ValueError, match="gain is"):
        _ = open_corpus(copy).paths
    with pytest.raises(ValueError, match="no group"):
        _hdf5.open_store(copy, "../secret")


def test_stored_paths_come_from_either_format(
    corpora: dict[tuple[str, str], Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    from iqatlas.catalogs.path_store import read_stored_paths

    one, other = (
        read_stored_paths(
            corpora[form, "complex64"].path,
            shape=(1, 2, 3),
            frequency_hz=float(corpora[form, "complex64"].paths.attrs["carrier_frequency_hz"]),
            where="test",
        )
        for form in FORMATS
    )
    for name, array in one.arrays().items():
        assert np.array_equal(array, other.arrays()[name], equal_nan=array.dtype.kind in "fc")


@pytest.mark.parametrize("form", FORMATS)
def test_an_interrupted_run_goes_on(
    form: str, tmp_path: Path, quick_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = CorpusSpec.from_tree({**TREE, "storage": {"format": form}})
    plain = generate(spec, tmp_path / "plain")
    calls = []

    def fails(*arguments: object, **options: object) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        genuine(*arguments, **options)

    store = FORMATS[form]
    genuine = store.write_records
    with monkeypatch.context() as patch:
        patch.setattr(store, "write_records", fails)
        with pytest.raises(KeyboardInterrupt):
            generate(spec, tmp_path / "cut")
        with pytest.raises(IqAtlasError):
            open_corpus(tmp_path / "cut")
    resumed = generate(spec, tmp_path / "cut")
    assert [s.sha256 for s in resumed.manifest.shards] == [s.sha256 for s in plain.manifest.shards]
    assert resumed.verify().sound
