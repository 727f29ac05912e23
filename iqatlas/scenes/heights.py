"""Heights of buildings: from OpenStreetMap's free text, and from the neighbours where there is no text."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from jaxtyping import Bool, Float64

from iqatlas import seeds

HeightSource = Literal["tag", "levels", "part", "neighbour", "default"]
"""Where the height of a building comes from, from the surest to the least sure."""

MAX_LENGTH_M = 1000.0
"""Above this a length is a slip of the keyboard: the highest building is 828 m."""
MAX_LEVELS = 200.0
NEIGHBOUR_RADIUS_M = 200.0
NEIGHBOUR_MIN_COUNT = 3
"""A median of fewer known heights than this says nothing of a neighbourhood."""

LOW_KIND_HEIGHT_M: dict[str, float] = {
    "roof": 4.5,
    "carport": 3.0,
    "container": 3.0,
    "garage": 3.0,
    "garages": 3.0,
    "guardhouse": 3.0,
    "hut": 3.0,
    "kiosk": 3.0,
    "shed": 3.0,
    "toilets": 3.0,
}
"""Kinds of building that stay low whatever stands around them, with the height assumed for them."""

_METRES_PER_UNIT = {
    "": 1.0,
    "m": 1.0,
    "metre": 1.0,
    "metres": 1.0,
    "meter": 1.0,
    "meters": 1.0,
    "cm": 0.01,
    "km": 1000.0,
    "ft": 0.3048,
    "foot": 0.3048,
    "feet": 0.3048,
    "'": 0.3048,
    "in": 0.0254,
    "inch": 0.0254,
    "inches": 0.0254,
    '"': 0.0254,
}
_NUMBER = r"(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})"
_ONE_UNIT = re.compile(rf"({_NUMBER}) ?([a-z]+|['\"]|)\.?")
_FEET_AND_INCHES = re.compile(
    rf"([0-9]{{1,5}}) ?(?:'|ft\.?|foot|feet) ?({_NUMBER}) ?(?:\"|in\.?|inch|inches|)"
)
_APPROXIMATELY = re.compile(r"(?:~|≈|ca\.?|approx\.?) ?")
# A comma before exactly three digits may part thousands or decimals, so such a number is not read at all.
_DECIMAL_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9]{1,2}(?![0-9])|[0-9]{4})")
_MARKS = str.maketrans({"′": "'", "’": "'", "´": "'", "`": "'", "″": '"', "”": '"', "“": '"', "\u00a0": " "})


def parse_length_m(text: str | None) -> float | None:
    """Return the length that an OpenStreetMap tag means, in metres, or None where it can't be told.

    Takes ``12``, ``12 m``, ``12.5m``, ``12,5``, ``1250 cm``, ``40'``, ``40 ft``, ``130'6"``, ``6 in``,
    ``~12 m``; in a list such as ``12;15`` the largest of the lengths that can be read counts, as the highest
    edge is what shadows. A bare number is metres. Negative lengths, lengths above :data:`MAX_LENGTH_M`,
    ranges and words give None.

    Args:
        text: The tag's value, or None where the tag is missing.

    Source:
        OpenStreetMap wiki, "Map features/Units" and "Key:height".
    """
    if text is None:
        return None
    lengths = [length for item in text.split(";") if (length := _one_length_m(item)) is not None]
    return max(lengths, default=None)


def _one_length_m(text: str) -> float | None:
    plain = " ".join(text.translate(_MARKS).replace("''", '"').lower().split())
    plain = _DECIMAL_COMMA.sub(".", plain)
    approximately = _APPROXIMATELY.match(plain)
    plain = plain[approximately.end() :] if approximately else plain
    if match := _FEET_AND_INCHES.fullmatch(plain):
        inches = float(match[2])
        length = int(match[1]) * 0.3048 + inches * 0.0254 if inches < 12 else math.inf
    elif (match := _ONE_UNIT.fullmatch(plain)) and match[2] in _METRES_PER_UNIT:
        length = float(match[1]) * _METRES_PER_UNIT[match[2]]
    else:
        return None
    return length if length <= MAX_LENGTH_M else None


def parse_levels(text: str | None) -> float | None:
    """Return a number of storeys, such as 5 or 2.5, or None where it can't be told.

    In a list such as ``4;6`` the largest number counts. Negative numbers, numbers above
    :data:`MAX_LEVELS`, ranges and words give None.

    Args:
        text: The value of ``building:levels``, ``roof:levels`` or ``building:min_level``; None if missing.
    """
    if text is None:
        return None
    items = (_DECIMAL_COMMA.sub(".", item.strip()) for item in text.split(";"))
    levels = [float(item) for item in items if re.fullmatch(_NUMBER, item)]
    return max((level for level in levels if level <= MAX_LEVELS), default=None)


@dataclass(frozen=True)
class TaggedHeight:
    """What a feature's own tags say of its height.

    Args:
        top_m: Height of the highest edge above the ground; None where the tags don't tell.
        base_m: Height of the lowest edge above the ground, 0 where the tags don't tell.
        source: ``tag`` or ``levels``; None where ``top_m`` is.
    """

    top_m: float | None
    base_m: float
    source: HeightSource | None


def tagged_height(tags: Mapping[str, str], *, level_height_m: float) -> TaggedHeight:
    """Return what tags say: ``height``, else storeys with the roof above them.

    ``height``, ``building:height`` and ``est_height`` are taken in that order, roof included. Without them,
    ``building:levels`` storeys and the roof (``roof:height``, else ``roof:levels`` storeys) are added up.
    The base is ``min_height``, else ``building:min_level`` storeys.

    Args:
        tags: Tags of the building or building part.
        level_height_m: Height of a storey in metres.

    Source:
        OpenStreetMap wiki, "Simple 3D Buildings".
    """
    base = parse_length_m(tags.get("min_height"))
    if base is None:
        base = (parse_levels(tags.get("building:min_level")) or 0.0) * level_height_m
    for key in ("height", "building:height", "est_height"):
        if top := parse_length_m(tags.get(key)):
            return TaggedHeight(top, base, "tag")
    levels = parse_levels(tags.get("building:levels"))
    if levels is None:
        return TaggedHeight(None, base, None)
    roof = parse_length_m(tags.get("roof:height"))
    if roof is None:
        roof = (parse_levels(tags.get("roof:levels")) or 0.0) * level_height_m
    top = levels * level_height_m + roof
    if 0 < top <= base:
        # Storeys count from the ground, but some mappers count those of a raised part alone.
        top += base
    return TaggedHeight(top, base, "levels") if 0 < top <= MAX_LENGTH_M else TaggedHeight(None, base, None)


def neighbour_heights_m(
    points: np.ndarray,
    kinds: np.ndarray,
    top_m: Float64[np.ndarray, "building"],
    is_known: Bool[np.ndarray, "building"],
    rank: Float64[np.ndarray, "building"] | None = None,
) -> Float64[np.ndarray, "building"]:
    """Return a height that stands within 200 m, the median one or the one of a rank, NaN where none is told.

    It is taken over known heights of the same kind, where at least three are; else, except for kinds that
    stay low (:data:`LOW_KIND_HEIGHT_M`), over known heights of all other kinds, where at least three are.

    Args:
        points: A point inside each building, as Shapely points in local metres.
        kinds: Kind of each building, as strings.
        top_m: Known heights in metres; not read where ``is_known`` is False.
        is_known: Which heights come from tags or storeys.
        rank: For each building which of the neighbours' heights in rising order counts, from 0, the least, to
            just below 1, the greatest (:func:`drawn_ranks`); without it, the median.
    """
    result = np.full(len(points), np.nan)
    known = np.flatnonzero(is_known)
    wanted = np.flatnonzero(~is_known)
    if known.size == 0 or wanted.size == 0:
        return result
    low = np.isin(kinds, list(LOW_KIND_HEIGHT_M))
    near_wanted, near_known = shapely.STRtree(points[known]).query(
        points[wanted], predicate="dwithin", distance=NEIGHBOUR_RADIUS_M
    )
    first, second = wanted[near_wanted], known[near_known]
    for pair in (~low[first] & ~low[second], kinds[first] == kinds[second]):
        # The second pass, same kind, overrides the first, any kind.
        target, height = _chosen(first[pair], top_m[second[pair]], rank)
        result[target] = height
    return result


def drawn_ranks(identity: Sequence[str], *, seed: int) -> Float64[np.ndarray, "building"]:
    """Return a number in [0, 1) for each building, drawn by the seed and the building's identity alone.

    A building is then as high in a small cut-out of a city as in a large one, if its neighbours are there.

    Args:
        identity: Of each building, such as ``way/123``.
        seed: The spec's seed.
    """
    digests = b"".join(hashlib.sha256(each.encode()).digest()[:16] for each in identity)
    counter = np.frombuffer(digests, "<u8").astype(np.uint64).reshape(-1, 2)
    # The upper 53 bits fill a float64's mantissa.
    bits = seeds.words(seeds.key(seed, seeds.Stage.SCENE), counter)[:, 0] >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def _chosen(
    group: np.ndarray, value: Float64[np.ndarray, "pair"], rank: Float64[np.ndarray, "building"] | None
) -> tuple[np.ndarray, Float64[np.ndarray, "group"]]:
    order = np.lexsort((value, group))
    members, start, count = np.unique(group[order], return_index=True, return_counts=True)
    ordered = value[order]
    enough = count >= NEIGHBOUR_MIN_COUNT
    members, start, count = members[enough], start[enough], count[enough]
    if rank is not None:
        return members, ordered[start + (rank[members] * count).astype(np.int64)]
    return members, 0.5 * (ordered[start + (count - 1) // 2] + ordered[start + count // 2])
