"""What a file of sites tells in vain is said: beams of isotropic antennas, and other carriers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.generators.plan import plan
from iqatlas.generators.scene import notes_of, scene_of
from iqatlas.generators.site_notes import site_notes
from iqatlas.generators.spec import CorpusSpec
from iqatlas.scenes.scene import Site


def asked(**changes: Any) -> CorpusSpec:
    return CorpusSpec.from_tree({"sites": {"kind": "file", "path": "s.csv"}, **changes})


def site(name: str = "a", **told: Any) -> Site:
    place = {"longitude_deg": 24.94, "latitude_deg": 60.17, "position_m": (0.0, 0.0, 30.0)}
    rest = {"power_dbm": 43.0, "cell_id": 1, "position_uncertainty_m": None, "height_source": "file"}
    return Site(name=name, provenance="s.csv, row 1", **place, **rest, **told)


@pytest.mark.parametrize(
    ("raytracing", "said"),
    [
        ({}, ["azimuths and tilts of sites told, antennas isotropic: set raytracing.site_antenna: tr38901"]),
        ({"site_antenna": "dipole"}, ["azimuths and tilts of sites told, antennas dipole: set"]),
        (
            {"kind": "free_space"},
            ["azimuths and tilts of sites told, antennas of raytracing.kind: free_space"],
        ),
        ({"site_antenna": "tr38901"}, []),
        ({"kind": "stored", "path": "demo"}, []),
    ],
)
def test_beams_of_isotropic_antennas_are_told(raytracing: dict[str, Any], said: list[str]) -> None:
    sites = [site(azimuth_deg=30.0), site("b", tilt_deg=6.0)]
    notes = site_notes(asked(raytracing=raytracing), sites, ())
    assert len(notes) == len(said) and all(
        note.startswith(start) for note, start in zip(notes, said, strict=True)
    )
    assert site_notes(asked(raytracing=raytracing), [site()], ()) == ()


def test_other_carriers_are_listed_and_refused_where_all_are_others() -> None:
    """EARFCN 6200 is 796.0 MHz, 1617 is 1846.7 MHz (TS 36.101, table 5.7.3-1); 18100 is an uplink number."""
    spec = asked(carrier={"earfcn": 1617})
    here, low, uplink = site("here", earfcn=1617), site("low", earfcn=6200), site("up", earfcn=18100)
    assert site_notes(spec, [here, site("untold")], ()) == ()
    (note,) = site_notes(spec, [here, low, uplink, site("b", band=20), site("c", band=3)], ())
    assert note == (
        "sites told to be off the corpus's carrier of 1846.7 MHz: low (earfcn 6200, 796 MHz), "
        "up (earfcn 18100, of no downlink), b (band 20)"
    )
    with pytest.raises(
        SitesError, match=r"sites.path: every site .* 3500 MHz: low \(earfcn 6200, 796 MHz\); set"
    ):
        site_notes(asked(carrier={"frequency_hz": 3.5e9}), [low], ())
    assert site_notes(CorpusSpec(), [low], ()) == (), (
        "other sources of sites don't tell their carrier reliably"
    )


FILE = "lon,lat,height_m,azimuth_deg,colour\n24.944,60.1685,60,30,red\n24.945,60.1690,60,,\n0,0,9,,\n"


def test_the_scene_of_a_file_says_it_and_counts_the_rows_inside(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(FILE)
    tree = {"sites": {"kind": "file", "path": "s.csv"}, "raytracing": {"kind": "free_space"}}
    spec = CorpusSpec.from_tree(tree, folder=tmp_path)
    made = plan(spec)
    assert made.sites == 2 and made.spec.tree()["sites"]["count"] == 2, "what is stored needs no file"
    assert CorpusSpec.from_tree(made.spec.tree()).sha256() == made.spec.sha256()
    scene = scene_of(spec)
    assert len(scene.sites) == 2 and scene.report["site_columns_without_use"] == ["colour"]
    assert [note.partition(",")[0] for note in notes_of(scene)] == [
        "columns of the file of sites that are not used: colour",
        "azimuths of sites told",
    ]


def test_a_file_without_sites_here_is_refused_by_the_plan(tmp_path: Path) -> None:
    spec = CorpusSpec.from_tree({"sites": {"kind": "file", "path": "s.csv"}}, folder=tmp_path)
    with pytest.raises(MissingFileError):
        plan(spec)
    (tmp_path / "s.csv").write_text("lon,lat\n0,0\n")
    with pytest.raises(SitesError, match="0 of 1 sites are inside the scene"):
        plan(spec)
    (tmp_path / "s.csv").write_text("lon,lat\n" + "24.944,60.1685\n" * 65)
    with pytest.raises(SitesError, match=r"65 sites, .*; accepted: sites.count: 1 to 64"):
        plan(spec)
