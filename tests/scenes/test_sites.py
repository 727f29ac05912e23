"""Sites from cell databases, from the spec and of the bundled city, among buildings with known roofs."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from iqatlas.errors import SitesError
from iqatlas.scenes.clearance import containing_building
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.opencellid import CELL_COLUMNS, CellTable
from iqatlas.scenes.sites import bundled_sites, listed_sites, sites_from_opencellid
from iqatlas.scenes.spec import BundledSites, ListedSite, ListedSites, OpenCellIdSites

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


def cell_table(*masts: tuple[int, int, float, float, int], cells: int = 3) -> CellTable:
    """Cells of masts given by mnc, eNodeB, east, north and samples a cell, all at the mast itself."""
    rows = []
    for mnc, enodeb, east, north, samples in masts:
        longitude, latitude = (float(x) for x in FRAME.to_geodetic(float(east), float(north)))
        rows += [
            ("LTE", 234, mnc, 7, enodeb * 256 + sector, longitude, latitude, 1000.0, samples)
            for sector in range(cells)
        ]
    return CellTable(pd.DataFrame(rows, columns=list(CELL_COLUMNS)), rows=len(rows))


def choose(table: CellTable, buildings: gpd.GeoDataFrame | None = None, **spec):
    buildings = city() if buildings is None else buildings
    asked = OpenCellIdSites(path="cells.csv", **spec)
    return sites_from_opencellid(asked, table=table, frame=FRAME, bbox=BBOX, buildings=buildings)


def test_a_site_on_a_roof() -> None:
    """Cells inside a footprint: the antenna is on that building's roof, not in it."""
    buildings = city((100, 50, 40, 30), (105, 50, 10, 45))
    (site,) = choose(cell_table((30, 700, 100, 50, 20)), buildings, count=1, power_dbm=40)
    assert site.name == "enb700"
    # Where footprints overlap the highest roof counts, and 4 m come on top; the projection is exact to µm.
    np.testing.assert_allclose(site.position_m, (100, 50, 49), atol=1e-3)
    assert (site.height_source, site.power_dbm, site.operator) == ("roof", 40, "234-30")
    assert site.provenance == "OpenCelliD: eNodeB 700 of 234-30, 3 cells, 60 samples"
    assert containing_building(buildings, np.array([site.position_m])).tolist() == [-1]


@pytest.mark.parametrize(
    ("east", "height_m", "source"), [(139, 34, "roof"), (149, 34, "roof"), (151, 25, "default")]
)
def test_open_ground_takes_the_nearest_roof_within_30_m(east: float, height_m: float, source: str) -> None:
    (site,) = choose(cell_table((30, 700, east, 50, 20)), city((100, 50, 40, 30)), count=1)
    assert (site.position_m[2], site.height_source) == (pytest.approx(height_m), source)


def test_heights_of_the_spec_are_used() -> None:
    buildings = city((100, 50, 40, 30))
    table = cell_table((30, 700, 100, 50, 20), (30, 701, -300, 50, 10))
    sites = choose(table, buildings, count=2, height_above_roof_m=7.5, default_height_m=31)
    assert [site.position_m[2] for site in sites] == [37.5, 31.0]
    (flush,) = choose(cell_table((30, 700, 100, 50, 20)), buildings, count=1, height_above_roof_m=0)
    # Never in the roof's own surface.
    assert 30.0 < flush.position_m[2] < 31.0


def test_best_sampled_first_and_apart() -> None:
    table = cell_table(
        (30, 1, 0, 0, 10),
        (30, 2, 50, 0, 90),  # best, and within 100 m of eNodeB 1
        (30, 3, 300, 0, 40),
        (30, 4, -300, 0, 40),
        (30, 5, 0, 300, 5),
    )
    assert [site.name for site in choose(table, count=4)] == ["enb2", "enb3", "enb4", "enb5"]
    with pytest.raises(SitesError, match=r"has 5 LTE eNodeBs inside the scene, 4 of them at least 100 m"):
        choose(table, count=5)


