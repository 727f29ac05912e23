"""What can be said of a spec before anything is made: files that are not there, places, splits, room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from iqatlas.errors import SitesError
from iqatlas.generators.disk_room import room_notes
from iqatlas.generators.plan import Plan
from iqatlas.generators.provenance import require_inputs
from iqatlas.generators.site_count import needs_scene, told_bbox
from iqatlas.generators.site_notes import site_notes
from iqatlas.raytracing.cache import cache_folder
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.tracing_speed import TracingSpeed, last_speed
from iqatlas.scenes.map_extent import refuse_bbox_elsewhere, scene_extent
from iqatlas.scenes.spec import SiteFile, TrajectoryReceivers
from iqatlas.user_paths import user_path

FEW_SLOTS = 30
"""Of a split: what holds of fewer slots tells little of others, however many SNR levels each has."""


def preflight(made: Plan, folder: Path) -> tuple[str, ...]:
    """Refuse what is known not to work, and return lines that a person should read first; makes nothing.

    Args:
        made: The plan.
        folder: Where the corpus would lie.

    Raises:
        MissingFileError: A file that the spec names is not there.
        SceneError: The bbox lies off the map.
        SitesError: A file of sites can't be read, has too few inside the scene, or all on another carrier.
    """
    require_inputs(made.spec)
    refuse_bbox_elsewhere(made.spec.scene, base_folder=made.spec.folder)
    return (*_sites(made), *_splits(made), *room_notes(made, folder))


def _sites(made: Plan) -> Iterator[str]:
    spec = made.spec
    if not isinstance(spec.sites, SiteFile):
        return
    # Tables take a second to import, and few specs have one.
    from iqatlas.scenes.site_tables import read_site_file, told_rows, too_few_sites

    read = read_site_file(spec.folder / user_path(spec.sites.path))
    rows, bbox = len(read.rows), told_bbox(spec)
    inside = read.inside(bbox)
    if bbox is None and rows < made.sites:
        raise SitesError(
            f"the file has {rows} sites, and sites.count is {made.sites}",
            where=f"sites.path ({read.name})",
            accepted=f"sites.count: 1 to {rows}" if rows else None,
        )
    if bbox is None:
        extent = scene_extent(spec.scene, base_folder=spec.folder)
        yield from _untold(made, read.name, rows, None if extent is None else len(read.inside(extent)))
    elif len(inside) < made.sites:
        raise too_few_sites(len(inside), rows, made.sites, f"sites.path ({read.name})", bbox=bbox)
    # Others than the first may be chosen, or be inside: then the notes are of those that may be.
    first = inside.iloc[: made.sites] if bbox and spec.sites.choose == "in_order" else inside
    yield from site_notes(spec, told_rows(first), read.unused)


def _untold(made: Plan, name: str, rows: int, on_map: int | None) -> Iterator[str]:
    """Say which rows of a file may be inside a scene that is as large as its buildings reach."""
    where = "" if on_map is None else f"; {on_map} of them lie on the map by its header"
    if needs_scene(made.spec):
        asked = f"which of {rows} rows of {name} are sites"
        yield f"{asked}, the buildings' extent tells without scene.bbox{where}"
    elif on_map is not None and on_map < made.sites:
        yield f"{made.sites} of {rows} rows of {name} are asked for{where}"


def _splits(made: Plan) -> Iterator[str]:
    few = {
        name: slots
        for name, slots in split_slot_counts(made).items()
        if slots < FEW_SLOTS and name != "guard"
    }
    if few:
        listed = ", ".join(f"{name} {slots}" for name, slots in few.items())
        yield f"slots of {listed}: scores over fewer than {FEW_SLOTS} say little; raise capture.slots"


def split_slot_counts(made: Plan) -> dict[str, int]:
    """Return the number of slots, over all draws, of each split that has any.

    Args:
        made: The plan.
    """
    return {name: records // made.levels for name, records in made.split_counts().items()}


def links_to_trace(made: Plan) -> int:
    """Return how many links the ray tracer has to trace, if none of them is in the cache; 0 without one.

    Args:
        made: The plan.
    """
    spec = made.spec
    if not isinstance(spec.raytracing, SionnaRaytracing):
        return 0
    waypoints = 1
    if isinstance(spec.receivers, TrajectoryReceivers):
        waypoints = spec.receivers.waypoint_count(spec.capture.slots * spec.occupancy.slot_s)
    return waypoints * spec.receivers.uavs * made.sites


def tracing_speed() -> TracingSpeed | None:
    """Return what links took when some were last traced on this machine, or None."""
    return last_speed(cache_folder())
