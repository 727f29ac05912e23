"""A plan whose number of sites is told, by the scene where nothing else tells it."""

from __future__ import annotations

from iqatlas.generators.plan import Plan, plan
from iqatlas.generators.progress import Listener, Progress, silent
from iqatlas.generators.scene import scene_of
from iqatlas.generators.site_count import needs_scene, with_site_count, with_sites
from iqatlas.generators.spec import CorpusSpec
from iqatlas.occupancy.spec import TraceOccupancy
from iqatlas.scenes.scene import Scene


def counted_plan(spec: CorpusSpec, *, progress: Listener = silent) -> tuple[Plan, Scene | None]:
    """Return a plan that says how many sites there are, and the scene where it had to be built for that.

    Args:
        spec: What was asked.
        progress: Told that the scene is built.

    Raises:
        IqAtlasError: Parts of the spec don't fit each other, or the scene can't be built.
    """
    spec = with_site_count(spec)
    if not needs_scene(spec):
        return plan(spec), None
    # What can't work shows before the map is read; a trace alone can't be read for a likely number of sites.
    if not isinstance(spec.occupancy, TraceOccupancy):
        plan(spec)
    progress(Progress("building the scene"))
    scene = scene_of(spec)
    return plan(with_sites(spec, len(scene.sites))), scene
