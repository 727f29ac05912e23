"""The records as one flat table: what each is and how it is labelled, without its samples.

It is what catalogues show and what a data frame, a database or a Croissant reader can take at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    import pyarrow as pa

RECORD_TABLE = "records.parquet"
_AT_ONCE = 1 << 14

COLUMNS: dict[str, tuple[str, str]] = {
    "record": ("int64", "index of the record"),
    "first_sample": ("int64", "first sample of the capture within the recording"),
    "draw": ("int64", "independent repetition"),
    "slot": ("int64", "occupancy slot within the draw"),
    "time_s": ("float64", "start of the capture within the draw, in seconds"),
    "waypoint": ("int64", "where the receivers are"),
    "split": ("string", "train, validation, test, or guard"),
    "snr_level_db": ("float32", "signal-to-noise ratio asked for, in dB"),
    "label": ("list<bool>", "one flag a sub-channel: true where any site occupies it"),
    "snr_db": ("list<float32>", "signal-to-noise ratio as realised, in dB, one number a receiver"),
}
"""Columns of the table: Arrow type and meaning."""
_VARIABLES = {"time_s": "time", "snr_level_db": "snr_level", "snr_db": "snr"}
SIMULATED_COLUMNS = tuple(name for name in COLUMNS if name != "first_sample")
"""Columns of a corpus that was made, not recorded."""


def columns_of(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the columns that a corpus's records have, in order: a recording has no SNR that anyone knows."""
    return tuple(name for name in COLUMNS if name == "record" or variable_of(name) in dataset)


def variable_of(column: str) -> str:
    """Return the variable over records that a column holds."""
    return _VARIABLES.get(column, column)


def _schema(names: tuple[str, ...]) -> pa.Schema:
    import pyarrow as pa

    types = {
        "int64": pa.int64(),
        "float64": pa.float64(),
        "float32": pa.float32(),
        "string": pa.string(),
        "list<bool>": pa.list_(pa.bool_()),
        "list<float32>": pa.list_(pa.float32()),
    }
    return pa.schema([pa.field(name, types[COLUMNS[name][0]], nullable=False) for name in names])


def write_record_table(dataset: xr.Dataset, path: Path) -> None:
    """Write the table of a corpus's records as Parquet, block by block.

    Args:
        dataset: The records.
        path: File to write.
    """
    import pyarrow.parquet as pq

    schema = _schema(columns_of(dataset))
    names = [variable_of(name) for name in schema.names if name != "record"]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, dataset.sizes["record"], _AT_ONCE):
            block = dataset[names].isel(record=slice(start, start + _AT_ONCE)).load()
            writer.write_table(_table(block, start, schema))


def _table(block: xr.Dataset, start: int, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    arrays = []
    for name in schema.names:
        kind = COLUMNS[name][0]
        if name == "record":
            values = np.arange(start, start + block.sizes["record"], dtype=np.int64)
        else:
            values = block[variable_of(name)].values
        if kind.startswith("list"):
            rows = values if kind == "list<bool>" else values.astype(np.float32)
            arrays.append(_lists(rows))
        else:
            plain = values.astype("<U10" if kind == "string" else kind)
            arrays.append(pa.array(plain, schema.field(name).type))
    return pa.table(arrays, schema=schema)


def _lists(rows: np.ndarray) -> pa.ListArray:
    """Return the rows of a matrix as lists of equal length, without a loop over them."""
    import pyarrow as pa

    count, width = rows.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.ravel()))
