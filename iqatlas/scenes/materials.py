"""Radio materials of walls, ground, water and foliage (ITU-R P.2040-3, P.527-6, P.833-10)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from iqatlas.errors import SceneError, nearest

GROUND_MATERIAL = "medium_dry_ground"
DEFAULT_MATERIAL = "concrete"
WATER_MATERIAL = "water"
FOLIAGE_MATERIAL = "foliage"
PAVED_MATERIAL = "paved_ground"


@dataclass(frozen=True)
class RadioMaterial:
    """A material at one frequency, as a slab.

    Args:
        name: One of :data:`MATERIALS`; those of Recommendation ITU-R P.2040 have its names, with underscores.
        relative_permittivity: Real part of the relative permittivity.
        conductivity_s_per_m: Conductivity in S/m.
        thickness_m: Thickness of the slab in metres.
        extrapolated: Whether the frequency lies outside the range that the source gives.
        source: Where the two electrical values come from.
    """

    name: str
    relative_permittivity: float
    conductivity_s_per_m: float
    thickness_m: float
    extrapolated: bool
    source: str = "ITU-R P.2040-3"


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
# A pavement is a layer of stone or asphalt on the ground: P.2040's concrete, with no far side.
_TABLE[PAVED_MATERIAL] = _TABLE["concrete"]
_BY_FORMULA = (WATER_MATERIAL, FOLIAGE_MATERIAL)
MATERIALS = (*_TABLE, *_BY_FORMULA)
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
    PAVED_MATERIAL: 5.0,
    WATER_MATERIAL: 5.0,
    # A path through a crown crosses two faces: together they make the 5 m of a middling one.
    FOLIAGE_MATERIAL: 2.5,
}


def material_at(name: str, frequency_hz: float) -> RadioMaterial:
    """Return a material's permittivity and conductivity at a frequency.

    Walls and ground follow P.2040's a·f^b and c·f^d, with f in GHz. Outside the table's range the curve is
    carried on from the nearest range and ``extrapolated`` is set: concrete, for one, is given from 1 GHz
    only, above LTE's bands 5, 8, 20 and 28. Water is fresh, at 20 °C. Foliage is a sparse medium of leaves
    in air.

    Args:
        name: One of :data:`MATERIALS`.
        frequency_hz: Carrier frequency in Hz.

    Raises:
        SceneError: The name is unknown, or the frequency is not a positive number.

    Source:
        Recommendation ITU-R P.2040-3, equations (28) and (29) and table 3; P.527-6, section on pure water.
    """
    if name not in MATERIALS:
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
    if name == WATER_MATERIAL:
        return _water(frequency_ghz)
    if name == FOLIAGE_MATERIAL:
        return _foliage(frequency_ghz)
    rows = _TABLE[name]
    low, high, a, b, c, d = min(rows, key=lambda row: _octaves_outside(frequency_ghz, row[0], row[1]))
    return RadioMaterial(
        name=name,
        relative_permittivity=a * frequency_ghz**b,
        conductivity_s_per_m=c * frequency_ghz**d,
        thickness_m=_THICKNESS_M[name],
        extrapolated=not low <= frequency_ghz <= high,
    )


_VACUUM_PERMITTIVITY_F_PER_M = 8.8541878128e-12
_WATER_CELSIUS = 20.0
# Rivers and lakes conduct by their salts, about 0.02 S/m, beside the relaxation of the water itself.
_FRESH_WATER_S_PER_M = 0.02


def _water(frequency_ghz: float) -> RadioMaterial:
    """Return fresh water: two Debye relaxations (P.527-6, pure water), and the conductivity of its salts."""
    theta = 300.0 / (_WATER_CELSIUS + 273.15) - 1.0
    static = 77.66 + 103.3 * theta
    middle = 0.0671 * static
    optical = 3.52 - 7.52 * theta
    first_ghz = 20.20 - 146.4 * theta + 316.0 * theta**2
    second_ghz = 39.8 * first_ghz
    first, second = frequency_ghz / first_ghz, frequency_ghz / second_ghz
    real = (static - middle) / (1 + first**2) + (middle - optical) / (1 + second**2) + optical
    loss = first * (static - middle) / (1 + first**2) + second * (middle - optical) / (1 + second**2)
    relaxation = 2 * math.pi * frequency_ghz * 1e9 * _VACUUM_PERMITTIVITY_F_PER_M * loss
    return RadioMaterial(
        name=WATER_MATERIAL,
        relative_permittivity=real,
        conductivity_s_per_m=relaxation + _FRESH_WATER_S_PER_M,
        thickness_m=_THICKNESS_M[WATER_MATERIAL],
        extrapolated=frequency_ghz > 1000.0,
        source="ITU-R P.527-6, pure water at 20 °C, and 0.02 S/m for its salts",
    )


_FOLIAGE_PERMITTIVITY = 1.03
_WAVE_IMPEDANCE_OHM = 376.730313668


def _foliage(frequency_ghz: float) -> RadioMaterial:
    """Return the effective medium of leaves and twigs in air.

    Leaves of a relative permittivity near 25 fill about 0.2% of a crown; thin discs turned all ways then
    raise the permittivity by 0.002 · 24 · 2/3, to 1.03: next to nothing is mirrored. The conductivity is the
    one that attenuates by 0.45 f^0.284 dB/m, f in GHz, as short paths through trees in leaf do.

    Source:
        Weissberger, ESD-TR-81-101 (1982), paths below 14 m, 0.23 to 95 GHz; the same order as the specific
        attenuation of Recommendation ITU-R P.833-10, section 2.
    """
    loss_db_per_m = 0.45 * frequency_ghz**0.284
    # A weakly conducting medium attenuates the field by σ η / (2 √ε) neper a metre.
    neper_per_m = loss_db_per_m * math.log(10.0) / 20.0
    return RadioMaterial(
        name=FOLIAGE_MATERIAL,
        relative_permittivity=_FOLIAGE_PERMITTIVITY,
        conductivity_s_per_m=2.0 * neper_per_m * math.sqrt(_FOLIAGE_PERMITTIVITY) / _WAVE_IMPEDANCE_OHM,
        thickness_m=_THICKNESS_M[FOLIAGE_MATERIAL],
        extrapolated=not 0.23 <= frequency_ghz <= 95.0,
        source="effective medium, 0.45 f^0.284 dB/m (Weissberger 1982; cf. ITU-R P.833-10)",
    )


def extrapolated_materials(names: Iterable[str], frequency_hz: float) -> list[str]:
    """Return those materials whose source gives no values at a frequency, in the order of their names.

    Args:
        names: Names of materials.
        frequency_hz: Carrier frequency in Hz.

    Raises:
        SceneError: A name is unknown, or the frequency is not a positive number.
    """
    return [name for name in sorted(set(names)) if material_at(name, frequency_hz).extrapolated]


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
