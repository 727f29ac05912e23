"""How many sites a spec asks for, where it leaves that to its file of sites."""

from __future__ import annotations

from iqatlas.errors import SitesError, SpecError
from iqatlas.generators.spec import CorpusSpec
from iqatlas.scenes.bundled import BUNDLED_BBOX
from iqatlas.scenes.spec import BundledBuildings, BundledSites, ListedSites, SiteFile
from iqatlas.user_paths import user_path

BUNDLED_SITE_COUNT = 3
MOST_SITES = 64


def with_site_count(spec: CorpusSpec) -> CorpusSpec:
    """Return a spec that says how many sites there are: all rows of its file inside the scene.

    What is stored then needs no file. Where the extent of the map decides what is inside, all rows count.

    Args:
        spec: What was asked.

    Raises:
        MissingFileError: There is no such file.
        SitesError: It can't be read, or has no site inside the scene, or too many.
    """
    sites = spec.sites
    if not isinstance(sites, SiteFile) or sites.count is not None:
        return spec
    # Tables take a second to import, and few specs have one.
    from iqatlas.scenes.site_tables import read_site_file, too_few_sites

    read = read_site_file(spec.folder / user_path(sites.path))
    bundled = BUNDLED_BBOX if isinstance(spec.scene.buildings, BundledBuildings) else None
    count, place = len(read.inside(spec.scene.bbox or bundled)), f"sites.path ({read.name})"
    if not count:
        raise too_few_sites(0, len(read.rows), 0, place)
    if count > MOST_SITES:
        raise SitesError(
            f"{count} sites, and sites.count is left out",
            where=place,
            accepted=f"sites.count: 1 to {MOST_SITES}",
        )
    return spec.model_copy(update={"sites": sites.model_copy(update={"count": count})})


def site_count(spec: CorpusSpec) -> int:
    """Return how many sites a spec has.

    Args:
        spec: What :func:`with_site_count` returned.

    Raises:
        SpecError: It doesn't say.
    """
    if isinstance(spec.sites, BundledSites):
        return BUNDLED_SITE_COUNT
    if isinstance(spec.sites, ListedSites):
        return len(spec.sites.sites)
    if spec.sites.count is None:
        raise SpecError("how many sites is not said", where="sites.count", accepted=f"1 to {MOST_SITES}")
    return spec.sites.count
