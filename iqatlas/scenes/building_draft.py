"""The steps from OpenStreetMap's polygons to solids: heights, parts, clipping, overlaps, with a tally."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import get_args

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Bool, Float64

from iqatlas.scenes._osmium import OsmFeatures
from iqatlas.scenes.footprints import (
    clean_polygons,
    covered_outlines,
    first_of_duplicates,
    grouped,
    outline_of_part,
    without_overlaps,
    without_parts,
)
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.heights import (
    LOW_KIND_HEIGHT_M,
    HeightSource,
    neighbour_heights_m,
    parse_length_m,
    tagged_height,
)
from iqatlas.scenes.materials import building_material
from iqatlas.scenes.roofs import FLAT, ROOF_COLUMNS, SHAPES, Roof, tagged_roof
from iqatlas.scenes.scene import BUILDING_COLUMNS

CANOPY_THICKNESS_M = 0.5
"""Thickness of an open canopy (``building=roof``) that has no ``min_height``."""
SOURCES: tuple[HeightSource, ...] = get_args(HeightSource)
_UNKNOWN = len(SOURCES)
_GONE = frozenset({"demolished", "destroyed", "proposed", "razed", "removed"})


class BuildingDraft:
    """Solids in the making: one row a polygon, several rows where a feature has several.

    Args:
        features: What the map holds.
        frame: The local frame to project to.
        near: Which features to take: those of the scene, and around it those that lend their height.
        level_height_m: Height of a storey.
    """

    def __init__(
        self,
        features: OsmFeatures,
        frame: LocalFrame,
        near: Bool[np.ndarray, "feature"],
        *,
        level_height_m: float,
    ) -> None:
        self._features = features
        self._frame = frame
        self._level_height_m = level_height_m
        self.dropped: Counter[str] = Counter(features.dropped)
        """How many features were dropped, by reason."""
        self._counts: Counter[str] = Counter()
        self._tally("outside_bbox", int(np.count_nonzero(~near)))

        taken = np.flatnonzero(near)
        fault = np.array([_why_no_obstacle(features.tags[index]) for index in taken], dtype=object)
        for reason, count in sorted(Counter(fault[fault != ""]).items()):
            self._tally(str(reason), count)
        taken = taken[fault == ""]
        polygons, source = clean_polygons(_projected(features.geometry[taken], frame))
        self._tally("smaller_than_1_m2", taken.size - np.unique(source).size)
        self._feature = taken[source]
        """Row of the features that each polygon comes from."""
        self._geometry = polygons
        self._is_part = np.array([_is_part(features.tags[index]) for index in self._feature], dtype=bool)
        self._owner = outline_of_part(polygons, self._is_part)
        self._footing = polygons[np.where(self._owner < 0, np.arange(len(polygons)), self._owner)]
        self._tags = [self._inherited(row) for row in range(len(polygons))]
        self._kind = np.array([_kind(tags) for tags in self._tags], dtype=object)
        self._base_m = np.zeros(len(polygons))
        self._top_m = np.full(len(polygons), np.nan)
        self._source = np.full(len(polygons), _UNKNOWN)
        self._roofs = [Roof(FLAT)] * len(polygons)

    def _inherited(self, row: int) -> dict[str, str]:
        """Return a polygon's tags; a part's material and kind are its outline's where it has none."""
        own: dict[str, str] = self._features.tags[self._feature[row]]
        outline = int(self._owner[row])
        if outline < 0:
            return own
        keys = ("building", "building:material", "building:facade:material")
        of_outline = self._features.tags[self._feature[outline]]
        return {key: of_outline[key] for key in keys if key in of_outline} | {
            key: value for key, value in own.items() if key != "building"
        }

    def find_heights(
        self, default_height_m: float, rank: Float64[np.ndarray, "feature"] | None = None
    ) -> None:
        """Find base, top and the source of the height of every polygon.

        Args:
            default_height_m: Height where nothing tells one; kinds that stay low get less.
            rank: Which of its neighbours' heights each feature takes; without it, the median.
        """
        tagged = [
            tagged_height(self._features.tags[index], level_height_m=self._level_height_m)
            for index in self._feature
        ]
        self._base_m = np.array([height.base_m for height in tagged], dtype=np.float64)
        self._set_tops(np.array([height.top_m for height in tagged], dtype=np.float64), "tag")
        self._source[[height.source == "levels" for height in tagged]] = SOURCES.index("levels")
        known = (self._source != _UNKNOWN) & ~self._is_part
        self._set_tops(self._tops_of_relatives(), "part")
        self._set_tops(
            neighbour_heights_m(
                shapely.point_on_surface(self._geometry),
                self._kind,
                self._top_m,
                known,
                None if rank is None else rank[self._feature],
            ),
            "neighbour",
        )
        assumed = [min(default_height_m, LOW_KIND_HEIGHT_M.get(kind, np.inf)) for kind in self._kind]
        # What hangs in the air is at least a storey high.
        self._set_tops(np.maximum(assumed, self._base_m + self._level_height_m), "default")

        contradicted = self._base_m > self._top_m - 0.1
        self._counts["min_height_ignored"] += int(np.count_nonzero(contradicted))
        self._base_m[contradicted] = 0.0
        canopy = (self._kind == "roof") & (self._base_m == 0)
        self._base_m[canopy] = np.maximum(0.0, self._top_m[canopy] - CANOPY_THICKNESS_M)

    def _set_tops(self, top_m: Float64[np.ndarray, "polygon"], source: HeightSource) -> None:
        """Set the tops that are not known yet, where the new ones are numbers above the base."""
        is_new = (self._source == _UNKNOWN) & np.isfinite(top_m)
        if source != "tag":
            is_new &= np.nan_to_num(top_m) > self._base_m
        self._top_m[is_new] = top_m[is_new]
        self._source[is_new] = SOURCES.index(source)

    def _tops_of_relatives(self) -> Float64[np.ndarray, "polygon"]:
        """Return for a part its outline's height, for an outline the median of its parts' heights."""
        top = np.full(len(self._geometry), np.nan)
        parts = np.flatnonzero(self._owner >= 0)
        top[parts] = self._top_m[self._owner[parts]]
        known = parts[np.isfinite(self._top_m[parts])]
        for outline, rows in grouped(self._owner[known], known):
            top[outline] = np.median(self._top_m[rows])
        return top

    def drop_covered_outlines(self) -> None:
        """Drop the outlines of buildings whose parts cover them, and cut the parts out of the others."""
        self._keep(~covered_outlines(self._geometry, self._owner), "outline_covered_by_parts")
        self._geometry = without_parts(self._geometry, self._owner, self._base_m)

    def keep_features(self, inside: Bool[np.ndarray, "feature"]) -> None:
        """Drop what lies outside the scene.

        Args:
            inside: Which features lie inside.
        """
        self._keep(inside[self._feature], "outside_bbox")

    def drop_hidden(self) -> None:
        """Drop duplicates, and cut the solids so that none stands in another."""
        self._keep(first_of_duplicates(self._geometry, self._base_m, self._source), "drawn_twice")
        solids = without_overlaps(self._geometry, self._base_m, self._top_m)
        before = self._feature
        self._base_m = solids.base_m
        self._take(solids.row)
        self._geometry = solids.geometry
        self._tally("hidden_in_another", np.unique(before).size - np.unique(self._feature).size)
        self._counts["overlaps_left"] = solids.overlaps_left

    def find_roofs(self) -> None:
        """Find the shape, height and ridge of every roof, once the footprints are what they will be.

        ``building:levels`` leaves the roof out: where no tag tells the roof's height either, the assumed
        roof comes on top of the storeys, unless something else stands there.
        """
        self._roofs = [
            tagged_roof(tags, polygon, walls_m=float(walls), level_height_m=self._level_height_m)
            for tags, polygon, walls in zip(
                self._tags, self._geometry, self._top_m - self._base_m, strict=True
            )
        ]
        assumed = np.array([roof.assumed for roof in self._roofs], dtype=bool)
        raised = np.flatnonzero(assumed & (self._source == SOURCES.index("levels")))
        within = shapely.buffer(self._geometry[raised], -0.1)
        covered, _ = shapely.STRtree(np.delete(self._geometry, raised)).query(within, predicate="intersects")
        raised = np.delete(raised, np.unique(covered))
        self._top_m[raised] += np.array([self._roofs[row].height_m for row in raised])

    @property
    def footing(self) -> np.ndarray:
        """The outline that each solid's heights count from: its own footprint, a part's building's."""
        return self._footing

    def _keep(self, kept: Bool[np.ndarray, "polygon"], reason: str) -> None:
        before = np.unique(self._feature).size
        self._take(np.flatnonzero(kept))
        self._tally(reason, before - np.unique(self._feature).size)

    def _take(self, rows: np.ndarray) -> None:
        place = np.full(len(self._geometry) + 1, -1)
        place[rows] = np.arange(rows.size)
        # An owner of -1 indexes the last place, which is -1.
        self._owner = place[self._owner[rows]]
        self._geometry = self._geometry[rows]
        self._footing = self._footing[rows]
        self._feature = self._feature[rows]
        self._is_part = self._is_part[rows]
        self._tags = [self._tags[row] for row in rows]
        self._kind = self._kind[rows]
        self._base_m, self._top_m = self._base_m[rows], self._top_m[rows]
        self._source = self._source[rows]
        self._roofs = [self._roofs[row] for row in rows]

    def _tally(self, reason: str, count: int) -> None:
        if count:
            self.dropped[reason] += count

    def table(self) -> gpd.GeoDataFrame:
        """Return the solids as a table in the frame's coordinates."""
        columns = {
            "osm_id": [self._features.osm_id[index] for index in self._feature],
            "kind": list(self._kind),
            "base_height_m": self._base_m,
            "top_height_m": self._top_m,
            "height_source": [SOURCES[index] for index in self._source],
            "material": [building_material(tags) for tags in self._tags],
            "roof_shape": [roof.shape for roof in self._roofs],
            "roof_height_m": [roof.height_m for roof in self._roofs],
            "roof_ridge_deg": [roof.ridge_deg for roof in self._roofs],
        }
        return gpd.GeoDataFrame(columns, geometry=self._geometry, crs=self._frame.definition)[
            [*BUILDING_COLUMNS, *ROOF_COLUMNS]
        ]

    def report(self) -> dict[str, int | float | str | list[str]]:
        """Return the tally: features read, kept and dropped by reason; rows, parts, holes, height sources."""
        tally: dict[str, int | float | str | list[str]] = {
            "features_read": self._features.read,
            "features_kept": int(np.unique(self._feature).size),
        }
        tally |= {f"dropped_{reason}": count for reason, count in sorted(self.dropped.items())}
        tally |= {
            "rows": len(self._geometry),
            "part_rows": int(np.count_nonzero(self._is_part)),
            "holes": int(shapely.get_num_interior_rings(self._geometry).sum()),
        }
        tally |= {
            f"height_from_{source}": int(np.count_nonzero(self._source == index))
            for index, source in enumerate(SOURCES)
        }
        return tally | dict(self._counts) | self._roof_report()

    def _roof_report(self) -> dict[str, int | float | str | list[str]]:
        shapes = Counter(roof.shape for roof in self._roofs)
        reasons = Counter(roof.reason for roof in self._roofs if roof.reason is not None)
        tally: dict[str, int | float | str | list[str]] = {
            f"roofs_{shape}": shapes[shape] for shape in SHAPES
        }
        tally["roof_heights_assumed"] = sum(roof.assumed for roof in self._roofs)
        tally["roofs_made_flat"] = [f"{count}: {reason}" for reason, count in sorted(reasons.items())]
        return tally


