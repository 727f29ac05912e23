"""``iqatlas plan`` says what it doesn't know: sites that a scene counts, and links of other settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Outcome

from iqatlas.generators import calibrate
from iqatlas.raytracing.cache import cache_folder
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.tracing_speed import keep_speed, speed_of


@pytest.fixture
def planned(
    command: Callable[..., Outcome],
    spec_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., str]:
    """Give a function that plans the quick spec with changes, at a speed that nobody measures."""
    monkeypatch.setattr(calibrate, "measure_speed", lambda made: calibrate.Speed(1e-8, 1e-9))
    monkeypatch.setenv("IQATLAS_CACHE_DIR", str(tmp_path / "cache"))

    def call(**changes: object) -> str:
        done = command("plan", spec_file(**changes))
        assert done.code == 0, done.err
        return " ".join(done.out.split())

    return call


def test_sites_that_only_the_scene_counts(planned: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "s.csv").write_text("lon,lat\n24.944,60.169\n24.943,60.171\n23.7,61.5\n")
    (tmp_path / "specs" / "city.osm").write_text(
        '<osm><bounds minlat="60.16" minlon="24.93" maxlat="60.18" maxlon="24.96"/><node id="1"/></osm>'
    )
    city = {"buildings": {"kind": "osm_file", "path": "city.osm"}}
    sites = {"kind": "file", "path": "s.csv"}
    told = planned(scene=city, sites=sites)
    assert "sites told once the scene is built; figures here are for 2" in told
    assert "which of 3 rows of s.csv are sites, the buildings' extent tells without scene.bbox; 2 of" in told
    assert "sites 2" in planned(scene={**city, "bbox": [24.93, 60.16, 24.96, 60.18]}, sites=sites)


def test_links_that_were_traced_with_other_settings(planned: Callable[..., str]) -> None:
    assert "6 links, less those in the cache: not measured on this machine yet" in planned(raytracing={})
    spec = SionnaRaytracing(refraction=True)
    speed = speed_of(spec, start_s=2.0, link_s=[9.0, 1.0])
    assert speed is not None
    keep_speed(speed, cache_folder())
    told = planned(raytracing={"refraction": True})
    assert "roughly 16 s, as 1 s a link and 10 s to start" in told and "which was with" not in told
    told = planned(raytracing={})
    assert "traced here, which was with 1,000,000 rays, 5 reflections, diffraction, refraction" in told
