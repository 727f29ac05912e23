"""Published versions: whole or not at all, never overwritten, shared by content, pulled and verified."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
import zarr
from disturbance import Killed

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.catalogue import Catalogue, blob_path
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.manifest import MANIFEST_NAME
from iqatlas.catalogs.publish import publish
from iqatlas.catalogs.published_place import PublishedPlace, published_place
from iqatlas.catalogs.pull import pull
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.catalogs.version_diff import diff_versions
from iqatlas.catalogs.version_number import VersionNumber
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError, StorageError


@pytest.fixture(params=["folder", "store"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a catalogue may be made: a folder, or an address of an object store."""
    if request.param == "folder":
        return str(tmp_path / "catalog")
    return str(request.getfixturevalue("store"))


def test_publish_list_pull_verify_open(
    url: str, tiny_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["catalog", "publish", str(tiny_corpus.path), url, "--version", "1.0.0"]) == 0
    assert f"open_corpus('{url}/tiny@1.0.0')" in capsys.readouterr().out
    assert run(["catalog", "list", url]) == 0
    assert "1.0.0" in capsys.readouterr().out
    assert run(["catalog", "show", url, "tiny"]) == 0
    assert "80 in 3 shards" in capsys.readouterr().out
    opened = open_corpus(f"{url}/tiny@1.0.0")
    xr.testing.assert_identical(opened.dataset.load(), tiny_corpus.dataset.copy().load())
    xr.testing.assert_identical(opened.paths.load(), tiny_corpus.paths.load())
    assert opened.table("sites").equals(tiny_corpus.table("sites"))
    assert verify_corpus(f"{url}/tiny@1.0.0").problems == ()
    assert run(["catalog", "pull", url, "tiny@1.0.0", "-o", str(tmp_path / "got")]) == 0
    assert run(["verify", str(tmp_path / "got")]) == 0
    assert run(["verify", "--quick", str(tmp_path / "got")]) == 0
    pulled = open_corpus(tmp_path / "got")
    xr.testing.assert_identical(pulled.dataset.load(), tiny_corpus.dataset.copy().load())
    assert pulled.manifest.shards == tiny_corpus.manifest.shards


def test_the_cards_carry_the_version_and_the_corpus_stays(catalog: Path, tiny_corpus: Corpus) -> None:
    place = published_place(catalog, "tiny")
    croissant = json.loads(place.read("croissant.json"))
    assert croissant["version"] == "1.0.0"
    assert "version 1.0.0" in croissant["citeAs"]
    assert yaml.safe_load(place.read("CITATION.cff"))["version"] == "1.0.0"
    assert json.loads(place.read("datacite.json"))["version"] == "1.0.0"
    assert json.loads(place.read("zenodo.json"))["metadata"]["version"] == "1.0.0"
    hashes = {f.path: f.sha256 for f in open_corpus(place).manifest.files}
    named = {o["@id"]: o["sha256"] for o in croissant["distribution"] if "sha256" in o}
    assert named.items() <= hashes.items()
    assert tiny_corpus.verify().sound


def test_versions_that_differ_in_one_shard_share_the_rest(
    mine: Path, catalog: Path, reseal: Callable[..., None]
) -> None:
    before = Catalogue(catalog).blob_bytes()
    array = zarr.open_array(mine / "records.zarr/iq", mode="r+")
    array[0] = np.conj(array[0])  # of the same power, so that the corpus keeps its own rules
    reseal(mine)
    published = publish(mine, catalog, version="2.0.0")
    added = Catalogue(catalog).blob_bytes().keys() - before.keys()
    shard = {f.sha256 for f in open_corpus(mine).manifest.files if f.path == "records.zarr/iq/c/0/0/0"}
    cards = {"croissant.json", "CITATION.cff", "datacite.json", "zenodo.json", MANIFEST_NAME}
    assert added == shard | {f.sha256 for f in published.release.files if f.path in cards}
    found = diff_versions(Catalogue(catalog), ("tiny", "1.0.0"), ("tiny", None))
    assert set(found.changed) == {"records.zarr/iq/c/0/0/0", *cards}
    assert found.shards == (0,)
    assert (found.added, found.removed, found.spec) == ((), (), ())


def test_nothing_is_overwritten(url: str, tiny_corpus: Corpus) -> None:
    publish(tiny_corpus.path, url, version="1.0.0")
    with pytest.raises(CorpusError, match=r"tiny@1\.0\.0 is published already.*choose a higher"):
        publish(tiny_corpus.path, url, version="1.0.0")
    place = Catalogue(url).place
    with pytest.raises(FileExistsError):
        place.create("tiny/1.0.0.json", b"{}")
    with pytest.raises(StorageError, match="a published version never changes"):
        open_corpus(f"{url}/tiny@1.0.0").place.put("README.md", b"")


def test_of_two_publishers_at_once_one_wins(url: str, tiny_corpus: Corpus) -> None:
    def attempt(_: int) -> str:
        try:
            return publish(tiny_corpus.path, url, version="1.0.0").release.version
        except CorpusError as failure:
            return failure.what

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(attempt, range(3)))
    assert said.count("1.0.0") == 1, said
    assert sum("is published already" in what for what in said) == 2, said
    assert open_corpus(f"{url}/tiny@1.0.0").verify().problems == ()


