"""The read handle of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from iqatlas.catalogs.manifest import Manifest, read_manifest
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_store import FORMATS, store_in
from iqatlas.errors import CorpusError, nearest

if TYPE_CHECKING:
    import geopandas as gpd
    import torch.utils.data

    from iqatlas.catalogs.verify import Verification


class Corpus:
    """A finished corpus, opened for reading.

    Args:
        path: Folder of the corpus.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest: Manifest = read_manifest(self.path)
        store = store_in(self.path)
        if store is None:
            stored = self.manifest.spec.get("storage")
            form = stored.get("format") if isinstance(stored, dict) else None
            name = FORMATS["hdf5" if form == "hdf5" else "zarr"].name
            raise CorpusError(f"{name} is missing", where=str(self.path), remedy="get the corpus again")
        self.store = store

    def __repr__(self) -> str:
        return f"<Corpus {self.manifest.name!r}: {self.manifest.records} records at {self.path}>"

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All records, lazily: dask chunks are storage chunks, ``.sel(split="train")`` works.

        Samples are complex, in √mW, however they are stored.
        """
        dataset = decoded(self.store.open(self.path))
        # The labels of an index have to be in memory; the name of a split fits in ten characters.
        split = dataset["split"].load().astype("<U10")
        return dataset.assign_coords(split=split).set_xindex("split")

    @cached_property
    def paths(self) -> xr.Dataset:
        """The radio paths that the captures were made from."""
        return self.store.open(self.path, "paths")

    def table(self, name: str) -> gpd.GeoDataFrame:
        """Return a table of the scene: ``buildings``, ``sites`` or ``receivers``.

        Raises:
            CorpusError: There is no such table.
        """
        import geopandas as gpd

        file = self.path / "scene" / f"{name}.parquet"
        known = sorted(p.stem for p in (self.path / "scene").glob("*.parquet"))
        if name not in known:
            raise CorpusError(f"no table {name!r}", where=str(self.path), accepted=", ".join(known))
        return gpd.read_parquet(file)

    def verify(self, *, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Check every hash and every invariant; see :func:`iqatlas.catalogs.verify.verify_corpus`."""
        from iqatlas.catalogs.verify import verify_corpus

        return verify_corpus(self.path, progress=progress)

    def torch(
        self,
        *,
        split: str | None = None,
        variables: Sequence[str] = ("iq", "label"),
        receivers: Sequence[str] | None = None,
    ) -> torch.utils.data.Dataset[dict[str, torch.Tensor]]:
        """Return a PyTorch data set over the records; one item is a dict of tensors.

        Args:
            split: ``train``, ``validation`` or ``test``; all records without it.
            variables: What an item holds.
            receivers: Names of the receivers to keep, in this order; all without it.

        Raises:
            CorpusError: An unknown split, variable or receiver.
            SetupError: PyTorch is not installed.
        """
        # One request is checked here, in the user's process, not in a loader's worker.
        _known("variable", variables, [str(v) for v in self.dataset.data_vars])
        if split is not None:
            _known("split", [split], ["train", "validation", "test"])
        if receivers is not None:
            _known("receiver", receivers, [str(r) for r in self.dataset["receiver"].values])
        from iqatlas.catalogs._torch import RecordDataset

        return RecordDataset(self.path, split=split, variables=tuple(variables), receivers=receivers)


def _known(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    if isinstance(asked, str) or not asked:
        given = f"the text {asked!r}" if asked else "empty"
        raise CorpusError(f"{what}s is {given}", accepted=f"a list of names: {', '.join(known)}")
    for name in asked:
        if name not in known:
            near = nearest(name, known)
            raise CorpusError(
                f"no {what} {name!r}" + (f", did you mean {near!r}?" if near else ""),
                accepted=", ".join(known),
            )


def open_corpus(path: str | Path) -> Corpus:
    """Open a finished corpus for reading.

    Args:
        path: Folder of the corpus.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus.
    """
    return Corpus(path)
