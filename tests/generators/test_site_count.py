"""How many sites there are is told by the rows inside, and by the scene where nothing else tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.errors import IqAtlasError, SitesError, SpecError
from iqatlas.generators.execute import generate
from iqatlas.generators.plan import plan
from iqatlas.generators.preflight import preflight
from iqatlas.generators.scene import scene_of
from iqatlas.generators.site_count import needs_scene
from iqatlas.generators.site_signal import SiteSignal
from iqatlas.generators.spec import CorpusSpec

HEADER = '<bounds minlat="60.16" minlon="24.93" maxlat="60.18" maxlon="24.96"/>'
CORNERS = ((60.169, 24.944), (60.169, 24.9445), (60.1695, 24.9445), (60.1695, 24.944))
"""Of the one building, and so of the scene."""
NODES = "".join(
    f'<node id="{i}" version="1" lat="{at[0]}" lon="{at[1]}"/>' for i, at in enumerate(CORNERS, 1)
)
WAY = "".join(f'<nd ref="{i}"/>' for i in (1, 2, 3, 4, 1))
TAGS = '<tag k="building" v="yes"/><tag k="height" v="20"/>'
INSIDE, ON_MAP, FAR = "24.9442,60.1692,30\n", "24.943,60.171,30\n", "23.7,61.5,30\n22.2,60.4,30\n"
TREE: dict[str, Any] = {
    "name": "block",
    "scene": {"buildings": {"kind": "osm_file", "path": "block.osm"}},
    "sites": {"kind": "file", "path": "s.csv"},
    "receivers": {"count": 1, "altitude_m": 60},
    "raytracing": {"kind": "free_space"},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "samples": 64, "snr_db": 10},
    "features": {"spectrogram": None},
}


def block(
    folder: Path, rows: str = INSIDE + ON_MAP + FAR, *, header: str = HEADER, **parts: Any
) -> CorpusSpec:
    """A spec of one building of 28 m by 56 m without a bbox, a row inside it, one on the map, two far off."""
    way = f'<way id="9" version="1">{WAY}{TAGS}</way>'
    (folder / "block.osm").write_text(f'<osm version="0.6">{header}{NODES}{way}</osm>')
    (folder / "s.csv").write_text("lon,lat,height_m\n" + rows)
    return CorpusSpec.from_tree(TREE | parts, folder=folder)


def test_the_scene_counts_where_its_buildings_alone_tell_how_far_it_reaches(tmp_path: Path) -> None:
    spec = block(tmp_path)
    made = plan(spec)
    assert needs_scene(made.spec) and made.sites == 2, "as many as lie on the map by its header"
    (note, *_) = preflight(made, tmp_path)
    assert note == (
        "which of 4 rows of s.csv are sites, the buildings' extent tells without scene.bbox; "
        "2 of them lie on the map by its header"
    )
    corpus = generate(spec, tmp_path / "made")
    assert corpus.dataset.sizes["site"] == 1
    assert corpus.manifest.spec["sites"]["count"] == 1, "what is stored needs no file"
    assert not needs_scene(plan(CorpusSpec.from_tree(corpus.manifest.spec)).spec)
    before = (tmp_path / "made" / "manifest.json").stat().st_mtime_ns
    assert isinstance(generate(spec, tmp_path / "made"), Corpus), "it is finished"
    assert (tmp_path / "made" / "manifest.json").stat().st_mtime_ns == before
    signal = {"duration_s": 0.001, "cell_id": 7, "full_load": True}
    assert SiteSignal(spec, site=0, **signal).samples == 1920
    with pytest.raises(SpecError, match="no site 1; accepted: 0 to 0"):
        SiteSignal(spec, site=1, **signal)


def test_a_bbox_tells_and_so_does_a_count(tmp_path: Path) -> None:
    bbox = [24.935, 60.165, 24.955, 60.175]
    spec = block(tmp_path, scene={**TREE["scene"], "bbox": bbox})
    made = plan(spec)
    assert not needs_scene(made.spec) and made.sites == len(scene_of(spec).sites) == 2
    assert preflight(made, tmp_path)[0].startswith("slots of"), "nothing is left to say of sites"
    made = plan(block(tmp_path, sites=TREE["sites"] | {"count": 3}))
    assert preflight(made, tmp_path)[0] == (
        "3 of 4 rows of s.csv are asked for; 2 of them lie on the map by its header"
    )
    with pytest.raises(SitesError, match=r"the file has 4 sites, and sites\.count is 5; accepted: .*1 to 4"):
        preflight(plan(block(tmp_path, sites=TREE["sites"] | {"count": 5})), tmp_path)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (
            FAR,
            r"^sites.path \(s.csv\): 0 of 2 sites are inside the scene, and one is needed; see that they",
        ),
        (INSIDE * 65, "65 sites, and sites.count is left out; accepted: sites.count: 1 to 64"),
    ],
)
def test_an_error_blames_no_key_that_was_not_set(tmp_path: Path, rows: str, what: str) -> None:
    """Neither is known before there is a scene: rows may lie off the map, and buildings over its edge."""
    spec = block(tmp_path, rows)
    assert plan(spec).sites in {1, 64}
    with pytest.raises(SitesError, match=what):
        generate(spec, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_what_is_asked_of_each_site_is_not_refused_for_a_likely_number(tmp_path: Path) -> None:
    """Rates and splits of sites that a plan can't count hold if as many may be inside."""
    by_site = {"splits": {"by": "site", "train": 0.5, "validation": 0.25, "test": 0.25}}
    assert plan(block(tmp_path, INSIDE + FAR, **by_site)).sites == 3
    with pytest.raises(IqAtlasError, match="2 sites for 3 splits"):
        plan(block(tmp_path, FAR, **by_site))
    rates = {"occupancy": {"p01": [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]}}
    assert plan(block(tmp_path, **rates)).sites == 3
    with pytest.raises(SpecError, match="rates of 3 sites for 2 sites"):
        plan(block(tmp_path, FAR, **rates))


def test_a_trace_is_read_once_the_scene_has_counted(tmp_path: Path) -> None:
    slots = "".join(f"{slot},0,{slot // 7 % 2},{slot // 5 % 2}\n" for slot in range(80))
    (tmp_path / "t.csv").write_text("slot,site,0,1\n" + slots)
    spec = block(tmp_path, occupancy={"kind": "trace", "path": "t.csv"})
    with pytest.raises(SpecError, match=r"told by the scene alone; set sites\.count, or"):
        plan(spec)
    assert generate(spec, tmp_path / "made").dataset.sizes["site"] == 1


def test_without_a_header_all_rows_may_be_inside(tmp_path: Path) -> None:
    assert plan(block(tmp_path, header="")).sites == 4
    with pytest.raises(SitesError, match="the file has no row"):
        plan(block(tmp_path, ""))
    home = {"buildings": {"kind": "osm_file", "path": "~nobody-of-this-name/block.osm"}}
    assert plan(block(tmp_path, scene=home)).sites == 4
