"""The quality report of a scene: what it holds, how sure heights and sites are, what was dropped and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from iqatlas.errors import StorageError
from iqatlas.scenes.clearance import crossed_building
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.mesh_quality import open_edges
from iqatlas.scenes.scene import Scene

REPORT_FILES = ("report.json", "report.txt")
"""Files that :func:`write_report` writes."""

_MOST_LINKS = 20_000
_KINDS_SHOWN = 12


def scene_report(scene: Scene, meshes: Sequence[Mesh]) -> dict[str, Any]:
    """Return the quality report of a scene as plain JSON values.

    Args:
        scene: The scene.
        meshes: The surfaces that are traced.
    """
    west, south, east, north = scene.bbox
    corner_east, corner_north = scene.frame.to_local(np.array([west, east]), np.array([south, north]))
    width, height = float(np.ptp(corner_east)), float(np.ptp(corner_north))
    return {
        "name": scene.name,
        "bbox": [west, south, east, north],
        "area_km2": round(width * height / 1e6, 4),
        "origin": {"longitude_deg": scene.frame.longitude_deg, "latitude_deg": scene.frame.latitude_deg},
        "sha256": scene.content_hash(),
        "buildings": _buildings(scene),
        "meshes": [_mesh(mesh) for mesh in meshes],
        "sites": [_site(scene, index) for index in range(len(scene.sites))],
        "receivers": _receivers(scene),
        "links": _links(scene),
        "made_from": scene.report,
        "attribution": list(scene.attribution),
    }


def _buildings(scene: Scene) -> dict[str, Any]:
    table = scene.buildings
    footprint = np.asarray(table.geometry.array, dtype=object)
    area = shapely.area(footprint)
    top = table["top_height_m"].to_numpy(np.float64)
    sources = table["height_source"].value_counts()
    by_area = table.assign(area=area).groupby("height_source")["area"].sum()
    return {
        "rows": len(table),
        "features": int(table["osm_id"].nunique()),
        "holes": int(shapely.get_num_interior_rings(footprint).sum()),
        "footprint_area_m2": round(float(area.sum()), 1),
        "height_m": _spread(top),
        "height_sources": {
            str(source): {
                "count": int(count),
                "share": round(int(count) / len(table), 4),
                "share_of_area": round(float(by_area[source] / area.sum()), 4),
            }
            for source, count in sorted(sources.items(), key=lambda item: (-item[1], str(item[0])))
        },
        "materials": _counts(table["material"]),
        "kinds": dict(list(_counts(table["kind"]).items())[:_KINDS_SHOWN]),
    }


def _counts(column: Any) -> dict[str, int]:
    counts = [(str(value), int(count)) for value, count in column.value_counts().items()]
    return dict(sorted(counts, key=lambda item: (-item[1], item[0])))


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.percentile(values, [0, 50, 100]) if len(values) else (np.nan,) * 3
    return {"min": round(float(low), 2), "median": round(float(middle), 2), "max": round(float(high), 2)}


def _mesh(mesh: Mesh) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "material": mesh.material,
        "of": mesh.layer,
        "vertices": len(mesh.vertex_m),
        "triangles": len(mesh.face),
    }
    # The ground and what lies on it have rims; a solid has none.
    return entry if mesh.layer == "surfaces" else {**entry, "open_edges": open_edges(mesh.face)}


def _site(scene: Scene, index: int) -> dict[str, Any]:
    site = scene.sites[index]
    entry: dict[str, Any] = {
        "name": site.name,
        "longitude_deg": round(site.longitude_deg, 7),
        "latitude_deg": round(site.latitude_deg, 7),
        "height_m": round(site.position_m[2], 2),
        "height_source": site.height_source,
        "position_uncertainty_m": None
        if site.position_uncertainty_m is None
        else round(site.position_uncertainty_m, 1),
        "power_dbm": site.power_dbm,
        "cell_id": site.cell_id,
        "provenance": site.provenance,
    }
    told = {
        "operator": site.operator,
        "azimuth_deg": None if site.azimuth_deg is None else round(site.azimuth_deg, 1),
        "azimuth_source": site.azimuth_source,
        "tilt_deg": site.tilt_deg,
        "earfcn": site.earfcn,
        "band": site.band,
    }
    return (
        entry | {name: value for name, value in told.items() if value is not None} | {"antenna": site.antenna}
    )


def _receivers(scene: Scene) -> dict[str, Any]:
    receivers = scene.receivers
    speed = np.linalg.norm(receivers.velocity_mps, axis=-1)
    way = np.linalg.norm(np.diff(receivers.position_m, axis=0), axis=-1).sum(axis=0)
    return {
        "provenance": receivers.provenance,
        "waypoints": len(receivers.time_s),
        "duration_s": round(float(receivers.time_s[-1]), 6),
        "uavs": [
            {
                "name": name,
                "height_m": _spread(receivers.position_m[:, index, 2]),
                "speed_mps": _spread(speed[:, index]),
                "way_m": round(float(way[index]), 2),
            }
            for index, name in enumerate(receivers.names)
        ],
    }


def _links(scene: Scene) -> dict[str, Any]:
    """Return the share of straight lines from sites to UAVs that no building is in the way of."""
    receivers = scene.receivers.position_m.reshape(-1, 3)
    sites = np.array([site.position_m for site in scene.sites], np.float64)
    step = -(-len(receivers) * len(sites) // _MOST_LINKS)
    shown = receivers[::step]
    start, end = np.repeat(sites, len(shown), axis=0), np.tile(shown, (len(sites), 1))
    clear = crossed_building(scene.buildings, start, end) < 0
    distance = np.linalg.norm(end - start, axis=-1)
    return {
        "looked_at": len(clear),
        "line_of_sight": int(clear.sum()),
        "line_of_sight_share": round(float(clear.mean()), 4),
        "distance_m": _spread(distance),
    }


def report_text(report: dict[str, Any]) -> str:
    """Return a report as a person reads it.

    Args:
        report: What :func:`scene_report` returns.
    """
    links = report["links"]
    within = ", ".join(f"{degrees:.4f}" for degrees in report["bbox"])
    lines = [f"{report['name']}: {report['area_km2']:.2f} km² within {within}", ""]
    lines += _building_lines(report["buildings"])
    opened = sum(mesh.get("open_edges", 0) for mesh in report["meshes"])
    triangles = sum(mesh["triangles"] for mesh in report["meshes"])
    closed = "all solids are watertight" if opened == 0 else f"{opened:,} open edges: not watertight"
    lines += [f"  {len(report['meshes'])} meshes, {triangles:,} triangles; {closed}", "", "Sites"]
    for site in report["sites"]:
        lines += _site_lines(site)
    lines += ["", *_receiver_lines(report["receivers"])]
    lines += [
        f"  {links['line_of_sight']:,} of {links['looked_at']:,} links in line of sight, "
        f"{links['distance_m']['min']:.0f} to {links['distance_m']['max']:.0f} m long",
        "",
        "Made from",
    ]
    for name, value in report["made_from"].items():
        if name in {"sites", "receivers"}:
            continue
        shown = "; ".join(value) if isinstance(value, list) else str(value)
        lines.append(f"  {name.replace('_', ' ')}: {shown or 'none'}")
    return "\n".join([*lines, "", *report["attribution"], ""])


def _building_lines(buildings: dict[str, Any]) -> list[str]:
    height = buildings["height_m"]
    lines = [
        f"Buildings: {buildings['rows']:,} solids of {buildings['features']:,} features, "
        f"{buildings['holes']:,} holes, {buildings['footprint_area_m2']:,.0f} m² of footprints",
        f"  heights {height['min']:.1f} to {height['max']:.1f} m, median {height['median']:.1f} m; from",
    ]
    for source, told in buildings["height_sources"].items():
        shares = f"{told['share']:>6.1%} of solids, {told['share_of_area']:>6.1%} of area"
        lines.append(f"    {source:<10} {told['count']:>6,}  {shares}")
    materials = ", ".join(f"{name} {count:,}" for name, count in buildings["materials"].items())
    return [*lines, f"  materials {materials}"]


def _site_lines(site: dict[str, Any]) -> list[str]:
    sure = site["position_uncertainty_m"]
    words = [
        f"{site['height_m']:.1f} m ({site['height_source']})",
        f"{site['power_dbm']:g} dBm",
        "position as given" if sure is None else f"position within {sure:.0f} m",
    ]
    if "azimuth_deg" in site:
        words.append(f"{site['azimuth_deg']:.0f}° ({site['azimuth_source']})")
    return [f"  {site['name']}: {', '.join(words)}", f"    {site['provenance']}"]


def _receiver_lines(receivers: dict[str, Any]) -> list[str]:
    lines = [f"UAVs: {receivers['provenance']}"]
    for uav in receivers["uavs"]:
        low, high = uav["height_m"]["min"], uav["height_m"]["max"]
        words = f"{low:.0f} m" if low == high else f"{low:.0f} to {high:.0f} m"
        if receivers["waypoints"] > 1:
            words += f", {uav['way_m']:,.0f} m of way over {receivers['waypoints']:,} waypoints"
        lines.append(f"  {uav['name']}: {words}")
    return lines


def write_report(report: dict[str, Any], folder: Path) -> tuple[Path, ...]:
    """Write a report as JSON and as text.

    Args:
        report: What :func:`scene_report` returns.
        folder: Where to write :data:`REPORT_FILES`; it is made where it is missing.

    Returns:
        Paths of the files.

    Raises:
        StorageError: The folder can't be written to.
    """
    paths = tuple(folder / name for name in REPORT_FILES)
    texts = (json.dumps(report, indent=2, ensure_ascii=False) + "\n", report_text(report))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"the report can't be written ({error.strerror or error})",
            where=str(folder),
            remedy="choose a folder that may be written to and has room",
        ) from error
    return paths
