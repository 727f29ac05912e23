"""How many sites a spec asks for, where it leaves that to its file of sites."""

from __future__ import annotations

import numpy as np

from iqatlas.errors import SitesError, SpecError
from iqatlas.generators.spec import CorpusSpec
from iqatlas.occupancy.spec import MarkovOccupancy, TraceOccupancy
from iqatlas.scenes.bundled import BUNDLED_BBOX
from iqatlas.scenes.map_extent import BBox, scene_extent
from iqatlas.scenes.sites_spec import MOST_SITES
from iqatlas.scenes.spec import BundledBuildings, BundledSites, ListedSites, SiteFile
from iqatlas.user_paths import user_path

BUNDLED_SITE_COUNT = 3


def with_site_count(spec: CorpusSpec) -> CorpusSpec:
    """Return a spec that says how many sites there are: all rows of its file inside the scene.

    What is stored then needs no file. Where the buildings alone tell how far the scene reaches, the spec
    is returned as it is; :func:`with_sites` says it once there is a scene.

    Args:
        spec: What was asked.

    Raises:
        MissingFileError: There is no such file.
        SitesError: It can't be read, or has no site inside the scene, or too many.
    """
    sites, bbox = spec.sites, told_bbox(spec)
    if not isinstance(sites, SiteFile) or sites.count is not None or bbox is None:
        return spec
    # Tables take a second to import, and few specs have one.
    from iqatlas.scenes.site_tables import read_site_file, too_few_sites, too_many_sites

    read = read_site_file(spec.folder / user_path(sites.path))
    count, place = len(read.inside(bbox)), f"sites.path ({read.name})"
    if not count:
        raise too_few_sites(0, len(read.rows), 0, place, bbox=bbox)
    if count > MOST_SITES:
        raise too_many_sites(count, place)
    return with_sites(spec, count)


def with_sites(spec: CorpusSpec, count: int) -> CorpusSpec:
    """Return a spec that says how many sites there are, where it leaves that to the scene.

    Args:
        spec: What was asked.
        count: Number of sites of its scene.
    """
    if not isinstance(spec.sites, SiteFile) or spec.sites.count is not None:
        return spec
    return spec.model_copy(update={"sites": spec.sites.model_copy(update={"count": count})})


def told_bbox(spec: CorpusSpec) -> BBox | None:
    """Return west, south, east and north of the scene; None where the extent of its buildings decides.

    Args:
        spec: What was asked.
    """
    if spec.scene.bbox is not None:
        return spec.scene.bbox
    return BUNDLED_BBOX if isinstance(spec.scene.buildings, BundledBuildings) else None


def needs_scene(spec: CorpusSpec) -> bool:
    """Return whether only the scene tells how many sites there are.

    Args:
        spec: What :func:`with_site_count` returned.
    """
    return isinstance(spec.sites, SiteFile) and spec.sites.count is None


def site_count(spec: CorpusSpec) -> int:
    """Return how many sites a spec has; where only the scene tells, about how many, by the map's header.

    Args:
        spec: What :func:`with_site_count` returned.

    Raises:
        SpecError: Only the scene tells, and the occupancy has to be read for a known number of sites.
        MissingFileError, SitesError: A file of sites that has to be counted can't be.
    """
    if isinstance(spec.sites, BundledSites):
        return BUNDLED_SITE_COUNT
    if isinstance(spec.sites, ListedSites):
        return len(spec.sites.sites)
    if isinstance(spec.sites, SiteFile):
        return _likely_count(spec, spec.sites) if spec.sites.count is None else spec.sites.count
    return spec.sites.count


def _likely_count(spec: CorpusSpec, sites: SiteFile) -> int:
    """Return a number of sites to plan with, which no true one would be refused for."""
    from iqatlas.scenes.site_tables import read_site_file

    if isinstance(spec.occupancy, TraceOccupancy):
        raise SpecError(
            "a trace has values for each site, and how many there are is told by the scene alone",
            where="occupancy.path",
            remedy="set sites.count, or scene.bbox, for a plan",
        )
    read = read_site_file(spec.folder / user_path(sites.path))
    if not len(read.rows):
        raise SitesError(
            "the file has no row",
            where=f"sites.path ({read.name})",
            accepted="a row, or point, a transmitter",
        )
    likely = len(read.inside(scene_extent(spec.scene, base_folder=spec.folder)))
    if spec.splits.by == "site":
        splits = (spec.splits.train, spec.splits.validation, spec.splits.test)
        likely = max(likely, int(np.count_nonzero(splits)))
    if isinstance(spec.occupancy, MarkovOccupancy):
        rates = (spec.occupancy.p01, spec.occupancy.p10)
        told = [len(rate) for rate in rates if isinstance(rate, tuple) and isinstance(rate[0], tuple)]
        likely = told[0] if told else likely
    return min(max(1, likely), len(read.rows), MOST_SITES)
