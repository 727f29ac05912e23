"""The picture of a corpus: drawn for any corpus, with everything inside and no name over another."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from iqatlas import CorpusSpec, plan
from iqatlas.generators import execute
from iqatlas.generators.describe import coordinates
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.plotting import overview
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.paths import PathSet
from iqatlas.scenes.scene import Scene

SITE = {"name": "only", "longitude_deg": 24.944, "latitude_deg": 60.168, "height_m": 90}
CORPORA: dict[str, dict[str, Any]] = {
    "plain": {},
    "one receiver, one site": {"receivers": {"count": 1}, "sites": {"kind": "list", "sites": [SITE]}},
    "thermal noise": {"capture": {"noise": "thermal", "slots": 60, "samples": 256}},
    "many receivers": {"receivers": {"count": 40, "separation_m": 40}},
    "many sites": {
        "sites": {"kind": "list", "sites": [{**SITE, "name": f"s{i}", "height_m": 80 + i} for i in range(12)]}
    },
    "captures of 16 samples": {
        "capture": {"samples": 16, "slots": 60, "snr_db": [0, 9]},
        "features": {"spectrogram": None},
    },
    "no spectrogram": {"features": {"spectrogram": None}},
    "one slot": {
        "capture": {"samples": 256, "slots": 1, "snr_db": 3},
        "splits": {"train": 1, "validation": 0, "test": 0},
    },
    "never occupied": {"occupancy": {"p01": 0, "p10": 1}},
    "a site far outside": {"sites": {"kind": "list", "sites": [{**SITE, "longitude_deg": 24.99}]}},
}


def made(tree: dict[str, Any]) -> tuple[Scene, xr.Dataset, PathSet]:
    """Return scene, records and paths of a spec over free space."""
    capture = {"capture": {"samples": 256, "slots": 60, "snr_db": [0, 20]}}
    spec = CorpusSpec.from_tree({"raytracing": {"kind": "free_space"}, **capture, **tree})
    scene = execute.scene_of(spec)
    paths = free_space_paths(scene.sites, scene.receivers, frequency_hz=1846.7e6)
    recipe = Recipe(
        plan(spec), paths, tuple(s.cell_id for s in scene.sites), tuple(s.power_dbm for s in scene.sites)
    )
    workshop = Workshop(recipe)
    records = xr.concat([workshop.make_shard(s) for s in recipe.plan.shards], "record")
    about = coordinates(recipe.plan, scene, workshop)
    return scene, records.assign_coords(about.coords).assign_attrs(about.attrs), paths


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return a list into which every figure that is saved goes."""
    kept: list[Figure] = []
    save = Figure.savefig

    def keep(self: Figure, *arguments: Any, **options: Any) -> None:
        kept.append(self)
        save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return kept


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("name", CORPORA)
def test_any_corpus_can_be_drawn(name: str, tmp_path: Path, figures: list[Figure]) -> None:
    scene, records, paths = made(CORPORA[name])
    file = tmp_path / "scene" / "map.png"
    overview.draw_overview(scene, records, paths, file, title=name)
    assert size(file.read_bytes()) == (1650, 858)
    (figure,) = figures
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    axes = figure.subfigs[0].axes[0]
    window = axes.get_window_extent(renderer)
    # Everything that is told a place is inside the map.
    for line in axes.lines:
        for x, y in axes.transData.transform(line.get_xydata()):
            assert window.x0 < x < window.x1
            assert window.y0 < y < window.y1
    boxes = [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]
    for number, box in enumerate(boxes):
        assert window.x0 < box.x0 and box.x1 < window.x1
        assert window.y0 < box.y0 and box.y1 < window.y1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
    shown = {text.get_text().partition("\n")[0] for text in axes.texts}
    if len(scene.sites) + len(scene.receivers.names) <= 6 and "far" not in name:
        assert {site.name for site in scene.sites} | set(scene.receivers.names) <= shown
    # Headings and labels are on the page as a whole.
    page = figure.bbox
    words = [figure._suptitle, *figure.texts]
    for each in (axes for part in figure.subfigs for axes in part.axes):
        words += [each.title, each.xaxis.label, each.yaxis.label]
    for text in words:
        box = text.get_window_extent(renderer)
        assert page.x0 <= box.x0 and box.x1 <= page.x1, text.get_text()
        assert page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()
    assert len([text for text in words if text.get_text()]) >= 9


def test_heights_are_coloured_from_the_ground_up(tmp_path: Path, figures: list[Figure]) -> None:
    scene, records, paths = made({})
    overview.draw_overview(scene, records, paths, tmp_path / "map.png", title="t")
    shapes = figures[0].subfigs[0].axes[0].collections[0]
    low, high = shapes.get_clim()
    assert low == 0
    assert high >= scene.buildings["top_height_m"].max()


def test_courtyards_are_open() -> None:
    """The outline of a building with a courtyard has two rings, in opposite senses."""
    scene, _, paths = made({})
    axes = Figure().subplots()
    overview.draw_map(axes, scene, paths)
    outlines = axes.collections[0].get_paths()
    holes = sum(len(polygon.interiors) for polygon in scene.buildings.geometry)
    rings = sum(int(np.sum(outline.codes == outline.MOVETO)) for outline in outlines)
    assert holes > 5
    assert rings == len(scene.buildings) + holes
    ring = next(outline for outline in outlines if np.sum(outline.codes == outline.MOVETO) > 1)
    middle = [p for p in scene.buildings.geometry if p.interiors]
    assert any(not ring.contains_point(p.interiors[0].centroid.coords[0]) for p in middle)


def test_the_same_corpus_gives_the_same_picture(tmp_path: Path) -> None:
    parts = made({})
    for name in ("a.png", "b.png"):
        overview.draw_overview(*parts, tmp_path / name, title="t")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_strongest_paths_come_first_and_none_without_power() -> None:
    power = np.array([0.0, 3.0, 1.0, 0.0, 3.0])
    assert overview.strongest(power).tolist() == [1, 4, 2]
    assert overview.strongest(np.zeros(4)).tolist() == []
    assert len(overview.strongest(np.ones(100))) == 12


def test_the_spectrum_is_that_of_the_receiver_that_hears_most(tmp_path: Path, figures: list[Figure]) -> None:
    scene, records, paths = made({"receivers": {"count": 3}})
    best = str(records["receiver"].values[int(np.argmax(records["snr"].values.mean(axis=0)))])
    overview.draw_overview(scene, records, paths, tmp_path / "map.png", title="t")
    upper, lower = figures[0].subfigs[1].axes[:2]
    assert upper.get_title() == f"What {best} hears, one capture a slot (SNR at full load 20 dB)"
    sent = lower.collections[0].get_array().reshape(16, 60)
    occupancy = records["occupancy"].values[records["snr_level"].values == 20]
    assert np.array_equal(sent, occupancy.sum(axis=1).T)