def test_a_single_cell_comes_after_all_others() -> None:
    several = cell_table((30, 1, 0, 0, 1), (30, 2, 300, 0, 2))
    single = cell_table((30, 3, -300, 0, 500), cells=1)
    table = CellTable(pd.concat([single.cells, several.cells], ignore_index=True), rows=7)
    sites = choose(table, count=3)
    assert [site.name for site in sites] == ["enb2", "enb1", "enb3"]
    assert sites[2].provenance.endswith("1 cell, 500 samples")
    assert sites[2].position_uncertainty_m == 1000.0


def test_the_operator_is_the_one_with_most_enodebs_or_the_one_named() -> None:
    table = cell_table(
        (10, 1, 0, 0, 500), (30, 2, 300, 0, 1), (30, 3, -300, 0, 1), (30, 4, 2000, 0, 1), (30, 5, 660, 0, 1)
    )
    # eNodeB 4 lies outside, eNodeB 5 in the outer 5% of the bbox.
    assert {site.operator for site in choose(table, count=2)} == {"234-30"}
    assert [site.name for site in choose(table, count=1, mcc=234, mnc=10)] == ["enb1"]
    with pytest.raises(SitesError) as caught:
        choose(table, count=3, mnc=30)
    assert "234-30 has 2 LTE eNodeBs" in str(caught.value)
    assert "234-30 (2), 234-10 (1)" in str(caught.value)
    with pytest.raises(SitesError, match=r"no LTE eNodeB of 310-260 inside the scene; .*234-30 \(2\)"):
        choose(table, mcc=310, mnc=260)
    with pytest.raises(SitesError, match="eNodeBs here: none"):
        choose(cell_table((30, 4, 2000, 0, 1)))


def test_sites_carry_distinct_identities_and_their_own_geodetic_place() -> None:
    table = cell_table((30, 1, 0, 0, 9), (30, 2, 300, 0, 8), (30, 3, -300, 100, 7))
    sites = choose(table, count=3)
    assert len({site.cell_id % 3 for site in sites}) == 3
    for site in sites:
        east, north = FRAME.to_local(site.longitude_deg, site.latitude_deg)
        np.testing.assert_allclose((east, north), site.position_m[:2], atol=1e-6)
    assert choose(table, count=3) == sites


def listed(**changes) -> ListedSite:
    return ListedSite(
        **{"name": "a", "longitude_deg": -0.08, "latitude_deg": 51.51, "height_m": 30} | changes
    )


def test_listed_sites_stand_where_they_are_put() -> None:
    spec = ListedSites(sites=(listed(), listed(name="b", longitude_deg=-0.081, cell_id=12, power_dbm=20)))
    first, second = listed_sites(spec, frame=FRAME, buildings=city((0, 0, 20, 29.9)))
    np.testing.assert_allclose(first.position_m, (0, 0, 30), atol=1e-6)
    # 0.001° of longitude at 51.51° north: 69.43 m.
    assert second.position_m[0] == pytest.approx(-69.43, abs=0.01)
    assert (second.cell_id, second.power_dbm, second.height_source) == (12, 20, "spec")
    assert first.cell_id % 3 != second.cell_id % 3
    assert first.provenance == "placed in the spec" and first.position_uncertainty_m is None


@pytest.mark.parametrize(
    ("sites", "what"),
    [
        ((listed(height_m=29),), "site a at 29 m is inside the building way/0; .*29.9 m"),
        ((listed(), listed(longitude_deg=0.1)), "the name 'a' comes twice"),
        ((listed(longitude_deg=51.51, latitude_deg=-0.08),), r"km from the scene; .*swapped"),
        ((listed(cell_id=3), listed(name="b", longitude_deg=0.1, cell_id=3)), "the same cell_id 3"),
    ],
)
def test_listed_sites_that_cannot_be(sites: tuple[ListedSite, ...], what: str) -> None:
    with pytest.raises(SitesError, match=what):
        listed_sites(ListedSites(sites=sites), frame=FRAME, buildings=city((0, 0, 20, 29.9)))


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
