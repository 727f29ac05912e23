"""Sites given one by one, in the spec or in a file."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.site_files import file_sites, listed_sites
from iqatlas.scenes.site_tables import read_site_file
from iqatlas.scenes.spec import ListedSite, ListedSites, SiteFile

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


UAVS = np.array([[600.0, 0.0, 120.0]])
CSV = """name,lon,lat,height_m,power_dbm,pci,azimuth,tilt,antenna,operator,earfcn,band,colour
north,-0.08,51.512,35,40,12,-30,6,tr38901,234-10,1617,3,red
roof,-0.0801,51.51,,,,,,,,,,
open,-0.076,51.509,,,,,,,,,,
far,0.5,51.5,30,,,,,,,,,
"""


def chosen(path: Path, buildings: gpd.GeoDataFrame | None = None, **spec):
    buildings = city((-7, 0, 20, 30)) if buildings is None else buildings
    asked = SiteFile(path=path, **spec)
    return file_sites(
        asked, read_site_file(path), frame=FRAME, bbox=BBOX, buildings=buildings, receivers_m=UAVS
    )


def written(folder: Path, text: str, name: str = "sites.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def geojson(text: str) -> str:
    """The same sites as GeoJSON, numbers as numbers and empty fields as null."""
    head, *rows = [line.split(",") for line in text.splitlines()]
    features = []
    for row in rows:
        told = {key: value or None for key, value in zip(head, row, strict=True)}
        at = [float(told.pop("lon")), float(told.pop("lat")), 12.0]
        features.append(
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": at}, "properties": told}
        )
    return json.dumps({"type": "FeatureCollection", "features": features})


@pytest.mark.parametrize("kind", ["csv", "geojson"])
def test_a_file_tells_what_it_knows_and_the_spec_the_rest(tmp_path: Path, kind: str) -> None:
    text = CSV if kind == "csv" else geojson(CSV)
    path = written(tmp_path, text, f"sites.{kind}")
    north, roof, open_ground = chosen(path, count=3, power_dbm=37, height_above_roof_m=5)
    # 0.002° of latitude at 51.5° north: 222.5 m.
    np.testing.assert_allclose(north.position_m, (0, 222.5, 35), atol=0.1)
    assert (north.name, north.power_dbm, north.cell_id, north.operator) == ("north", 40, 12, "234-10")
    assert (north.azimuth_deg, north.azimuth_source, north.tilt_deg) == (330, "file", 6)
    assert (north.antenna, north.earfcn, north.band, north.height_source) == ("tr38901", 1617, 3, "file")
    assert north.provenance == f"sites.{kind}, row 1"
    assert (roof.position_m[2], roof.height_source, roof.power_dbm) == (35, "roof", 37)
    assert (open_ground.position_m[2], open_ground.height_source) == (25, "default")
    assert (roof.antenna, roof.azimuth_deg, roof.azimuth_source, roof.earfcn) == (
        "isotropic",
        None,
        None,
        None,
    )
    assert len({site.cell_id % 3 for site in (north, roof, open_ground)}) == 3


def test_the_nearest_of_a_file(tmp_path: Path) -> None:
    """The UAV is 600 m east: the site on open ground is 320 m from it, the one on the roof 607 m."""
    path = written(tmp_path, CSV)
    assert [site.name for site in chosen(path, count=2, choose="nearest")] == ["open", "roof"]
    assert [site.name for site in chosen(path, count=2)] == ["north", "roof"]
    assert [site.name for site in chosen(path, count=1, choose="coverage")] == ["open"]


def test_sectors_of_one_mast_may_share_their_place(tmp_path: Path) -> None:
    text = "lon,lat,azimuth_deg\n" + "".join(f"-0.08,51.512,{azimuth}\n" for azimuth in (0, 120, 240))
    sites = chosen(written(tmp_path, text), count=3)
    assert [site.name for site in sites] == ["site1", "site2", "site3"]
    assert [site.azimuth_deg for site in sites] == [0, 120, 240]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.csv", CSV, "3 of 4 sites are inside the scene, and sites.count is 4"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "name,lon\na,1\n", "no column for latitude_deg in name, lon"),
        ("a.csv", "lon,longitude,lat\n1,1,1\n", "two columns tell the same"),
        ("a.csv", "lon,lat\n1\n", "row 1 has 1 fields, the header 2"),
        ("a.csv", "lon,lat\n1,95\n", "row 1: latitude_deg is '95'; accepted: numbers from -90 to 90"),
        ("a.csv", "lon,lat\n,51\n", "row 1: longitude_deg is ''"),
        ("a.csv", "lon,lat,pci\n1,2,3.5\n", "row 1: cell_id is '3.5'; accepted: whole numbers from 0 to 503"),
        ("a.csv", "lon,lat,height_m\n0,0,-3\n", "row 1: height_m is '-3'"),
        ("a.csv", "lon,lat,antenna\n0,0,dish\n", "unknown antenna 'dish'; accepted: isotropic, tr38901"),
        ("a.csv", "lon,lat\n1e999,nan\n", "row 1: longitude_deg is '1e999'"),
        ("a.geojson", "[]", "no list of features"),
        ("a.geojson", "{", "not JSON"),
        ("a.geojson", "[" * 100_000, "not JSON"),
        ("a.json", '{"features": [{"geometry": {"type": "LineString"}}]}', "feature 1 is no Point"),
        (
            "a.json",
            '{"features": [{"geometry": {"type": "Point", "coordinates": [1]}}]}',
            "latitude_deg is ''",
        ),
        ("a.txt", CSV, r"a.txt is no file of sites; accepted: .csv, .geojson or .json"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, text: str, what: str) -> None:
    with pytest.raises(SitesError, match=what):
        chosen(written(tmp_path, text, name), count=4)


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("power", "power_dbm"),
        ("EIRP_dBm", "power_dbm"),
        ("power_w", "power_dbm"),
        ("antenna_height_m", "height_m"),
        ("antennaHeight", "height_m"),
        ("hieght", "height_m"),
        ("downtilt_deg", "tilt_deg"),
        ("azimut", "azimuth_deg"),
        ("site_id", "name"),
        ("lattitude", "latitude_deg"),
        ("antenna_type", "antenna"),
        ("tx_pwr", "power_dbm"),
        ("hgt", "height_m"),
        ("az", "azimuth_deg"),
        ("antenna_az", "azimuth_deg"),
        ("physCellId", "cell_id"),
        ("physical_layer_cell_identity", "cell_id"),
    ],
)
def test_a_column_that_is_meant_otherwise_is_refused(tmp_path: Path, column: str, meant: str) -> None:
    """37 dBm under a wrong heading would be 43 dBm, the default, with nobody the wiser."""
    latitude = "" if meant == "latitude_deg" else ",lat"
    path = written(tmp_path, f"lon{latitude},{column}\n-0.08{latitude and ',51.512'},37\n")
    with pytest.raises(SitesError) as caught:
        chosen(path, count=1)
    assert f"unknown column {column!r}, did you mean {meant!r}?; accepted: " in str(caught.value)


def test_a_physical_cell_identity_may_have_its_full_name(tmp_path: Path) -> None:
    for text in ("lon,lat,physical_cell_id\n-0.08,51.512,37\n", "lon,lat,PCI\n-0.08,51.512,37\n"):
        assert chosen(written(tmp_path, text))[0].cell_id == 37


def test_other_columns_are_named_and_left_alone(tmp_path: Path) -> None:
    """So is one that is near a column that is there: a mast's height beside the antenna's."""
    header = "lon,lat,height_m,mast_height_m,notes,street,bandwidth_mhz,alt_name,technology,physical_address"
    path = written(tmp_path, f"{header}\n-0.08,51.512,31,30,a,b,10,c,LTE,d\n")
    assert read_site_file(path).unused == tuple(header.split(",")[3:])
    assert chosen(path, count=1)[0].position_m[2] == 31


def test_more_columns_than_a_table_has_are_refused(tmp_path: Path) -> None:
    """As many columns as rows would be a table of the square of the file's size."""
    header = ",".join(["lon", "lat", *(f"c{number}" for number in range(1000))])
    with pytest.raises(SitesError, match="1002 columns; accepted: at most 1000"):
        read_site_file(written(tmp_path, f"{header}\n{'1,' * 1001}1\n"))
    point = {"type": "Point", "coordinates": [0, 0]}
    features = [{"geometry": point, "properties": {f"c{number}": 1}} for number in range(1002)]
    with pytest.raises(SitesError, match="over 1000 different properties"):
        read_site_file(written(tmp_path, json.dumps({"features": features}), "a.json"))


