"""What a corpus says of itself: coordinates, statistics, and the cards that people read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float64

from iqatlas.axes import ARRAY_QUANTITIES, QUANTITIES
from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.durable import write_file
from iqatlas.catalogs.folder import PICTURES
from iqatlas.catalogs.load_card import load_text, split_text
from iqatlas.catalogs.manifest import InputEntry
from iqatlas.catalogs.spec import SPLITS
from iqatlas.generators.continuity import continuity_text
from iqatlas.generators.feature_card import feature_limits, feature_rows
from iqatlas.generators.occupancy_figures import occupancy_figures
from iqatlas.generators.plan import Plan
from iqatlas.generators.shard import Workshop
from iqatlas.generators.value_range import value_range
from iqatlas.scenes.scene import Scene

_WAVEFORM = {"lte": "LTE-like downlinks", "marine_vhf": "voice on marine VHF channels"}
_OCCUPANCY = {
    "markov": "Markov chains",
    "semi_markov": "chains of runs with laws of their own",
    "users": "users who take several sub-channels",
    "trace": "a recorded trace",
}
_SPLITS = {
    "time": "The guard records between the splits belong to none of them.",
    "draw": "Splits are whole draws, which share sites, receivers and paths.",
    "receiver": "Splits are blocks of time, and each receiver is of one split too (`receiver_split`): "
    "leave out the others.",
    "site": "Splits are blocks of time, and each site sends in one of them alone (`site_split`).",
}
_WAVEFORM_LIMITS = {
    "lte": "The downlink is LTE-like: synchronisation and reference signals by the standard, random payload.",
    "marine_vhf": "The voice is made from syllables of harmonics and noise: nobody says anything.",
}

_RECORDS_AT_ONCE = 1 << 14

DELAYS = f"{PICTURES}/delays.png"
"""Picture of the paths' powers and delays."""
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
    for owner, split in (("receiver", made.receiver_split), ("site", made.site_split)):
        if split is not None:
            values[f"{owner}_split"] = np.array(SPLITS)[split]
    if not made.spec.receiver.off:
        values |= _front_end(workshop)
    if receivers.array is not None:
        values |= {"uav": np.array(receivers.uav), "element_position": receivers.element_m}
    known = QUANTITIES | ARRAY_QUANTITIES
    described = {name: (known[name], array) for name, array in values.items()}
    for layout in made.layouts.values():
        described.update(layout.coordinates)
    attributes = {
        "title": f"iqatlas corpus {made.spec.name}",
        "source": f"ray-traced {_WAVEFORM[made.spec.waveform.kind]} over OpenStreetMap buildings, "
        f"occupied by {_OCCUPANCY[made.spec.occupancy.kind]}",
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
        coords={name: array_variable(quantity, array) for name, (quantity, array) in described.items()},
        attrs=attributes,
    )


def _front_end(workshop: Workshop) -> dict[str, np.ndarray]:
    """Return what was drawn for each receiver."""
    front_end = workshop.front_end
    with np.errstate(divide="ignore"):  # no constant has -inf dBm
        dc_dbm = 20 * np.log10(np.abs(front_end.dc))
    return {
        "carrier_offset": front_end.carrier_offset_hz,
        "sampling_offset": front_end.clock_error * 1e6,
        "iq_gain": front_end.iq_gain_db,
        "iq_phase": front_end.iq_phase_deg,
        "dc_power": dc_dbm,
    }


def _licence(about: AboutSpec) -> str:
    if about.licence == AboutSpec().licence:
        return (
            "The corpus derives from open data and is published under the Open Database License 1.0 unless "
            "stated\notherwise by who publishes it."
        )
    return f"The corpus is published under {about.licence}: {about.licence_url}."


def _rows(scene: Scene, flown: dict[str, int | float] | None) -> str:
    """Return the rows of the card that not every corpus has."""
    array, rows = scene.receivers.array, []
    if array is not None:
        rows.append(f"| antennas of a UAV | {scene.receivers.elements}: {array.name}; each is a receiver |")
    if flown is not None:
        rows.append(f"| flight | {continuity_text(flown)} |")
    return "".join(f"{row}\n" for row in rows)


def count_splits(made: Plan) -> dict[str, int]:
    """Return the number of records of each split that has any."""
    return made.split_counts()


