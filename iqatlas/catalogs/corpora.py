"""Several corpora read as one, with the city that each record is from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from pandas.api.types import union_categoricals

from iqatlas.axes import RECORD, RECORD_NUMBER
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.load_request import SPLITS, known
from iqatlas.catalogs.loaders import Loaders
from iqatlas.catalogs.place import CorpusPlace
from iqatlas.catalogs.record_numbers import with_record_numbers
from iqatlas.catalogs.split_index import places, splits_in, with_names
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    import geopandas as gpd

_SAME_ATTRIBUTES = ("sample_rate_hz",)
"""Attributes without which samples can't be compared."""


class Corpora(Loaders):
    """Finished corpora of the same variables and extents, opened for reading as one.

    Args:
        members: The corpora, in the order in which their records follow each other.

    Raises:
        CorpusError: Two have the same name, or differ in variables or extents; or there is none.
    """

    def __init__(self, members: Sequence[Corpus]) -> None:
        if not members:
            raise CorpusError("no corpus to open", accepted="a list of one or more")
        self._members = tuple(members)
        names = [member.manifest.name for member in members]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise CorpusError(f"two corpora are called {twice!r}, and no city tells them apart")
        for other in members[1:]:
            _see_that_they_fit(members[0], other)

    def __repr__(self) -> str:
        records = sum(member.manifest.records for member in self._members)
        return f"<Corpora {', '.join(m.manifest.name for m in self._members)}: {records} records>"

    @property
    def members(self) -> tuple[Corpus, ...]:
        """The corpora, in order."""
        return self._members

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All records, lazily, with a coordinate ``city``; ``record_number`` counts those of a city.

        Coordinates that differ from city to city, such as where receivers are, are left out: they stand in
        the corpora of :attr:`members`.
        """
        # Their indices are joined by numbers: as text, splits and cities would take a hundred bytes a record.
        parts = [member.dataset.drop_vars(["split", RECORD_NUMBER]) for member in self._members]
        first = parts[0]
        differ = {
            name
            for name, coordinate in first.coords.items()
            if RECORD not in coordinate.dims
            and not all(name in part.coords and part[name].equals(coordinate) for part in parts[1:])
        }
        differ |= {name for part in parts for name in part.coords if name not in first.coords}
        records = [part.drop_vars([name for name in part.coords if name in differ]) for part in parts]
        # Attributes of cities are theirs.
        joined = xr.concat(
            records,
            RECORD,
            data_vars="minimal",
            coords="minimal",
            compat="override",
            combine_attrs="drop_conflicts",
        )
        own = [member.dataset for member in self._members]
        splits = union_categoricals([splits_in(part) for part in own])
        joined = with_names(joined, "split", splits, own[0]["split"].attrs, own[0]["split"].dtype)
        names = [member.manifest.name for member in self._members]
        lengths = [member.manifest.records for member in self._members]
        which = np.repeat(np.arange(len(names)), lengths)
        cities: Any = pd.Categorical.from_codes(which, pd.Index(names))
        return with_record_numbers(with_names(joined, "city", cities, {}, np.array(names).dtype), lengths)

    def features(self, name: str, **options: Any) -> xr.DataArray:
        """Return a feature of all records, worked out from the I/Q when it is read.

        Args:
            name: A key of ``features:`` in a spec, such as ``power_spectrum``.
            options: What stands below that key, as ``nperseg=256``.

        Raises:
            SpecError: There is no such feature, or the captures don't allow these options.
            CorpusError: The corpora differ in what features depend on, or in units.
        """
        from iqatlas.catalogs.corpus_features import joined_feature_array

        return joined_feature_array(self._members, self.dataset, name, options)

    @cached_property
    def scene(self) -> dict[str, gpd.GeoDataFrame]:
        """The tables of the scenes, ``buildings``, ``sites`` and ``receivers``, with a column ``city``.

        Raises:
            CorpusError: One is a corpus of recordings, which has no scene.
        """
        tables: dict[str, gpd.GeoDataFrame] = {}
        for name in ("buildings", "sites", "receivers"):
            parts = [m.scene[name].assign(city=m.manifest.name) for m in self._members]
            tables[name] = pd.concat(parts, ignore_index=True)
        return tables

    def split(self, name: str) -> xr.Dataset:
        """Return what belongs to a split, lazily: its records, as its receivers heard them.

        Args:
            name: ``train``, ``validation`` or ``test``.

        Raises:
            CorpusError: An unknown split, or one whose receivers differ from corpus to corpus.
        """
        known("split", [name], SPLITS)
        own = [member.receivers_of(name) for member in self._members]
        if any(other != own[0] for other in own):
            raise CorpusError(
                "receivers of this split differ between the corpora", remedy="take it from each of .members"
            )
        mask = np.concatenate([member.split_mask(name) for member in self._members])
        records = self.dataset.isel({RECORD: places(mask)})
        return records if own[0] is None else records.sel(receiver=own[0])


def _see_that_they_fit(first: Corpus, other: Corpus) -> None:
    one, two = first.dataset, other.dataset
    where = f"{first.place.name} and {other.place.name}"
    names = {str(n) for n, v in one.data_vars.items() if RECORD in v.dims}
    others = {str(n) for n, v in two.data_vars.items() if RECORD in v.dims}
    if names != others:
        lacking = ", ".join(sorted(names ^ others))
        raise CorpusError(f"only one of them has {lacking}", where=where, accepted="the same variables")
    for name in sorted(names):
        shapes = [dict(zip(d[name].dims, d[name].shape, strict=True)) for d in (one, two)]
        for shape in shapes:
            shape.pop(RECORD)
        if shapes[0] != shapes[1] or one[name].dtype != two[name].dtype:
            given = [f"{d[name].dtype} {dict(s)}" for d, s in zip((one, two), shapes, strict=True)]
            raise CorpusError(
                f"{name} is {given[0]} in one and {given[1]} in the other",
                where=where,
                accepted="the same extents",
            )
    if one["receiver"].values.tolist() != two["receiver"].values.tolist():
        raise CorpusError("their receivers have other names", where=where, accepted="the same receivers")
    for key in _SAME_ATTRIBUTES:
        if one.attrs.get(key) != two.attrs.get(key):
            raise CorpusError(
                f"{key} is {one.attrs.get(key)} in one and {two.attrs.get(key)} in the other", where=where
            )


def open_corpora(paths: Sequence[str | Path | CorpusPlace]) -> Corpora:
    """Open several finished corpora as one; records follow each other in the order given.

    Args:
        paths: Folders of the corpora, or their addresses in an object store.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: One is no finished corpus, or they don't fit together.
    """
    if not isinstance(paths, Iterable):
        raise CorpusError(f"corpora are named by {paths!r}", accepted="a list of paths")
    if isinstance(paths, str | Path):
        raise CorpusError("one path is given", accepted="a list of paths", remedy="or use open_corpus")
    return Corpora([Corpus(path) for path in paths])
