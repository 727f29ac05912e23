"""Parts of a corpus say which records they hold, and so do tables of statistics made of them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from iqatlas import Corpus
from iqatlas.catalogs.record_numbers import with_record_numbers
from iqatlas.features.tabular import table


def test_numbers_hold_nothing_in_memory() -> None:
    """A million million records of three corpora, of which no array of numbers fits anywhere."""
    lengths = [10**11, 1, 10**12 - 1]
    rows = np.broadcast_to(np.int8(0), sum(lengths))
    dataset = with_record_numbers(xr.Dataset({"x": ("record", rows)}), lengths)
    assert not dataset.indexes
    assert dataset["x"][[0, 10**11 - 1, 10**11, 10**11 + 1, -1]]["record_number"].values.tolist() == [
        0, 10**11 - 1, 0, 0, 10**12 - 2
    ]  # fmt: skip
    later = dataset["x"][10**11 + 5 :: -2][:4]
    assert later["record_number"].values.tolist() == [4, 2, 0, 10**11 - 1]
    assert later[1]["record_number"].item() == 2
    assert later[later["record_number"].values > 2]["record_number"].values.tolist() == [4, 10**11 - 1]


@pytest.fixture(scope="module")
def statistics(small_corpus: Corpus) -> xr.DataArray:
    return small_corpus.features("tabular", nperseg=64).load()


@pytest.mark.parametrize(
    "part",
    [
        {"record": slice(None)},
        {"record": slice(90, 4, -7), "receiver": [2, 0]},
        {"record": [7, 3]},
        {"record": 3},
        {"receiver": 1},
        {"record": 150, "receiver": 2},
        {"record": [9], "statistic": 4},
        {"record": 9, "receiver": 0, "statistic": 4},
        {"record": slice(0)},
    ],
)
def test_a_row_is_of_the_same_record_whatever_part_it_is_in(
    statistics: xr.DataArray, part: dict[str, object]
) -> None:
    whole = table(statistics)
    assert len(whole) == 160 * 3 and whole.index[4] == (1, "uav1")
    some = table(statistics.isel(part))
    assert some.index.names == ["record", "receiver"]
    places = [
        np.atleast_1d(np.arange(n)[part.get(axis, slice(None))]) for axis, n in statistics.sizes.items()
    ]
    assert len(some) == len(places[0]) * len(places[1])
    records = np.repeat(places[0], len(places[1]))
    np.testing.assert_array_equal(some.index.get_level_values("record").astype(int), records)
    assert some.equals(whole.loc[some.index, list(some.columns)]) or not len(some)
    names = statistics["statistic"].values[places[2]].tolist()
    assert list(some.columns) == names == list(some.attrs["units"])
    assert {name: whole.attrs["units"][name] for name in names} == some.attrs["units"]


def test_tables_of_a_split_are_joined_with_its_records(
    small_corpus: Corpus, statistics: xr.DataArray
) -> None:
    records = small_corpus.to_pandas().set_index("record")
    joined = table(statistics.sel(split="test")).join(records, on="record")
    assert set(joined["split"]) == {"test"}
    assert len(joined) == 3 * small_corpus.manifest.splits["test"]
    assert joined["slot"].tolist() == np.repeat(small_corpus.split("test")["slot"].values, 3).tolist()
    # Places go on to be counted within the part.
    assert (
        statistics.sel(split="test").sel(record=0)["record_number"]
        == records.index[records["split"] == "test"][0]
    )
