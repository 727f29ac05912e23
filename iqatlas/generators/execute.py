"""The main job: a spec becomes a verified corpus in a folder, resumable at any moment."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.construction import (
    Construction,
    file_entry,
    finished_with,
    storage_errors,
    tidy,
    write_file,
)
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.folder import BUILDING
from iqatlas.catalogs.manifest import InputEntry, Manifest, ShardEntry
from iqatlas.catalogs.path_store import paths_dataset, paths_from_dataset
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.errors import SpecError
from iqatlas.generators.describe import coordinates, count_splits, describe_scene, statistics, write_cards
from iqatlas.generators.plan import Plan, plan
from iqatlas.generators.progress import Listener, Progress, silent
from iqatlas.generators.provenance import gather_inputs, library_versions
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.tracing import paths_of
from iqatlas.generators.workers import write_shards
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.trace import check, require_tracer
from iqatlas.scenes.scene import Scene

_PATHS_STEP = "paths"


def generate(
    spec: CorpusSpec,
    dest: str | Path | None = None,
    *,
    workers: int = 1,
    overwrite: bool = False,
    progress: Listener = silent,
) -> Corpus:
    """Make the corpus that a spec asks for, or go on with one that was begun.

    The bytes of the records don't depend on the number of workers. With more than one, call it
    under ``if __name__ == "__main__":``, as any use of multiprocessing.

    Args:
        spec: What to make.
        dest: Folder of the corpus; the spec's name in the current folder without it.
        workers: Processes that make shards.
        overwrite: Whether to remove another corpus that is there.
        progress: Told how far the work is.

    Returns:
        The finished corpus. One of the same spec and inputs that is there already is returned as
        it is.

    Raises:
        IqAtlasError: Bad input, a machine that can't trace, a full disk: each in one line.
    """
    corpus = Path(dest) if dest is not None else Path(spec.name)
    if workers < 1:
        raise SpecError(f"{workers} workers", where="workers", accepted="1 or more")
    made = plan(spec)
    inputs = gather_inputs(spec)
    if not overwrite and finished_with(corpus, spec.sha256(), [entry.sha256 for entry in inputs]):
        tidy(corpus)
        return Corpus(corpus)
    versions = library_versions()
    # Drawn numbers may differ from one NumPy to the next: what one began, another doesn't go on with.
    build_key = sha256_json(
        {"spec": spec.tree(), "inputs": [entry.sha256 for entry in inputs]}
        | {name: versions[name] for name in ("iqatlas", "numpy")}
    )
    construction = Construction(
        corpus, build_key=build_key, overwrite=overwrite, store=FORMATS[spec.storage.format]
    )
    # What is wrong with the input or the machine shows here, before a folder is made or cleared.
    construction.refuse_strangers()
    if not (corpus / BUILDING).is_dir():
        require_tracer(spec.raytracing)
    progress(Progress("building the scene"))
    scene = _scene(spec)
    with construction:
        paths = _paths(construction, spec, scene, progress)
        recipe = Recipe(
            plan=made,
            paths=paths,
            cell_ids=tuple(site.cell_id for site in scene.sites),
            site_power_dbm=tuple(site.power_dbm for site in scene.sites),
        )
        workshop = Workshop(recipe)
        _create_records(construction, recipe, workshop, scene)
        _make_shards(construction, recipe, workshop, workers, progress)
        progress(Progress("writing pictures and manifest"))
        manifest = _describe(construction, made, scene, paths, inputs)
        construction.finish(manifest)
    return Corpus(corpus)


def _scene(spec: CorpusSpec) -> Scene:
    # Maps and geometry take a second to import; shards in workers should not pay for them.
    from iqatlas.scenes.build import build_scene

    return build_scene(
        spec.name,
        spec.scene,
        spec.sites,
        spec.receivers,
        seed=spec.seed,
        base_folder=spec.folder,
        duration_s=spec.capture.slots * spec.occupancy.slot_s,
    )


def _paths(construction: Construction, spec: CorpusSpec, scene: Scene, progress: Listener) -> PathSet:
    """Return the paths: those stored by an earlier try, or else traced and stored now."""
    stored = construction.ledger().get(_PATHS_STEP)
    if stored and construction.intact(stored):
        dataset = construction.store.open(construction.corpus, _PATHS_STEP)
        return paths_from_dataset(dataset.load())
    # Records follow from the paths, and a ray tracer need not repeat itself to the last bit.
    construction.forget()
    step = "tracing the radio paths"
    progress(Progress(step))
    paths = paths_of(spec, scene, progress=lambda done, total: progress(Progress(step, done, total))).paths
    with storage_errors(construction.corpus):
        construction.store.write_group(
            construction.corpus,
            _PATHS_STEP,
            paths_dataset(
                paths,
                sites=tuple(site.name for site in scene.sites),
                receivers=scene.receivers.names,
            ),
        )
        files = tuple(
            file_entry(construction.corpus, path)
            for path in construction.store.group_files(construction.corpus, _PATHS_STEP)
        )
    construction.record(_PATHS_STEP, files)
    return paths


def _create_records(construction: Construction, recipe: Recipe, workshop: Workshop, scene: Scene) -> None:
    """Create the empty arrays, unless an earlier try has."""
    step = "store"
    stored = construction.ledger().get(step)
    if stored and construction.intact(stored):
        return
    made = recipe.plan
    with storage_errors(construction.corpus):
        construction.store.create(
            construction.corpus,
            coordinates(made, scene, workshop),
            made.quantities,
            made.shape,
            chunk_records=made.block_records,
            shard_records=made.shard_records,
        )
        files = tuple(
            file_entry(construction.corpus, path)
            for path in construction.store.metadata_files(construction.corpus)
        )
    construction.record(step, files)


def _make_shards(
    construction: Construction, recipe: Recipe, workshop: Workshop, workers: int, progress: Listener
) -> None:
    made = recipe.plan
    ledger = construction.ledger()
    done = {s.step for s in made.shards if s.step in ledger and construction.intact(ledger[s.step])}
    todo = [shard for shard in made.shards if shard.step not in done]
    records = sum(shard.stop - shard.start for shard in made.shards if shard.step in done)
    resumed, written = records, 0
    per_record = made.samples // made.records

    def tell() -> None:
        fresh = records - resumed
        progress(Progress("making records", records, made.records, fresh * per_record, written))

    tell()
    for shard, files in write_shards(construction.corpus, recipe, workshop, todo, workers):
        construction.record(shard.step, files)
        records += shard.stop - shard.start
        written += sum(file.bytes for file in files)
        tell()


def _describe(
    construction: Construction,
    made: Plan,
    scene: Scene,
    paths: PathSet,
    inputs: tuple[InputEntry, ...],
) -> Manifest:
    """Write tables, pictures and cards, and return the manifest over everything."""
    from iqatlas.plotting.overview import draw_overview
    from iqatlas.scenes.tables import write_scene_tables

    corpus, ledger = construction.corpus, construction.ledger()
    with storage_errors(corpus):
        construction.store.finish(corpus)
        write_scene_tables(scene, corpus / "scene")
        for name, content in scene.archive.items():
            write_file(corpus / "scene" / name, content)
        dataset = decoded(construction.store.open(corpus))
        draw_overview(scene, dataset, paths, corpus / "scene" / "map.png", title=made.spec.name)
        figures = statistics(dataset, made)
        report = check(paths, scene, made.spec.raytracing)
        write_cards(corpus, made, scene, figures, inputs)
        known = {file.path: file for step in made.shards for file in ledger[step.step]}
        files = []
        for path in sorted(corpus.rglob("*")):
            relative = path.relative_to(corpus)
            if path.is_file() and relative.parts[0] != construction.building.name:
                files.append(known.get(relative.as_posix()) or file_entry(corpus, path))
    return Manifest(
        name=made.spec.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        spec=made.spec.tree(),
        spec_sha256=made.spec.sha256(),
        inputs=inputs,
        versions=library_versions(),
        scene=describe_scene(scene),
        paths={**paths.model, "frequency_hz": paths.frequency_hz, "gates": report.__dict__},
        records=made.records,
        splits=count_splits(made),
        statistics=figures,
        shards=tuple(
            ShardEntry(
                index=shard.index,
                start=shard.start,
                stop=shard.stop,
                sha256=sha256_json([[file.path, file.sha256] for file in ledger[shard.step]]),
            )
            for shard in made.shards
        ),
        files=tuple(files),
    )
