"""A reader's folder: the demo, made small; the maps that pages name; and a command line that makes little."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_blocks import no_picture

import iqatlas
from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.features.registry import FEATURES

SLOTS = 48
LONDON = """\
name: london-city
scene:
  buildings: {kind: osm_file, path: london-city.osm}
  bbox: [-0.0880, 51.5080, -0.0740, 51.5154]
sites: {kind: opencellid, path: cells.csv, mcc: 234, mnc: 30, count: 3}
"""
"""The London of the README."""
LEVELS = [-10.0, 10.0]


def made_small(spec: CorpusSpec) -> CorpusSpec:
    """Return what a page asks for with few slots and levels, and paths that cost nothing."""
    tree = spec.tree()
    if spec.raytracing.kind == "sionna":
        tree["raytracing"] = {"kind": "free_space"}
    capture = tree["capture"]
    if spec.splits.by == "time" and spec.occupancy.kind == "markov" and capture["draws"] == 1:
        capture["slots"] = min(capture["slots"], SLOTS)
        if spec.capture.noise != "thermal":
            capture["snr_db"] = LEVELS
    return CorpusSpec.from_tree(tree, folder=spec.folder)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return the demo that pages open, made small. It is shared: copy it before you change a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqatlas.plotting.overview.draw_overview", no_picture)
        return generate(
            made_small(CorpusSpec()), tmp_path_factory.mktemp("demo") / "helsinki-demo", workers=1
        )


@pytest.fixture
def reader(
    demo: Corpus, tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], str]]:
    """Go to a reader's folder, and give the function that turns a page's addresses into its folders."""
    shutil.copytree(demo.path, tmp_path / "helsinki-demo")
    (tmp_path / "city.yaml").write_text("name: city\nraytracing: {kind: free_space}\n")
    (tmp_path / "london.yaml").write_text(LONDON)
    for name, shown in (
        ("london-city.osm", "london-city.osm"),
        ("london-city-opencellid.csv", "cells.csv"),
        ("monaco.osm.pbf", "monaco.osm.pbf"),
    ):
        (tmp_path / shown).symlink_to(shared_data / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("iqatlas.plotting.overview.draw_overview", no_picture)
    monkeypatch.setattr("iqatlas.plotting.city.draw_city", lambda scene, file: file.write_bytes(b"a picture"))
    make = iqatlas.generate

    def make_small(spec: CorpusSpec, *arguments: Any, **options: Any) -> Corpus:
        return make(made_small(spec), *arguments, **options)

    monkeypatch.setattr("iqatlas.generators.execute.generate", make_small)

    def here(text: str) -> str:
        for shown, folder in (("s3://bucket", "bucket"), ("/data/catalog", "data")):
            text = text.replace(shown, str(tmp_path / folder))
        return text.replace("--duration-ms 400", "--duration-ms 10").replace("--workers 2", "--workers 1")

    before = dict(FEATURES)
    yield here
    FEATURES.clear()  # a page may have added one
    FEATURES.update(before)