def _projected(geometry: np.ndarray, frame: LocalFrame) -> np.ndarray:
    def to_local(degrees: Float64[np.ndarray, "point 2"]) -> Float64[np.ndarray, "point 2"]:
        longitude, latitude = np.ascontiguousarray(degrees.T)
        return np.stack(frame.to_local(longitude, latitude), axis=-1)

    return np.asarray(shapely.transform(geometry, to_local), dtype=object)


def _is_part(tags: Mapping[str, str]) -> bool:
    return tags.get("building", "no") == "no"


def _kind(tags: Mapping[str, str]) -> str:
    """Return what a building part says it is, else what its building does, else ``yes``."""
    kinds = (tags.get("building:part", "no"), tags.get("building", "no"))
    return next((kind for kind in kinds if kind not in {"no", "yes"}), "yes")


def _why_no_obstacle(tags: Mapping[str, str]) -> str:
    """Return why a feature is no obstacle above the ground; empty where it is one."""
    if tags.get("building") in _GONE or tags.get("building:part") in _GONE:
        return "not_standing"
    if tags.get("location") == "underground":
        return "underground"
    layer = tags.get("layer", "").strip()
    is_below = layer.startswith("-") and layer[1:].isdigit() and int(layer) < 0
    return "underground" if is_below and parse_length_m(tags.get("height")) is None else ""
