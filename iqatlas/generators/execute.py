"""The main job: a spec becomes a verified corpus in a folder, resumable at any moment."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.construction import Construction, finished_with, tidy
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.croissant import CROISSANT_NAME
from iqatlas.catalogs.direct_records import with_direct_arrays
from iqatlas.catalogs.durable import write_file
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.manifest import InputEntry, Manifest, ShardEntry, shard_sha256
from iqatlas.catalogs.path_store import paths_dataset, paths_from_dataset
from iqatlas.catalogs.place import place_of
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_store import format_for
from iqatlas.errors import SpecError
from iqatlas.generators.catalogue_cards import write_croissant, write_table_and_citation
from iqatlas.generators.continuity import between_waypoints
from iqatlas.generators.counted_plan import counted_plan
from iqatlas.generators.describe import (
    DELAYS,
    coordinates,
    count_splits,
    describe_scene,
    statistics,
    write_cards,
)
from iqatlas.generators.disk_room import room_notes
from iqatlas.generators.plan import Plan
from iqatlas.generators.progress import Listener, Progress, silent
from iqatlas.generators.provenance import DECISIVE, gather_inputs, library_versions
from iqatlas.generators.scene import notes_of, scene_of
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.tracing import paths_of
from iqatlas.generators.worker_memory import memory_note
from iqatlas.generators.workers import LOCAL, Workforce, require_crew, workforce_of, write_shards
from iqatlas.raytracing.elements import of_each_uav
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.trace import check, require_tracer
from iqatlas.scenes.scene import Scene

_PATHS_STEP = "paths"


def generate(
    spec: CorpusSpec,
    dest: str | Path | None = None,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    overwrite: bool = False,
    progress: Listener = silent,
) -> Corpus:
    """Make the corpus that a spec asks for, or go on with one that was begun.

    The bytes of the records don't depend on the number of workers, nor on where they are. With more
    than one, or a local cluster, call it under ``if __name__ == "__main__":``, as any use of
    multiprocessing.

    Args:
        spec: What to make.
        dest: Folder of the corpus, or ``s3://bucket/name``; the spec's name in the current folder
            without it.
        workers: Processes of this machine that make shards.
        scheduler: Address of a Dask scheduler whose workers make shards in their place, or ``local``
            for a cluster of as many workers on this machine. One call at a time in a process.
        overwrite: Whether to remove another corpus that is there.
        progress: Told how far the work is; nothing, where the corpus was finished already.

    Returns:
        The finished corpus. One of the same spec and inputs that is there already is returned as
        it is.

    Raises:
        IqAtlasError: Bad input, a machine that can't trace, a full disk: each in one line.
    """
    place = place_of(dest if dest is not None else Path(spec.name))
    if workers < 1:
        raise SpecError(f"{workers} workers", where="workers", accepted="1 or more")
    if workers > 1 and scheduler not in (None, LOCAL):
        raise SpecError(
            f"{workers} workers beside a scheduler", where="workers", accepted="the workers that it has"
        )
    store = format_for(spec.storage.format, place)
    made, scene = counted_plan(spec, progress=progress)
    spec = made.spec  # it says how many sites there are
    inputs = gather_inputs(spec)
    if not overwrite and finished_with(place, spec.sha256(), [entry.sha256 for entry in inputs]):
        tidy(place)
        return Corpus(place)
    versions = _versions(made)
    # What one version of these began, another doesn't go on with.
    own = ("iqatlas", *DECISIVE, *made.engines())
    build_key = sha256_json(
        {"spec": spec.tree(), "inputs": [entry.sha256 for entry in inputs]}
        | {name: versions[name] for name in own}
    )
    construction = Construction(place, build_key=build_key, overwrite=overwrite, store=store)
    # What is wrong with the input or the machine shows here, before a folder is made or cleared.
    construction.refuse_strangers()
    if not construction.begun:
        require_tracer(spec.raytracing)
    require_crew(scheduler)
    # Processes come up while this one builds and traces.
    with workforce_of(min(workers, made.shard_count), scheduler, where=place.name) as workforce:
        progress(Progress("building the scene", note=memory_note(made)))
        scene = scene_of(spec) if scene is None else scene
        notes = list(notes_of(scene))
        if isinstance(place, FolderPlace) and not construction.begun:
            notes += room_notes(made, place.folder)
        for note in notes:
            progress(Progress("building the scene", note=f"note: {note}"))
        _construct(construction, made, scene, inputs, workforce, progress)
    return Corpus(place)


def _construct(
    construction: Construction,
    made: Plan,
    scene: Scene,
    inputs: tuple[InputEntry, ...],
    workforce: Workforce,
    progress: Listener,
) -> None:
    with construction:
        paths = _paths(construction, made.spec, scene, progress)
        recipe = Recipe(
            plan=made,
            paths=paths,
            cell_ids=tuple(site.cell_id for site in scene.sites),
            site_power_dbm=tuple(site.power_dbm for site in scene.sites),
        )
        workshop = Workshop(recipe)
        _create_records(construction, recipe, workshop, scene)
        _make_shards(construction, recipe, workshop, workforce, progress)
        progress(Progress("writing pictures and manifest"))
        manifest = _describe(construction, made, scene, paths, inputs)
        construction.finish(manifest)


def _versions(made: Plan) -> dict[str, str]:
    """Return versions of libraries, and what works out features for which there is a choice."""
    return {**library_versions(), **made.engines()}


def _paths(construction: Construction, spec: CorpusSpec, scene: Scene, progress: Listener) -> PathSet:
    """Return the paths: those stored by an earlier try, or else traced and stored now."""
    if construction.resume(_PATHS_STEP):
        dataset = construction.store.open(construction.bench, _PATHS_STEP)
        return paths_from_dataset(dataset.load())
    # Records follow from the paths, and a ray tracer need not repeat itself to the last bit.
    construction.forget()
    step = "tracing the radio paths"
    progress(Progress(step))
    paths = paths_of(spec, scene, progress=lambda done, total: progress(Progress(step, done, total))).paths
    store, bench = construction.store, construction.bench
    with construction.place.errors():
        store.write_group(
            bench,
            _PATHS_STEP,
            paths_dataset(
                paths,
                sites=tuple(site.name for site in scene.sites),
                receivers=scene.receivers.names,
            ),
        )
    construction.enter(_PATHS_STEP, store.group_files(bench, _PATHS_STEP))
    return paths


def _create_records(construction: Construction, recipe: Recipe, workshop: Workshop, scene: Scene) -> None:
    """Create the empty arrays, unless an earlier try has."""
    step = "store"
    if construction.resume(step):
        return
    made = recipe.plan
    store, bench = construction.store, construction.bench
    with construction.place.errors():
        store.create(
            bench,
            coordinates(made, scene, workshop),
            made.quantities,
            made.shape,
            chunk_records=made.block_records,
            shard_records=made.shard_records,
            uncompressed=("iq", "signal", "noise", *made.layouts),
        )
    construction.enter(step, store.metadata_files(bench))


def _make_shards(
    construction: Construction,
    recipe: Recipe,
    workshop: Workshop,
    workforce: Workforce,
    progress: Listener,
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
    for shard, files in write_shards(construction, recipe, workshop, todo, workforce):
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
    from iqatlas.plotting.delays import draw_delays
    from iqatlas.plotting.overview import draw_overview
    from iqatlas.scenes.tables import write_scene_tables

    bench, ledger = construction.bench, construction.ledger()
    with construction.place.errors():
        construction.store.finish(bench)
        construction.place_root()
        write_scene_tables(scene, bench / "scene")
        for name, content in scene.archive.items():
            write_file(bench / "scene" / name, content)
        where = construction.place.store(construction.store.name)
        dataset = decoded(with_direct_arrays(construction.store.open_at(where), construction.store, where))
        drawn = of_each_uav(paths, scene.receivers)
        draw_overview(scene.of_uavs(), dataset, drawn, bench / "scene" / "map.png", title=made.spec.name)
        names = [site.name for site in scene.sites]
        delays = draw_delays(drawn, sites=names, receivers=scene.of_uavs().receivers.names)
        write_file(bench / DELAYS, delays)
        figures = statistics(dataset, made)
        report = check(paths, scene, made.spec.raytracing)
        flown = between_waypoints(scene, paths)
        write_cards(bench, made, scene, figures, inputs, flown)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_table_and_citation(bench, made, scene, dataset, created[:10])
    files = construction.gather(file for shard in made.shards for file in ledger[shard.step])
    with construction.place.errors():
        # It names all the others, so that it comes when they are there.
        write_croissant(bench, made, scene, files, created[:10])
    files = construction.gather(file for file in files if file.path != CROISSANT_NAME)
    return Manifest(
        name=made.spec.name,
        created=created,
        spec=made.spec.tree(),
        spec_sha256=made.spec.sha256(),
        inputs=inputs,
        versions=_versions(made),
        scene=describe_scene(scene),
        paths={
            **paths.model,
            "frequency_hz": paths.frequency_hz,
            "gates": report.__dict__,
            **({"between_waypoints": flown} if flown else {}),
        },
        records=made.records,
        splits=count_splits(made),
        statistics=figures,
        shards=tuple(
            ShardEntry(
                index=shard.index,
                start=shard.start,
                stop=shard.stop,
                sha256=shard_sha256(ledger[shard.step]),
            )
            for shard in made.shards
        ),
        files=files,
    )