@pytest.mark.parametrize(("mark", "shown"), [(";", "';'"), ("\t", "tabs")])
def test_a_file_of_another_separator_is_told_which_is_accepted(tmp_path: Path, mark: str, shown: str) -> None:
    path = written(tmp_path, f"lon{mark}lat\n24,95{mark}60,17\n")
    with pytest.raises(SitesError, match=f"separated by {shown}; accepted: commas between fields and points"):
        read_site_file(path)


def test_without_a_count_all_rows_inside_the_scene_are_taken(tmp_path: Path) -> None:
    assert [site.name for site in chosen(written(tmp_path, CSV))] == ["north", "roof", "open"]
    with pytest.raises(SitesError, match="0 of 1 sites are inside the scene, and one is needed"):
        chosen(written(tmp_path, "lon,lat\n1,2\n"))


def test_sites_of_a_file_that_cannot_be(tmp_path: Path) -> None:
    inside = written(tmp_path, "name,lon,lat,height_m\nlow,-0.0801,51.51,12\n")
    with pytest.raises(SitesError, match=r"site low at 12 m is inside the building way/0; .*30 m"):
        chosen(inside, count=1)
    twice = written(tmp_path, "name,lon,lat\na,-0.08,51.512\na,-0.08,51.511\n")
    with pytest.raises(SitesError, match="the name 'a' comes twice"):
        chosen(twice, count=2)
    same = written(tmp_path, "lon,lat,pci\n-0.08,51.512,7\n-0.08,51.511,7\n")
    with pytest.raises(SitesError, match="the same cell_id 7"):
        chosen(same, count=2)
    with pytest.raises(MissingFileError, match="no file"):
        chosen(tmp_path / "gone.csv", count=1)
    with pytest.raises(SitesError, match="more than 10 bytes"):
        read_site_file(same, max_bytes=10)
