"""A corpus in an object store keeps all that one in a folder promises; a server of this machine speaks S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import xarray as xr
from disturbance import hashes, interrupted
from object_server import credentials

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs import lease as leases
from iqatlas.catalogs import object_store
from iqatlas.catalogs.construction import Construction, tidy
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.object_store import ObjectStore
from iqatlas.catalogs.place import Item, place_of
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.spec import StorageSpec
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError, MissingFileError, SetupError, SpecError, StorageError

pytest.importorskip("moto.server")
pytest.importorskip("s3fs")
pytestmark = pytest.mark.usefixtures("quick_parts")


@pytest.fixture(scope="module")
def stored(
    endpoint: str, tiny_spec: CorpusSpec, quicken: Callable[[pytest.MonkeyPatch], None]
) -> Iterator[str]:
    """Give the address of a finished corpus. It is shared: never change it."""
    with pytest.MonkeyPatch.context() as patch:
        credentials(patch, endpoint)
        quicken(patch)
        generate(tiny_spec, "s3://corpora/shared/tiny")
        yield "s3://corpora/shared/tiny"


def objects(url: str) -> dict[str, int]:
    return {item.path: item.bytes for item in place_of(url).items(deep=True)}


def change(url: str, path: str, content: bytes) -> None:
    place_of(url).put(path, content)


def cut_off(spec: CorpusSpec, url: str, monkeypatch: pytest.MonkeyPatch, shards: int) -> None:
    """Make a corpus until so many shards are in the ledger, and die: nothing is given back."""
    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "release", lambda self: None)
        interrupted(spec, url, monkeypatch, shards)


def test_it_holds_the_bytes_of_a_folder(tiny_corpus: Corpus, stored: str) -> None:
    made = open_corpus(stored)
    assert hashes(made) == hashes(tiny_corpus)
    assert set(objects(stored)) == {"manifest.json", *(f.path for f in made.manifest.files)}


def test_it_opens_as_a_folder_does(tiny_corpus: Corpus, stored: str) -> None:
    made = open_corpus(stored)
    xr.testing.assert_identical(made.dataset.load(), tiny_corpus.dataset.copy().load())
    xr.testing.assert_identical(made.paths.load(), tiny_corpus.paths.load())
    assert len(made.dataset.sel(split="train").record) == tiny_corpus.manifest.splits["train"]
    assert made.table("sites").equals(tiny_corpus.table("sites"))
    with pytest.raises(CorpusError, match=r"no table 'cats'.*accepted: buildings, receivers, sites"):
        made.table("cats")
    verified = made.verify()
    assert verified.problems == ()
    assert verified.records == 80
    with pytest.raises(CorpusError, match=r"in an object store has no folder; use its \.place"):
        _ = made.path
    assert repr(made) == f"<Corpus 'tiny': 80 records at {stored}>"


def test_counts_are_decoded_there_too(tiny_spec: CorpusSpec, tiny_corpus: Corpus, store: str) -> None:
    torch = pytest.importorskip("torch")
    made = generate(tiny_spec.model_copy(update={"storage": StorageSpec(iq="int16")}), store)
    iq, want = made.dataset["iq"].values, tiny_corpus.dataset["iq"].values
    assert iq.dtype == want.dtype
    scale = made.dataset["iq_scale"].values[..., None]
    # Half a count of each part, and what float32 rounds in the product.
    assert np.all(np.abs((iq - want).view(np.float32)) <= 0.51 * scale)
    item = made.torch(split="train")[3]
    assert item["iq"].dtype == torch.complex64
    assert np.array_equal(item["iq"].numpy(), made.dataset.sel(split="train")["iq"].values[3])
    assert made.verify().problems == ()


def test_hdf5_is_refused_there_in_one_line(tiny_spec: CorpusSpec, store: str) -> None:
    spec = tiny_spec.model_copy(update={"storage": StorageSpec(format="hdf5")})
    with pytest.raises(SpecError, match=r"can't lie in an object store.*accepted: zarr there") as refused:
        generate(spec, store)
    assert store in str(refused.value) and objects(store) == {}


def test_hdf5_that_was_copied_there_is_refused_in_one_line(
    tiny_spec: CorpusSpec, store: str, tmp_path: Path
) -> None:
    spec = tiny_spec.model_copy(update={"storage": StorageSpec(format="hdf5")})
    folder = generate(spec, tmp_path / "hdf5").path
    for path in folder.rglob("*"):
        if path.is_file():
            change(store, path.relative_to(folder).as_posix(), path.read_bytes())
    copied = open_corpus(store)
    for read in (lambda: copied.dataset, lambda: copied.paths):
        with pytest.raises(
            CorpusError, match=r"not read from an object store.*copy or pull the corpus to a folder"
        ):
            read()


def test_info_and_verify_read_it(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", stored]) == 0
    assert "80 in 3 shards" in capsys.readouterr().out
    assert run(["verify", stored]) == 0
    assert f"{stored}: " in capsys.readouterr().out


def test_a_finished_one_is_returned_as_it_is(
    tiny_spec: CorpusSpec, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ObjectStore, "put", lambda *_: pytest.fail("something was written"))
    assert generate(tiny_spec, stored).manifest.records == 80


@pytest.mark.parametrize("crew", [{"workers": 2}, {"workers": 1, "scheduler": "local"}])
def test_workers_upload_the_same_bytes(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, store: str, crew: dict[str, Any], by_others: list[Shard]
) -> None:
    assert hashes(generate(tiny_spec, store, **crew)) == hashes(tiny_corpus)
    assert bool(by_others) == ("scheduler" not in crew)


def test_an_interrupted_one_is_refused_and_resumes(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tiny_spec, store, monkeypatch, shards=2)
    with pytest.raises(CorpusError, match="unfinished; run the same"):
        open_corpus(store)
    assert run(["verify", store]) == 2
    steps: list[str] = []
    record = Construction.record

    def note(self: Construction, step: str, files: tuple[FileEntry, ...]) -> None:
        steps.append(step)
        record(self, step, files)

    monkeypatch.setattr(Construction, "record", note)
    made = generate(tiny_spec, store)
    assert steps == ["shard-00002"]
    assert hashes(made) == hashes(tiny_corpus)
    assert made.verify().sound
    assert not any(path.startswith(".building") for path in objects(store))


def test_objects_damaged_before_the_end_are_made_again(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tiny_spec, store, monkeypatch, shards=2)
    place_of(store).remove("records.zarr/snr/c/0/0")
    changed = "records.zarr/iq/c/1/0/0"
    change(store, changed, bytes(objects(store)[changed]))
    change(store, "records.zarr/iq/c/9/0/0", b"a stranger's half-made object")
    made = generate(tiny_spec, store)
    assert hashes(made) == hashes(tiny_corpus)
    assert made.verify().problems == ()


def test_a_second_writer_is_refused_until_the_first_is_dead(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(tiny_spec, store, monkeypatch, shards=1)
    for overwrite in (False, True):
        with pytest.raises(StorageError, match=r"another process is writing this corpus.*120 s") as caught:
            generate(tiny_spec, store, overwrite=overwrite)
        assert "\n" not in str(caught.value)
    monkeypatch.setattr(leases, "STALE_S", -1.0)
    assert hashes(generate(tiny_spec, store)) == hashes(tiny_corpus)


def test_who_was_taken_over_writes_no_manifest(
    tiny_spec: CorpusSpec, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept for an hour wakes up in the middle of somebody else's work."""
    record = Construction.record

    def lose(self: Construction, step: str, files: tuple[FileEntry, ...]) -> None:
        if step == "shard-00001":
            self.place.put(".building/leases/000000099.json", b"{}")
        record(self, step, files)

    monkeypatch.setattr(Construction, "record", lose)
    with pytest.raises(StorageError, match="another process has taken this corpus over"):
        generate(tiny_spec, store)
    assert "manifest.json" not in objects(store)
    assert json.loads(place_of(store).read(".building/leases/000000099.json")) == {}


