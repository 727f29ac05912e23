"""What was traced once is not traced again, and nothing stale is ever found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from raytracing_scenes import block_scene, digest, make_receivers

from iqatlas.raytracing import _sionna, cache
from iqatlas.raytracing.cache import PathCache, cache_folder, scene_key
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.trace import Trace, trace
from iqatlas.raytracing.tracing_speed import last_speed
from iqatlas.scenes.mesh import meshes_of
from iqatlas.scenes.scene import Receivers, Scene, Site

SPEC = SionnaRaytracing(max_reflections=1, diffraction=False, rays_per_site=1000)
PLACES = [[60.0, 5, 12], [300, 200, 100], [-400, 0, 50]]


def run(folder: Path, scene: Scene | None = None, spec: SionnaRaytracing = SPEC, **options: Any) -> Trace:
    settings = {"frequency_hz": 1.8e9, "seed": 3, **options}
    return trace(scene or block_scene(), spec, cache=PathCache(folder), **settings)


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.npz"))


def test_the_second_run_finds_what_the_first_one_traced(tmp_path: Path) -> None:
    first, second = run(tmp_path), run(tmp_path)
    assert (first.traced, first.cached, second.traced, second.cached) == (3, 0, 0, 3)
    assert digest(first.paths) == digest(second.paths)
    assert first.paths.model == second.paths.model and first.report == second.report
    assert len(entries(tmp_path)) == 3
    without = trace(block_scene(), SPEC, frequency_hz=1.8e9, seed=3)
    assert (without.traced, without.cached) == (3, 0) and digest(without.paths) == digest(first.paths)


_SECOND_RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from raytracing_scenes import block_scene, digest
from iqatlas.raytracing.cache import PathCache
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.trace import trace
scene, spec = block_scene(), SionnaRaytracing(max_reflections=1, diffraction=False, rays_per_site=1000)
done = trace(scene, spec, frequency_hz=1.8e9, seed=3, cache=PathCache(Path(sys.argv[2])))
print(done.cached, "sionna" in sys.modules, "drjit" in sys.modules)
print(digest(done.paths))
"""