def statistics(dataset: xr.Dataset, made: Plan) -> dict[str, Any]:
    """Return the figures of a corpus that its manifest and card show."""
    occupied, labelled = _occupied(dataset)
    return {
        "samples": made.samples,
        "occupied_share_of_labels": round(labelled, 6),
        "occupied_share_by_site": {
            str(site): round(float(share), 6)
            for site, share in zip(dataset["site"].values, occupied, strict=True)
        },
        "snr_db": value_range(dataset["snr"]),
        "signal_power_dbm": value_range(dataset["signal_power"]),
        "noise_power_dbm": value_range(dataset["noise_power"]),
        "guard_slots": made.guard_slots,
        "occupancy": occupancy_figures(dataset, made),
    }


def _occupied(dataset: xr.Dataset) -> tuple[Float64[np.ndarray, " site"], float]:
    """Return how much of each site's sub-channels is occupied, and how many labels are, block by block."""
    occupancy, label = dataset["occupancy"], dataset["label"]
    occupied, labelled = np.zeros(dataset.sizes["site"], np.int64), 0.0
    for start in range(0, len(label), _RECORDS_AT_ONCE):
        block = slice(start, start + _RECORDS_AT_ONCE)
        occupied += np.count_nonzero(occupancy[block].values, axis=(0, 2))
        labelled += np.count_nonzero(label[block].values)
    return occupied * occupied.size / occupancy.size, labelled / label.size


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


def _runs(figures: Mapping[str, Any]) -> str:
    """Return mean run lengths by theory and in the records, in words."""
    exact, found = figures["exact"], figures["empirical"]
    parts = []
    for what, name in (("occupied", "mean_busy_slots"), ("vacant", "mean_idle_slots")):
        measured = "none" if found[name] is None else f"{found[name]:.3g}"
        theory = "" if exact is None or exact[name] is None else f" (theory {exact[name]:.3g})"
        parts.append(f"mean {what} run {measured} slots{theory}")
    return ", ".join(parts)


def write_cards(
    corpus: Path,
    made: Plan,
    scene: Scene,
    figures: Mapping[str, Any],
    inputs: tuple[InputEntry, ...],
    flown: dict[str, int | float] | None,
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

Labelled I/Q of {spec.receivers.uavs} UAVs over a city, made by iqatlas (seed {spec.seed}).

![Map of the scene and a spectrogram](scene/map.png)

| | |
|---|---|
| records | {made.records:,} ({splits}) |
| a record | {made.receivers} receivers × {spec.capture.samples} samples, {made.sample_rate_hz / 1e6:g} Msps |
| sub-channels | {spec.waveform.subchannels}; occupied labels: {figures["occupied_share_of_labels"]:.1%} |
| occupancy | {_OCCUPANCY[spec.occupancy.kind]}; {_runs(figures["occupancy"])} |
| SNR at full load | {snr} ({spec.capture.noise}) |
| buildings | {len(scene.buildings):,} |
{_rows(scene, flown)}
## Load it

{load_text(spec.storage.format, spec.splits.by)}

`iqatlas.open_corpus(".")` gives {gives} with `{split_text(spec.splits.by)}`, the paths, and PyTorch loaders.
Occupied is 1, vacant is 0. Every variable carries its units and what has to be known to use it.
Row n of `records.parquet` is record n, without its samples.

{feature_rows(made)}## Paths

![Power and delay of the paths to a receiver](./{DELAYS})

## Sites

{sites}

## Known limits

- Buildings are extruded footprints; heights that no tag tells are estimates (see `height_source`).
- Positions of sites carry the uncertainty that `scene/sites.parquet` states.
- {_WAVEFORM_LIMITS[spec.waveform.kind]}
- {_SPLITS[spec.splits.by]}
{feature_limits(made)}
## Licence and credit

{_licence(spec.about)} See ATTRIBUTION.md, and CITATION.cff for how to cite it.
""".encode(),
    )
    sources = "\n".join(
        f"- {entry.role}: `{entry.name}`, SHA-256 {entry.sha256}, {entry.licence}, {entry.attribution}"
        for entry in inputs
    )
    write_file(corpus / "ATTRIBUTION.md", f"# Credit\n\n{credit}\n\n## Made from\n\n{sources}\n".encode())
