"""What loaders give that is not stored: features worked out from the I/Q, and numbers of records."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpora, Corpus, CorpusSpec, generate, open_corpora
from iqatlas.catalogs.row_files import RowFiles
from iqatlas.errors import CorpusError, SpecError

OPTIONS = {"tabular": {"nperseg": 32, "hop": 16}, "spectrogram": {"nperseg": 64, "hop": 64}}
VARIABLES = ("power_spectrum", "tabular", "spectrogram", "iq", "record")


def _expected(corpus: Corpus) -> dict[str, np.ndarray]:
    worked_out = {
        name: corpus.features(name, **OPTIONS.get(name, {})).values
        for name in ("power_spectrum", "tabular", "spectrogram")
    }
    return {**worked_out, "iq": corpus.dataset["iq"].values}


@pytest.fixture(scope="module")
def expected(small_corpus: Corpus) -> dict[str, np.ndarray]:
    return _expected(small_corpus)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, quicken: Callable[..., None]) -> Corpus:
    """Return a corpus of 16-bit counts, in HDF5."""
    tree = {
        "name": "counted",
        "raytracing": {"kind": "free_space"},
        "receivers": {"kind": "hover", "count": 2},
        "capture": {"slots": 40, "snr_db": 10, "samples": 256},
        "storage": {"format": "hdf5", "iq": "int16"},
    }
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch)
        return generate(CorpusSpec.from_tree(tree), tmp_path_factory.mktemp("corpora") / "counted")


def _same(given: dict[str, Any], expected: dict[str, np.ndarray], receivers: list[int]) -> None:
    """See that batches hold the very bits of what is stored, or worked out from whole blocks of records."""
    rows = np.asarray(given["record"])
    for name, values in expected.items():
        np.testing.assert_array_equal(np.asarray(given[name]), values[rows][:, receivers])


def test_arrays_hold_features_of_the_records(small_corpus: Corpus, expected: dict[str, np.ndarray]) -> None:
    assert "power_spectrum" not in small_corpus.dataset
    given = small_corpus.numpy(split="test", variables=VARIABLES, features=OPTIONS)
    assert list(given) == list(VARIABLES)
    np.testing.assert_array_equal(given["record"], np.flatnonzero(small_corpus.split_mask("test")))
    _same(given, expected, [0, 1, 2])


def test_a_stored_feature_is_read_and_with_options_worked_out(small_corpus: Corpus) -> None:
    stored = small_corpus.numpy(variables=("spectrogram",))["spectrogram"]
    np.testing.assert_array_equal(stored, small_corpus.dataset["spectrogram"].values)
    other = small_corpus.numpy(variables=("spectrogram",), features={"spectrogram": {"nperseg": 32}})
    assert other["spectrogram"].shape != stored.shape


def test_counts_are_decoded_first(counted: Corpus) -> None:
    pytest.importorskip("torch")
    expected = _expected(counted)
    _same(counted.numpy(variables=VARIABLES, features=OPTIONS), expected, [0, 1])
    stream = counted.torch(
        variables=VARIABLES, features=OPTIONS, receivers=["uav1"], iterable=True, batch=9, buffer=30
    )
    for batch in stream:
        _same(batch, expected, [1])


@pytest.mark.parametrize("batch", [None, 7])
def test_a_torch_stream(small_corpus: Corpus, expected: dict[str, np.ndarray], batch: int | None) -> None:
    torch = pytest.importorskip("torch")
    stream = small_corpus.torch(
        split="train",
        variables=VARIABLES,
        features=OPTIONS,
        receivers=["uav2", "uav0"],
        iterable=True,
        batch=batch,
        buffer=30,
    )
    rows: list[int] = []
    for given in pickle.loads(pickle.dumps(stream)):
        assert given["power_spectrum"].dtype == torch.float32
        _same(given if batch else {k: v[None] for k, v in given.items()}, expected, [2, 0])
        rows += np.atleast_1d(given["record"]).tolist()
    assert sorted(rows) == np.flatnonzero(small_corpus.split_mask("train")).tolist()
    assert rows != sorted(rows)


def test_items_by_index(small_corpus: Corpus, expected: dict[str, np.ndarray]) -> None:
    pytest.importorskip("torch")
    items = small_corpus.torch(variables=VARIABLES, features=OPTIONS)
    for index in (0, 77, 159):
        item = items[index]
        assert item["record"] == index
        _same({name: value[None] for name, value in item.items()}, expected, [0, 1, 2])


def test_a_tensorflow_data_set(small_corpus: Corpus, expected: dict[str, np.ndarray]) -> None:
    pytest.importorskip("tensorflow")
    dataset = small_corpus.tf(variables=VARIABLES, features=OPTIONS, batch=40)
    assert dataset.element_spec["power_spectrum"].shape.as_list() == [None, 3, 128]
    rows: list[int] = []
    for batch in dataset.as_numpy_iterator():
        _same(batch, expected, [0, 1, 2])
        rows += batch["record"].tolist()
    assert sorted(rows) == list(range(160))


def test_single_receivers_have_features_of_their_own(
    small_corpus: Corpus, expected: dict[str, np.ndarray]
) -> None:
    given = small_corpus.numpy(
        variables=("power_spectrum", "record", "receiver_index"), receivers=["uav2", "uav0"], groups=False
    )
    assert given["receiver_index"].tolist() == [2, 0] * 160
    np.testing.assert_array_equal(given["record"], np.repeat(np.arange(160), 2))
    wanted = expected["power_spectrum"][given["record"], given["receiver_index"]]
    np.testing.assert_array_equal(given["power_spectrum"], wanted)


def test_a_window_cuts_samples_and_no_feature_that_has_none(
    small_corpus: Corpus, expected: dict[str, np.ndarray]
) -> None:
    given = small_corpus.numpy(variables=("iq", "power_spectrum", "wavelet"), window=(100, 32))
    np.testing.assert_array_equal(given["iq"], expected["iq"][..., 100:132])
    np.testing.assert_array_equal(given["power_spectrum"], expected["power_spectrum"])
    wavelet = small_corpus.features("wavelet").values  # its samples are the capture's, as where it is stored
    np.testing.assert_array_equal(given["wavelet"], wavelet[..., 100:132])
    with pytest.raises(CorpusError, match="no variable asked for has any; leave window out"):
        small_corpus.numpy(variables=("power_spectrum",), window=32)


def test_samples_are_read_once_for_all_of_them(counted: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[tuple[int, ...]] = []
    mapped = RowFiles.mapped

    def seen(self: RowFiles, shard: int) -> Any:
        reads.append((*self.shape, shard))
        return mapped(self, shard)

    monkeypatch.setattr(RowFiles, "mapped", seen)
    counted.numpy(variables=("iq",))
    alone = list(reads)
    reads.clear()
    counted.numpy(variables=("iq", "power_spectrum", "tabular"), window=64)
    assert reads == alone


def test_columns_for_scikit_learn(small_corpus: Corpus, expected: dict[str, np.ndarray]) -> None:
    x, y = small_corpus.numpy(variables=("label",), features={"power_spectrum": {}}, xy=True)
    np.testing.assert_array_equal(x, expected["power_spectrum"].reshape(160, -1))
    np.testing.assert_array_equal(y, small_corpus.dataset["label"].values)


@pytest.fixture
def pair(small_corpus: Corpus, tmp_path: Path, reseal: Callable[..., None]) -> Corpora:
    other = shutil.copytree(small_corpus.path, tmp_path / "other")
    reseal(other, name="other")
    return open_corpora([small_corpus.path, other])


def test_numbers_tell_where_an_item_is_from(pair: Corpora, expected: dict[str, np.ndarray]) -> None:
    given = pair.numpy(variables=("record", "receiver_index", "city_index", "power_spectrum"))
    for name in ("record", "receiver_index", "city_index"):
        assert given[name].dtype == np.int64
    assert given["record"].tolist() == [*range(160), *range(160)]
    assert given["city_index"].tolist() == [0] * 160 + [1] * 160
    np.testing.assert_array_equal(given["receiver_index"], np.tile([0, 1, 2], (320, 1)))
    np.testing.assert_array_equal(given["power_spectrum"], np.tile(expected["power_spectrum"], (2, 1, 1)))
    none = pair.numpy(variables=("record", "receiver_index", "city_index"), split="train")
    assert sorted(set(none["city_index"].tolist())) == [0, 1]  # without anything from storage


def test_corpora_whose_features_would_differ_are_one_line(
    pair: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = pair.members[1]
    moved = member.dataset.assign_coords(subchannel_lower=member.dataset["subchannel_lower"] - 1e3)
    monkeypatch.setitem(member.__dict__, "dataset", moved)
    with pytest.raises(CorpusError, match=r"other: features depend on subchannel_edges_hz, which differs"):
        pair.numpy(variables=("power_spectrum",))


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"variables": ("power_spektrum",)}, CorpusError, "did you mean 'power_spectrum'?"),
        ({"variables": ("lable",)}, CorpusError, "worked out from iq: power_spectrum, subchannel_energy"),
        (
            {"features": {"tabular": {"chanels": 3}}},
            SpecError,
            "features.tabular.chanels: unknown key; accepted: duty",
        ),
        ({"features": {"colour": {}}}, SpecError, "no feature 'colour'"),
        ({"features": {"power_spectrum": {"nperseg": 512}}}, SpecError, "features.power_spectrum"),
    ],
)
def test_what_cannot_be_is_one_line(
    small_corpus: Corpus, asked: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as caught:
        small_corpus.numpy(**asked)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
