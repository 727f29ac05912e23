"""Where masts stand, from made-up cell databases whose masts are known, and from real ones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.scenes.enodebs import ENODEB_COLUMNS, gather_enodebs, lte_cells, weighted_medians
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.opencellid import CELL_COLUMNS, read_cells
from iqatlas.scenes.sectors import find_sectors

FRAME = LocalFrame(-0.08, 51.51)


def cells_at(place_m, *, enodeb, samples=20, range_m=1000.0, radio="LTE", sector=None) -> pd.DataFrame:
    """Cells at given places in metres, one a row."""
    place_m = np.asarray(place_m, np.float64)
    longitude, latitude = FRAME.to_geodetic(place_m[:, 0].copy(), place_m[:, 1].copy())
    count = len(place_m)
    table = {
        "radio": radio,
        "mcc": 234,
        "mnc": 30,
        "area": 7,
        "cell": np.broadcast_to(enodeb, count) * 256 + (np.arange(count) if sector is None else sector),
        "longitude_deg": longitude,
        "latitude_deg": latitude,
        "range_m": np.broadcast_to(range_m, count).astype(np.float64),
        "samples": np.broadcast_to(samples, count).astype(np.int64),
    }
    return pd.DataFrame(table)[list(CELL_COLUMNS)]


def database(rng: np.random.Generator, masts: int, misplaced: float):
    """A crowd-sourced database: a cell's position is the centroid of what phones saw of it.

    The centroid lies 0.45 of the cell's radius out along its sector, plus scatter that falls with the
    samples; some sectors are missing, and some cells lie 1.5 km off (two axes, one sigma).
    """
    mast = rng.uniform(-1500, 1500, (masts, 2))
    radius = rng.uniform(200, 600, masts)
    count = rng.choice([1, 2, 3, 4, 6, 9], masts, p=[0.4, 0.2, 0.15, 0.1, 0.1, 0.05])
    number = np.repeat(np.arange(masts), count)
    azimuth = rng.uniform(0, 2 * np.pi, masts)[number] + rng.integers(0, 3, len(number)) * 2 * np.pi / 3
    samples = np.ceil(rng.lognormal(2.0, 1.1, len(number)))
    out = 0.45 * radius[number, None] * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    scatter = (radius[number] / 2 / np.sqrt(np.minimum(samples, 20)))[:, None] * rng.normal(
        size=(len(out), 2)
    )
    place = mast[number] + out + scatter
    astray = rng.random(len(number)) < misplaced
    place[astray] += rng.normal(size=(int(astray.sum()), 2)) * 1500
    cells = cells_at(
        place,
        enodeb=1000 + number,
        sector=np.arange(len(number)) - np.repeat(np.cumsum(count) - count, count),
        samples=samples,
        range_m=np.maximum(1000.0, 2 * radius[number]),
    )
    return cells, mast, count


@pytest.mark.parametrize("misplaced", [0.0, 0.05, 0.1])
def test_masts_are_found_within_the_declared_uncertainty(misplaced: float) -> None:
    cells, mast, _ = database(np.random.default_rng(20), 2000, misplaced)
    enodebs = gather_enodebs(cells, frame=FRAME)
    error = np.hypot(enodebs["east_m"] - mast[:, 0], enodebs["north_m"] - mast[:, 1])
    within = float(np.mean(error < enodebs["position_uncertainty_m"]))
    # 2000 masts: one sigma of the fraction is 0.5%, so 94% and more is 95% at two sigmas.
    assert within >= 0.94


def test_the_uncertainty_is_not_wasteful() -> None:
    """For sites of six and nine cells it is under four times the error that is really made."""
    cells, mast, count = database(np.random.default_rng(21), 2000, 0.0)
    enodebs = gather_enodebs(cells, frame=FRAME)
    error = np.hypot(enodebs["east_m"] - mast[:, 0], enodebs["north_m"] - mast[:, 1]).to_numpy()
    for cells_of_site in (1, 2, 3, 4, 6, 9):
        own = count == cells_of_site
        ratio = np.sqrt(np.mean(enodebs["position_uncertainty_m"][own] ** 2) / np.mean(error[own] ** 2))
        assert 1.0 < ratio < (6.0 if cells_of_site == 1 else 4.0), cells_of_site


def test_more_cells_are_better_than_one() -> None:
    cells, mast, count = database(np.random.default_rng(22), 2000, 0.0)
    enodebs = gather_enodebs(cells, frame=FRAME)
    error = np.hypot(enodebs["east_m"] - mast[:, 0], enodebs["north_m"] - mast[:, 1]).to_numpy()
    assert np.median(error[count == 9]) < 0.6 * np.median(error[count == 1])
    claimed = enodebs["position_uncertainty_m"].to_numpy()
    assert np.median(claimed[count == 9]) < 0.6 * np.median(claimed[count == 1])


def test_three_equal_sectors_meet_at_the_mast() -> None:
    angle = np.deg2rad([30, 150, 270])
    place = np.array([400.0, -200.0]) + 150 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    row = gather_enodebs(cells_at(place, enodeb=12345), frame=FRAME).iloc[0]
    # Exact but for the projection there and back, which is good to micrometres.
    np.testing.assert_allclose([row["east_m"], row["north_m"]], [400, -200], atol=1e-3)
    assert (row["mcc"], row["mnc"], row["enodeb"], row["cells"], row["samples"]) == (234, 30, 12345, 3, 60)
    # u² = (½·1000² + 2·3·150²) / (½ + 4): the rule of the docstring for three equal weights.
    assert row["position_uncertainty_m"] == pytest.approx(np.sqrt((5e5 + 6 * 150**2) / 4.5), rel=1e-6)


def test_a_stray_cell_is_dropped() -> None:
    place = [[0, 100], [90, -50], [-90, -50], [4000, 0]]
    row = gather_enodebs(cells_at(place, enodeb=1), frame=FRAME).iloc[0]
    assert (row["cells"], row["outliers"], row["samples"]) == (3, 1, 60)
    np.testing.assert_allclose([row["east_m"], row["north_m"]], [0, 0], atol=1e-3)


def test_near_cells_are_no_outliers_however_close_the_others_lie() -> None:
    """Rounded positions coincide, which makes the robust sigma zero."""
    row = gather_enodebs(cells_at([[0, 0], [0, 0], [0, 0], [150, 0]], enodeb=1), frame=FRAME).iloc[0]
    assert row["outliers"] == 0


def test_samples_weigh_and_level_off() -> None:
    def east(left: int, right: int) -> float:
        cells = cells_at([[-100, 0], [100, 0]], enodeb=1, samples=np.array([left, right]))
        return float(gather_enodebs(cells, frame=FRAME)["east_m"].iloc[0])

    assert east(1, 1) == pytest.approx(0, abs=1e-3)
    assert east(1, 1000) > east(10, 1000) > east(100, 1000) > 0
    assert east(1000, 100_000) < 1.0


@pytest.mark.parametrize(
    ("range_m", "claimed_m"), [(0.0, 250.0), (700.0, 700.0), (1000.0, 1000.0), (1e5, 2000.0)]
)
def test_a_single_cell_claims_its_range(range_m: float, claimed_m: float) -> None:
    row = gather_enodebs(cells_at([[10, 20]], enodeb=1, range_m=range_m), frame=FRAME).iloc[0]
    assert row["position_uncertainty_m"] == pytest.approx(claimed_m)


def test_the_order_of_the_rows_does_not_matter() -> None:
    cells, _, _ = database(np.random.default_rng(23), 50, 0.1)
    shuffled = cells.sample(frac=1.0, random_state=1).reset_index(drop=True)
    # Sums in another order differ in the last bits only.
    pd.testing.assert_frame_equal(
        gather_enodebs(cells, frame=FRAME), gather_enodebs(shuffled, frame=FRAME), rtol=1e-9
    )


def test_no_cells_give_no_enodebs() -> None:
    table = gather_enodebs(cells_at(np.empty((0, 2)), enodeb=1), frame=FRAME)
    assert tuple(table.columns) == ENODEB_COLUMNS and table.empty


def test_only_lte_identities_are_taken() -> None:
    cells = pd.concat(
        [
            cells_at([[0, 0]], enodeb=1),
            cells_at([[0, 0]], enodeb=2, radio="NR"),
            cells_at([[0, 0]], enodeb=(1 << 20) - 1, sector=255),
            cells_at([[0, 0]], enodeb=1 << 20),
            cells_at([[0, 0]], enodeb=0),
        ]
    )
    assert (lte_cells(cells, has_radio=True)["cell"] // 256).tolist() == [1]
    assert (lte_cells(cells, has_radio=False)["cell"] // 256).tolist() == [1, 2]


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_weighted_median_of_whole_weights_is_the_median_of_repeats(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    group = np.concatenate([np.arange(3), rng.integers(0, 3, size)])
    values = rng.integers(-5, 5, size + 3).astype(np.float64)
    weights = rng.integers(1, 6, size + 3)
    medians = weighted_medians(values, weights.astype(np.float64), group)
    for g in range(3):
        own = np.repeat(values[group == g], weights[group == g])
        assert medians[g] == np.quantile(own, 0.5, method="inverted_cdf")


def test_real_london_enodebs(shared_data: Path) -> None:
    table = read_cells(shared_data / "london-city-opencellid.csv")
    cells = lte_cells(table.cells, has_radio=True)
    enodebs = gather_enodebs(cells, frame=FRAME)
    # Counted independently: distinct (operator, cell // 256) among the LTE rows.
    assert len(enodebs) == 380
    assert enodebs["mnc"].value_counts().to_dict() == {10: 125, 15: 98, 30: 82, 20: 75}
    assert enodebs["position_uncertainty_m"].between(50, 3000).all()
    # A cell that was seen in two tracking areas has two rows, and is one cell.
    rows = enodebs["cells"].sum() + enodebs["outliers"].sum()
    assert len(cells.drop_duplicates(["mnc", "cell"])) <= rows <= len(cells)


def test_london_has_396_cells_and_170_enodebs_in_its_box(shared_data: Path) -> None:
    """Counted a second time, line by line, without this package's reader: in the map's box."""
    box = (-0.0921, 51.5015, -0.0662, 51.5154)
    with (shared_data / "london-city-opencellid.csv").open(newline="") as lines:
        rows = [
            row
            for row in csv.DictReader(lines)
            if row["radio"] == "LTE"
            and box[0] <= float(row["lon"]) <= box[2]
            and box[1] <= float(row["lat"]) <= box[3]
        ]
    by_hand = {(row["mcc"], row["mnc"], int(row["cellid"]) >> 8) for row in rows}
    assert (len(rows), len(by_hand)) == (396, 170)
    table = read_cells(shared_data / "london-city-opencellid.csv", bbox=box)
    cells = lte_cells(table.cells, has_radio=table.has_radio)
    enodebs = gather_enodebs(cells, frame=FRAME)
    assert (len(cells), len(enodebs)) == (396, 170)
    assert set(zip(enodebs["mcc"], enodebs["mnc"], enodebs["enodeb"], strict=True)) == {
        (int(mcc), int(mnc), number) for mcc, mnc, number in by_hand
    }
    # Sectors of all of them: no more than cells, at least one a site, and none is left without azimuth.
    sectors = find_sectors(cells, enodebs, frame=FRAME)
    assert set(sectors["row"]) == set(range(170)) and len(sectors) <= 396
    assert sectors["azimuth_deg"].between(0, 360).all()