def test_another_process_reads_it_without_the_ray_tracer(tmp_path: Path) -> None:
    first = run(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _SECOND_RUN, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    cached, sionna, drjit, found = done.stdout.split()
    assert (cached, sionna, drjit) == ("3", "False", "False")
    assert found == digest(first.paths)


def test_a_changed_uav_traces_only_itself(tmp_path: Path) -> None:
    run(tmp_path)
    moved = [PLACES[0], [250.0, 150, 90], PLACES[2]]
    second = run(tmp_path, block_scene(make_receivers(moved)))
    assert (second.traced, second.cached) == (1, 2)
    fresh = trace(block_scene(make_receivers(moved)), SPEC, frequency_hz=1.8e9, seed=3)
    assert digest(second.paths) == digest(fresh.paths)
    # One more, and in another order: the known ones are found wherever they stand.
    third = run(tmp_path, block_scene(make_receivers([[0.0, 60, 40], *PLACES[::-1]])))
    assert (third.traced, third.cached) == (1, 3)


def test_speed_is_part_of_a_track(tmp_path: Path) -> None:
    run(tmp_path)
    flying = block_scene(make_receivers(PLACES, [[0.0, 0, 0], [9, 0, 0], [0, 0, 0]]))
    assert run(tmp_path, flying).traced == 1


def changed_scene(scene: Scene, change: str) -> Scene:
    if change == "azimuth":
        return replace(scene, sites=(replace(scene.sites[0], azimuth_deg=10.0), *scene.sites[1:]))
    buildings = scene.buildings.copy()
    buildings["material" if change == "material" else "top_height_m"] = (
        "brick" if change == "material" else 21.0
    )
    return replace(scene, buildings=buildings)


@pytest.mark.parametrize("change", ["azimuth", "material", "height"])
def test_a_changed_scene_is_traced_anew(tmp_path: Path, change: str) -> None:
    sector = SPEC.model_copy(update={"site_antenna": "tr38901"})
    run(tmp_path, spec=sector)
    assert run(tmp_path, changed_scene(block_scene(), change), sector).cached == 0


def test_a_moved_or_a_missing_site_is_traced_anew(tmp_path: Path) -> None:
    run(tmp_path)
    first, second = block_scene().sites
    moved = replace(second, position_m=(0.0, 80.5, 25.0))
    for sites in ((first, moved), (first,), (second, first)):
        assert run(tmp_path, replace(block_scene(), sites=sites)).cached == 0


def test_what_bends_no_path_is_not_traced_anew(tmp_path: Path) -> None:
    """Power, names, provenance and all else of a site that the tracer never sees; names of UAVs."""
    first = run(tmp_path)
    scene = block_scene()
    other = {
        "name": "elsewhere",
        "longitude_deg": 1.0,
        "latitude_deg": 2.0,
        "power_dbm": 20.0,
        "cell_id": 77,
        "position_uncertainty_m": 5.0,
        "height_source": "tag",
        "provenance": "another",
        "operator": "who",
        "azimuth_deg": 10.0,  # of antennas that are alike all round
        "azimuth_source": "file",
        "tilt_deg": 3.0,
        "antenna": "tr38901",
        "earfcn": 1,
        "band": 1,
    }
    assert {*other, "position_m"} == {field.name for field in fields(Site)}
    renamed = replace(scene.receivers, names=("a", "b", "c"), provenance="otherwise")
    sites = (replace(scene.sites[0], **other), scene.sites[1])
    second = run(tmp_path, replace(scene, name="new", sites=sites, receivers=renamed))
    assert (second.traced, second.cached) == (0, 3)
    assert digest(second.paths) == digest(first.paths)


OPTIONS = {
    "max_reflections": 2,
    "diffraction": True,
    "refraction": True,
    "diffuse_scattering": 0.1,
    "rays_per_site": 2000,
    "site_antenna": "tr38901",
    "receiver_antenna": "dipole",
}


def test_every_setting_and_version_is_in_the_key() -> None:
    scene = block_scene()
    meshes = meshes_of(scene)
    given: dict[str, Any] = {"frequency_hz": 1.8e9, "seed": 3, "versions": {"sionna-rt": "2.1.0"}}

    def key(spec: SionnaRaytracing = SPEC, **changes: Any) -> str:
        return scene_key(meshes, scene.sites, spec, **{**given, **changes})

    keys = [key(SionnaRaytracing(**{**SPEC.model_dump(), name: value})) for name, value in OPTIONS.items()]
    sector = SPEC.model_copy(update={"site_antenna": "tr38901", "downtilt_deg": 6.0})
    edges = SPEC.model_copy(update={"diffraction": True, "edge_diffraction": True})
    keys += [key(), key(sector), key(edges), key(frequency_hz=1.9e9), key(seed=4)]
    keys += [key(versions={"sionna-rt": "2.2.0"})]
    assert len(set(keys)) == len(keys)
    assert set(OPTIONS) | {"kind", "downtilt_deg", "edge_diffraction"} == set(SionnaRaytracing.model_fields)
    assert key() == key()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(b"not a zip"),
        lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
        lambda file: file.write_bytes(b""),
        lambda file: np.savez(file, gain=np.zeros((1, 2, 3), complex)),
    ],
    ids=["garbage", "cut short", "empty", "arrays missing"],
)
def test_an_entry_that_can_t_be_read_is_traced_anew(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    first = run(tmp_path)
    spoil(entries(tmp_path)[0])
    second = run(tmp_path)
    assert (second.traced, second.cached) == (1, 2)
    assert digest(second.paths) == digest(first.paths)
    assert run(tmp_path).traced == 0


def test_arrays_that_don_t_fit_each_other_are_no_entry(tmp_path: Path) -> None:
    run(tmp_path)
    file = entries(tmp_path)[0]
    with np.load(file) as stored:
        arrays = {name: stored[name] for name in stored}
    arrays["delay_s"] = arrays["delay_s"][..., :0]
    np.savez(file, **arrays)
    assert PathCache(tmp_path).get(file.stem) is None


def test_a_folder_that_can_t_be_written_costs_time_only(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = run(blocked / "cache")
    assert (done.traced, done.cached) == (3, 0)
    assert blocked.read_text() == "not a folder"


def test_the_folder_is_the_variable_s_or_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IQATLAS_CACHE_DIR", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" / "paths"
    monkeypatch.delenv("IQATLAS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "paths" and cache_folder().parent.name == "iqatlas"


def test_the_oldest_entries_go_when_the_folder_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = run(tmp_path / "source").paths
    arrays = {name: array[:, 0] for name, array in paths.arrays().items()}
    store = PathCache(tmp_path / "full")
    for number, name in enumerate(("aa", "bb", "cc")):
        store.put(name, arrays)
        os.utime(tmp_path / "full" / name / f"{name}.npz", (number, number))
    size = (tmp_path / "full" / "aa" / "aa.npz").stat().st_size
    assert store.get("aa") is not None  # read just now, so it is the newest
    monkeypatch.setattr(cache, "_LARGEST_BYTES", 3 * size)
    store.put("dd", arrays)
    assert [name for name in ("aa", "bb", "cc", "dd") if store.get(name)] == ["aa", "cc", "dd"]


def test_only_missing_receivers_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, block_scene(make_receivers([PLACES[0], PLACES[2]])))
    told: list[tuple[int, int]] = []
    traced: list[int] = []
    original = _sionna.LinkTracer.trace

    def counted(tracer: _sionna.LinkTracer, sites: Any, receivers: Receivers, **rest: Any) -> PathSet:
        traced.append(len(receivers.names))
        return original(tracer, sites, receivers, **rest)

    monkeypatch.setattr(_sionna.LinkTracer, "trace", counted)
    run(tmp_path, progress=lambda done, total: told.append((done, total)))
    assert traced == [1] and told == [(2, 3)]


def test_the_speed_of_a_lone_uav_is_told_without_its_first_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 s of surfaces, a first link of 9 s with its compilers, then 1 s a link."""
    lone = block_scene(make_receivers(PLACES[:1]))
    seconds = iter([0.0, 2.0, *np.arange(11.0, 11.0 + len(lone.sites))])
    monkeypatch.setattr("iqatlas.raytracing.trace.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    run(tmp_path, lone)
    speed = last_speed(tmp_path)
    assert speed is not None and (speed.start_s, speed.link_s) == (10.0, 1.0)
    assert next(seconds, None) is None, "each link has its time"
