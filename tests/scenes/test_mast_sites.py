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


UAVS = np.array([[500.0, 0.0, 120.0]])


def on_masts(*tags: dict[str, str], **spec):
    """Masts 100.9 m apart from the origin to the east, on ground with one building of 15 m at the first."""
    found = tuple(
        MappedMast(f"node/{9 - i}", -0.08 + 0.001454 * i, 51.51, {"telecom": "mast", **told})
        for i, told in enumerate(tags)
    )
    return osm_mast_sites(
        OsmMastSites(**spec), frame=FRAME, buildings=city((0, 0, 20, 15)), masts=found, receivers_m=UAVS
    )


def test_sites_on_mapped_masts() -> None:
    far, near = {"operator": "Elisa", "direction": "SW"}, {"height": "40 m", "antenna:direction": "77.5"}
    sites = on_masts(far, near, count=2, height_above_roof_m=6, power_dbm=40)
    assert [site.name for site in sites] == ["osm8", "osm9"]  # the nearest to the UAV first
    assert [site.position_m[2] for site in sites] == [40, 21]
    assert [site.height_source for site in sites] == ["tag", "roof"]
    assert [site.azimuth_deg for site in sites] == [77.5, 225]
    assert {site.azimuth_source for site in sites} == {"tag"}
    assert sites[1].operator == "Elisa" and sites[0].provenance == "OpenStreetMap: node/8, telecom=mast"
    assert {site.power_dbm for site in sites} == {40}
    assert [site.name for site in on_masts(far, near, count=1, choose="coverage")] == ["osm8"]
    (alone,) = on_masts(near | {"height": ""}, count=1, default_height_m=33, height_above_roof_m=9)
    assert alone.position_m[2] == 24
    assert on_masts(far, {}, count=1, default_height_m=33)[0].position_m[2] == 33


def drawn(osm_id: str, height: str | None, owner: str = "way/0"):
    """Return the site of a mast over a roof of 15 m; ``owner`` is the number of that building."""
    tags = {"tower:type": "communication"} | ({} if height is None else {"height": height})
    buildings = city((0, 0, 20, 15)).assign(osm_id=owner)
    mast = MappedMast(osm_id, FRAME.longitude_deg, FRAME.latitude_deg, tags)
    (site,) = osm_mast_sites(
        OsmMastSites(count=1, height_above_roof_m=6),
        frame=FRAME,
        buildings=buildings,
        masts=(mast,),
        receivers_m=UAVS,
    )
    return site


def test_masts_that_are_drawn_have_their_own_height() -> None:
    # A tower that is no building of the scene's, taller than the roof that it goes through.
    assert drawn("way/25", "40").position_m[2] == 40
    # A tower that is a building of the scene's: its antenna stands clear of its own roof.
    for height in ("15", "14.8"):
        site = drawn("way/25", height, owner="way/25")
        assert site.position_m[2] == pytest.approx(15.1) and site.height_source == "tag"
    # An antenna drawn on somebody else's roof adds its own length, as a node does.
    assert drawn("way/25", "8").position_m[2] == drawn("node/25", "8").position_m[2] == 23
    # Its own solid is taller than its tag: still on the roof, not twice as high.
    assert drawn("relation/25", "9", owner="relation/25").position_m[2] == pytest.approx(15.1)
    # Without a tag the roof tells.
    assert drawn("way/25", None).position_m[2] == drawn("node/25", None).position_m[2] == 21
    assert [drawn(name, None).name for name in ("node/25", "way/25")] == ["osm25", "osm-way25"]
    assert drawn("way/25", "40").provenance == "OpenStreetMap: way/25, tower:type=communication"


def test_too_few_masts_say_what_else_there_is() -> None:
    with pytest.raises(SitesError, match=r"the map has 1 radio masts .* sites\.count is 3; .*placed"):
        on_masts({})
    with pytest.raises(SitesError, match="the map has 0 radio masts"):
        on_masts(count=1)


@pytest.mark.parametrize(
    ("tags", "azimuth"),
    [
        ({"direction": "N"}, 0.0),
        ({"direction": "wnw"}, 292.5),
        ({"direction": "360"}, 0.0),
        ({"antenna:azimuth": "120°", "direction": "N"}, 120.0),
        ({"direction": "0;120;240"}, None),
        ({"direction": "361"}, None),
        ({"direction": "-5"}, None),
        ({"direction": "clockwise"}, None),
        ({}, None),
    ],
)
def test_directions_of_tags(tags: dict[str, str], azimuth: float | None) -> None:
    assert tagged_azimuth_deg(tags) == azimuth


def placed(buildings: gpd.GeoDataFrame, **spec):
    return placed_sites(PlacedSites(**spec), frame=FRAME, bbox=BBOX, buildings=buildings)


def test_placed_sites_say_that_they_are() -> None:
    buildings = city(
        (0, 0, 20, 58),
        (200, 0, 20, 57),  # too near to the first
        (0, 300, 20, 40),
        (-300, 0, 20, 90),  # a tower
        (300, -100, 5, 59),  # 25 m²
        (690, 0, 20, 59),  # in the outer 5%
        (300, 100, 20, 20),
    )
    sites = placed(buildings, count=3, power_dbm=30, height_above_roof_m=3)
    assert [site.position_m[2] for site in sites] == [61, 43, 23]
    np.testing.assert_allclose(
        [site.position_m[:2] for site in sites], [[0, 0], [0, 300], [300, 100]], atol=1e-6
    )
    assert all(site.provenance.startswith("placed by iqatlas, not a known site") for site in sites)
    assert {site.position_uncertainty_m for site in sites} == {None}
    assert {site.power_dbm for site in sites} == {30}
    assert len(placed(buildings, count=4, separation_m=140.0)) == 4
    with pytest.raises(SitesError, match=r"3 roofs are 250 m apart, and sites\.count is 5"):
        placed(buildings, count=5)


def test_where_all_is_towers_they_are_placed_on_towers() -> None:
    (site,) = placed(city((0, 0, 40, 200)), count=1)
    assert site.position_m[2] == 204


def test_placed_sites_stand_on_the_highest_of_roofs_over_each_other() -> None:
    (site,) = placed(city((0, 0, 40, 50), (0, 0, 8, 58)), count=1)
    # The spire of 64 m² is no place for an antenna; the roof below it is 58 m high where it stands.
    assert site.position_m[2] == 62
