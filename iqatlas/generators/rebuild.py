"""Rebuilding: the records of a corpus made once more from its manifest's spec and its stored paths.

No map is read and no ray is traced: paths are an input of the records and lie in the corpus. What is
made is compared with the manifest shard by shard, and thrown away unless it is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from iqatlas.catalogs.corpus import Corpus, open_corpus
from iqatlas.catalogs.durable import storage_errors, write_file
from iqatlas.catalogs.import_spec import is_imported
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, shard_sha256
from iqatlas.catalogs.path_store import paths_from_dataset
from iqatlas.catalogs.place import CorpusPlace
from iqatlas.catalogs.record_store import RecordStore
from iqatlas.catalogs.staging import StagedShard, shard_entries
from iqatlas.catalogs.verify import file_problem
from iqatlas.errors import CorpusError
from iqatlas.generators.plan import Plan, plan
from iqatlas.generators.progress import Listener, Progress, silent
from iqatlas.generators.provenance import library_versions
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.workers import make_shards, workforce_of
from iqatlas.raytracing.paths import PathSet
from iqatlas.user_paths import user_path

_LARGEST_PATHS_BYTES = 16 << 30


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found.

    Args:
        shards: Shards that were made.
        differing: Shards whose hash is not the manifest's, with their first file that differs.
        notes: What is not as when the corpus was made: versions of libraries, the hash of the spec.
    """

    shards: int
    differing: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether every shard came out as it was published."""
        return not self.differing


def differences_of_versions(manifest: Manifest) -> tuple[str, ...]:
    """Return which libraries are here in other versions than those that a corpus was made with."""
    here = library_versions()
    return tuple(
        f"{name} is {here[name]} here, {made} made it"
        for name, made in manifest.versions.items()
        if name in here and here[name] != made
    )


def rebuild(
    corpus: str | Path | CorpusPlace,
    dest: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    workers: int = 1,
    progress: Listener = silent,
) -> Rebuilt:
    """Make the records of a corpus once more, and compare every shard with its manifest.

    Args:
        corpus: The corpus.
        dest: New folder for the remade corpus: records made here, all else copied. The manifest, without
            which it doesn't open, comes last and only where every shard is the same. Without it nothing
            is kept.
        folder: Folder of the files that the spec names, such as a trace of occupancy; the current one
            without it.
        workers: Processes of this machine that make shards.
        progress: Told how far the work is.

    Raises:
        CorpusError: There is no corpus, its paths are damaged, or the folder is not empty.
        SpecError: Its spec is not accepted here.
        StorageError: The disk or the store refuses.
    """
    opened = open_corpus(corpus)
    manifest, where = opened.manifest, opened.place.name
    if is_imported(manifest.spec):
        raise CorpusError(
            "a corpus of recordings is not rebuilt from paths",
            where=where,
            remedy="import the recordings that its manifest names once more, and compare the shards' hashes",
        )
    target = user_path(dest) if dest is not None else None
    if target is not None:
        _refuse_full(target)
    spec = CorpusSpec.from_tree(
        manifest.spec, where=f"{where}/{MANIFEST_NAME}: spec", folder=user_path(folder) if folder else None
    )
    made = plan(spec)
    _refuse_other_shards(made, manifest, where)
    recipe = _recipe(opened, made)
    notes = list(differences_of_versions(manifest))
    if spec.sha256() != manifest.spec_sha256:
        notes.append("the spec's SHA-256 is not the manifest's: it was changed, or has new keys since")
    differing = []
    files = {file.path: file.sha256 for file in manifest.files}
    with (
        storage_errors(target or "the temporary folder", resumes=False),
        workforce_of(min(workers, made.shard_count), where=where) as workforce,
        _bench(target) as bench,
    ):
        store = bench / "store"
        store.mkdir()
        opened.store.create(
            store,
            xr.Dataset(),
            made.quantities,
            made.shape,
            chunk_records=made.block_records,
            shard_records=made.shard_records,
            uncompressed=("iq", "signal", "noise", *made.layouts),
        )
        desk = _RebuildDesk(bench, store, target, opened.store)
        done, step = 0, "making records"
        progress(Progress(step, 0, made.records))
        for shard, entries in make_shards(desk, recipe, Workshop(recipe), list(made.shards), workforce):
            if shard_sha256(entries) != manifest.shards[shard.index].sha256:
                other = next((e.path for e in entries if files.get(e.path) != e.sha256), "its list of files")
                differing.append((shard.index, other))
            done += shard.stop - shard.start
            progress(Progress(step, done, made.records, done * (made.samples // made.records)))
        if target is not None:
            _copy_the_rest(opened, target, whole=not differing)
    return Rebuilt(len(made.shards), tuple(sorted(differing)), tuple(notes))


def _refuse_full(target: Path) -> None:
    with storage_errors(target, resumes=False):
        full = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if full:
        raise CorpusError(
            "this folder is not empty",
            where=str(target),
            accepted="a new or empty folder",
            remedy="choose another -o",
        )


def _refuse_other_shards(made: Plan, manifest: Manifest, where: str) -> None:
    if made.shard_count != len(manifest.shards) or made.records != manifest.records:
        raise CorpusError(
            f"this version of iqatlas plans {made.records} records in {made.shard_count} shards, "
            f"the manifest has {manifest.records} in {len(manifest.shards)}",
            where=where,
            remedy=f"rebuild with iqatlas {manifest.versions.get('iqatlas', 'of then')[:40]}",
        )
    for shard, entry in zip(made.shards, manifest.shards, strict=True):
        if (shard.start, shard.stop) != (entry.start, entry.stop):
            raise CorpusError(f"shard {shard.index} holds other records than in the manifest", where=where)


def _recipe(opened: Corpus, made: Plan) -> Recipe:
    """Return what the records follow from, by manifest and stored paths.

    Raises:
        CorpusError: The manifest's sites or the stored paths are not whole.
    """
    where = opened.place.name
    paths = _stored_paths(opened)
    sites = opened.manifest.scene.get("sites")
    try:
        cells = tuple(int(site["cell_id"]) for site in _list(sites))
        powers = tuple(float(site["power_dbm"]) for site in _list(sites))
    except (KeyError, TypeError, ValueError):
        raise CorpusError("the manifest's scene.sites lack cell_id or power_dbm", where=where) from None
    if len(cells) != made.sites or paths.gain.shape[1:3] != (made.receivers, made.sites):
        raise CorpusError(
            f"{len(cells)} sites and paths of {paths.gain.shape[1]} receivers × {paths.gain.shape[2]} sites",
            where=where,
            accepted=f"{made.receivers} receivers × {made.sites} sites, as the spec asks",
        )
    return Recipe(plan=made, paths=paths, cell_ids=cells, site_power_dbm=powers)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _stored_paths(opened: Corpus) -> PathSet:
    place, where = opened.place, opened.place.name
    items = {item.path: item for item in place.items(deep=True)}
    for file in opened.manifest.files:
        if _of_paths(file.path) and (problem := file_problem(place, items, file)):
            raise CorpusError(f"the stored paths are damaged ({problem})", where=where)
    with place.errors("read"):
        try:
            dataset = opened.store.open_at(place.store(opened.store.name), "paths")
            if dataset.nbytes > _LARGEST_PATHS_BYTES:
                raise CorpusError(f"the stored paths take {dataset.nbytes / 2**30:.0f} GiB", where=where)
            return paths_from_dataset(dataset.load())
        except CorpusError:
            raise
        except (ValueError, KeyError, TypeError, RuntimeError) as failure:
            reason = (str(failure) or type(failure).__name__).splitlines()[0]
            raise CorpusError(f"the stored paths can't be read ({reason})", where=where) from None


def _of_paths(path: str) -> bool:
    """Return whether a file is one of the stored paths', in a folder or a file of their own."""
    return path.startswith("records.zarr/paths/") or path == "records/paths.h5"


