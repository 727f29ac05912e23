"""A corpus stored anew: the same records in another format, type or chunk, as a corpus of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORD, Quantity
from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.construction import Construction, finished_with, tidy
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.corpus_features import capture_setting, feature_of
from iqatlas.catalogs.croissant import CROISSANT_NAME
from iqatlas.catalogs.durable import write_file
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.import_spec import is_imported
from iqatlas.catalogs.load_card import split_by
from iqatlas.catalogs.manifest import MANIFEST_NAME, InputEntry, Manifest, ShardEntry, shard_sha256
from iqatlas.catalogs.place import CorpusPlace, place_of
from iqatlas.catalogs.quantised import decoded, dequantise, quantise
from iqatlas.catalogs.record_store import format_for
from iqatlas.catalogs.staging import desk_of, write_shard
from iqatlas.catalogs.store_cards import restored_croissant, restored_readme
from iqatlas.catalogs.verify import refuse_unsound
from iqatlas.errors import CorpusError, SpecError
from iqatlas.features.registry import FEATURES
from iqatlas.version import __version__

_PATHS, _STORE, _README = "paths", "store", "README.md"
_NOISE_LIKE = ("iq", "signal", "noise", *FEATURES)


@dataclass(frozen=True)
class _Layout:
    """How the records are to lie.

    Args:
        spec: The spec of the new manifest.
        stored: Records as the source stores them.
        quantities: The arrays over the records.
        chunk_records: Records a chunk.
        shard_records: Records a shard.
    """

    spec: dict[str, Any]
    stored: xr.Dataset
    quantities: dict[str, Quantity]
    chunk_records: int
    shard_records: int

    @property
    def shape(self) -> dict[str, int]:
        return {**{str(axis): size for axis, size in self.stored.sizes.items()}, "component": 2}

    @property
    def ranges(self) -> list[tuple[int, int]]:
        records = self.stored.sizes[RECORD]
        starts = range(0, records, self.shard_records)
        return [(start, min(start + self.shard_records, records)) for start in starts]

    @property
    def counts(self) -> bool:
        return "iq_scale" in self.quantities


def export_store(
    corpus: Corpus,
    dest: str | Path,
    *,
    form: str,
    iq: str | None = None,
    chunk_records: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None],
) -> Corpus:
    """Store a corpus anew; record n stays record n, and the new manifest names the old one's hash.

    The source is verified first. Where samples become counts, features are worked out again from what is
    stored, as generation does. A run that was interrupted goes on where it was.

    Args:
        corpus: The corpus.
        dest: Folder of the new one, or ``s3://bucket/name``.
        form: ``zarr`` or ``hdf5``.
        iq: ``complex64`` or ``int16``; as in the source without it.
        chunk_records: Records a chunk, the unit of reading; as in the source without it.
        overwrite: Whether another corpus that is there is removed.
        progress: Told the records done and in all.

    Returns:
        The new corpus.

    Raises:
        CorpusError: The source is not sound, or the place holds something else.
        SpecError: A format that can't lie there, or a chunk without records.
        StorageError: A place can't be read or written.
    """
    place = place_of(dest)
    if _same_place(corpus.place, place):
        raise CorpusError("this is the corpus itself", where=place.name, remedy="choose another -o")
    store = format_for(form, place)
    layout = _layout(corpus, form, iq, chunk_records)
    origin = _origin(corpus)
    inputs = (*corpus.manifest.inputs, origin)
    if not overwrite and finished_with(place, sha256_json(layout.spec), [entry.sha256 for entry in inputs]):
        there = Corpus(place)
        if _largest_chunk(there) == layout.chunk_records:
            tidy(place)
            return there
    key = sha256_json(
        {
            "manifest": origin.sha256,
            "storage": layout.spec["storage"],
            "chunk": layout.chunk_records,
            "iqatlas": __version__,
        }
    )
    construction = Construction(place, build_key=key, overwrite=overwrite, store=store)
    construction.refuse_strangers()
    refuse_unsound(corpus.place, remedy="see `iqatlas verify`, and export it once it is whole")
    with construction:
        _write_records(construction, corpus, layout, progress)
        construction.finish(_describe(construction, corpus, layout, inputs))
    return Corpus(place)


def _same_place(one: CorpusPlace, other: CorpusPlace) -> bool:
    if isinstance(one, FolderPlace) and isinstance(other, FolderPlace):
        return one.folder.resolve() == other.folder.resolve()
    return one.address.rstrip("/") == other.address.rstrip("/")


def _origin(corpus: Corpus) -> InputEntry:
    content = corpus.manifest.serialise()
    about = corpus.manifest.spec.get("about")
    licence = about.get("licence") if isinstance(about, dict) else None
    return InputEntry(
        role="exported from",
        name=MANIFEST_NAME,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence=licence if isinstance(licence, str) else "ODbL-1.0",
        attribution=f"{corpus.manifest.name}, stored as {corpus.store.name}",
        date=corpus.manifest.created,
    )


def _layout(corpus: Corpus, form: str, iq: str | None, chunk_records: int | None) -> _Layout:
    if chunk_records is not None and chunk_records < 1:
        raise SpecError(f"chunks of {chunk_records} records", where="--chunk-records", accepted="1 or more")
    with corpus.place.errors("read"):
        stored = corpus.store.open_at(corpus.place.store(corpus.store.name))
    own = "int16" if "iq_scale" in stored else "complex64"
    quantities = {
        str(name): _quantity(variable)
        for name, variable in stored.variables.items()
        if RECORD in variable.dims
    }
    if iq is not None and iq != own:
        quantities = _other_type(quantities, iq)
    # The order in which generation writes them, so that the same records give the same bytes.
    order = [*(name for name in QUANTITIES if name not in FEATURES), "iq_scale", *FEATURES]
    named = [name for name in order if name in quantities]
    quantities = {name: quantities[name] for name in (*named, *(quantities.keys() - set(named)))}
    chunk = chunk_records or int(stored["iq"].encoding["chunks"][0])
    first = corpus.manifest.shards[0]
    chunk = min(chunk, corpus.manifest.records)
    shard = max(1, (first.stop - first.start) // chunk) * chunk
    storage = corpus.manifest.spec.get("storage")
    storage = dict(storage) if isinstance(storage, dict) else {}
    spec = {**corpus.manifest.spec, "storage": {**storage, "format": form, "iq": iq or own}}
    return _Layout(spec, stored, quantities, chunk, shard)


def _largest_chunk(corpus: Corpus) -> int:
    """Return the records that chunks were asked to hold; those of long captures hold fewer."""
    with corpus.place.errors("read"):
        stored = corpus.store.open_at(corpus.place.store(corpus.store.name))
    return max(int(v.encoding["chunks"][0]) for v in stored.variables.values() if v.dims[:1] == (RECORD,))


def _quantity(variable: xr.Variable) -> Quantity:
    words = {key: str(variable.attrs.get(key, "")) for key in ("units", "long_name", "comment")}
    dtype = "str" if variable.dtype.kind in "OTU" else str(variable.dtype)
    return Quantity(tuple(str(axis) for axis in variable.dims), dtype, **words)


def _other_type(quantities: dict[str, Quantity], iq: str) -> dict[str, Quantity]:
    """Return the arrays with samples of the other type; their level is known or not as before."""
    others = {name: quantity for name, quantity in quantities.items() if name not in ("iq", "iq_scale")}
    if iq == "int16":
        scale = INT16_QUANTITIES["iq_scale"]
        units = quantities["iq"].units
        scale = Quantity(scale.dims, scale.dtype, units, scale.long_name, scale.comment)
        return {"iq": INT16_QUANTITIES["iq"], "iq_scale": scale, **others}
    plain = QUANTITIES["iq"]
    units = quantities["iq_scale"].units
    return {"iq": Quantity(plain.dims, plain.dtype, units, plain.long_name, plain.comment), **others}


def _write_records(
    construction: Construction, corpus: Corpus, layout: _Layout, progress: Callable[[int, int], None]
) -> None:
    store, bench = construction.store, construction.bench
    if not construction.resume(_STORE):
        construction.forget()
        with construction.place.errors():
            if not is_imported(layout.spec):
                store.write_group(bench, _PATHS, _plain(corpus.paths.load()))
                construction.enter(_PATHS, store.group_files(bench, _PATHS))
            store.create(
                bench,
                _coordinates(layout.stored),
                layout.quantities,
                layout.shape,
                chunk_records=layout.chunk_records,
                shard_records=layout.shard_records,
                uncompressed=_NOISE_LIKE,
            )
        construction.enter(_STORE, store.metadata_files(bench))
    ledger, records = construction.ledger(), layout.stored.sizes[RECORD]
    desk = None
    for index, (start, stop) in enumerate(layout.ranges):
        step = _step(index)
        if step not in ledger or not construction.intact(ledger[step]):
            desk = desk or desk_of(construction)
            with corpus.place.errors("read"):
                part = _records(corpus, layout, start, stop)
            write_shard(construction, desk, step, part, start)
        progress(stop, records)


def _step(index: int) -> str:
    return f"shard-{index:05d}"


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset without what says how it was stored."""
    plain = dataset.copy()
    for name in plain.variables:
        plain[name].encoding.clear()
    return plain


