"""Do splits keep apart what they promise: blocks of time, draws, receivers or sites?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import xarray as xr

from iqatlas.axes import RECORD
from iqatlas.catalogs.folder import RECORDS
from iqatlas.catalogs.manifest import MANIFEST_NAME, Manifest
from iqatlas.catalogs.spec import SPLITS

_TO_LEARN = SPLITS[:3]


def split_problems(dataset: xr.Dataset, manifest: Manifest, *, store: str = RECORDS) -> Iterator[str]:
    """Check the splits of a corpus against each other and its manifest.

    Args:
        dataset: All records.
        manifest: The corpus's manifest.
        store: Name of the store that holds them, for messages.

    Yields:
        What does not hold, one line each.
    """
    slot, draw = dataset["slot"].values, dataset["draw"].values
    split = dataset["split"].values.astype("<U10")
    names, counts = np.unique(split, return_counts=True)
    found = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    if found != {name: count for name, count in manifest.splits.items() if count}:
        yield f"split: {found} in place of {dict(manifest.splits)}"
    unknown = sorted(set(found) - set(SPLITS))
    if unknown:
        yield f"split: {unknown[0]!r} is none of {', '.join(SPLITS)}"
    guard = manifest.statistics.get("guard_slots")
    if not isinstance(guard, int) or guard < 0:
        yield f"{MANIFEST_NAME}: statistics.guard_slots is {guard!r} in place of a count"
        return
    by = manifest.spec.get("splits", {}).get("by", "time")
    if by == "draw":
        yield from _draw_problems(draw, split)
    else:
        yield from _time_problems(slot, draw, split, guard)
    if by in ("receiver", "site"):
        yield from _owner_problems(dataset, by, set(found) & set(_TO_LEARN), store)


def _draw_problems(draw: np.ndarray, split: np.ndarray) -> Iterator[str]:
    pairs = np.unique(np.stack([draw.astype("<U20"), split]), axis=1)
    several = [
        number for number, count in zip(*np.unique(pairs[0], return_counts=True), strict=True) if count > 1
    ]
    if several:
        yield f"split: the records of draw {several[0]} are in more than one split"


def _time_problems(slot: np.ndarray, draw: np.ndarray, split: np.ndarray, guard: int) -> Iterator[str]:
    for number in np.unique(draw):
        ends = []
        for name in _TO_LEARN:
            slots = slot[(draw == number) & (split == name)]
            if len(slots):
                ends.append((int(slots.min()), int(slots.max()), name))
        ends.sort()
        for (_, last, one), (first, _, other) in pairwise(ends):
            if first - last <= guard:
                yield f"split: {one} and {other} are {first - last - 1} slots apart in place of {guard}"


def _owner_problems(dataset: xr.Dataset, by: str, used: set[str], store: str) -> Iterator[str]:
    """Check that each receiver or site has a split, and each split with records one of them."""
    name = f"{by}_split"
    if name not in dataset or dataset[name].dims != (by,):
        yield f"{store}: {name} is missing"
        return
    owners = {str(value) for value in dataset[name].values}
    if owners != used:
        yield f"{name}: {', '.join(sorted(owners))} in place of {', '.join(sorted(used))}"
    if by == "receiver" and (uav := shared_uav(dataset)) is not None:
        yield f"{name}: the antennas of {uav} are in more than one split"


def shared_uav(dataset: xr.Dataset) -> str | None:
    """Return a UAV whose antennas belong to more than one split; None where there is none.

    Args:
        dataset: With ``receiver_split`` and, where UAVs carry arrays, ``uav``.
    """
    if "uav" not in dataset or "receiver_split" not in dataset:
        return None
    split = dataset["receiver_split"].values.astype("<U10")
    carrier = dataset["uav"].values.astype(object)
    names, first, uav = np.unique(carrier, return_index=True, return_inverse=True)
    astray = split != split[first][uav]
    return str(names[uav[np.argmax(astray)]]) if astray.any() else None


def silence_problems(part: xr.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Find records in which a site of another split sends.

    Args:
        part: Some records, in memory.

    Yields:
        What does not hold, and in which records.
    """
    if "site_split" not in part:
        return
    split = part["split"].values.astype("<U10")
    others = (split[:, None] != part["site_split"].values.astype("<U10")) & (split != "guard")[:, None]
    occupied = part["occupancy"].transpose(RECORD, "site", "subchannel").values.any(axis=2)
    yield "occupancy: a site of another split sends", others & occupied
    yield (
        "signal_power: a site of another split is heard",
        others & (part["signal_power"].max("receiver").values > -np.inf),
    )
