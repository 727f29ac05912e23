"""What tracing took is kept for plans, and nothing that is kept can harm one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.tracing_speed import TracingSpeed, keep_speed, last_speed, speed_of

SPEC = SionnaRaytracing(rays_per_site=2000)


def speed(
    start_s: float = 1.0, link_s: tuple[float, ...] = (2.0, 1.0), spec: SionnaRaytracing = SPEC
) -> TracingSpeed:
    told = speed_of(spec, start_s=start_s, link_s=list(link_s))
    assert told is not None
    return told


def test_the_first_link_pays_for_the_start() -> None:
    """10 s before, then 4, 1, 0.5 and 1.5 s: 1 s a link, 13 s to start, however many UAVs these are of."""
    told = speed(10.0, (4.0, 1.0, 0.5, 1.5))
    assert (told.link_s, told.start_s) == (pytest.approx(1.0), pytest.approx(13.0))
    assert told.seconds(4) == pytest.approx(17.0), "what it was measured on takes what it took"
    assert told.seconds(300) == pytest.approx(313.0)
    assert speed_of(SPEC, start_s=10.0, link_s=[8.0]) is None, (
        "one link can't tell what it is that took so long"
    )
    assert speed(0.0, (1.0, 3.0)).start_s == 0


def test_a_speed_is_kept_and_found(tmp_path: Path) -> None:
    assert last_speed(tmp_path / "paths") is None
    told = speed()
    keep_speed(told, tmp_path / "paths")
    assert last_speed(tmp_path / "paths") == told
    assert [file.name for file in (tmp_path / "paths").iterdir()] == ["speed.json"]


@pytest.mark.parametrize(
    "other",
    [
        {"rays_per_site": 3000},
        {"max_reflections": 2},
        {"diffraction": False},
        {"edge_diffraction": True},
        {"refraction": True},
        {"diffuse_scattering": 0.3},
    ],
)
def test_a_speed_is_of_all_settings_that_cost_time(other: dict[str, Any]) -> None:
    assert speed().is_of(SPEC)
    assert not speed().is_of(SionnaRaytracing(**{"rays_per_site": 2000, **other}))


def test_how_much_is_scattered_and_what_antennas_there_are_costs_nothing() -> None:
    scattering = SionnaRaytracing(diffuse_scattering=0.3, site_antenna="dipole")
    told = speed(spec=scattering)
    assert told.is_of(SionnaRaytracing(diffuse_scattering=0.5))
    assert told.settings_text() == "1,000,000 rays, 5 reflections, diffraction, diffuse scattering"
    plain = SionnaRaytracing(diffraction=False)
    assert speed(spec=plain).settings_text() == "1,000,000 rays, 5 reflections, specular alone"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"start_s": -1}', b"[" * 9999])
def test_what_is_damaged_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "speed.json").write_bytes(content)
    assert last_speed(tmp_path) is None


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep_speed(speed(), tmp_path / "file")
    assert (tmp_path / "file").read_text() == ""