@contextmanager
def _bench(target: Path | None) -> Iterator[Path]:
    """Give a folder for shards in the making: beside the remade corpus, so that they can be moved there."""
    above = None
    if target is not None:
        above = target.resolve().parent
        above.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=".iqatlas-rebuild-", dir=above, ignore_cleanup_errors=True
    ) as bench:
        yield Path(bench)


@dataclass(frozen=True)
class _RebuildDesk:
    """Where shards are remade: hashed, then kept or thrown away.

    Args:
        bench: Folder for shards in the making.
        metadata: Folder laid out as the corpus, with an empty store of the records.
        dest: Folder that keeps the shards; None to throw them away.
        store: Format of the records.
    """

    bench: Path
    metadata: Path
    dest: Path | None
    store: RecordStore

    @property
    def where(self) -> str:
        """Where the shards go, for messages."""
        return str(self.dest or self.bench)

    def at_worker(self) -> _RebuildDesk:
        """Return itself."""
        return self

    @contextmanager
    def twin(self, step: str) -> Iterator[Path]:
        """Give an empty twin of the store for one shard."""
        with tempfile.TemporaryDirectory(dir=self.bench, ignore_cleanup_errors=True) as folder:
            self.store.make_twin(self.metadata, Path(folder) / step)
            yield Path(folder) / step

    def stage(self, twin: Path) -> StagedShard:
        """Hash a shard's files, and move them where they are kept."""
        entries = shard_entries(twin, self.store)
        if self.dest is not None:
            for path, _ in entries:
                target = self.dest / path.relative_to(twin)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
        return StagedShard(None, tuple(entry for _, entry in entries))

    def place(self, staged: StagedShard) -> tuple[FileEntry, ...]:
        """Return the files."""
        return staged.files


def _copy_the_rest(opened: Corpus, target: Path, *, whole: bool) -> None:
    """Copy what is no shard's, verified; the manifest last, and only to a corpus that is the same."""
    place = opened.place
    items = {item.path: item for item in place.items(deep=True)}
    for file in opened.manifest.files:
        path = target / file.path
        if path.exists():
            continue
        if problem := file_problem(place, items, file):
            raise CorpusError(f"this file is damaged ({problem})", where=place.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        place.copy(file.path, path)
    if whole:
        write_file(target / MANIFEST_NAME, opened.manifest.serialise())
