"""Tar files of records: groups of members of one name, the same bytes each time."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from iqatlas import Corpus
from iqatlas.catalogs.webdataset_export import export_webdataset
from iqatlas.errors import CorpusError


def _quiet(done: int, total: int) -> None:
    assert done <= total


def test_every_record_but_the_guards_is_in_one_tar(tiny_corpus: Corpus, tmp_path: Path) -> None:
    files = export_webdataset(tiny_corpus, tmp_path, progress=_quiet, records_a_tar=13)
    stored = tiny_corpus.dataset.copy().load()
    seen = []
    for path in files:
        with tarfile.open(path) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        groups = sorted({name.split(".")[0] for name in members})
        assert len(groups) <= 13
        for group in groups:
            facts = json.loads(members[f"{group}.json"])
            record = facts["record"]
            assert f"{record:09d}" == group
            assert facts["split"] == stored["split"].values[record] in path.name
            assert facts["slot"] == stored["slot"].values[record]
            for name in ("iq", "label", "occupancy", "snr"):
                array = np.load(io.BytesIO(members[f"{group}.{name}.npy"]))
                np.testing.assert_array_equal(array, stored[name].values[record])
            seen.append(record)
    assert sorted(seen) == np.flatnonzero(stored["split"].values != "guard").tolist()


def test_the_same_corpus_gives_the_same_bytes(tiny_corpus: Corpus, tmp_path: Path) -> None:
    once, again = (
        export_webdataset(tiny_corpus, tmp_path / name, split="test", progress=_quiet) for name in "ab"
    )
    assert [path.name for path in once] == [path.name for path in again]
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_an_unknown_split_is_one_line(tiny_corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no records of the split 'x'; accepted: "):
        export_webdataset(tiny_corpus, tmp_path, split="x", progress=_quiet)
