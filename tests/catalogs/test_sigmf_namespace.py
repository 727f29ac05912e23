"""The iqatlas namespace: fields keep to its stored schema, and say what the corpus does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import sigmf
import xarray as xr

from iqatlas import Corpus
from iqatlas.catalogs.sigmf_export import export_sigmf
from iqatlas.catalogs.sigmf_namespace import VERSION, namespace_schema

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = DOCS / "schema" / "sigmf-iqatlas-v1.json"


def _quiet(done: int, total: int) -> None:
    assert done <= total


@pytest.fixture(scope="module")
def metadata(small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("sigmf")
    return [json.loads(path.read_text()) for path in export_sigmf(small_corpus, folder, progress=_quiet)]


def test_the_stored_schema_is_that_of_the_namespace() -> None:
    """After a change: ``json.dumps(namespace_schema(), indent=2)``, and the fields in docs/sigmf.md."""
    assert json.loads(SCHEMA.read_text()) == namespace_schema()
    page = (DOCS / "sigmf.md").read_text()
    assert f"version {VERSION}" in page
    parts = namespace_schema()["properties"]
    fields = {*parts["global"]["properties"], *parts["captures"]["items"]["properties"]}
    assert {field for field in fields if f"`{field}`" not in page} == set()


def test_what_is_exported_keeps_to_both_schemas(metadata: list[dict[str, Any]]) -> None:
    check = jsonschema.Draft202012Validator(namespace_schema())
    known = namespace_schema()["properties"]
    for whole in metadata:
        sigmf.SigMFFile(metadata=whole).validate()
        assert list(check.iter_errors(whole)) == []
        own = {key for key in whole["global"] if key.startswith("iqatlas:")}
        # All that the schema knows of is there, but the split of a receiver that has none.
        assert own == set(known["global"]["properties"]) - {"iqatlas:receiver_split"}
        for capture in whole["captures"]:
            told = {key for key in capture if key.startswith("iqatlas:")}
            assert told == set(known["captures"]["items"]["properties"])
        declared = {"name": "iqatlas", "version": VERSION, "optional": True}
        assert whole["global"]["core:extensions"] == [declared]
    assert list(check.iter_errors({"global": {}, "captures": [{"iqatlas:split": "tset"}]}))


def test_fields_are_what_the_corpus_holds(small_corpus: Corpus, metadata: list[dict[str, Any]]) -> None:
    stored = small_corpus.dataset.copy().load()
    carrier_hz = stored.attrs["carrier_frequency_hz"]
    for place, whole in enumerate(metadata):
        told, captures = whole["global"], whole["captures"]
        assert told["iqatlas:receiver"] == stored["receiver"].values[place]
        assert told["iqatlas:sites"] == stored["site"].values.tolist()
        edges = [[one["freq_lower_edge"], one["freq_upper_edge"]] for one in told["iqatlas:subchannels"]]
        lower, upper = (stored[f"subchannel_{edge}"].values + carrier_hz for edge in ("lower", "upper"))
        np.testing.assert_array_equal(edges, np.stack([lower, upper], axis=-1))
        for name in ("split", "slot", "draw", "label", "occupancy"):
            column = [capture[f"iqatlas:{name}"] for capture in captures]
            np.testing.assert_array_equal(column, stored[name].values)
        levels = [capture["iqatlas:snr_level_db"] for capture in captures]
        np.testing.assert_array_equal(levels, stored["snr_level"].values)
        assert [capture["iqatlas:time_s"] for capture in captures] == stored["time"].values.tolist()
        assert told["iqatlas:units"] == "mW^0.5" == stored["iq"].attrs["units"]
        assert told["iqatlas:attribution"] == small_corpus.manifest.scene["attribution"]
        assert "© OpenStreetMap contributors" in told["iqatlas:attribution"][0]
        assert told["iqatlas:guard_slots"] == small_corpus.manifest.statistics["guard_slots"] > 0
        # Four digits are kept.
        realised = [capture["iqatlas:snr_db"] for capture in captures]
        np.testing.assert_allclose(realised, stored["snr"].values[:, place], atol=5.1e-5, rtol=1e-6)


def test_each_capture_is_where_its_receiver_was(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receivers of the small corpus hover: here they fly, so that a place is a receiver's at a time."""
    dataset = small_corpus.dataset.copy().load().isel(waypoint=[0, 0, 0])
    for step, name in enumerate(("longitude", "latitude", "altitude"), start=1):
        off = step * np.arange(3)[:, None] + 10 * step * np.arange(dataset.sizes["receiver"])
        dataset[name] = dataset[name] + xr.DataArray(off / 1000, dims=("waypoint", "receiver"))
    waypoint = np.arange(dataset.sizes["record"]) % 3
    dataset["waypoint"] = ("record", waypoint)
    monkeypatch.setitem(small_corpus.__dict__, "dataset", dataset)
    metas = export_sigmf(small_corpus, tmp_path, split="test", progress=_quiet)
    records = np.flatnonzero(dataset["split"].values == "test")
    assert len(metas) == 3 and set(waypoint[records]) == {0, 1, 2}
    for place, meta in enumerate(metas):
        captures = json.loads(meta.read_text())["captures"]
        told = [capture["core:geolocation"]["coordinates"] for capture in captures]
        names = ("longitude", "latitude", "altitude")
        own = [dataset[name].values[waypoint[records], place] for name in names]
        np.testing.assert_array_equal(told, np.stack(own, axis=-1))


def test_what_has_no_level_is_left_out(tiny_corpus: Corpus, tmp_path: Path, monkeypatch: Any) -> None:
    dataset = tiny_corpus.dataset.copy().load()
    dataset["snr_level"][:] = np.nan
    dataset["snr"][3] = -np.inf
    monkeypatch.setitem(tiny_corpus.__dict__, "dataset", dataset)
    (meta,) = export_sigmf(tiny_corpus, tmp_path, progress=_quiet)
    captures = json.loads(meta.read_text())["captures"]
    assert not any("iqatlas:snr_level_db" in capture for capture in captures)
    told = ["iqatlas:snr_db" in capture for capture in captures]
    assert told == np.isfinite(dataset["snr"].values[:, 0]).tolist() and not told[3]
