"""Records as arrays in memory, as columns for scikit-learn, and as a table for pandas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from iqatlas.catalogs.epoch_order import EpochOrder, Part
from iqatlas.catalogs.load_request import SPLITS, LoadRequest, known
from iqatlas.catalogs.record_reader import RecordReader
from iqatlas.catalogs.record_table import columns_of, variable_of
from iqatlas.catalogs.same_corpora import SameCorpora
from iqatlas.catalogs.split_index import splits_in

if TYPE_CHECKING:
    import pandas as pd

    from iqatlas.catalogs.corpus import Corpus


def read_arrays(members: Sequence[Corpus], request: LoadRequest) -> dict[str, np.ndarray]:
    """Return all items of a request, in the order as stored.

    Args:
        members: The corpora.
        request: What to read.

    Raises:
        CorpusError: A corpus was changed since it was opened.
    """
    reader = RecordReader(members, request)
    reader.check()
    order = EpochOrder(request.rows, request.edges, request.each, shuffle=False, seed=0, buffer=1)
    whole: dict[str, np.ndarray] = {}
    done = 0
    for reading in order.readings(0, Part()):
        items = reader.read(reading.rows, reading.counts).items(reading.order)
        for name, values in items.items():
            if name not in whole:
                length = len(request.rows) * request.each
                whole[name] = np.empty((length, *values.shape[1:]), values.dtype)
            whole[name][done : done + len(values)] = values
        done += len(reading.order)
    if not whole:
        none = np.empty(0, np.int64)
        whole = reader.read(none, none).items(none)
    return whole


def columns_and_labels(arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return (X, y): X of all arrays but the last, [item, column]; y is the last.

    Args:
        arrays: Arrays [item, …], at least two.
    """
    *inputs, labels = arrays.values()
    columns = []
    for values in inputs:
        flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
        columns += [flat.real, flat.imag] if np.iscomplexobj(flat) else [flat]
    return columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1), labels


def label_table(members: Sequence[Corpus], split: str | None) -> pd.DataFrame:
    """Return a row a record: what it is and how it is labelled.

    Args:
        members: The corpora; with more than one, ``city`` names them.
        split: Records to keep, or None for all.

    Raises:
        CorpusError: An unknown split, or a corpus was changed since it was opened.
    """
    import pandas as pd

    if split is not None:
        known("split", [split], SPLITS)
    same = SameCorpora(members)
    same.check()
    tables = [_table(member, split) for member in members]
    same.check_signatures()
    if len(tables) == 1:
        return tables[0]
    for member, table in zip(members, tables, strict=True):
        table.insert(0, "city", member.manifest.name)
    return pd.concat(tables, ignore_index=True)


def _table(corpus: Corpus, split: str | None) -> pd.DataFrame:
    import pandas as pd

    names = columns_of(corpus.dataset)
    data = corpus.dataset[[variable_of(name) for name in names if name not in ("record", "split")]].load()
    # Data frames of few labels keep them as numbers.
    splits = splits_in(corpus.dataset).remove_unused_categories()
    columns: dict[str, object] = {}
    for name in names:
        if name == "record":
            columns[name] = np.arange(len(splits))
        elif name == "split":
            columns[name] = splits.reorder_categories(sorted(splits.categories))
        elif name == "label":
            columns |= {f"label_{k}": label for k, label in enumerate(data[name].values.T)}
        elif name == "snr_db":
            heard = zip(corpus.dataset["receiver"].values, data["snr"].values.T, strict=True)
            columns |= {f"snr_{receiver}_db": snr for receiver, snr in heard}
        else:
            columns[name] = data[variable_of(name)].values
    table = pd.DataFrame(columns)
    return table if split is None else table[corpus.split_mask(split)].reset_index(drop=True)
