"""The files that a spec names are inputs of its corpus, with their hashes and terms."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from iqatlas.catalogs.manifest import InputEntry
from iqatlas.errors import MissingFileError
from iqatlas.generators.provenance import gather_inputs
from iqatlas.generators.spec import CorpusSpec
from iqatlas.scenes.spec import FootprintBuildings, ListedSite, ListedSites, OverpassBuildings, SceneSpec

SITES = ListedSites(sites=(ListedSite(name="a", longitude_deg=24.9, latitude_deg=60.1, height_m=30),))


def _spec(buildings: FootprintBuildings | OverpassBuildings) -> CorpusSpec:
    scene = SceneSpec(buildings=buildings, bbox=(24.9, 60.1, 24.91, 60.11))
    return CorpusSpec(name="x", scene=scene, sites=SITES)


def test_footprints_carry_their_own_licence_and_credit(tmp_path: Path) -> None:
    path = tmp_path / "houses.geojson"
    path.write_text("{}")
    buildings = FootprintBuildings(path=path, licence="CDLA-Permissive-2.0", attribution="A City")
    (entry,) = gather_inputs(_spec(buildings))
    assert (entry.role, entry.name, entry.bytes) == ("buildings", "houses.geojson", 2)
    assert (entry.licence, entry.attribution) == ("CDLA-Permissive-2.0", "A City")
    assert entry.sha256 == hashlib.sha256(b"{}").hexdigest()


def test_an_archived_answer_is_an_input_by_its_hash(tmp_path: Path) -> None:
    answer = b'{"elements": []}'
    digest = hashlib.sha256(answer).hexdigest()
    (tmp_path / "overpass.json").write_bytes(answer)
    request = {"retrieved": "2025-01-01T00:00:00+00:00", "sha256": digest}
    (tmp_path / "overpass-request.json").write_text(json.dumps(request))
    (entry,) = gather_inputs(_spec(OverpassBuildings(archive=tmp_path)))
    assert (entry.name, entry.sha256, entry.licence) == ("overpass.json", digest, "ODbL-1.0")


def test_a_missing_file_of_footprints_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"scene\.buildings\.path: no such file"):
        gather_inputs(_spec(FootprintBuildings(path=tmp_path / "gone.gpkg")))


SITE_FILES = {
    "opencellid": ("cells.csv", "CC-BY-SA-4.0", "OpenCelliD Project"),
    "cellmapper": ("cells.csv", "of who recorded it", "recorded with CellMapper"),
    "file": ("cells.csv", "of who made it", "cells.csv"),
}


def inputs_of(sites: dict[str, Any], folder: Path) -> tuple[InputEntry, ...]:
    return gather_inputs(CorpusSpec.from_tree({"sites": sites}, folder=folder))


@pytest.mark.parametrize("kind", SITE_FILES)
def test_a_file_of_sites_is_an_input(kind: str, tmp_path: Path) -> None:
    name, licence, credit = SITE_FILES[kind]
    with pytest.raises(MissingFileError, match=r"sites\.path: no such file"):
        inputs_of({"kind": kind, "path": name}, tmp_path)
    (tmp_path / name).write_bytes(b"1,2,3")
    buildings, sites = inputs_of({"kind": kind, "path": name}, tmp_path)
    assert buildings.licence == "ODbL-1.0"
    assert (sites.role, sites.name, sites.licence, sites.attribution) == ("sites", name, licence, credit)
    assert sites.sha256 == hashlib.sha256(b"1,2,3").hexdigest()


@pytest.mark.parametrize("sites", [{"kind": "osm_masts"}, {"kind": "placed"}, {"kind": "bundled"}])
def test_sites_of_the_map_are_no_input_of_their_own(sites: dict[str, Any], tmp_path: Path) -> None:
    assert [entry.role for entry in inputs_of(sites, tmp_path)] == ["buildings"]
