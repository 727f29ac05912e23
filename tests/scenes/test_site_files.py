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
from iqatlas.scenes.site_files import file_sites, listed_sites, read_site_file
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
