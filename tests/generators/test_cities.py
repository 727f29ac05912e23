"""Real cities from their files, traced by Sionna RT: London and New York, start to verified corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from iqatlas import Corpus, CorpusSpec, generate

SMALL = {"samples": 128, "slots": 60, "snr_db": {"start": -10, "stop": 20, "step": 15}}
LONDON: dict[str, Any] = {
    "name": "london-city",
    "scene": {
        "buildings": {"kind": "osm_file", "path": "london-city.osm"},
        "bbox": [-0.0880, 51.5080, -0.0740, 51.5154],
    },
    "sites": {"kind": "opencellid", "path": "london-city-opencellid.csv", "mcc": 234, "mnc": 30, "count": 3},
    "receivers": {"kind": "hover", "count": 3, "altitude_m": 120},
    "carrier": {"earfcn": 1617},
    "raytracing": {"kind": "sionna", "rays_per_site": 100_000},
    "occupancy": {"p01": 0.05, "p10": 0.3},
    "capture": SMALL,
}
NEW_YORK: dict[str, Any] = {
    "name": "nyc",
    "scene": {"buildings": {"kind": "osm_file", "path": "nyc-lower-east-side.osm.pbf"}},
    "sites": {"kind": "opencellid", "path": "nyc-lower-east-side-opencellid.csv", "mcc": 310, "mnc": 260},
    "receivers": {"count": 2, "altitude_m": 100},
    "carrier": {"frequency_hz": 2.1275e9},
    "raytracing": {"rays_per_site": 100_000, "kind": "sionna"},
    "waveform": {"bandwidth_mhz": 5, "subchannels": 8, "control": "off"},
    "capture": {**SMALL, "noise": "thermal"},
}
del NEW_YORK["capture"]["snr_db"]


def cells_of(file: Path, mcc: int, net: int) -> pd.DataFrame:
    """Return one operator's LTE cells, by either way of naming the columns."""
    table = pd.read_csv(file).rename(columns={"mnc": "net", "cellid": "cell"})
    return table[(table["mcc"] == mcc) & (table["net"] == net) & (table.get("radio", "LTE") == "LTE")]


@pytest.mark.slow
@pytest.mark.parametrize(("tree", "mnc"), [(LONDON, 30), (NEW_YORK, 260)])
def test_a_city_from_its_files(tree: dict[str, Any], mnc: int, shared_data: Path, tmp_path: Path) -> None:
    paths = {"scene": dict(tree["scene"]), "sites": dict(tree["sites"])}
    paths["scene"]["buildings"] = {
        "kind": "osm_file",
        "path": str(shared_data / tree["scene"]["buildings"]["path"]),
    }
    paths["sites"]["path"] = str(shared_data / tree["sites"]["path"])
    file = tmp_path / "spec.yaml"
    file.write_text(json.dumps({**tree, **paths}))
    corpus = generate(CorpusSpec.from_yaml(file), tmp_path / "out", workers=1)
    found = corpus.verify()
    assert found.problems == ()
    check_sites(corpus, cells_of(shared_data / tree["sites"]["path"], tree["sites"]["mcc"], mnc))
    check_paths(corpus)


def check_sites(corpus: Corpus, cells: pd.DataFrame) -> None:
    """Every site is an eNodeB of the file, among its own cells and inside the scene."""
    sites = corpus.table("sites")
    assert len(sites) == 3
    assert len(set(sites["operator"])) == 1
    west, south, east, north = corpus.manifest.scene["bbox"]
    for site in sites.itertuples():
        own = cells[cells["cell"] // 256 == int(site.name.removeprefix("enb"))]
        assert len(own) > 0
        # A site is somewhere among its cells; their positions are centroids of measurements.
        assert own["lon"].min() - 1e-6 <= site.longitude_deg <= own["lon"].max() + 1e-6
        assert own["lat"].min() - 1e-6 <= site.latitude_deg <= own["lat"].max() + 1e-6
        assert west <= site.longitude_deg <= east
        assert south <= site.latitude_deg <= north


def check_paths(corpus: Corpus) -> None:
    """The received powers are those of the traced paths, and more than the line of sight was found."""
    records, paths = corpus.dataset, corpus.paths.load()
    assert paths["valid"].values.sum(axis=-1).max() >= 5
    assert corpus.manifest.paths["kind"] == "sionna"
    link = np.sum(np.abs(np.where(paths["valid"], paths["gain"], 0)) ** 2, axis=-1)[0]
    power = records["signal_power"].values
    # A site that sends in all its sub-channels is received with its power times the link's gain; paths
    # interfere, so that the strongest slot is within 10 dB of the sum of their powers for good links.
    best = np.unravel_index(np.argmax(link), link.shape)
    expected = 43 + 10 * np.log10(link[best])
    assert power[:, best[0], best[1]].max() == pytest.approx(expected, abs=10)