def test_another_spec_is_refused_and_replaces_with_overwrite(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, store: str
) -> None:
    generate(tiny_spec.model_copy(update={"seed": 8}), store)
    with pytest.raises(CorpusError, match=r"holds a finished corpus.*--overwrite"):
        generate(tiny_spec, store)
    assert hashes(generate(tiny_spec, store, overwrite=True)) == hashes(tiny_corpus)
    assert set(objects(store)) == {"manifest.json", *(f.path for f in tiny_corpus.manifest.files)}


@pytest.mark.parametrize("overwrite", [False, True])
def test_somebody_elses_objects_are_left_alone(tiny_spec: CorpusSpec, store: str, overwrite: bool) -> None:
    change(store, "thesis.tex", b"three years of work")
    with pytest.raises(CorpusError, match="this folder holds something else"):
        generate(tiny_spec, store, overwrite=overwrite)
    assert objects(store) == {"thesis.tex": 19}


def test_verify_names_what_was_added_changed_and_lost(tiny_spec: CorpusSpec, store: str) -> None:
    generate(tiny_spec, store)
    sizes = objects(store)
    change(store, "notes.txt", b"mine")
    change(store, "records.zarr/snr/c/0/0", bytes(sizes["records.zarr/snr/c/0/0"]))
    change(store, "records.zarr/snr/c/1/0", b"short")
    place_of(store).remove("records.zarr/snr/c/2/0")
    assert set(open_corpus(store).verify().problems) == {
        "notes.txt: not in the manifest",
        "records.zarr/snr/c/0/0: its SHA-256 is not the manifest's",
        f"records.zarr/snr/c/1/0: 5 bytes in place of {sizes['records.zarr/snr/c/1/0']}",
        "records.zarr/snr/c/2/0: missing",
    }


