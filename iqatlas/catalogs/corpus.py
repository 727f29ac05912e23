"""The read handle of a corpus."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Bool

from iqatlas.axes import RECORD
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.import_spec import is_imported
from iqatlas.catalogs.load_request import SPLITS, known
from iqatlas.catalogs.loaders import Loaders
from iqatlas.catalogs.manifest import Manifest, read_manifest
from iqatlas.catalogs.place import CorpusPlace, place_of
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_numbers import with_record_numbers
from iqatlas.catalogs.record_store import FORMATS, RecordStore, store_in
from iqatlas.catalogs.split_index import (
    SPLIT_NAMES,
    places,
    split_mask,
    splits_of_codes,
    splits_of_text,
    with_splits,
)
from iqatlas.errors import CorpusError
from iqatlas.split_owners import own_receivers

if TYPE_CHECKING:
    import geopandas as gpd

    from iqatlas.catalogs.verify import Verification


_MANY_RECORDS = 1 << 24
"""From so many on, the files are asked whether they can hold them: labels of records are kept in memory."""


class Corpus(Loaders):
    """A finished corpus, opened for reading.

    Args:
        path: Folder of the corpus, or its address in an object store, ``s3://bucket/name``.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus.
        SetupError: The library of the store is not installed.
        StorageError: The store can't be reached.
    """

    def __init__(self, path: str | Path | CorpusPlace) -> None:
        self.place = place_of(path)
        self.manifest: Manifest = read_manifest(self.place)
        store = store_in(self.place)
        if store is None:
            stored = self.manifest.spec.get("storage")
            form = stored.get("format") if isinstance(stored, dict) else None
            name = FORMATS["hdf5" if form == "hdf5" else "zarr"].name
            raise CorpusError(f"{name} is missing", where=self.place.name, remedy="get the corpus again")
        self.store: RecordStore = store

    def __repr__(self) -> str:
        return f"<Corpus {self.manifest.name!r}: {self.manifest.records} records at {self.place.name}>"

    @property
    def members(self) -> tuple[Corpus, ...]:
        """This corpus."""
        return (self,)

    @cached_property
    def scene(self) -> dict[str, gpd.GeoDataFrame]:
        """The tables of the scene: ``buildings``, ``sites`` and ``receivers``.

        Raises:
            CorpusError: It is a corpus of recordings: nobody knows where they were made.
        """
        return {name: self.table(name) for name in ("buildings", "sites", "receivers")}

    @property
    def path(self) -> Path:
        """Folder of the corpus, as the user wrote it.

        Raises:
            CorpusError: It lies in an object store.
        """
        if isinstance(self.place, FolderPlace):
            return Path(self.place.name)
        raise CorpusError(
            "a corpus in an object store has no folder", where=self.place.name, remedy="use its .place"
        )

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All records, lazily: dask chunks are storage chunks, ``.sel(split="train")`` works.

        Samples are complex, in √mW, however they are stored. The coordinate ``record_number`` says of a part
        which records it holds.
        """
        with self.place.errors("read"):
            where = self.place.store(self.store.name)
            dataset = decoded(self.store.open_at(where))
            self._refuse_more_records(dataset)
            codes = self.store.word_codes(where, "split", SPLIT_NAMES)
            if codes is None or len(codes) != dataset.sizes[RECORD]:
                splits = splits_of_text(dataset["split"].values)
            else:
                splits = splits_of_codes(codes)
        return with_record_numbers(with_splits(dataset, splits), [dataset.sizes[RECORD]])

    @property
    def chunk_records(self) -> int:
        """Records that are best read at once: a chunk of the samples, of storage where they are in memory."""
        # Of the variable: xarray finds a chunk of coordinates that is longer than the array's inconsistent.
        iq = self.dataset["iq"].variable
        return int((iq.chunksizes.get(RECORD) or iq.encoding["chunks"])[0])

    def _refuse_more_records(self, dataset: xr.Dataset) -> None:
        """Refuse arrays that state other records than the manifest, or more than the files can hold.

        Raises:
            CorpusError: They do.
        """
        records = self.manifest.records
        if dataset.sizes.get(RECORD, 0) != records or "split" not in dataset:
            raise CorpusError(
                f"arrays of {dataset.sizes.get(RECORD, 0)} records in place of {records}",
                where=f"{self.place.name}/{self.store.name}",
                remedy="get the corpus again",
            )
        if records > _MANY_RECORDS:
            # A record takes several bytes; what lies there is asked, not what the manifest says.
            files = [item for top in self.store.contents for item in self.place.items(top, deep=True)]
            held = sum(item.bytes for item in files if item.kind == "file")
            if records > held:
                raise CorpusError(f"{records} records in {held} bytes", where=self.place.name)

    def split(self, name: str) -> xr.Dataset:
        """Return what belongs to a split, lazily: its records, as its receivers heard them.

        Other than by receiver, all receivers belong to every split.

        Args:
            name: ``train``, ``validation`` or ``test``.

        Raises:
            CorpusError: An unknown split.
        """
        known("split", [name], SPLITS)
        records = self.dataset.isel(record=places(self.split_mask(name)))
        own = self.receivers_of(name)
        return records if own is None else records.sel(receiver=own)

    def split_mask(self, name: str) -> Bool[np.ndarray, " record"]:
        """Return which records belong to a split."""
        return split_mask(self.dataset, name)

    def receivers_of(self, split: str) -> list[str] | None:
        """Return the names of a split's receivers; None where receivers are not split."""
        own = own_receivers(self.dataset, split)
        return None if own is None else [str(name) for name in self.dataset["receiver"].values[own]]

    @cached_property
    def paths(self) -> xr.Dataset:
        """The radio paths that the captures were made from.

        Raises:
            CorpusError: It is a corpus of recordings: nobody knows theirs.
        """
        if is_imported(self.manifest.spec):
            raise CorpusError("recordings have no radio paths that anyone knows", where=self.place.name)
        with self.place.errors("read"):
            return self.store.open_at(self.place.store(self.store.name), "paths")

    def features(self, name: str, **options: Any) -> xr.DataArray:
        """Return a feature of all records, worked out from the I/Q when it is read.

        Args:
            name: A key of ``features:`` in a spec, such as ``power_spectrum``.
            options: What stands below that key, as ``nperseg=256``. A feature that is stored with the same
                options has the same bytes.

        Raises:
            SpecError: There is no such feature, or the captures don't allow these options.
        """
        from iqatlas.catalogs.corpus_features import capture_setting, feature_array

        setting = capture_setting(self.dataset, self.manifest.spec)
        return feature_array(self.dataset, setting, name, options)

    def table(self, name: str) -> gpd.GeoDataFrame:
        """Return a table of the scene: ``buildings``, ``sites`` or ``receivers``.

        Raises:
            CorpusError: There is no such table; of recordings there is none.
        """
        import geopandas as gpd

        files = [item.name for item in self.place.items("scene")]
        tables = sorted(file.removesuffix(".parquet") for file in files if file.endswith(".parquet"))
        if not tables and is_imported(self.manifest.spec):
            raise CorpusError("recordings have no scene that anyone knows", where=self.place.name)
        if name not in tables:
            raise CorpusError(f"no table {name!r}", where=self.place.name, accepted=", ".join(tables))
        return gpd.read_parquet(BytesIO(self.place.read(f"scene/{name}.parquet")))

    def verify(self, *, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Check every hash and every invariant; see :func:`iqatlas.catalogs.verify.verify_corpus`."""
        from iqatlas.catalogs.verify import verify_corpus

        return verify_corpus(self.place, progress=progress)


def open_corpus(path: str | Path | CorpusPlace) -> Corpus:
    """Open a finished corpus for reading.

    Args:
        path: Folder of the corpus, or its address in an object store, ``s3://bucket/name``.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus.
    """
    return Corpus(path)
