"""What tracing took is kept for plans, and nothing that is kept can harm one."""

from __future__ import annotations

from pathlib import Path

import pytest

from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.tracing_speed import keep_speed, last_speed, speed_of

SPEC = SionnaRaytracing(rays_per_site=2000)


def test_the_first_uav_pays_for_the_start() -> None:
    """10 s before, then 7, 3 and 5 s of four links each: 1 s a link, 13 s to start."""
    speed = speed_of(SPEC, start_s=10.0, uav_s=[7.0, 3.0, 5.0], links_a_uav=4)
    assert (speed.link_s, speed.start_s) == (pytest.approx(1.0), pytest.approx(13.0))
    assert speed.seconds(12) == pytest.approx(25.0), "what it was measured on takes what it took"
    alone = speed_of(SPEC, start_s=10.0, uav_s=[8.0], links_a_uav=4)
    assert (alone.link_s, alone.start_s) == (pytest.approx(2.0), pytest.approx(10.0))


def test_a_speed_is_kept_and_found(tmp_path: Path) -> None:
    assert last_speed(tmp_path / "paths") is None
    speed = speed_of(SPEC, start_s=1.0, uav_s=[2.0], links_a_uav=4)
    keep_speed(speed, tmp_path / "paths")
    assert last_speed(tmp_path / "paths") == speed
    assert speed.is_of(SPEC) and not speed.is_of(SionnaRaytracing())
    assert [file.name for file in (tmp_path / "paths").iterdir()] == ["speed.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"start_s": -1}', b"[" * 9999])
def test_what_is_damaged_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "speed.json").write_bytes(content)
    assert last_speed(tmp_path) is None


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep_speed(speed_of(SPEC, start_s=1.0, uav_s=[2.0], links_a_uav=4), tmp_path / "file")
    assert (tmp_path / "file").read_text() == ""