def _coordinates(stored: xr.Dataset) -> xr.Dataset:
    fixed = {name: variable for name, variable in stored.variables.items() if RECORD not in variable.dims}
    described = {}
    for name, variable in fixed.items():
        text = variable.dtype.kind in "OTU"
        values = variable.values.astype(np.dtypes.StringDType()) if text else variable.values
        described[name] = xr.Variable(variable.dims, values, variable.attrs)
    return xr.Dataset(coords=described, attrs=stored.attrs)


def _records(corpus: Corpus, layout: _Layout, start: int, stop: int) -> xr.Dataset:
    part = layout.stored.isel(record=slice(start, stop)).load()
    values = {name: part[name].values for name in layout.quantities if name in part}
    if layout.counts != ("iq_scale" in part):
        if layout.counts:
            values["iq"], values["iq_scale"] = quantise(np.ascontiguousarray(part["iq"].values))
            values |= _features_of_counts(corpus, layout, values)
        else:
            values["iq"] = decoded(part[["iq", "iq_scale"]])["iq"].values
    return xr.Dataset(
        {name: array_variable(quantity, values[name]) for name, quantity in layout.quantities.items()}
    )


def _features_of_counts(
    corpus: Corpus, layout: _Layout, values: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return stored features anew, of the samples that counts stand for, in the blocks that are stored."""
    asked = layout.spec.get("features") or {}
    setting = capture_setting(corpus.dataset, layout.spec)
    step = layout.chunk_records
    made = {}
    for name in (name for name in FEATURES if name in layout.quantities):
        blocks = []
        for first in range(0, len(values["iq"]), step):
            piece = slice(first, first + step)
            iq = dequantise(values["iq"][piece], values["iq_scale"][piece])
            records = xr.Dataset({"iq": xr.Variable(QUANTITIES["iq"].dims, iq)})
            blocks.append(feature_of(records, setting, name, asked.get(name) or {}))
        made[name] = np.concatenate(blocks)
    return made


def _describe(
    construction: Construction, corpus: Corpus, layout: _Layout, inputs: tuple[InputEntry, ...]
) -> Manifest:
    bench, ledger, old = construction.bench, construction.ledger(), corpus.manifest
    created = datetime.now(UTC).isoformat(timespec="seconds")
    with construction.place.errors():
        construction.store.finish(bench)
        construction.place_root()
        _copy_others(corpus, bench)
        if (bench / _README).is_file():
            text = (bench / _README).read_text(encoding="utf-8", errors="replace")
            by = split_by(corpus.manifest.spec)
            text = restored_readme(text, corpus.store, construction.store, inputs[-1], by=by)
            write_file(bench / _README, text.encode())
    steps = [_step(index) for index in range(len(layout.ranges))]
    files = construction.gather(file for step in steps for file in ledger[step])
    if any(file.path == CROISSANT_NAME for file in old.files):
        others = tuple(file for file in files if file.path != CROISSANT_NAME)
        content = restored_croissant(corpus, construction.store, others, created[:10])
        with construction.place.errors():
            write_file(bench / CROISSANT_NAME, content)
        files = construction.gather(others)
    return Manifest(
        **{
            **{name: getattr(old, name) for name in ("name", "scene", "paths", "records", "splits")},
            "statistics": old.statistics,
            "versions": {**old.versions, "exported by iqatlas": __version__},
        },
        created=created,
        spec=layout.spec,
        spec_sha256=sha256_json(layout.spec),
        inputs=inputs,
        shards=tuple(
            ShardEntry(index=index, start=start, stop=stop, sha256=shard_sha256(ledger[_step(index)]))
            for index, (start, stop) in enumerate(layout.ranges)
        ),
        files=files,
    )


def _copy_others(corpus: Corpus, bench: Path) -> None:
    """Copy scene, pictures and cards: all but the records."""
    for file in corpus.manifest.files:
        if file.path.split("/")[0] in corpus.store.contents:
            continue
        target = bench / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with corpus.place.errors("read"):
            corpus.place.copy(file.path, target)
        if hashlib.sha256(target.read_bytes()).hexdigest() != file.sha256:
            raise CorpusError(f"{file.path} changed while it was exported", where=corpus.place.name)
