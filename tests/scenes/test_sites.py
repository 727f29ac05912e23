"""Sites from cell databases, among buildings with known roofs."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from iqatlas.errors import SitesError
from iqatlas.scenes.clearance import containing_building
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.opencellid import CELL_COLUMNS, CellTable
from iqatlas.scenes.sites import sites_from_cells
from iqatlas.scenes.spec import CellMapperSites, OpenCellIdSites

FRAME = LocalFrame(-0.08, 51.51)
UAVS = np.array([[600.0, 0, 120], [500.0, 100, 120]])
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
    return sites_from_cells(asked, table=table, frame=FRAME, bbox=BBOX, buildings=buildings, receivers_m=UAVS)


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


def test_the_nearest_and_the_best_covering() -> None:
    """The UAVs are 500 and 600 m east: the nearest site is not the best sampled one."""
    table = cell_table((30, 1, -300, 0, 90), (30, 2, 450, 40, 5), (30, 3, 560, 0, 4), (30, 4, 300, 0, 80))
    assert [site.name for site in choose(table, count=2)] == ["enb1", "enb4"]
    assert [site.name for site in choose(table, count=2, choose="nearest")] == ["enb3", "enb2"]
    assert [site.name for site in choose(table, count=1, choose="coverage")] == ["enb3"]


def around(enodeb: int, azimuths: tuple[float, ...], samples: int, **columns) -> pd.DataFrame:
    """Cells 200 m out from the origin along their azimuths."""
    angle = np.deg2rad(azimuths)
    longitude, latitude = FRAME.to_geodetic(200 * np.sin(angle), 200 * np.cos(angle))
    table = pd.DataFrame(
        {
            "radio": "LTE",
            "mcc": 234,
            "mnc": 30,
            "area": 7,
            "cell": enodeb * 256 + np.arange(len(angle)),
            "longitude_deg": longitude,
            "latitude_deg": latitude,
            "range_m": 1000.0,
            "samples": samples,
        }
    )
    return table.assign(**columns)


def test_sectors_as_transmitters() -> None:
    table = CellTable(around(700, (0, 120, 240), 20), rows=3)
    (whole,) = choose(table, count=1)
    assert (whole.name, whole.azimuth_deg, whole.azimuth_source) == ("enb700", None, None)
    sites = choose(table, count=3, by_sector=True)
    assert [site.name for site in sites] == ["enb700-0", "enb700-1", "enb700-2"]
    np.testing.assert_allclose(
        np.mod([site.azimuth_deg + 1e-6 for site in sites], 360), [0, 120, 240], atol=1e-4
    )
    assert {site.azimuth_source for site in sites} == {"measured"}
    assert len({site.position_m for site in sites}) == 1
    assert len({site.cell_id % 3 for site in sites}) == 3
    assert sites[1].provenance == "OpenCelliD: eNodeB 700 of 234-30, sector 1, one of 3, 1 cell, 20 samples"
    with pytest.raises(SitesError, match=r"3 sectors of sites at least 100 m apart, and sites\.count is 4"):
        choose(table, count=4, by_sector=True)


def test_identities_and_channels_that_were_measured() -> None:
    """Two sites measured with one identity can't both have it in one scene: the second gets another."""
    cells = [
        around(700, (0, 120, 240), 20, pci=[209, 210, 211], earfcn=[1300, 1300, 6200]),
        cell_table((30, 701, -400, 0, 5)).cells.assign(pci=209, earfcn=70_000_000),
    ]
    table = CellTable(pd.concat(cells, ignore_index=True), rows=6)
    spec = CellMapperSites(path="cells.csv", count=2)
    first, second = sites_from_cells(
        spec, table=table, frame=FRAME, bbox=BBOX, buildings=city(), receivers_m=UAVS
    )
    assert (first.cell_id, first.earfcn, first.band) == (209, 1300, 3)
    assert first.provenance.endswith("physical identity 209 measured")
    assert second.cell_id != 209 and second.band is None
    assert "209 measured but another site's here" in second.provenance
    one = CellMapperSites(path="cells.csv", count=1, band=20, by_sector=True)
    (site,) = sites_from_cells(one, table=table, frame=FRAME, bbox=BBOX, buildings=city(), receivers_m=UAVS)
    # Of eNodeB 700 the third cell alone is in band 20; it has more samples, but is one cell.
    assert (site.name, site.band) == ("enb701-0", None)


def test_sites_carry_distinct_identities_and_their_own_geodetic_place() -> None:
    table = cell_table((30, 1, 0, 0, 9), (30, 2, 300, 0, 8), (30, 3, -300, 100, 7))
    sites = choose(table, count=3)
    assert len({site.cell_id % 3 for site in sites}) == 3
    for site in sites:
        east, north = FRAME.to_local(site.longitude_deg, site.latitude_deg)
        np.testing.assert_allclose((east, north), site.position_m[:2], atol=1e-6)
    assert choose(table, count=3) == sites
