"""What the manifest says of occupancy: theory beside data, for every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from test_components import draw_nothing
from test_shard import recipe, whole

from iqatlas import CorpusSpec, generate
from iqatlas.generators import occupancy_figures as module
from iqatlas.generators.occupancy_figures import occupancy_figures
from iqatlas.generators.shard import Workshop

HEAVY = {"kind": "pareto", "mean_slots": 4, "tail_index": 2.5}
KINDS: dict[str, dict[str, Any]] = {
    "markov": {},
    "ranges": {"p01": {"low": 0.02, "high": 0.2}, "p10": {"low": 0.1, "high": 0.4}},
    "profile": {"profile": {"by_hour": [0.5] * 12 + [1.5] * 12, "span_h": 24}},
    "semi_markov": {"kind": "semi_markov", "busy": HEAVY, "idle": {"kind": "geometric", "mean_slots": 12}},
    "users": {"kind": "users"},
}
SMALL = {
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 6},
    "receivers": {"count": 1},
    "features": {"spectrogram": None},
}


def figures_of(occupancy: dict[str, Any], **changes: Any) -> dict[str, Any]:
    tree = {"occupancy": occupancy, "capture": {"samples": 16, "slots": 2400, "snr_db": [0, 9], "draws": 2}}
    workshop = Workshop(recipe({**SMALL, **tree, **changes}))
    records = workshop.make_shard(whole(workshop.plan)).chunk({"record": 1000})
    sites = [f"s{i}" for i in range(workshop.plan.sites)]
    return occupancy_figures(records.assign_coords(site=sites), workshop.plan)


@pytest.mark.parametrize("kind", KINDS)
def test_data_agree_with_theory(kind: str) -> None:
    """86,400 states: 18 chains with about 300 (heavy: fewer) independent stretches in each of two draws."""
    figures = figures_of(KINDS[kind])
    exact, found = figures["exact"], figures["empirical"]
    assert figures["kind"] == KINDS[kind].get("kind", "markov")
    # About 5,000 busy runs, of a deviation like their mean: five standard errors are 7%.
    for name in ("mean_busy_slots", "mean_idle_slots"):
        assert found[name] == pytest.approx(exact[name], rel=0.1)
    for site, share in exact["occupied_share_by_site"].items():
        assert found["occupied_share_by_site"][site] == pytest.approx(share, abs=0.03)
    assert found["neighbour_correlation"] == pytest.approx(exact["neighbour_correlation"], abs=0.05)
    if kind == "profile":
        for hour, share in exact["occupied_share_by_hour"].items():
            assert found["occupied_share_by_hour"][hour] == pytest.approx(share, abs=0.12)
        assert len(found["occupied_share_by_hour"]) == 24
    else:
        assert found["occupied_share_of_labels"] == pytest.approx(exact["occupied_share_of_labels"], abs=0.04)
    if kind == "ranges":
        assert np.shape(figures["p01"]) == np.shape(figures["p10"]) == (3, 6)


def test_it_does_not_matter_how_records_are_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = figures_of({"kind": "users"})
    monkeypatch.setattr(module, "_AT_ONCE_BYTES", 1)
    assert figures_of({"kind": "users"}) == at_once


def test_the_counts_are_those_of_the_states() -> None:
    figures = figures_of({})
    workshop = Workshop(recipe({**SMALL, "capture": {"samples": 16, "slots": 2400, "draws": 2}}))
    states = np.stack([workshop.plan.chains.draw(draw, 2400) for draw in range(2)])
    before, after = states[:, :-1], states[:, 1:]
    found = figures["empirical"]
    assert found["mean_busy_slots"] == pytest.approx(before.sum() / (before & ~after).sum(), abs=1e-6)
    assert found["mean_idle_slots"] == pytest.approx((~before).sum() / (~before & after).sum(), abs=1e-6)
    assert found["occupied_share_of_labels"] == pytest.approx(states.any(axis=2).mean(), abs=1e-6)


def test_silenced_sites_are_counted_where_they_may_send() -> None:
    splits = {"train": 0.4, "validation": 0.3, "test": 0.3, "by": "site"}
    figures = figures_of({}, splits=splits)
    exact, found = figures["exact"], figures["empirical"]
    for site, share in exact["occupied_share_by_site"].items():
        assert share == pytest.approx(0.2)
        assert found["occupied_share_by_site"][site] == pytest.approx(0.2, abs=0.03)
    # One site at a time, but in the guard: hardly more than 0.2 of labels.
    assert 0.2 < exact["occupied_share_of_labels"] < 0.21
    assert found["occupied_share_of_labels"] == pytest.approx(exact["occupied_share_of_labels"], abs=0.03)
    assert found["mean_busy_slots"] == pytest.approx(5, rel=0.15)


def test_constant_chains_have_no_runs() -> None:
    figures = figures_of({"p01": 1, "p10": 0})
    for part in ("exact", "empirical"):
        assert figures[part]["mean_busy_slots"] is None
        assert figures[part]["occupied_share_of_labels"] == 1


def test_a_trace_is_an_input_and_its_own_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iqatlas.plotting.overview.draw_overview", draw_nothing)
    rng = np.random.default_rng(1)
    slot, site = (axis.ravel() for axis in np.indices((60, 3)))
    bits = rng.integers(0, 2, (180, 2))
    table = pd.DataFrame({"slot": slot, "site": site, "0": bits[:, 0], "1": bits[:, 1]})
    table.to_csv(tmp_path / "seen.csv", index=False)
    spec = CorpusSpec.from_tree(
        {
            "name": "traced",
            "raytracing": {"kind": "free_space"},
            "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
            "occupancy": {"kind": "trace", "path": "seen.csv"},
            "capture": {"slots": 60, "samples": 16, "snr_db": 0},
            "features": {"spectrogram": None},
        },
        folder=tmp_path,
    )
    corpus = generate(spec, tmp_path / "corpus")
    assert corpus.verify().problems == ()
    np.testing.assert_array_equal(corpus.dataset["occupancy"].values, bits.reshape(60, 3, 2).astype(bool))
    entry = next(entry for entry in corpus.manifest.inputs if entry.role == "occupancy")
    assert entry.name == "seen.csv"
    assert corpus.manifest.statistics["occupancy"]["exact"] is None
    assert "a recorded trace; mean occupied run" in (corpus.path / "README.md").read_text()
    assert isinstance(corpus.dataset, xr.Dataset)