def test_a_publish_cut_at_any_step_leaves_no_version(
    tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write of a catalogue goes through create, take and settle; each of them is the last once."""
    numbers = itertools.count()
    dies_at = -1

    def watch(name: str) -> None:
        real = getattr(FolderPlace, name)

        def watched(*args: object) -> object:
            if next(numbers) == dies_at:
                raise Killed
            return real(*args)

        monkeypatch.setattr(FolderPlace, name, watched)

    for name in ("create", "take", "settle"):
        watch(name)
    publish(tiny_corpus.path, tmp_path / "whole", version="1.0.0")
    steps = next(numbers)
    assert steps == len(tiny_corpus.manifest.files) + 4 - _repeated(tiny_corpus)
    catalog = tmp_path / "cut"
    # Blobs are alike: a few of them stand for all, with the first and the last steps.
    for step in (0, 1, 2, steps // 2, steps - 3, steps - 2, steps - 1):
        shutil.rmtree(catalog, ignore_errors=True)
        dies_at, numbers = step, itertools.count()
        with pytest.raises(Killed):
            publish(tiny_corpus.path, catalog, version="1.0.0")
        if (catalog / "catalogue.json").exists():
            assert Catalogue(catalog).names() == []
            with pytest.raises(CorpusError, match="no corpus 'tiny'"):
                pull(catalog, "tiny", dest=tmp_path / "never")
    dies_at = -1
    again = publish(tiny_corpus.path, catalog, version="1.0.0")
    assert again.uploaded_files <= 5  # the cards at most, should the day have changed
    assert verify_corpus(f"{catalog}/tiny@1.0.0").problems == ()


def _repeated(corpus: Corpus) -> int:
    """Return how many files have the content of another: they share a blob."""
    hashes = [file.sha256 for file in corpus.manifest.files]
    return len(hashes) - len(set(hashes))


def test_a_pull_that_was_cut_resumes(
    url: str, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tiny_corpus.path, url, version="1.0.0")
    real, copied = PublishedPlace.copy, []

    def cut(self: PublishedPlace, path: str, target: Path) -> None:
        if len(copied) >= 20:
            target.write_bytes(b"half")
            raise ConnectionResetError("the server is gone")
        copied.append(path)
        real(self, path, target)

    with monkeypatch.context() as patch:
        patch.setattr(PublishedPlace, "copy", cut)
        with pytest.raises(StorageError, match=r"can't .*the server is gone"):
            pull(url, "tiny", dest=tmp_path / "got")
    with pytest.raises(CorpusError, match=r"pulled in part; run the same .*catalog pull"):
        open_corpus(tmp_path / "got")
    first = set(copied)
    copied.clear()
    monkeypatch.setattr(
        PublishedPlace, "copy", lambda self, path, target: (copied.append(path), real(self, path, target))
    )
    assert pull(url, "tiny", dest=tmp_path / "got").verify().problems == ()
    assert first.isdisjoint(copied)
    assert pull(url, "tiny", dest=tmp_path / "got").manifest.records == 80
    assert not (tmp_path / "got" / ".pulling").exists()


def test_a_broken_corpus_is_refused(mine: Path, tmp_path: Path) -> None:
    path = mine / "records.zarr/iq/c/1/0/0"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(CorpusError, match=r"not sound \(records\.zarr/iq/c/1/0/0: its SHA-256"):
        publish(mine, tmp_path / "catalog", version="1.0.0")
    assert not (tmp_path / "catalog").exists()


def test_a_corpus_without_cards_is_published_as_it_is(
    mine: Path, tmp_path: Path, reseal: Callable[..., None]
) -> None:
    for name in ("croissant.json", "CITATION.cff", "datacite.json", "zenodo.json"):
        (mine / name).unlink()
    reseal(mine)
    publish(mine, tmp_path / "catalog", version="1.0.0")
    place = published_place(tmp_path / "catalog", "tiny")
    assert place.read(MANIFEST_NAME) == (mine / MANIFEST_NAME).read_bytes()


def _other_value(corpus: Path) -> None:
    array = zarr.open_array(corpus / "records.zarr/noise_power", mode="r+")
    array[-1] = array[-1] + 0.1  # of a dB: too little for what verification compares


@pytest.mark.parametrize(
    ("asked", "accepted"),
    [("1.0.1", False), ("1.1.0", False), ("2.0.0", True), ("7.0.0", True), ("1.9.9", False)],
)
def test_a_number_that_says_too_little_is_refused(
    asked: str, accepted: bool, mine: Path, catalog: Path, reseal: Callable[..., None]
) -> None:
    _other_value(mine)
    reseal(mine)
    if accepted:
        assert publish(mine, catalog, version=asked).release.previous == "1.0.0"
        return
    words = r"less than changed since 1\.0\.0 \(noise_power has other values\); accepted: 2\.0\.0 or higher"
    with pytest.raises(CorpusError, match=words):
        publish(mine, catalog, version=asked)
    assert Catalogue(catalog).versions("tiny") == [VersionNumber(1, 0, 0)]


def test_a_lost_blob_is_no_chunk_of_zeros(catalog: Path) -> None:
    opened = open_corpus(f"{catalog}/tiny@1.0.0")
    lost = next(f for f in opened.manifest.files if f.path == "records.zarr/iq/c/0/0/0")
    (catalog / blob_path(lost.sha256)).unlink()
    with pytest.raises(StorageError, match="a file of this version is missing"):
        opened.dataset["iq"].load()
    assert [p.partition(":")[0] for p in opened.verify().problems] == [lost.path]


def test_quick_verification_sees_sizes_and_not_bits(mine: Path) -> None:
    path = mine / "records.zarr/iq/c/1/0/0"
    path.write_bytes(bytes(path.stat().st_size))
    assert verify_corpus(mine, quick=True).sound
    path.write_bytes(b"short")
    (mine / "scene/map.png").unlink()
    assert [p.partition(":")[0] for p in verify_corpus(mine, quick=True).problems] == [
        "records.zarr/iq/c/1/0/0",
        "scene/map.png",
    ]
