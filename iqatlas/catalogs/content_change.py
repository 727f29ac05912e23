"""What a corpus changes of the version before, and the least version number that says so.

PATCH: the same records, stored in another way, or other cards. MINOR: all that was there is there with
the same content, and something is added. MAJOR: content is changed or gone.

Source: Croissant Format Specification 1.1, MLCommons, on versions of a data set.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

import numpy as np
import xarray as xr

from iqatlas.axes import RECORD
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.import_spec import is_imported
from iqatlas.catalogs.record_table import RECORD_TABLE
from iqatlas.catalogs.version_number import Change
from iqatlas.errors import CorpusError

_READ_BYTES = 32 << 20
"""Values that are compared at once."""
_LARGEST_CHUNK_BYTES = 2 << 30
_LARGEST_TABLE_BYTES = 1 << 30
_CARDS = (".md", ".png", ".json", ".cff", ".yaml")
_PATHS = "paths"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was.

    Args:
        change: How much it changes.
        what: A line that says it.
    """

    change: Change
    what: str


def content_changes(old: Corpus, new: Corpus) -> list[Finding]:
    """Return what a corpus changes of another.

    Files of the same hash are not read; where they differ, values are compared block by block up to
    the first that is not the same.

    Raises:
        CorpusError: Arrays can't be read, or one block of them is too large.
        StorageError: The store can't be reached.
    """
    if is_imported(old.manifest.spec) != is_imported(new.manifest.spec):
        return [Finding(Change.MAJOR, "simulated records and recordings have taken each other's place")]
    return [*_array_changes(old, new, None), *_array_changes(old, new, _PATHS), *_file_changes(old, new)]


def least_change(findings: list[Finding]) -> Change:
    """Return how much a version changes in all."""
    return max((finding.change for finding in findings), default=Change.PATCH)


def _array_changes(old: Corpus, new: Corpus, group: str | None) -> Iterator[Finding]:
    if group is not None and is_imported(new.manifest.spec):
        return  # recordings have no paths
    before, after = (_opened(corpus, group) for corpus in (old, new))
    of = f" of {group}" if group else ""
    for name in sorted(before.variables, key=str):
        if name not in after.variables:
            yield Finding(Change.MAJOR, f"{name}{of} is gone")
        else:
            one, other = before.variables[name], after.variables[name]
            same_files = _files(old, group, str(name)) == _files(new, group, str(name))
            if found := _variable_change(f"{name}{of}", one, other, same_files=same_files):
                yield found
    added = sorted(str(name) for name in after.variables if name not in before.variables)
    yield from (Finding(Change.MINOR, f"{name}{of} is new") for name in added)
    if group is None and (count := after.sizes.get(RECORD, 0) - before.sizes.get(RECORD, 0)) > 0:
        yield Finding(Change.MINOR, f"{count} records are new")


def _opened(corpus: Corpus, group: str | None) -> xr.Dataset:
    with corpus.place.errors("read"):
        try:
            return corpus.store.open_at(corpus.place.store(corpus.store.name), group)
        except (ValueError, KeyError, TypeError) as failure:
            reason = (str(failure) or type(failure).__name__).splitlines()[0]
            raise CorpusError(
                f"{corpus.store.name} can't be read ({reason})", where=corpus.place.name
            ) from None


def _files(corpus: Corpus, group: str | None, variable: str) -> dict[str, str]:
    """Return the hashes of the files that hold a variable; those of all where a file holds several."""
    folder = "/".join(part for part in (corpus.store.name, group, variable) if part) + "/"
    held = {file.path: file.sha256 for file in corpus.manifest.files if file.path.startswith(folder)}
    return held or {file.path: file.sha256 for file in corpus.manifest.files if _of_store(corpus, file.path)}


def _of_store(corpus: Corpus, path: str) -> bool:
    return path.split("/")[0] in corpus.store.contents


def _variable_change(name: str, old: xr.Variable, new: xr.Variable, *, same_files: bool) -> Finding | None:
    if old.attrs.get("units") != new.attrs.get("units"):
        return Finding(Change.MAJOR, f"{name} has other units")
    if same_files:
        return None
    if old.dims != new.dims or old.dtype != new.dtype:
        return Finding(Change.MAJOR, f"{name} has other axes or another type")
    rest = [(a, b) for dim, a, b in zip(old.dims, old.shape, new.shape, strict=True) if dim != RECORD]
    if any(a != b for a, b in rest):
        return Finding(Change.MAJOR, f"{name} has axes of other lengths")
    if RECORD in old.dims and new.sizes[RECORD] < old.sizes[RECORD]:
        return Finding(Change.MAJOR, f"{name} has {old.sizes[RECORD] - new.sizes[RECORD]} records less")
    return None if _same_values(name, old, new) else Finding(Change.MAJOR, f"{name} has other values")


def _same_values(name: str, old: xr.Variable, new: xr.Variable) -> bool:
    for variable in (old, new):
        chunk = variable.encoding.get("chunks") or variable.shape
        if math.prod(chunk) * max(1, variable.dtype.itemsize) > _LARGEST_CHUNK_BYTES:
            raise CorpusError(f"{name} has chunks of over {_LARGEST_CHUNK_BYTES >> 30} GiB")
    first = old.dims[0] if old.dims else None
    if first is None:
        return _equal(old.values, new.values)
    length = old.shape[0]
    step = max(1, _READ_BYTES // max(1, math.prod(old.shape[1:]) * old.dtype.itemsize))
    return all(
        _equal(
            old[{first: slice(start, min(start + step, length))}].values,
            new[{first: slice(start, min(start + step, length))}].values,
        )
        for start in range(0, length, step)
    )


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype.kind in "fc":
        return bool(np.array_equal(one, other, equal_nan=True))
    return bool(np.array_equal(one, other))


def _file_changes(old: Corpus, new: Corpus) -> Iterator[Finding]:
    before, after = (
        {file.path: file for file in corpus.manifest.files if not _of_store(corpus, file.path)}
        for corpus in (old, new)
    )
    for path, file in before.items():
        if path not in after:
            card = PurePosixPath(path).suffix in _CARDS
            yield Finding(Change.PATCH if card else Change.MAJOR, f"{path} is gone")
        elif after[path].sha256 != file.sha256:
            # The flat table follows from the records, which are compared by themselves.
            table = path.endswith(".parquet") and path != RECORD_TABLE
            if table and not _same_table(old, new, path, max(file.bytes, after[path].bytes)):
                yield Finding(Change.MAJOR, f"{path} has other rows")
            else:
                yield Finding(Change.PATCH, f"{path} is written anew")
    yield from (Finding(Change.MINOR, f"{path} is new") for path in sorted(after.keys() - before.keys()))


def _same_table(old: Corpus, new: Corpus, path: str, size: int) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if size > _LARGEST_TABLE_BYTES:
        return False
    try:
        one, other = (pq.read_table(BytesIO(corpus.place.read(path))) for corpus in (old, new))
    except pa.ArrowException:
        return False
    return bool(one.equals(other))
