"""What can't work is refused by a plan that makes nothing, and what is doubtful is said."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from iqatlas.errors import MissingFileError, SceneError, SitesError
from iqatlas.generators.plan import plan
from iqatlas.generators.preflight import links_to_trace, preflight, split_slot_counts
from iqatlas.generators.spec import CorpusSpec

PLACED = {"kind": "placed"}


def flown(tree: dict[str, Any], folder: Path) -> tuple[str, ...]:
    before = sorted(folder.rglob("*"))
    try:
        return preflight(plan(CorpusSpec.from_tree(tree, folder=folder)), folder)
    finally:
        assert sorted(folder.rglob("*")) == before, "a plan makes nothing"


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        (
            {"scene": {"buildings": {"kind": "osm_file", "path": "n.osm"}}, "sites": PLACED},
            "scene.buildings.path",
        ),
        ({"sites": {"kind": "opencellid", "path": "n.csv"}}, "sites.path"),
        ({"sites": {"kind": "file", "path": "n.csv", "count": 1}}, "sites.path"),
        ({"scene": {"terrain": {"kind": "elevation_file", "path": "n.tif"}}}, "scene.terrain.path"),
        ({"raytracing": {"kind": "stored", "path": "n"}}, "raytracing.path"),
    ],
)
def test_files_that_are_not_there(tree: dict[str, Any], where: str, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError) as caught:
        flown(tree, tmp_path)
    assert str(caught.value).startswith(f"{where}: no ")


def test_fewer_rows_than_sites_and_a_bbox_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("lon,lat,notes\n24.944,60.1685,a\n24.945,60.169,b\n")
    sites = {"kind": "file", "path": "s.csv"}
    with pytest.raises(SitesError, match=r"2 of 2 sites are inside .* sites.count is 3; accepted: .*1 to 2"):
        flown({"sites": sites | {"count": 3}}, tmp_path)
    assert flown({"sites": sites}, tmp_path) == ("columns of the file of sites that are not used: notes",)
    (tmp_path / "s.csv").write_text("lon,lat,earfcn\n24.944,60.1685,1617\n24.945,60.169,6200\n")
    (note,) = flown({"sites": sites}, tmp_path)
    assert note.endswith("1846.7 MHz: site2 (earfcn 6200, 796 MHz)")
    with pytest.raises(SitesError, match="every site is told to be off"):
        flown({"sites": sites, "carrier": {"frequency_hz": 3.5e9}}, tmp_path)
    with pytest.raises(SceneError, match="longitude comes first"):
        flown({"scene": {"bbox": [60, 24, 61, 25]}}, tmp_path)


def test_small_splits_and_full_disks_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert flown({}, tmp_path) == ()
    (few,) = flown({"capture": {"slots": 64}}, tmp_path)
    assert few.startswith("slots of train 21, validation 5, test 4: scores over fewer than 30 say little")
    usage = namedtuple("usage", ["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**6))
    (note,) = flown({}, tmp_path / "not" / "there")
    assert note.endswith(f"don't fit the 1.0 MB that are free in {tmp_path}")


def test_slots_of_splits_by_draw_and_links() -> None:
    by_draw = plan(CorpusSpec.from_tree({"capture": {"slots": 9, "draws": 10}, "splits": {"by": "draw"}}))
    # 0.7 and 0.85 of ten draws are 7 and, rounded to even, 8.
    assert split_slot_counts(by_draw) == {"train": 63, "validation": 9, "test": 18}
    assert links_to_trace(plan(CorpusSpec())) == 9
    assert links_to_trace(plan(CorpusSpec.from_tree({"raytracing": {"kind": "free_space"}}))) == 0
    lanes = {"kind": "trajectory", "pattern": "lawn_mower", "count": 2, "interval_s": 0.5}
    # Two seconds of slots begin at waypoints of 0, 0.5, 1 and 1.5 s.
    made = plan(CorpusSpec.from_tree({"receivers": lanes, "capture": {"slots": 2000}}))
    assert links_to_trace(made) == 3 * 2 * 4
