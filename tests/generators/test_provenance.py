"""The files that a spec names are inputs of its corpus, with their hashes and terms."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from iqatlas.errors import MissingFileError
from iqatlas.generators.provenance import gather_inputs
from iqatlas.generators.spec import CorpusSpec

SITES = {
    "opencellid": ("cells.csv", "CC-BY-SA-4.0", "OpenCelliD Project"),
    "cellmapper": ("cells.csv", "of who recorded it", "recorded with CellMapper"),
    "file": ("cells.csv", "of who made it", "cells.csv"),
}


def inputs_of(sites: dict[str, Any], folder: Path):
    return gather_inputs(CorpusSpec.from_tree({"sites": sites}, folder=folder))


@pytest.mark.parametrize("kind", SITES)
def test_a_file_of_sites_is_an_input(kind: str, tmp_path: Path) -> None:
    name, licence, credit = SITES[kind]
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
