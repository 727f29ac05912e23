"""Transmitter sites from a cell database: eNodeBs, or their sectors, of one operator."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from jaxtyping import Float64

from iqatlas.errors import SitesError, SpecError
from iqatlas.scenes.cell_identities import first_of_each, physical_cell_ids
from iqatlas.scenes.enodebs import gather_enodebs, lte_cells
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.opencellid import CellTable
from iqatlas.scenes.scene import Site
from iqatlas.scenes.sectors import find_sectors
from iqatlas.scenes.site_choice import SITE_SEPARATION_M, Rule, choose_sites, rows_inside
from iqatlas.scenes.site_heights import estimated_heights
from iqatlas.scenes.sites_spec import CellMapperSites, OpenCellIdSites
from iqatlas.waveforms.carrier import band_of

BBox = tuple[float, float, float, float]

# An estimated position this near to the edge, as a part of the scene's width, has no city behind it.
_MARGIN = 0.05
_UNKNOWN = -1


def sites_from_cells(
    spec: OpenCellIdSites | CellMapperSites,
    *,
    table: CellTable,
    frame: LocalFrame,
    bbox: BBox,
    buildings: gpd.GeoDataFrame,
    receivers_m: Float64[np.ndarray, "receiver 3"],
) -> tuple[Site, ...]:
    """Choose sites from a cell database: eNodeBs of one operator inside the scene, or their sectors.

    The operator is the one that the spec names; without a name, the country with most eNodeBs inside
    the scene and in it the operator with most of them. eNodeBs count as inside when their estimated
    position lies within the bbox less 5% on each side. Those within 100 m of one already taken are left
    out. ``choose`` says which are taken: ``best_sampled`` by falling number of samples (then by rising
    number), those with a single cell after all others, for the centroid of one cell hardly tells where its
    mast is; for ``nearest`` and ``coverage`` see :func:`iqatlas.scenes.site_choice.choose_sites`.

    With ``by_sector`` the sectors of the sites, in the same order, are transmitters of their own (see
    :func:`iqatlas.scenes.sectors.find_sectors`). Heights are estimated from the roofs (see
    :func:`iqatlas.scenes.site_heights.estimated_heights`). Physical cell identities and EARFCNs are those
    of the best-sampled cell where the database holds them; an identity that is not known, or that an
    earlier site has, is chosen (see :func:`iqatlas.scenes.cell_identities.physical_cell_ids`).

    Args:
        spec: Which cells, how many sites, their power and heights.
        table: Cells of the file, best with a margin around the bbox.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees.
        buildings: Buildings in local metres.
        receivers_m: Where the receivers are, over all waypoints.

    Raises:
        SitesError: The operator has fewer eNodeBs or sectors here than asked for.

    Source: TS 36.413, section 9.2.1.37 (eNodeB identity); the rules are this project's own.
    """
    cells = lte_cells(table.cells, has_radio=table.has_radio)
    if isinstance(spec, CellMapperSites) and spec.band is not None:
        bands = _bands(cells["earfcn"].to_numpy(np.int64))
        cells = cells[(bands == spec.band) | (bands == _UNKNOWN)]
    enodebs = gather_enodebs(cells, frame=frame)
    longitude, latitude = frame.to_geodetic(
        enodebs["east_m"].to_numpy(np.float64), enodebs["north_m"].to_numpy(np.float64)
    )
    inside = enodebs.iloc[rows_inside(longitude, latitude, bbox, margin=_MARGIN)]
    mcc, mnc, present = _operator_of(spec, inside)
    own = inside[(inside["mcc"] == mcc) & (inside["mnc"] == mnc)]
    ranked = own.assign(alone=own["cells"] < 2).sort_values(
        ["alone", "samples", "enodeb"], ascending=[True, False, True]
    )
    place = ranked[["east_m", "north_m"]].to_numpy(np.float64)
    height, on_roof = estimated_heights(
        buildings,
        place[:, 0].copy(),
        place[:, 1].copy(),
        above_roof_m=spec.height_above_roof_m,
        default_m=spec.default_height_m,
    )
    rule: Rule = "in_order" if spec.choose == "best_sampled" else spec.choose
    chosen = choose_sites(
        np.column_stack([place, height]),
        spec.count,
        rule=rule,
        separation_m=SITE_SEPARATION_M,
        receivers_m=receivers_m,
    )
    rows = ranked.iloc[chosen].reset_index(drop=True)
    rows["height_m"], rows["on_roof"] = height[chosen], on_roof[chosen]
    sectors = find_sectors(cells, rows, frame=frame)
    sent = sectors if spec.by_sector else sectors.drop_duplicates("row")
    if len(sent) < spec.count:
        what = f"{len(sent)} sectors of sites" if spec.by_sector else f"{len(sent)} of them"
        raise SitesError(
            f"{_operator(mcc, mnc)} has {len(own)} LTE eNodeBs inside the scene, {what} "
            f"at least {SITE_SEPARATION_M:g} m apart, and sites.count is {spec.count}",
            where="sites",
            accepted=f"operators with eNodeBs here: {present}",
            remedy="lower sites.count, choose another mnc, or widen scene.bbox",
        )
    return _sites(spec, sent.iloc[: spec.count], rows, sectors, frame)


def _sites(
    spec: OpenCellIdSites | CellMapperSites,
    sent: pd.DataFrame,
    enodebs: pd.DataFrame,
    sectors: pd.DataFrame,
    frame: LocalFrame,
) -> tuple[Site, ...]:
    longitude, latitude = frame.to_geodetic(
        enodebs["east_m"].to_numpy(np.float64), enodebs["north_m"].to_numpy(np.float64)
    )
    database = "OpenCelliD" if isinstance(spec, OpenCellIdSites) else "CellMapper"
    in_all = sectors["row"].value_counts()
    names: list[str] = []
    preferred: list[int] = []
    for sector in sent.to_dict("records"):
        number = int(enodebs["enodeb"][sector["row"]])
        names.append(f"enb{number}-{sector['sector']}" if spec.by_sector else f"enb{number}")
        preferred.append(number + (int(sector["sector"]) if spec.by_sector else 0))
    measured = [int(pci) if pci != _UNKNOWN else None for pci in sent["pci"]]
    given = first_of_each(measured)
    identities = physical_cell_ids(names, preferred, given)
    sites = []
    for index, sector in enumerate(sent.to_dict("records")):
        row = enodebs.iloc[int(sector["row"])]
        operator = _operator(int(row["mcc"]), int(row["mnc"]))
        counted = sector if spec.by_sector else row
        text = f"{database}: eNodeB {row['enodeb']} of {operator}, "
        if spec.by_sector:
            text += f"sector {sector['sector']}, one of {in_all[sector['row']]}, "
        text += f"{_plural(int(counted['cells']), 'cell')}, {_plural(int(counted['samples']), 'sample')}"
        if measured[index] is not None:
            text += f", physical identity {measured[index]} measured"
            text += "" if given[index] is not None else " but another site's here, so another one was chosen"
        earfcn = int(sector["earfcn"])
        sites.append(
            Site(
                name=names[index],
                longitude_deg=float(longitude[int(sector["row"])]),
                latitude_deg=float(latitude[int(sector["row"])]),
                position_m=(float(row["east_m"]), float(row["north_m"]), float(row["height_m"])),
                power_dbm=spec.power_dbm,
                cell_id=identities[index],
                position_uncertainty_m=float(row["position_uncertainty_m"]),
                height_source="roof" if row["on_roof"] else "default",
                provenance=text,
                operator=operator,
                azimuth_deg=float(sector["azimuth_deg"]) if spec.by_sector else None,
                azimuth_source=str(sector["azimuth_source"]) if spec.by_sector else None,
                earfcn=earfcn if earfcn != _UNKNOWN else None,
                band=_band(earfcn),
            )
        )
    return tuple(sites)


def _band(earfcn: int) -> int | None:
    try:
        return band_of(earfcn)
    except SpecError:
        return None


def _bands(earfcn: np.ndarray) -> np.ndarray:
    """Return the band of each EARFCN, −1 where it is unknown or in no band."""
    numbers, place = np.unique(earfcn, return_inverse=True)
    bands = [_band(int(number)) or _UNKNOWN for number in numbers]
    return np.array(bands, np.int64)[place]


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count != 1 else ''}"


def _operator(mcc: int, mnc: int) -> str:
    return f"{mcc:03d}-{mnc:02d}"


def _operator_of(spec: OpenCellIdSites | CellMapperSites, inside: pd.DataFrame) -> tuple[int, int, str]:
    """Return mcc and mnc of the operator whose sites are taken, and all operators for messages."""
    operators = _operators(inside)
    present = ", ".join(f"{_operator(mcc, mnc)} ({count})" for mcc, mnc, count in operators) or "none"
    operator = _choose_operator(operators, spec.mcc, spec.mnc)
    if operator is None:
        asked = "-".join(f"{number:02d}" for number in (spec.mcc, spec.mnc) if number is not None)
        raise SitesError(
            f"no LTE eNodeB{' of ' + asked if asked else ''} inside the scene",
            where="sites",
            accepted=f"operators with eNodeBs here: {present}",
            remedy="choose one of these, leave mcc and mnc out, or see that scene.bbox and the file match",
        )
    return *operator, present


def _operators(enodebs: pd.DataFrame) -> list[tuple[int, int, int]]:
    """Return mcc, mnc and number of eNodeBs of each operator, the largest first."""
    pairs, counts = np.unique(enodebs[["mcc", "mnc"]].to_numpy(np.int64), axis=0, return_counts=True)
    rows = [(int(mcc), int(mnc), int(count)) for (mcc, mnc), count in zip(pairs, counts, strict=True)]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def _choose_operator(
    operators: Sequence[tuple[int, int, int]], mcc: int | None, mnc: int | None
) -> tuple[int, int] | None:
    """Return the largest fitting operator of the fitting country with most; low numbers break ties."""
    fitting = [row for row in operators if mcc in (None, row[0]) and mnc in (None, row[1])]
    if not fitting:
        return None
    country = min(
        {row[0] for row in fitting},
        key=lambda code: (-sum(row[2] for row in fitting if row[0] == code), code),
    )
    return next((row[0], row[1]) for row in fitting if row[0] == country)
