"""Sectors and their azimuths, from made-up cells whose directions are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from iqatlas.scenes.enodebs import gather_enodebs
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.opencellid import CELL_COLUMNS
from iqatlas.scenes.sectors import SECTOR_COLUMNS, find_sectors

FRAME = LocalFrame(-0.08, 51.51)


def cells_around(
    azimuth_deg, *, out_m=200.0, enodeb=700, samples=20, sector=None, middle=(0.0, 0.0)
) -> pd.DataFrame:
    """Cells at a distance and azimuth (clockwise from north) from a mast."""
    azimuth = np.deg2rad(np.asarray(azimuth_deg, np.float64))
    longitude, latitude = FRAME.to_geodetic(
        middle[0] + out_m * np.sin(azimuth), middle[1] + out_m * np.cos(azimuth)
    )
    count = len(azimuth)
    table = {
        "radio": "LTE",
        "mcc": 234,
        "mnc": 30,
        "area": 7,
        "cell": np.broadcast_to(enodeb, count) * 256
        + (np.arange(count) if sector is None else np.array(sector)),
        "longitude_deg": longitude,
        "latitude_deg": latitude,
        "range_m": 1000.0,
        "samples": np.broadcast_to(samples, count).astype(np.int64),
    }
    return pd.DataFrame(table)[list(CELL_COLUMNS)]


def sectors_of(cells: pd.DataFrame) -> pd.DataFrame:
    return find_sectors(cells, gather_enodebs(cells, frame=FRAME), frame=FRAME)


def test_three_sectors_point_where_their_cells_are() -> None:
    sectors = sectors_of(cells_around([30, 150, 270], samples=[10, 30, 20]))
    assert tuple(sectors.columns) == SECTOR_COLUMNS
    # Best-sampled first. The site is the weighted mean, which unequal samples pull off the mast by up to
    # 25 m at 200 m: 8°.
    assert sectors["sector"].tolist() == [1, 2, 0]
    np.testing.assert_allclose(sectors["azimuth_deg"], [150, 270, 30], atol=8)
    assert set(sectors["azimuth_source"]) == {"measured"}
    assert sectors["samples"].tolist() == [30, 20, 10]


def test_equal_samples_give_exact_azimuths() -> None:
    sectors = sectors_of(cells_around([0, 120, 240])).sort_values("sector")
    # The projection there and back is exact to micrometres; 0° may come as 360°.
    np.testing.assert_allclose(np.mod(sectors["azimuth_deg"] + 1e-6, 360), [0, 120, 240], atol=1e-4)


def test_carriers_of_one_sector_are_one_sector() -> None:
    """Two carriers a sector, up to 20° apart: three sectors of two cells."""
    sectors = sectors_of(cells_around([350, 10, 110, 130, 230, 250], sector=[0, 10, 1, 11, 2, 12]))
    assert sectors["cells"].tolist() == [2, 2, 2]
    assert sorted(sectors["sector"]) == [0, 1, 2]
    np.testing.assert_allclose(np.sort(np.mod(sectors["azimuth_deg"] + 1, 360)), [1, 121, 241], atol=1e-3)


@pytest.mark.parametrize(
    ("cells", "azimuth", "sector"),
    [
        (cells_around([77]), [0], [0]),
        (cells_around([10, 190], sector=[21, 18]), [0, 120], [18, 21]),
        (cells_around([10, 130, 250, 40], out_m=20.0), [0, 120, 240], [0, 1, 2]),
    ],
)
def test_what_cells_do_not_tell_is_a_default(cells: pd.DataFrame, azimuth: list, sector: list) -> None:
    """One cell, two cells on both sides of their mean, and cells within what positions are good for."""
    sectors = sectors_of(cells).sort_values("azimuth_deg")
    assert sectors["azimuth_deg"].tolist() == azimuth
    assert sectors["sector"].tolist() == sector
    assert set(sectors["azimuth_source"]) == {"default"}


def test_azimuths_of_a_made_up_database() -> None:
    """400 sites of three sectors, centroids 0.45 of 400 m out with a scatter of 60 m in each axis."""
    rng = np.random.default_rng(5)
    count = 400
    turn = rng.uniform(0, 360, count)
    mast = rng.uniform(-5000, 5000, (count, 2))
    azimuth = (turn[:, None] + [0, 120, 240]) % 360
    parts = [
        cells_around(azimuth[i], out_m=180.0, enodeb=1000 + i, middle=mast[i], samples=30)
        for i in range(count)
    ]
    cells = pd.concat(parts, ignore_index=True)
    east, north = FRAME.to_local(cells["longitude_deg"].to_numpy(), cells["latitude_deg"].to_numpy())
    scatter = rng.normal(0, 60, (2, len(cells)))
    cells["longitude_deg"], cells["latitude_deg"] = FRAME.to_geodetic(east + scatter[0], north + scatter[1])
    sectors = sectors_of(cells)
    measured = sectors[sectors["azimuth_source"] == "measured"]
    truth = azimuth[measured["row"], measured["sector"]]
    error = np.abs((measured["azimuth_deg"] - truth + 180) % 360 - 180)
    assert len(measured) > 0.9 * 3 * count
    # 60 m · √(2/3) across a lever of 180 m: one sigma of 15°, a median error of 10°.
    assert np.median(error) < 12 and np.mean(error < 45) > 0.97


def test_identity_and_channel_come_from_the_best_sampled_cell() -> None:
    cells = cells_around([0, 10, 120, 240], samples=[5, 50, 20, 20])
    cells["pci"], cells["earfcn"] = [11, 12, 13, -1], [1300, 6200, 1300, -1]
    sectors = sectors_of(cells).set_index("sector")
    assert sectors.loc[1, ["pci", "earfcn", "cells"]].tolist() == [12, 6200, 2]
    assert sectors.loc[3, ["pci", "earfcn"]].tolist() == [-1, -1]
    assert set(sectors_of(cells_around([0, 120, 240]))["pci"]) == {-1}
