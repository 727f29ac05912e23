"""What the records of an imported corpus promise: finite samples, in order, with the splits they state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from pydantic import ValidationError

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORD, RECORDED_QUANTITIES
from iqatlas.catalogs.import_spec import ImportedCorpusSpec, exported_of
from iqatlas.catalogs.manifest import MANIFEST_NAME, Manifest, reason_of
from iqatlas.catalogs.spec import SPLITS


def imported_layout_problems(dataset: xr.Dataset, manifest: Manifest) -> Iterator[str]:
    """Check that the arrays are those of recordings, and no others.

    Args:
        dataset: The records as stored.
        manifest: The corpus's manifest.

    Yields:
        What does not hold, one line each.
    """
    try:
        spec = ImportedCorpusSpec.model_validate(manifest.spec)
    except ValidationError as failure:
        yield f"{MANIFEST_NAME}: spec.{reason_of(failure)}"
        return
    needed = {name: RECORDED_QUANTITIES[name] for name in ("iq", "time", "first_sample", "split")}
    if spec.storage.iq == "int16":
        needed |= INT16_QUANTITIES
    optional = {"label": RECORDED_QUANTITIES, "draw": QUANTITIES, "slot": QUANTITIES}
    needed |= {name: known[name] for name, known in optional.items() if name in dataset}
    for name, quantity in needed.items():
        if name not in dataset:
            yield f"{name} is missing"
            continue
        if dataset[name].dims != quantity.dims:
            yield f"{name} lies on {dataset[name].dims} in place of {quantity.dims}"
        if quantity.dtype != "str" and dataset[name].dtype != np.dtype(quantity.dtype):
            yield f"{name} is {dataset[name].dtype} in place of {quantity.dtype}"
    rate = dataset.attrs.get("sample_rate_hz")
    if not isinstance(rate, int | float) or not 0 < rate < np.inf:
        yield f"the attribute sample_rate_hz is {rate!r} in place of a positive number"
    records = dataset.sizes.get(RECORD, 0)
    if records != manifest.records or not records:
        yield f"{records} records in place of {manifest.records}"
    for axis, asked in (("sample", spec.recording.samples), ("subchannel", spec.recording.subchannels)):
        if dataset.sizes.get(axis) != asked:
            yield f"{axis} has {dataset.sizes.get(axis)} places in place of {asked}"
    for name in ("subchannel_lower", "subchannel_upper"):
        if name not in dataset.coords:
            yield f"{name} is missing"


def imported_part_problems(part: xr.Dataset, manifest: Manifest) -> Iterator[tuple[str, np.ndarray]]:
    """Check some records, in memory, samples complex.

    Args:
        part: The records.
        manifest: The corpus's manifest.

    Yields:
        What does not hold, and in which of the records.
    """
    rate, first = float(part.attrs["sample_rate_hz"]), part["first_sample"].values
    yield "iq: not finite", ~np.isfinite(part["iq"].values)
    if exported_of(manifest.spec):
        # Time is that of the exported corpus, whose captures don't follow on from each other.
        yield "time: not finite", ~np.isfinite(part["time"].values)
    else:
        # Hours of samples in float64 seconds keep far more than a hundredth of one.
        yield "time: not that of first_sample", ~(np.abs(part["time"].values * rate - first) <= 0.01)
    late = np.diff(first, prepend=first[0] - part.sizes["sample"]) < part.sizes["sample"]
    yield "first_sample: the capture overlaps the one before, or is before it", late | (first < 0)


def imported_split_problems(dataset: xr.Dataset, manifest: Manifest) -> Iterator[str]:
    """Check the splits against the manifest, and that they are apart in time.

    They are blocks of time in their order, but for those that an exported corpus had, which may come in every
    draw; no slot of a draw is in two of them.

    Args:
        dataset: All records.
        manifest: The corpus's manifest.
    """
    split = dataset["split"].values.astype("<U10")
    names, counts = np.unique(split, return_counts=True)
    found = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    if found != {name: count for name, count in manifest.splits.items() if count}:
        yield f"split: {found} in place of {dict(manifest.splits)}"
    if unknown := sorted(set(found) - set(SPLITS)):
        yield f"split: {unknown[0]!r} is none of {', '.join(SPLITS)}"
        return
    if {"draw", "slot"} <= set(dataset.variables):
        yield from _slot_problems(dataset["draw"].values, dataset["slot"].values, split)
        return
    if exported_of(manifest.spec).get("splits") == "told":
        return
    order = np.array([SPLITS.index(name) for name in split[split != "guard"]])
    if (np.diff(order) < 0).any():
        yield "split: training, validation and test don't follow each other in time"


def _slot_problems(draw: np.ndarray, slot: np.ndarray, split: np.ndarray) -> Iterator[str]:
    order = np.lexsort((split, slot, draw))
    draw, slot, split = draw[order], slot[order], split[order]
    same = (np.diff(draw) == 0) & (np.diff(slot) == 0) & (split[1:] != split[:-1])
    for index in np.flatnonzero(same)[:1]:
        yield f"split: records of slot {slot[index]} of draw {draw[index]} are in more than one split"
