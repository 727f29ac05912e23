"""Records read by offset: the values that the format's own reader gives, and one line of what is damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.row_files import FileMaps
from iqatlas.catalogs.shard_files import shard_layout
from iqatlas.catalogs.split_index import SPLIT_NAMES
from iqatlas.errors import CorpusError, StorageError

NAMES = ("iq", "label", "snr", "slot", "noise_power", "occupancy", "signal_power", "time")


@pytest.fixture(scope="module", params=["zarr", "hdf5", "zarr-int16", "hdf5-int16"])
def stored(
    request: pytest.FixtureRequest,
    tiny_spec: CorpusSpec,
    quicken: Callable[[pytest.MonkeyPatch], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Corpus:
    """Return a corpus of 80 records in three shards, of two receivers, in each format."""
    form, _, iq = request.param.partition("-")
    tree = tiny_spec.model_dump(mode="json")
    tree["storage"] |= {"format": form, "iq": iq or "complex64"}
    tree["receivers"]["count"] = 2
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch)
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 12)
        return generate(CorpusSpec.from_tree(tree), tmp_path_factory.mktemp("corpora") / "stored")


def test_every_variable_is_read_by_offset(stored: Corpus) -> None:
    where = stored.place.store(stored.store.name)
    assert set(stored.store.row_files(where, NAMES, FileMaps())) == set(NAMES)


@pytest.mark.parametrize("groups", [True, False])
@pytest.mark.parametrize("receivers", [None, ["uav1"], ["uav1", "uav0"]])
def test_values_are_those_of_the_formats_own_reader(
    stored: Corpus, groups: bool, receivers: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def order_and_values() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        asked = {"variables": NAMES, "receivers": receivers, "groups": groups, "window": (7, 20)}
        shuffled = stored.torch(iterable=True, batch=80, seed=3, **asked) if TORCH else iter([{}])
        return stored.numpy(split="train", **asked), {k: v.numpy() for k, v in next(iter(shuffled)).items()}

    by_offset = order_and_values()
    monkeypatch.setattr(type(stored.store), "row_files", lambda *asked: {})
    for found, expected in zip(by_offset, order_and_values(), strict=True):
        assert list(found) == list(expected)
        for name, values in expected.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_array_equal(found[name], values)


def test_words_are_told_without_their_text(stored: Corpus) -> None:
    where = stored.place.store(stored.store.name)
    codes = stored.store.word_codes(where, "split", SPLIT_NAMES)
    text = stored.store.open_at(where)["split"].values.astype("<U10")
    assert [SPLIT_NAMES[code] for code in codes] == text.tolist()
    assert len(set(text)) == 4
    assert stored.store.word_codes(where, "split", SPLIT_NAMES[:2]) is None


@pytest.mark.parametrize("size", ["gone", "empty", "short"])
def test_damaged_shards_are_one_line(stored: Corpus, tmp_path: Path, size: str) -> None:
    folder = Path(shutil.copytree(stored.path, tmp_path / "copy"))
    files = [*folder.glob("records/00001.h5"), *folder.glob("records.zarr/iq/c/1/**/*")]
    shard = next(path for path in files if path.is_file())
    if size == "gone":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[: -100 if size == "short" else 0])
    with pytest.raises((CorpusError, StorageError, OSError), match=r"^[^\n]*$"):
        open_corpus(folder).numpy(variables=("iq",))


@contextmanager
def few_files(more: int) -> Iterator[None]:
    """Let this process have so many more files open than it has."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system doesn't tell what is open")
def test_a_corpus_may_have_more_files_than_a_process(
    tiny_spec: CorpusSpec, quick_parts: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 7)
    monkeypatch.setattr("iqatlas.generators.plan._SHARDS_AT_LEAST", 40)
    made = generate(tiny_spec, tmp_path / "shards")
    assert len(made.manifest.shards) == 40
    expected = made.numpy(variables=("iq", "label", "slot"))
    # Zarr and the system need a few; the splits alone lie in 40 files.
    with few_files(24):
        corpus = open_corpus(made.path)
        assert corpus.dataset.sizes["record"] == 80
        for name, values in corpus.numpy(variables=tuple(expected)).items():  # one reading of 120 files
            np.testing.assert_array_equal(values, expected[name])
        if TORCH:
            for shuffle in (False, True):
                stream = corpus.torch(
                    variables=tuple(expected), iterable=True, batch=80, buffer=80, shuffle=shuffle
                )
                (batch,) = stream
                order = np.argsort(batch["slot"].numpy())
                for name, values in expected.items():
                    np.testing.assert_array_equal(batch[name].numpy()[order], values)


def test_files_beyond_the_bound_are_let_go_and_what_was_read_stays(tmp_path: Path) -> None:
    maps, held = FileMaps(bound=2), []
    for number in range(5):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(bytes([number] * 8))
        held.append(maps.array(path, 4, (4,), np.dtype(np.uint8)))
        maps.array(tmp_path / "0.bin", 0, (8,), np.dtype(np.uint8))  # used often, it stays
    assert len(maps) == 2
    assert maps.file(tmp_path / "0.bin") is maps.file(tmp_path / "0.bin")
    assert [values.tolist() for values in held] == [[number] * 4 for number in range(5)]


def test_what_is_laid_out_otherwise_is_left_to_zarr() -> None:
    assert shard_layout({}) is None
    assert shard_layout({"shape": [4], "codecs": []}) is None
    assert FORMATS["zarr"].row_files("s3://bucket/corpus/records.zarr", ["iq"], FileMaps()) == {}


try:
    import torch  # noqa: F401

    TORCH = True
except ImportError:
    TORCH = False
