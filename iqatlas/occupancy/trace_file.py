"""Tables of occupancy in CSV and Parquet, read with every value checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int64

from iqatlas.errors import MissingFileError, SpecError
from iqatlas.user_paths import user_path

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

_WHERE = "occupancy.path"
_LARGEST_CSV_BYTES = 256 << 20
"""Text takes several times its size in memory while it is read."""
_LARGEST_CELLS = 1 << 26
"""Values of a Parquet table, of which a small file may hold any number."""
_LONG = ("slot", "site", "subchannel", "occupied")
_WORDS = {"0": 0, "1": 1, "false": 0, "true": 1, "0.0": 0, "1.0": 1}


def read_trace(path: Path, *, sites: int, subchannels: int) -> Bool[np.ndarray, "slot site subchannel"]:
    """Return the occupancy that a table holds.

    Args:
        path: A .csv or .parquet file with the columns slot, site, subchannel, occupied; or slot, site
            and one column for each sub-channel, named 0, 1, …. Rows may be in any order.
        sites, subchannels: What the table has to hold of each slot.

    Raises:
        MissingFileError: There is no such file.
        SpecError: It is too large, no such table, or a value is missing, twice there, or none of
            those accepted.
    """
    if not path.is_file():
        raise MissingFileError(
            f"no such file: {path}", where=_WHERE, remedy="relative paths start at the spec's folder"
        )
    if path.suffix == ".csv" and path.stat().st_size > _LARGEST_CSV_BYTES:
        raise SpecError(
            f"{path.name} is over {_LARGEST_CSV_BYTES >> 20} MiB", where=_WHERE, remedy="store it as Parquet"
        )
    table = _read(path)
    columns = [str(name).strip() for name in table.columns]
    table.columns = columns
    names = [str(number) for number in range(subchannels)]
    if sorted(columns) == sorted(_LONG):
        keys = [_counts(table, name, path) for name in _LONG[:3]]
        values = _flags(table, ["occupied"], path)[:, 0]
    elif sorted(columns) == sorted(["slot", "site", *names]):
        slot, site = (np.repeat(_counts(table, name, path), subchannels) for name in ("slot", "site"))
        keys = [slot, site, np.tile(np.arange(subchannels), len(table))]
        values = _flags(table, names, path).reshape(-1)
    else:
        raise SpecError(
            f"the columns of {path.name} are {', '.join(columns[:8])}{', …' if len(columns) > 8 else ''}",
            where=_WHERE,
            accepted=f"{', '.join(_LONG)}; or slot, site, 0 to {subchannels - 1}",
        )
    return _arranged(keys, values, (sites, subchannels), path)


def trace_path(folder: Path, asked: Path) -> Path:
    """Return where a trace lies.

    Args:
        folder: Folder that a relative path is relative to.
        asked: The path of the spec.
    """
    try:
        return folder / user_path(asked)
    except RuntimeError:  # ~name of a user whom this machine doesn't know
        return folder / asked


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix not in (".csv", ".parquet"):
        raise SpecError(f"{path.name} is no table", where=_WHERE, accepted=".csv or .parquet")
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                _refuse_claims(file, path)
                table: pd.DataFrame = file.read().to_pandas()
                return table
        return pd.read_csv(path, low_memory=False, skipinitialspace=True)
    except (ValueError, pa.ArrowException, OSError) as failure:
        reason = str(failure).splitlines()[0][:120] if str(failure) else type(failure).__name__
        raise SpecError(f"{path.name} can't be read ({reason})", where=_WHERE) from None


def _refuse_claims(file: pq.ParquetFile, path: Path) -> None:
    """Refuse what would not fit the memory, by what the file says of itself."""
    import pyarrow.types as kinds

    cells = file.metadata.num_rows * file.metadata.num_columns
    if cells > _LARGEST_CELLS:
        raise SpecError(
            f"{path.name} holds {cells:,} values", where=_WHERE, accepted=f"up to {_LARGEST_CELLS:,}"
        )
    for column in file.schema_arrow:
        kind = column.type
        if not (kinds.is_integer(kind) or kinds.is_boolean(kind) or kinds.is_floating(kind)):
            raise SpecError(
                f"{path.name}: the column {column.name[:40]} holds {kind}", where=_WHERE, accepted="numbers"
            )


def _counts(table: pd.DataFrame, name: str, path: Path) -> Int64[np.ndarray, "row"]:
    values = table[name].to_numpy()
    if values.dtype.kind not in "iuf":
        # One word in a column makes all of it text: find the word.
        import pandas as pd

        values = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
    bad = ~((values >= 0) & (values < 2.0**40) & (values == np.floor(values)))
    _refuse(table, name, bad, path, "whole numbers from 0 on")
    return values.astype(np.int64)


def _flags(table: pd.DataFrame, names: list[str], path: Path) -> Bool[np.ndarray, "row column"]:
    out = np.empty((len(table), len(names)), bool)
    for place, name in enumerate(names):
        column = table[name]
        values = column.to_numpy()
        if values.dtype.kind not in "biuf":
            words = column.astype(str).str.strip().str.lower()
            values = words.map(_WORDS).to_numpy(np.float64)
        _refuse(table, name, ~((values == 0) | (values == 1)), path, "0 or 1")
        out[:, place] = values == 1
    return out


def _refuse(table: pd.DataFrame, name: str, bad: Bool[np.ndarray, "row"], path: Path, accepted: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        given = str(table[name].iloc[row])[:40]
        raise SpecError(f"{path.name}: {name} of row {row + 1} is {given!r}", where=_WHERE, accepted=accepted)


def _arranged(
    keys: list[Int64[np.ndarray, "cell"]],
    values: Bool[np.ndarray, "cell"],
    extents: tuple[int, int],
    path: Path,
) -> Bool[np.ndarray, "slot site subchannel"]:
    """Return the values in their places, where each has one and there is one for each."""
    slot, site, subchannel = keys
    if len(values) == 0:
        raise SpecError(f"{path.name} has no rows", where=_WHERE)
    for name, place, extent in (("site", site, extents[0]), ("subchannel", subchannel, extents[1])):
        if place.max() + 1 != extent:
            raise SpecError(
                f"{path.name} has values up to {name} {place.max()}",
                where=_WHERE,
                accepted=f"{name} 0 to {extent - 1}, as many as the spec's",
            )
    slots = int(slot.max()) + 1
    shape = (slots, *extents)
    # Checked before anything of that size is made: a single huge slot number may stand in a small file.
    if slots * extents[0] * extents[1] != len(values):
        raise SpecError(
            f"{path.name} holds {len(values)} values for {slots} slots, {extents[0]} sites and "
            f"{extents[1]} sub-channels",
            where=_WHERE,
            accepted=f"{slots * extents[0] * extents[1]}, one for each",
        )
    at = np.ravel_multi_index((slot, site, subchannel), shape)
    times = np.bincount(at, minlength=len(values))
    if (times != 1).any():
        first = np.unravel_index(int(np.argmax(times > 1)), shape)
        raise SpecError(
            f"{path.name} has more than one value for slot {first[0]}, site {first[1]}, "
            f"sub-channel {first[2]}",
            where=_WHERE,
            accepted="one for each",
        )
    states = np.empty(len(values), bool)
    states[at] = values
    return states.reshape(shape)
