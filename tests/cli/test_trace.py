"""``iqatlas trace`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

from iqatlas.cli.app import run
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.tracing import paths_of
from iqatlas.scenes.build import build_scene

FAST = ["--set", "raytracing={kind: sionna, max_reflections: 1, diffraction: false, rays_per_site: 20000}"]
FREE = ["--set", "raytracing={kind: free_space}"]
PNG = b"\x89PNG"


@pytest.mark.slow
def test_paths_tables_report_and_pictures_of_the_bundled_city(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "paths"
    assert run(["trace", "-o", str(folder), *FAST]) == 0
    shown = capsys.readouterr().out
    assert "3 sites × 3 receivers × 1 waypoints" in shown and "gates    hold" in shown
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert (report["receivers_traced"], report["receivers_cached"]) == (3, 0)
    assert report["model"]["sionna-rt"][0].isdigit() and report["versions"]["numpy"]
    assert report["gates"]["line_of_sight_error"] < 1e-5
    assert sum(report["counts"]["paths_by_kind"].values()) == report["counts"]["paths"]
    store = xr.open_zarr(folder / "paths.zarr", group="paths", consolidated=False)
    assert store.sizes["site"] == 3 and int(store["valid"].sum()) == report["counts"]["paths"]
    assert len(report["links"]) == 9
    link = report["links"][0]
    power = np.sum(np.abs(store["gain"].values[0, 0, 0]) ** 2)
    assert link["path_gain_db"] == pytest.approx(10 * np.log10(power), abs=1e-6)
    assert max(entry["rms_delay_spread_s"] or 0 for entry in report["links"]) > 0
    assert len(gpd.read_parquet(folder / "scene" / "sites.parquet")) == 3
    for name in ("paths.png", "delays.png", "coverage.png"):
        assert (folder / name).read_bytes()[:4] == PNG
    # Again into the same folder: from the cache, and no coverage map of the time before is left.
    assert run(["trace", "-o", str(folder), *FAST, "--no-coverage"]) == 0
    again = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert (again["receivers_traced"], again["receivers_cached"]) == (0, 3)
    assert again["gates"] == report["gates"] and not (folder / "coverage.png").exists()


def test_paths_of_the_folder_make_a_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "paths"
    small = [
        "--set", "capture={slots: 60, samples: 64, snr_db: 10}",
        "--set", "waveform={kind: lte, bandwidth_mhz: 1.4, subchannels: 2}",
        "--set", "occupancy={kind: markov, p01: 0.3, p10: 0.6}",
        "--set", "features={spectrogram: null}",
    ]  # fmt: skip
    two_ray = ["--set", "raytracing={kind: two_ray}"]
    assert run(["trace", "-o", str(folder), *two_ray]) == 0
    assert not (folder / "coverage.png").exists()  # a model that ignores the buildings has none
    stored = ["--set", f"raytracing={{kind: stored, path: {folder}}}"]
    assert run(["generate", "-o", str(tmp_path / "traced"), *two_ray, *small]) == 0
    assert run(["generate", "-o", str(tmp_path / "stored"), *stored, *small]) == 0
    capsys.readouterr()
    hashes = [
        [s["sha256"] for s in json.loads((tmp_path / name / "manifest.json").read_text())["shards"]]
        for name in ("traced", "stored")
    ]
    assert hashes[0] == hashes[1]


def test_a_folder_that_holds_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").write_text("three years of work")
    assert run(["trace", "-o", str(tmp_path), *FREE]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "holds something else (thesis.tex); accepted: a new or empty folder" in said
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert run(["trace", "-o", str(tmp_path / "thesis.tex"), *FREE]) == 2
    assert "is a file" in capsys.readouterr().err


def test_a_flight_tells_how_many_paths_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flight = "receivers={kind: trajectory, pattern: circle, count: 1, interval_s: 0.5}"
    two_ray = ["--set", "raytracing={kind: two_ray}"]
    assert (
        run(["trace", "-o", str(tmp_path / "f"), "--set", flight, "--set", "capture.slots=2000", *two_ray])
        == 0
    )
    report = json.loads((tmp_path / "f" / "report.json").read_text(encoding="utf-8"))
    steps = report["counts"]["waypoints"] - 1
    assert steps >= 3
    told = report["between_waypoints"]
    assert (told["matched"], told["ended"], told["begun"]) == (steps * 3 * 2, 0, 0)
    assert "paths go on between waypoints with 100.0% of the power" in capsys.readouterr().out


def test_what_an_interrupted_run_left_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "paths"
    (folder / "paths.zarr").mkdir(parents=True)
    (folder / "paths.png").write_bytes(b"half a picture")
    assert run(["trace", "-o", str(folder), *FREE]) == 0
    assert (folder / "paths.png").read_bytes()[:4] == PNG and (folder / "report.json").is_file()


def test_wrong_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "-o", str(tmp_path / "x"), "--set", "raytracing={kind: sionnna}"]) == 2
    error = capsys.readouterr().err
    assert "sionnna" in error and "Traceback" not in error
    assert run(["trace", "-o", str(tmp_path / "x"), "--set", "raytracing={kind: stored, path: nowhere}"]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "x" / "report.json").exists()


def test_links_without_any_path_are_told_and_drawn(tmp_path: Path) -> None:
    """Receivers in a courtyard that nothing reaches by at most no reflection."""
    folder = tmp_path / "paths"
    place = "{kind: hover, positions: [{longitude_deg: 24.9414, latitude_deg: 60.1719, altitude_m: 1}]}"
    blind = "{kind: sionna, max_reflections: 0, diffraction: false, rays_per_site: 1000}"
    arguments = ["--set", f"receivers={place}", "--set", f"raytracing={blind}", "--no-coverage"]
    spec = CorpusSpec.from_tree({}, overrides=[arguments[1], arguments[3]])
    scene = build_scene(
        "x", spec.scene, spec.sites, spec.receivers, seed=7, base_folder=tmp_path, duration_s=1.0
    )
    assert not paths_of(spec, scene).paths.valid.any()
    assert run(["trace", "-o", str(folder), *arguments]) == 0
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["gates"]["blind_links"] == 3 and report["gates"]["largest_gain_db"] is None
    assert report["links"][0]["path_gain_db"] is None
    assert (folder / "delays.png").read_bytes()[:4] == PNG
