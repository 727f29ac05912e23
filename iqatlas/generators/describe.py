"""What a corpus says of itself: coordinates, statistics, and the cards that people read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iqatlas.axes import QUANTITIES
from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.construction import write_file
from iqatlas.catalogs.manifest import InputEntry
from iqatlas.catalogs.spec import SPLITS
from iqatlas.features.spectrogram import bin_frequency_hz, frame_time_s
from iqatlas.generators.plan import Plan
from iqatlas.generators.shard import Workshop
from iqatlas.scenes.scene import Scene

_WAVEFORM = {"lte": "LTE-like downlinks", "marine_vhf": "voice on marine VHF channels"}
_WAVEFORM_LIMITS = {
    "lte": "The downlink is LTE-like: synchronisation and reference signals by the standard, random payload.",
    "marine_vhf": "The voice is made from syllables of harmonics and noise: nobody says anything.",
}

_LOAD = {
    "zarr": """```python
import xarray as xr
records = xr.open_zarr("records.zarr")
train = records.isel(record=(records.split == "train").values)
```""",
    "hdf5": """```python
import h5py
records = h5py.File("records.h5")
train = records["split"].asstr()[:] == "train"
```""",
}
_GIVES = {"complex64": "the same", "int16": "complex samples (here: counts, times `iq_scale` in √mW)"}


def coordinates(made: Plan, scene: Scene, workshop: Workshop) -> xr.Dataset:
    """Return everything that doesn't vary over the records: coordinates, positions, attributes."""
    rate = made.sample_rate_hz
    edges = workshop.downlink.subchannel_edges_hz
    receivers = scene.receivers
    east, north = receivers.position_m[..., 0], receivers.position_m[..., 1]
    longitude, latitude = scene.frame.to_geodetic(east.ravel(), north.ravel())
    values: dict[str, np.ndarray] = {
        "receiver": np.array(receivers.names),
        "site": np.array([site.name for site in scene.sites]),
        "subchannel": np.arange(len(edges)),
        "subchannel_lower": edges[:, 0],
        "subchannel_upper": edges[:, 1],
        "sample_time": np.arange(made.spec.capture.samples) / rate,
        "waypoint_time": receivers.time_s,
        "latitude": latitude.reshape(east.shape),
        "longitude": longitude.reshape(east.shape),
        "altitude": receivers.position_m[..., 2],
        "position": receivers.position_m,
        "velocity": receivers.velocity_mps,
    }
    spectrogram = made.spec.features.spectrogram
    if spectrogram is not None:
        values["frame_time"] = frame_time_s(made.spec.capture.samples, spectrogram, sample_rate_hz=rate)
        values["frequency"] = bin_frequency_hz(spectrogram, sample_rate_hz=rate)
    attributes = {
        "title": f"iqatlas corpus {made.spec.name}",
        "source": f"ray-traced {_WAVEFORM[made.spec.waveform.kind]} over OpenStreetMap buildings, "
        "occupied by Markov chains",
        "sample_rate_hz": rate,
        "carrier_frequency_hz": workshop.recipe.paths.frequency_hz,
        "noise_bandwidth_hz": workshop.noise_bandwidth_hz,
        "slot_duration_s": made.spec.occupancy.slot_s,
        "label_polarity": "1 occupied, 0 vacant",
        "origin_longitude_deg": scene.frame.longitude_deg,
        "origin_latitude_deg": scene.frame.latitude_deg,
        "attribution": "; ".join(scene.attribution),
    }
    return xr.Dataset(
        coords={name: array_variable(QUANTITIES[name], array) for name, array in values.items()},
        attrs=attributes,
    )


def count_splits(made: Plan) -> dict[str, int]:
    """Return the number of records of each split that has any."""
    counts = np.bincount(made.slot_split, minlength=len(SPLITS)) * made.levels * made.spec.capture.draws
    return {name: int(count) for name, count in zip(SPLITS, counts, strict=True) if count}


def statistics(dataset: xr.Dataset, made: Plan) -> dict[str, Any]:
    """Return the figures of a corpus that its manifest and card show."""
    occupancy = dataset["occupancy"].mean(("record", "subchannel")).values
    label = float(dataset["label"].mean())
    snr = dataset["snr"].values
    power = dataset["signal_power"].values
    return {
        "samples": made.samples,
        "occupied_share_of_labels": round(label, 6),
        "occupied_share_by_site": {
            str(site): round(float(share), 6)
            for site, share in zip(dataset["site"].values, occupancy, strict=True)
        },
        "snr_db": _range(snr),
        "signal_power_dbm": _range(power),
        "noise_power_dbm": _range(dataset["noise_power"].values),
        "guard_slots": made.guard_slots,
    }


