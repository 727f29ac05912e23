"""Radio materials of walls and ground (Recommendation ITU-R P.2040-3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from iqatlas.errors import SceneError, nearest

GROUND_MATERIAL = "medium_dry_ground"
DEFAULT_MATERIAL = "concrete"


@dataclass(frozen=True)
class RadioMaterial:
    """A material at one frequency, as a slab.

    Args:
        name: Its name in Recommendation ITU-R P.2040, with underscores.
        relative_permittivity: Real part of the relative permittivity.
        conductivity_s_per_m: Conductivity in S/m.
        thickness_m: Thickness of the slab in metres.
        extrapolated: Whether the frequency lies outside the range that the Recommendation gives.
    """

    name: str
    relative_permittivity: float
    conductivity_s_per_m: float
    thickness_m: float
    extrapolated: bool


# Table 3 of P.2040-3: lowest and highest frequency in GHz, then a, b, c, d. Where ranges overlap, the first
# one counts.
_TABLE: dict[str, tuple[tuple[float, float, float, float, float, float], ...]] = {
    "concrete": ((1.0, 100.0, 5.24, 0.0, 0.0462, 0.7822), (110.0, 330.0, 5.17, 0.0, 0.0145, 1.0900)),
    "brick": ((1.0, 40.0, 3.91, 0.0, 0.0238, 0.16), (110.0, 330.0, 4.15, 0.0, 0.0006, 1.5712)),
    "plasterboard": ((1.0, 100.0, 2.73, 0.0, 0.0085, 0.9395), (110.0, 330.0, 2.56, 0.0, 0.0001, 1.7799)),
    "wood": ((0.001, 100.0, 1.99, 0.0, 0.0047, 1.0718), (110.0, 330.0, 1.82, 0.0, 0.0040, 1.0761)),
    "glass": ((0.1, 100.0, 6.31, 0.0, 0.0036, 1.3394), (220.0, 450.0, 5.79, 0.0, 0.0004, 1.658)),
    "marble": ((1.0, 60.0, 7.074, 0.0, 0.0055, 0.9262), (110.0, 330.0, 7.94, 0.0, 0.0001, 1.7330)),
    "metal": ((1.0, 100.0, 1.0, 0.0, 1e7, 0.0),),
    "very_dry_ground": ((1.0, 10.0, 3.0, 0.0, 0.00015, 2.52),),
    "medium_dry_ground": ((1.0, 10.0, 15.0, -0.1, 0.035, 1.63),),
    "wet_ground": ((1.0, 10.0, 30.0, -0.4, 0.15, 1.30),),
}
MATERIALS = tuple(_TABLE)
"""Names that :func:`material_at` takes."""

# A solid wall has no second face that a wave comes back from; the ground has none at all.
_THICKNESS_M = {
    "concrete": 0.3,
    "brick": 0.3,
    "plasterboard": 0.0125,
    "wood": 0.1,
    "glass": 0.02,
    "marble": 0.3,
    "metal": 0.01,
    "very_dry_ground": 5.0,
    "medium_dry_ground": 5.0,
    "wet_ground": 5.0,
}


def material_at(name: str, frequency_hz: float) -> RadioMaterial:
    """Return a material's permittivity a·f^b and conductivity c·f^d, with f in GHz.

    Outside the table's range the curve is carried on from the nearest range and ``extrapolated`` is set:
    concrete, for one, is given from 1 GHz only, above LTE's bands 5, 8, 20 and 28.

    Args:
        name: One of :data:`MATERIALS`.
        frequency_hz: Carrier frequency in Hz.

    Raises:
        SceneError: The name is unknown, or the frequency is not a positive number.

    Source:
        Recommendation ITU-R P.2040-3, equations (28) and (29) and table 3.
    """
    if name not in _TABLE:
        guess = nearest(name, MATERIALS)
        raise SceneError(
            f"unknown radio material {name!r}",
            accepted=", ".join(MATERIALS),
            remedy=f"did you mean {guess}?" if guess else None,
        )
    if not (math.isfinite(frequency_hz) and frequency_hz > 0):
        raise SceneError(
            f"frequency of {frequency_hz} Hz for radio material {name}", accepted="a positive number of Hz"
        )
    frequency_ghz = frequency_hz / 1e9
    rows = _TABLE[name]
    low, high, a, b, c, d = min(rows, key=lambda row: _octaves_outside(frequency_ghz, row[0], row[1]))
    return RadioMaterial(
        name=name,
        relative_permittivity=a * frequency_ghz**b,
        conductivity_s_per_m=c * frequency_ghz**d,
        thickness_m=_THICKNESS_M[name],
        extrapolated=not low <= frequency_ghz <= high,
    )


def _octaves_outside(frequency_ghz: float, low_ghz: float, high_ghz: float) -> float:
    return max(0.0, math.log2(low_ghz / frequency_ghz), math.log2(frequency_ghz / high_ghz))


_BY_OSM_MATERIAL = {
    "concrete": "concrete",
    "reinforced_concrete": "concrete",
    "cement_block": "concrete",
    "cement": "concrete",
    # Granite and sandstone lie near concrete's permittivity of 5.2, limestone near marble's 7.1.
    "stone": "concrete",
    "granite": "concrete",
    "sandstone": "concrete",
    "limestone": "marble",
    "marble": "marble",
    "brick": "brick",
    "bricks": "brick",
    "clay": "brick",
    "adobe": "brick",
    "mud": "brick",
    "loam": "brick",
    # Render hides masonry.
    "plaster": "brick",
    "stucco": "brick",
    "wood": "wood",
    "timber": "wood",
    "timber_framing": "wood",
    "bamboo": "wood",
    "glass": "glass",
    "mirror": "glass",
    "metal": "metal",
    "metal_plates": "metal",
    "steel": "metal",
    "aluminium": "metal",
    "aluminum": "metal",
    "copper": "metal",
    "zinc": "metal",
    "tin": "metal",
}
_BY_KIND = {
    "bungalow": "brick",
    "detached": "brick",
    "house": "brick",
    "semidetached_house": "brick",
    "terrace": "brick",
    "barn": "wood",
    "cabin": "wood",
    "hut": "wood",
    "shed": "wood",
    "stable": "wood",
    "carport": "metal",
    "container": "metal",
    "hangar": "metal",
    "silo": "metal",
    "storage_tank": "metal",
    "greenhouse": "glass",
}


def building_material(tags: Mapping[str, str]) -> str:
    """Return the radio material of a building's walls.

    ``building:material`` counts where it is known (in a list such as ``brick;glass`` the first known one),
    then ``building:facade:material``; else the kind of building tells, and for most kinds it is concrete.

    Args:
        tags: Tags of the building, or of the part above those of its building.
    """
    for key in ("building:material", "building:facade:material"):
        for item in tags.get(key, "").lower().split(";"):
            if (material := _BY_OSM_MATERIAL.get(item.strip().replace(" ", "_"))) is not None:
                return material
    kinds = (tags.get("building:part", ""), tags.get("building", ""))
    return next((_BY_KIND[kind] for kind in kinds if kind in _BY_KIND), DEFAULT_MATERIAL)
