"""Inputs of a corpus: what each kind of building source leaves in its manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

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
