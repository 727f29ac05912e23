"""A corpus stored anew holds the same records, says where it comes from, and keeps all rules."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.manifest import MANIFEST_NAME
from iqatlas.catalogs.store_export import export_store
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError
from iqatlas.generators.rebuild import rebuild


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def silent(done: int, total: int) -> None:
    """Take no note."""


@pytest.fixture(scope="module")
def source(quicken: Any, tiny_spec: CorpusSpec, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a tiny corpus with a feature beside its samples."""
    features = {"spectrogram": {"nperseg": 16}, "tabular": {"nperseg": 16}}
    spec = CorpusSpec.from_tree({**tiny_spec.tree(), "features": features})
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch)
        return generate(spec, tmp_path_factory.mktemp("source") / "tiny")


def test_to_hdf5_and_back_is_the_same_shards(source: Corpus, tmp_path: Path, quick_parts: None) -> None:
    assert run(["export", str(source.path), "--to", "hdf5", "-o", str(tmp_path / "h5")]) == 0
    other = open_corpus(tmp_path / "h5")
    assert other.verify().problems == ()
    xr.testing.assert_identical(other.dataset.load(), source.dataset.load())
    xr.testing.assert_identical(other.paths.load(), source.paths.load())
    origin = other.manifest.inputs[-1]
    content = (source.path / MANIFEST_NAME).read_bytes()
    assert (origin.role, origin.sha256) == ("exported from", hashlib.sha256(content).hexdigest())
    card = (tmp_path / "h5/README.md").read_text()
    assert origin.sha256 in card
    assert "h5py.File" in card
    assert "open_zarr" not in card
    assert '"records.h5"' in (tmp_path / "h5/croissant.json").read_text()
    # It is what generation in that format makes, and can be rebuilt.
    assert rebuild(other.path).same
    back = export_store(other, tmp_path / "back", form="zarr", progress=silent)
    assert back.manifest.shards == source.manifest.shards
    assert back.verify().problems == ()


def test_counts_take_the_features_of_counts(source: Corpus, tmp_path: Path, quick_parts: None) -> None:
    words = ["--to", "zarr", "--iq", "int16", "--chunk-records", "20"]
    assert run(["export", str(source.path), *words, "-o", str(tmp_path / "counts")]) == 0
    counts = open_corpus(tmp_path / "counts")
    assert counts.verify().problems == ()
    assert counts.dataset["iq"].encoding["chunks"][0] == 20
    assert counts.manifest.spec["storage"]["iq"] == "int16"
    was, now = source.dataset["iq"].values, counts.dataset["iq"].values
    largest = np.abs(was.view(np.float32)).max(axis=-1, keepdims=True)
    # Half a count of the largest part, in I and in Q.
    assert (np.abs(now - was) <= 0.51 * np.sqrt(2) * largest / 32767).all()
    stored = counts.dataset["tabular"]
    np.testing.assert_array_equal(stored, counts.features("tabular", nperseg=16))
    again = export_store(counts, tmp_path / "plain", form="zarr", iq="complex64", progress=silent)
    assert again.verify().problems == ()
    np.testing.assert_array_equal(again.dataset["iq"], now)


@pytest.mark.parametrize("form", ["zarr", "hdf5"])
def test_other_chunks_are_another_export(source: Corpus, tmp_path: Path, form: str) -> None:
    def exported(chunk_records: int | None, *, overwrite: bool = False) -> Corpus:
        dest = tmp_path / "out"
        return export_store(
            source, dest, form=form, chunk_records=chunk_records, overwrite=overwrite, progress=silent
        )

    made = exported(8).manifest.created
    assert exported(8).manifest.created == made  # it is there already
    with pytest.raises(CorpusError, match="holds a finished corpus; choose another"):
        exported(4)
    other = exported(4, overwrite=True)
    assert other.dataset["iq"].encoding["chunks"][0] == 4
    assert other.verify().problems == ()


def test_an_export_that_was_killed_resumes(
    source: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Construction.record

    def dies(self: Construction, step: str, files: tuple[Any, ...]) -> None:
        record(self, step, files)
        if step == "shard-00001":
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Construction, "record", dies)
        export_store(source, tmp_path / "h5", form="hdf5", progress=silent)
    with pytest.raises(CorpusError, match="unfinished"):
        open_corpus(tmp_path / "h5")
    assert export_store(source, tmp_path / "h5", form="hdf5", progress=silent).verify().problems == ()


def test_a_damaged_source_is_refused(source: Corpus, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(source.path, tmp_path / "copy"))
    path = copy / "records.zarr/iq/c/1/0/0"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(CorpusError, match=r"not sound \(records\.zarr/iq/c/1/0/0: its SHA-256"):
        export_store(Corpus(copy), tmp_path / "out", form="hdf5", progress=silent)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "zarr", "--split", "train"], "leave --split out"),
        (["--to", "sigmf", "--iq", "int16"], "accepted: --to zarr or --to hdf5"),
        (["--to", "zarr", "--chunk-records", "0"], "chunks of 0 records"),
        (["--to", "hdf5", "-o", "s3://bucket/name"], "can't lie in an object store"),
    ],
)
def test_a_wrong_export_is_one_line(
    words: list[str], said: str, source: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(source.path), "-o", str(tmp_path / "out"), *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_another_corpus_goes_when_asked_and_the_source_never(source: Corpus, tmp_path: Path) -> None:
    export_store(source, tmp_path / "out", form="zarr", iq="int16", progress=silent)
    with pytest.raises(CorpusError, match="holds a finished corpus"):
        export_store(source, tmp_path / "out", form="zarr", progress=silent)
    again = export_store(source, tmp_path / "out", form="zarr", overwrite=True, progress=silent)
    np.testing.assert_array_equal(again.dataset["iq"], source.dataset["iq"])
    (tmp_path / "link").symlink_to(source.path)
    for place in (source.path, tmp_path / "link"):
        with pytest.raises(CorpusError, match=r"this is the corpus itself; choose another -o$"):
            export_store(source, place, form="hdf5", overwrite=True, progress=silent)
    assert source.verify().problems == ()
