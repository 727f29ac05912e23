"""The flat table of a corpus says of every record what the arrays say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from iqatlas import Corpus
from iqatlas.catalogs import record_table
from iqatlas.catalogs.record_table import RECORD_TABLE, SIMULATED_COLUMNS, write_record_table


def test_the_table_equals_the_arrays(tiny_corpus: Corpus) -> None:
    table = pd.read_parquet(tiny_corpus.path / RECORD_TABLE)
    stored = tiny_corpus.dataset.copy().load()
    assert list(table.columns) == list(SIMULATED_COLUMNS)
    np.testing.assert_array_equal(table["record"], np.arange(stored.sizes["record"]))
    for column, variable in (
        ("draw", "draw"),
        ("slot", "slot"),
        ("time_s", "time"),
        ("snr_level_db", "snr_level"),
    ):
        np.testing.assert_array_equal(table[column], stored[variable])
    assert table["split"].tolist() == stored["split"].values.tolist()
    np.testing.assert_array_equal(np.stack(table["label"]), stored["label"])
    np.testing.assert_array_equal(np.stack(table["snr_db"]), stored["snr"])


def test_blocks_join_to_the_same_table(
    tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_table, "_AT_ONCE", 17)  # divides nothing evenly
    write_record_table(tiny_corpus.dataset, tmp_path / "blocks.parquet")
    assert pq.read_table(tmp_path / "blocks.parquet").equals(pq.read_table(tiny_corpus.path / RECORD_TABLE))