def test_tidying_takes_what_a_kill_at_the_very_end_has_left(
    tiny_spec: CorpusSpec, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "end", ObjectStore.release)
        generate(tiny_spec, store)
    assert any(".building: left by" in problem for problem in open_corpus(store).verify().problems)
    tidy(store)
    assert open_corpus(store).verify().problems == ()


def test_a_full_disk_of_the_machine_is_one_line(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "/tmp/bench")

    with monkeypatch.context() as patch:
        patch.setattr(FORMATS["zarr"], "write_records", full)
        with pytest.raises(StorageError, match="free some space and run the same command again"):
            generate(tiny_spec, store)
    assert hashes(generate(tiny_spec, store)) == hashes(tiny_corpus)


WRONG: list[tuple[str, dict[str, str | None], type[Exception], str]] = [
    ("s3://no-such-bucket/c", {}, MissingFileError, "no such bucket: no-such-bucket"),
    (
        "s3://corpora/c",
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": "/nonexistent"},
        StorageError,
        "Unable to locate credentials.*set AWS_ACCESS_KEY_ID",
    ),
    ("s3://corpora", {}, CorpusError, "accepted: s3://bucket/name"),
    ("s3://corpora/a/../b", {}, CorpusError, "accepted: s3://bucket/name"),
    ("ftp://corpora/c", {}, CorpusError, "no store is known by 'ftp'"),
]


@pytest.mark.parametrize(("url", "environment", "error", "words"), WRONG, ids=[w[3][:24] for w in WRONG])
def test_a_wrong_address_is_one_line(
    url: str,
    environment: dict[str, str | None],
    error: type[Exception],
    words: str,
    tiny_spec: CorpusSpec,
    store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    for action in (lambda: open_corpus(url), lambda: generate(tiny_spec, url)):
        with pytest.raises(error, match=words) as caught:
            action()
        assert "\n" not in str(caught.value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_no_network_is_one_line(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setattr(fsspec.get_filesystem_class("s3"), "retries", 1)
    with pytest.raises(
        StorageError, match=r"Could not connect to the endpoint.*see to the network"
    ) as caught:
        open_corpus(store)
    assert "\n" not in str(caught.value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_a_missing_library_is_one_line(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(object_store.fsspec, "filesystem", missing)
    with pytest.raises(SetupError, match=r"pip install 'iqatlas\[s3\]'"):
        open_corpus(store)


def test_a_corpus_that_is_not_there_is_one_line(store: str) -> None:
    with pytest.raises(MissingFileError, match="no such corpus folder"):
        open_corpus(store)
    assert run(["info", store]) == 2


def test_a_path_that_lost_a_slash_is_still_an_address() -> None:
    assert place_of(Path("s3://corpora/a/b")).name == "s3://corpora/a/b"
    assert place_of("s3://corpora/a/b/").name == "s3://corpora/a/b"


def test_items_are_those_of_a_folder(store: str) -> None:
    place = place_of(store)
    for path in ("a/b/c", "a/d", "ab", "z"):
        place.put(path, path.encode())
    assert place.items() == [Item("a", "folder"), Item("ab", "file", 2), Item("z", "file", 1)]
    assert place.items("a") == [Item("a/b", "folder"), Item("a/d", "file", 3)]
    assert place.items("a", deep=True) == [Item("a/b/c", "file", 5), Item("a/d", "file", 3)]
    assert place.items("none") == place.items("none", deep=True) == []
    place.remove("a")
    place.remove("a")
    assert place.items(deep=True) == [Item("ab", "file", 2), Item("z", "file", 1)]
    with pytest.raises(FileNotFoundError):
        place.read("a/d")
