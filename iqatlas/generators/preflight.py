"""What can be said of a spec before anything is made: files that are not there, places, splits, room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from iqatlas.generators.disk_room import room_notes
from iqatlas.generators.plan import Plan
from iqatlas.generators.provenance import require_inputs
from iqatlas.generators.site_notes import site_notes
from iqatlas.raytracing.cache import cache_folder
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.tracing_speed import TracingSpeed, last_speed
from iqatlas.scenes.bundled import BUNDLED_BBOX
from iqatlas.scenes.map_extent import refuse_bbox_elsewhere
from iqatlas.scenes.spec import BundledBuildings, SiteFile, TrajectoryReceivers
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


def _sites(made: Plan) -> tuple[str, ...]:
    spec = made.spec
    if not isinstance(spec.sites, SiteFile):
        return ()
    # Tables take a second to import, and few specs have one.
    from iqatlas.scenes.site_tables import read_site_file, told_rows, too_few_sites

    read = read_site_file(spec.folder / user_path(spec.sites.path))
    bundled = BUNDLED_BBOX if isinstance(spec.scene.buildings, BundledBuildings) else None
    inside = read.inside(spec.scene.bbox or bundled)
    if len(inside) < made.sites:
        raise too_few_sites(len(inside), len(read.rows), made.sites, f"sites.path ({read.name})")
    # Others than the first may be chosen: then the notes are of those that may be.
    first = inside.iloc[: made.sites] if spec.sites.choose == "in_order" else inside
    return site_notes(spec, told_rows(first), read.unused)


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
