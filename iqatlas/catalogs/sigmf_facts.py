"""What a corpus knows of a receiver's recording, as fields of SigMF metadata."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.sigmf import subchannel_name
from iqatlas.catalogs.sigmf_namespace import OTHERS, UNITS, in_namespace

_ALTITUDE_REFERENCE = "ground at the origin of the scene, not the WGS84 ellipsoid"
_DIGITS = 4


def global_facts(corpus: Corpus, place: int) -> dict[str, Any]:
    """Return the fields of the global object of a receiver's recording.

    Args:
        corpus: The corpus.
        place: Place of the receiver.
    """
    dataset = corpus.dataset
    carrier_hz = float(dataset.attrs["carrier_frequency_hz"])
    guard = corpus.manifest.statistics.get("guard_slots")
    lower, upper = (carrier_hz + dataset[f"subchannel_{edge}"].values for edge in ("lower", "upper"))
    return in_namespace(
        {
            "corpus": corpus.manifest.name,
            "manifest_sha256": hashlib.sha256(corpus.manifest.serialise()).hexdigest(),
            "receiver": str(dataset["receiver"].values[place]),
            "receiver_split": _receiver_split(dataset, place),
            "record_samples": dataset.sizes["sample"],
            "subchannels": [
                {"name": subchannel_name(index), "freq_lower_edge": low, "freq_upper_edge": high}
                for index, (low, high) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True))
            ],
            "sites": [str(name) for name in dataset["site"].values] if "occupancy" in dataset else None,
            "altitude_reference": _ALTITUDE_REFERENCE if "altitude" in dataset else None,
            "units": units if (units := dataset["iq"].attrs.get("units")) in UNITS else None,
            "attribution": _attribution(corpus),
            "guard_slots": guard if isinstance(guard, int) and guard >= 0 else None,
        }
    )


def _attribution(corpus: Corpus) -> list[str] | None:
    credit = corpus.manifest.scene.get("attribution")
    return [str(line) for line in credit] if isinstance(credit, list) and credit else None


def capture_facts(
    facts: xr.Dataset, records: Int64[np.ndarray, " record"], place: int
) -> list[dict[str, Any]]:
    """Return the fields of each capture segment of a receiver's recording.

    Args:
        facts: The small variables of the records, in memory.
        records: Numbers of the records.
        place: Place of the receiver.
    """
    columns: dict[str, list[Any]] = {
        "record": records.tolist(),
        "time_s": facts["time"].values.tolist(),
        "split": _splits(facts, place),
    }
    columns |= {name: facts[name].values.tolist() for name in ("slot", "draw") if name in facts}
    levels = {"snr_level_db": facts.get("snr_level"), "snr_db": facts.get("snr")}
    for name, level in levels.items():
        if level is not None:
            one = level.isel(receiver=place) if "receiver" in level.dims else level
            columns[name] = _finite(one.values.astype(np.float64))
    for name in ("label", "occupancy"):
        if name in facts:
            columns[name] = facts[name].values.astype(np.int8).tolist()
    names = list(columns)
    return [
        in_namespace(dict(zip(names, values, strict=True))) for values in zip(*columns.values(), strict=True)
    ]


def _finite(level_db: np.ndarray) -> list[float | None]:
    """Return levels, and None where there is none: JSON knows neither NaN nor infinity."""
    rounded = np.round(level_db, _DIGITS).astype(object)
    rounded[~np.isfinite(level_db)] = None
    return list(rounded.tolist())


def _receiver_split(dataset: xr.Dataset, place: int) -> str | None:
    return str(dataset["receiver_split"].values[place]) if "receiver_split" in dataset else None


def _splits(facts: xr.Dataset, place: int) -> list[str]:
    """Return the split that each capture belongs to: none where receiver and record are of different ones."""
    split = facts["split"].values.astype("<U10")
    own = _receiver_split(facts, place)
    if own is not None:
        split = np.where((split == own) | (split == "guard"), split, OTHERS)
    return [str(name) for name in split]
