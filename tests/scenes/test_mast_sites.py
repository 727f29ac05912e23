"""Sites of the map itself: mapped masts, the bundled stations, and places on high roofs."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.errors import SitesError
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.mast_sites import bundled_sites, osm_mast_sites, placed_sites, tagged_azimuth_deg
from iqatlas.scenes.spec import BundledSites, OsmMastSites, PlacedSites

FRAME = LocalFrame(-0.08, 51.51)
BBOX = (-0.09, 51.505, -0.07, 51.515)  # 1388 m by 1113 m about the origin


def city(*solids: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Square blocks given by the east and north of their middle, their width and their height."""
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{i}" for i in range(len(solids))],
            "base_height_m": np.zeros(len(solids)),
            "top_height_m": np.array([solid[3] for solid in solids], np.float64),
        },
        geometry=[shapely.Point(e, n).buffer(w / 2, cap_style="square") for e, n, w, _ in solids],
    )


@dataclass(frozen=True)
class MappedMast:
    osm_id: str
    longitude_deg: float
    latitude_deg: float
    tags: dict[str, str] = field(default_factory=dict)


def masts(tags: dict[str, str] | None = None) -> tuple[MappedMast, ...]:
    return (
        MappedMast("node/1682211174", -0.08, 51.51, {"communication:mobile_phone": "yes", **(tags or {})}),
        MappedMast("node/3329837193", -0.0785, 51.51, {"telecom": "bts"}),
        MappedMast("node/5", -0.0785, 51.51, {"telecom": "bts"}),
    )


TALL = (
    (0, 0, 20, 15),  # under the first mast
    (10, 40, 20, 90),  # highest, but near
    (0, 400, 20, 40),
    (0, -400, 20, 40),  # as high as the one before, with a higher number
    (0, 500, 5, 80),  # high, but a needle of 25 m²
)


def test_bundled_sites() -> None:
    sites = bundled_sites(BundledSites(power_dbm=46), frame=FRAME, buildings=city(*TALL), masts=masts())
    assert [site.name for site in sites] == ["osm1682211174", "osm3329837193", "rooftop"]
    assert [site.height_source for site in sites] == ["roof", "default", "roof"]
    np.testing.assert_allclose([site.position_m[2] for site in sites], [19, 25, 44])
    np.testing.assert_allclose(sites[2].position_m[:2], (0, 400), atol=1e-6)
    assert sites[0].provenance == "OpenStreetMap: node/1682211174, communication:mobile_phone=yes"
    assert sites[1].provenance == "OpenStreetMap: node/3329837193, telecom=bts"
    assert "way/2" in sites[2].provenance
    assert {site.power_dbm for site in sites} == {46}
    assert len({site.cell_id % 3 for site in sites}) == 3


@pytest.mark.parametrize(("height", "up"), [("35 m", 35.0), ("6", 21.0), ("tall", 19.0)])
def test_a_mast_takes_its_height_from_its_tag(height: str, up: float) -> None:
    """A mast of 6 m on a roof of 15 m reaches 21 m; a word tells nothing."""
    sites = bundled_sites(
        BundledSites(), frame=FRAME, buildings=city(*TALL), masts=masts({"height": height, "ele": "8"})
    )
    assert sites[0].position_m[2] == pytest.approx(up)
    assert sites[0].height_source == ("roof" if height == "tall" else "tag")


def test_a_part_of_the_city_without_the_stations_is_refused() -> None:
    with pytest.raises(SitesError, match="no node/3329837193"):
        bundled_sites(BundledSites(), frame=FRAME, buildings=city(*TALL), masts=masts()[:1])
    with pytest.raises(SitesError, match="no roof is 250 m from both"):
        bundled_sites(BundledSites(), frame=FRAME, buildings=city(*TALL[:2]), masts=masts())
