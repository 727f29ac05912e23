"""A disk that is really full: one line, nothing that opens, and the rest is made once there is room."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from disturbance import hashes

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.corpus import open_corpus
from iqatlas.errors import CorpusError, MissingFileError, StorageError
from iqatlas.generators.shard import Workshop

pytestmark = pytest.mark.usefixtures("quick_parts")


@pytest.fixture
def disk(tmp_path: Path, tiny_corpus: Corpus) -> Iterator[Path]:
    """Give a file system of its own in memory, twice as large as the tiny corpus."""
    size = 2 * sum(path.stat().st_size + 4096 for path in tiny_corpus.path.rglob("*"))
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "iqatlas-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("file systems can't be mounted here: that takes Linux and its administrator")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_freed_the_run_goes_on(
    disk: Path, tiny_spec: CorpusSpec, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    make_shard = Workshop.make_shard

    def fill_then_make(self: Workshop, shard: object) -> object:
        made.append(shard.index)
        if shard.index == 1 and made.count(1) == 1:
            # Somebody else takes what is left of the disk.
            with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
                while ballast.write(bytes(4096)):
                    pass
        return make_shard(self, shard)

    monkeypatch.setattr(Workshop, "make_shard", fill_then_make)
    with pytest.raises(StorageError, match="No space left on device") as told:
        generate(tiny_spec, disk / "corpus")
    assert "\n" not in str(told.value)
    assert "it resumes" in str(told.value)
    with pytest.raises((CorpusError, MissingFileError)):
        open_corpus(disk / "corpus")
    (disk / "ballast").unlink()
    corpus = generate(tiny_spec, disk / "corpus")
    assert hashes(corpus) == hashes(tiny_corpus)
    assert corpus.verify().sound
    assert made.count(2) == 1 and made.count(1) == 2  # what was safe is not made again