def _range(values: np.ndarray) -> dict[str, float]:
    """Return smallest, median and largest finite value, and the share of -inf."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {"silent_share": 1.0}
    low, middle, high = np.percentile(finite, [0, 50, 100])
    return {
        "min": round(float(low), 3),
        "median": round(float(middle), 3),
        "max": round(float(high), 3),
        "silent_share": round(1 - len(finite) / values.size, 6),
    }


def describe_scene(scene: Scene) -> dict[str, Any]:
    """Return what the manifest keeps of a scene."""
    return {
        "sha256": scene.content_hash(),
        "origin_longitude_deg": scene.frame.longitude_deg,
        "origin_latitude_deg": scene.frame.latitude_deg,
        "bbox": list(scene.bbox),
        "buildings": len(scene.buildings),
        "height_sources": {
            str(source): int(count)
            for source, count in sorted(scene.buildings["height_source"].value_counts().items())
        },
        "sites": [
            {
                "name": site.name,
                "provenance": site.provenance,
                "longitude_deg": round(site.longitude_deg, 7),
                "latitude_deg": round(site.latitude_deg, 7),
                "height_m": round(site.position_m[2], 2),
                "height_source": site.height_source,
                "position_uncertainty_m": site.position_uncertainty_m,
                "power_dbm": site.power_dbm,
                "cell_id": site.cell_id,
                "operator": site.operator,
            }
            for site in scene.sites
        ],
        "report": scene.report,
        "attribution": list(scene.attribution),
    }


def write_cards(
    corpus: Path, made: Plan, scene: Scene, figures: Mapping[str, Any], inputs: tuple[InputEntry, ...]
) -> None:
    """Write the corpus's README.md and ATTRIBUTION.md."""
    spec = made.spec
    splits = ", ".join(f"{name} {count:,}" for name, count in count_splits(made).items())
    levels = spec.capture.snr_levels_db()
    snr = "thermal noise" if np.isnan(levels[0]) else f"{levels[0]:g} to {levels[-1]:g} dB"
    gives = _GIVES[spec.storage.iq]
    sites = "\n".join(f"- **{site.name}**: {site.provenance}" for site in scene.sites)
    credit = "\n".join(f"- {line}" for line in scene.attribution)
    write_file(
        corpus / "README.md",
        f"""# {spec.name}

Labelled I/Q of {made.receivers} UAVs over a city, made by iqatlas (seed {spec.seed}).

![Map of the scene and a spectrogram](scene/map.png)

| | |
|---|---|
| records | {made.records:,} ({splits}) |
| a record | {made.receivers} receivers × {spec.capture.samples} samples, {made.sample_rate_hz / 1e6:g} Msps |
| sub-channels | {spec.waveform.subchannels}; occupied labels: {figures["occupied_share_of_labels"]:.1%} |
| SNR at full load | {snr} ({spec.capture.noise}) |
| buildings | {len(scene.buildings):,} |

## Load it

{_LOAD[spec.storage.format]}

`iqatlas.open_corpus(".")` gives {gives} with `.sel(split="train")`, the paths, and PyTorch loaders.
Occupied is 1, vacant is 0. Every variable carries its units and what has to be known to use it.

## Sites

{sites}

## Known limits

- Buildings are extruded footprints; heights that no tag tells are estimates (see `height_source`).
- Positions of sites carry the uncertainty that `scene/sites.parquet` states.
- {_WAVEFORM_LIMITS[spec.waveform.kind]}
- The guard records between the splits belong to none of them.

## Licence and credit

The corpus derives from open data and is published under the Open Database License 1.0 unless stated
otherwise by who publishes it. See ATTRIBUTION.md.
""".encode(),
    )
    sources = "\n".join(
        f"- {entry.role}: `{entry.name}`, SHA-256 {entry.sha256}, {entry.licence}, {entry.attribution}"
        for entry in inputs
    )
    write_file(corpus / "ATTRIBUTION.md", f"# Credit\n\n{credit}\n\n## Made from\n\n{sources}\n".encode())
