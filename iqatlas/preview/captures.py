"""A few captures as the page takes them: what receivers hear slot by slot, and single records."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.corpus_features import capture_setting, feature_of
from iqatlas.errors import SpecError
from iqatlas.features.cyclic_spectrum_feature import FEATURE as CYCLIC
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spectrogram import FEATURE as SPECTROGRAM
from iqatlas.plotting.levels import without_cells
from iqatlas.preview.markup import LONGEST_NAME, plain
from iqatlas.preview.packing import numbers, packed_integers, packed_levels

MOST_LEVELS = 9
MOST_RECEIVERS = 8
MOST_SAMPLES = 1 << 14
"""Samples of a capture that are looked at."""
_MOST_SLOTS = 120
_MOST_RECORDS = 8
"""Single records a level."""
_WATERFALL_BYTES = 450_000
_RECORD_BYTES = 1_750_000
_READ_BYTES = 96 << 20
_MOST_FRAMES = 64
_MOST_SUBCHANNELS = 256
_RANGE_DB = 60.0
_CYCLIC_RANGE_DB = 40.0


@dataclass(frozen=True)
class _Chosen:
    """Records of one level: those of the slots shown, and which of them are shown singly."""

    label: str
    records: Int64[np.ndarray, "slot"]
    single: Int64[np.ndarray, "few"]


def read_captures(corpus: Corpus) -> dict[str, Any] | None:
    """Return waterfalls of each level and receiver, and spectrogram and cyclic spectrum of some records.

    All are worked out from the I/Q, so that they look alike whatever a corpus stores beside it.

    Args:
        corpus: The corpus.

    Raises:
        StorageError: The store can't be reached.
    """
    dataset = corpus.dataset
    if "iq" not in dataset or not all(dataset.sizes[axis] for axis in ("record", "receiver", "sample")):
        return None
    samples = min(dataset.sizes["sample"], MOST_SAMPLES)
    if samples < 16 or "subchannel_lower" not in dataset.variables:
        return None
    part = dataset.isel(receiver=slice(MOST_RECEIVERS), sample=slice(samples))
    setting = capture_setting(part, corpus.manifest.spec)
    view = _views(setting)
    levels = _levels(dataset, part.sizes["receiver"], view)
    return {
        "receivers": [plain(name, LONGEST_NAME) for name in part["receiver"].values],
        "more_receivers": dataset.sizes["receiver"] - part.sizes["receiver"],
        # Recordings that nobody has calibrated are relative to their full scale.
        "unit": "dBm/Hz" if dataset["iq"].attrs.get("units", "mW^0.5") == "mW^0.5" else "dB",
        "samples": samples,
        "of_samples": dataset.sizes["sample"],
        "sites": dataset.sizes.get("site", 0),
        "edges_mhz": numbers(setting.subchannel_edges_hz[:_MOST_SUBCHANNELS] / 1e6, 5),
        "frequency_mhz": numbers(view.frequency_hz / 1e6, 5),
        "time_us": numbers(view.time_s * 1e6, 3),
        "alpha_khz": numbers(view.alpha_hz / 1e3, 3),
        "cyclic_frequency_mhz": numbers(view.cyclic_frequency_hz / 1e6, 5),
        "symbol_rate_khz": None if setting.symbol_rate_hz is None else setting.symbol_rate_hz / 1e3,
        "levels": [_level(part, setting, chosen, view) for chosen in levels],
    }


@dataclass(frozen=True, eq=False)
class _Views:
    """How a capture is looked at: options of the features, and their axes."""

    spectrogram: dict[str, Any]
    cyclic: dict[str, Any] | None
    frequency_hz: Float[np.ndarray, "frequency"]
    time_s: Float[np.ndarray, "frame"]
    alpha_hz: Float[np.ndarray, "cycle"]
    cyclic_frequency_hz: Float[np.ndarray, "cyclic_frequency"]

    @property
    def bytes_a_record(self) -> int:
        """Bytes of spectrogram and cyclic spectrum of a record at one receiver."""
        return len(self.time_s) * len(self.frequency_hz) + len(self.alpha_hz) * len(self.cyclic_frequency_hz)


def view_options(samples: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of spectrogram and cyclic spectrum that suit the length of a capture.

    Args:
        samples: Samples of the capture.
    """
    nperseg = 1 << min(7, max(3, int(np.log2(samples / 4))))
    hop = max(nperseg // 4, -(-samples // _MOST_FRAMES))
    channels = 1 << min(6, max(3, int(np.log2(samples / 4))))
    return {"nperseg": nperseg, "hop": min(hop, nperseg)}, {"channels": channels}


def _views(setting: CaptureSetting) -> _Views:
    options, cyclic = view_options(setting.samples)
    plain_layout = SPECTROGRAM.layout(SPECTROGRAM.spec.model_validate(options), setting)
    frames = plain_layout.coordinates["frame_time"][1]
    nothing = np.zeros(0)
    axes = {"alpha": nothing, "frequency": nothing}
    known: dict[str, Any] | None = cyclic
    try:
        layout = CYCLIC.layout(CYCLIC.spec.model_validate(cyclic), setting)
        axes = {key.rpartition("_")[2]: values for key, (_, values) in layout.coordinates.items()}
    except SpecError:
        known = None  # captures too short for a cyclic spectrum
    kept = _pooled_frames(len(frames))
    return _Views(
        options,
        known,
        plain_layout.coordinates["frequency"][1],
        np.array([frames[piece].mean() for piece in kept]),
        axes["alpha"],
        axes["frequency"],
    )


def _pooled_frames(frames: int) -> list[slice]:
    """Return which frames share a column of a picture."""
    bounds = np.linspace(0, frames, min(frames, _MOST_FRAMES) + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(bounds)]


def _levels(dataset: xr.Dataset, receivers: int, view: _Views) -> list[_Chosen]:
    records = dataset.sizes["record"]
    level = dataset["snr_level"].values if "snr_level" in dataset else np.full(records, np.nan)
    first = (
        dataset["draw"].values == dataset["draw"].values[0] if "draw" in dataset else np.ones(records, bool)
    )
    known = np.unique(level[np.isfinite(level)])
    few = known[np.unique(np.linspace(0, max(0, len(known) - 1), min(len(known), MOST_LEVELS)).astype(int))]
    named = [(f"{value:g} dB", np.flatnonzero(first & (level == value))) for value in few]
    if not len(known):
        named = [("thermal noise" if "snr_level" in dataset else "as recorded", np.flatnonzero(first))]
    named = [(name, found) for name, found in named if len(found)]
    count = max(1, len(named) * receivers)
    per_record = 8 * receivers * min(dataset.sizes["sample"], MOST_SAMPLES) * max(1, len(named))
    slots = min(
        _MOST_SLOTS,
        max(12, _WATERFALL_BYTES // (count * len(view.frequency_hz))),
        max(1, _READ_BYTES // per_record),
    )
    singles = int(np.clip(_RECORD_BYTES // (count * view.bytes_a_record), 1, _MOST_RECORDS))
    return [
        _Chosen(name, found[:slots], np.unique(np.linspace(0, len(found[:slots]) - 1, singles).astype(int)))
        for name, found in named
    ]


def _level(part: xr.Dataset, setting: CaptureSetting, chosen: _Chosen, view: _Views) -> dict[str, Any]:
    wanted = [name for name in ("iq", "occupancy", "label", "snr", "slot", "split") if name in part.variables]
    records = part[wanted].isel(record=chosen.records).load()
    linear = {**view.spectrogram, "scale": "mw_per_hz"}
    density = feature_of(records[["iq"]], setting, "spectrogram", linear)
    slots = records["slot"].values if "slot" in records else chosen.records
    return {
        "label": chosen.label,
        "slot": [int(slot) for slot in slots],
        "record": [int(record) for record in chosen.records],
        "waterfall": [_waterfall(density[:, receiver]) for receiver in range(density.shape[1])],
        "sent": _sent(records),
        "single": [int(index) for index in chosen.single],
        "pictures": _pictures(records, density, setting, chosen, view),
    }


def _decibels(density: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return 10 * np.log10(np.maximum(density.astype(np.float64), 1e-35))


def _waterfall(density: Float[np.ndarray, "slot frame frequency"]) -> dict[str, Any]:
    level = _decibels(density.mean(axis=1))
    return packed_levels(level, float(np.percentile(level, 5)), float(np.percentile(level, 99.5)))


def _sent(records: xr.Dataset) -> dict[str, Any] | None:
    """Return how many sites occupy each sub-channel in each slot; 0 or 1 where only labels are known."""
    if "occupancy" in records:
        counts = records["occupancy"].values.sum(axis=1)
    elif "label" in records:
        counts = records["label"].values.astype(np.int64)
    else:
        return None
    return packed_integers(np.minimum(counts[:, :_MOST_SUBCHANNELS], 255), "u8")


def _pictures(
    records: xr.Dataset,
    density: Float[np.ndarray, "slot receiver frame frequency"],
    setting: CaptureSetting,
    chosen: _Chosen,
    view: _Views,
) -> list[dict[str, Any]]:
    """Return spectrogram and cyclic spectrum of the records that are shown singly."""
    few = records.isel(record=chosen.single)
    frames = _pooled_frames(density.shape[2])
    pooled = np.stack([density[chosen.single, :, piece].mean(axis=2) for piece in frames], axis=2)
    level, split = _decibels(pooled), few["split"].values if "split" in few.variables else None
    snr = numbers(few["snr"].values, 2) if "snr" in few else [None] * len(chosen.single)
    pictures: list[dict[str, Any]] = [
        {
            "record": int(chosen.records[index]),
            "split": None if split is None else plain(split[place], LONGEST_NAME),
            "snr_db": snr[place],
            "spectrogram": [_packed(heard, 2.0, _RANGE_DB) for heard in level[place]],
        }
        for place, index in enumerate(chosen.single)
    ]
    if view.cyclic is not None:
        cyclic = feature_of(few[["iq"]], setting, "cyclic_spectrum", view.cyclic).astype(np.float64)
        for picture, planes in zip(pictures, cyclic, strict=True):
            picture["cyclic"] = [
                _packed(
                    np.where(without_cells(plane, view.cyclic_frequency_hz), np.nan, plane),
                    5.0,
                    _CYCLIC_RANGE_DB,
                )
                for plane in planes
            ]
    return pictures


def _packed(level: Float[np.ndarray, "..."], percent: float, range_db: float) -> dict[str, Any]:
    top = float(np.nanmax(level))
    return packed_levels(level, max(float(np.nanpercentile(level, percent)), top - range_db), top)
