"""Citation and deposit metadata say who made a corpus, in the words of each format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from iqatlas import CorpusSpec, generate
from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.citation import CITATION_NAMES, citation_files


def _files(about: AboutSpec) -> dict[str, Any]:
    files = citation_files(
        about,
        title="A city",
        description="What it is.",
        published="2026-11-21",
        version="1.2.3",
        credit=("© them",),
    )
    assert tuple(files) == CITATION_NAMES
    return {name: yaml.safe_load(content) for name, content in files.items()}


def test_people_have_family_and_given_names_and_groups_one() -> None:
    cff, datacite, zenodo = _files(AboutSpec(authors=("Lovelace, Ada", "The Radio Group"))).values()
    assert cff["authors"] == [
        {"family-names": "Lovelace", "given-names": "Ada"},
        {"name": "The Radio Group"},
    ]
    assert [creator["nameType"] for creator in datacite["creators"]] == ["Personal", "Organizational"]
    assert zenodo["metadata"]["creators"][0] == {"name": "Lovelace, Ada"}


def test_what_each_format_cannot_do_without_is_there() -> None:
    cff, datacite, zenodo = _files(AboutSpec()).values()
    # The keys that the schemas of CFF 1.2.0 and DataCite 4.5 make mandatory.
    assert {"cff-version", "message", "title", "authors"} <= cff.keys()
    assert cff["date-released"] == "2026-11-21"  # a text: JSON Schema knows no dates
    assert {"creators", "titles", "publisher", "publicationYear", "types"} <= datacite.keys()
    assert {"upload_type", "title", "creators", "description"} <= zenodo["metadata"].keys()


def test_an_identifier_is_passed_on() -> None:
    cff, datacite, zenodo = _files(AboutSpec(doi="10.5281/zenodo.1234")).values()
    assert cff["doi"] == zenodo["metadata"]["doi"] == "10.5281/zenodo.1234"
    assert datacite["identifiers"][0]["identifier"] == "10.5281/zenodo.1234"


@pytest.mark.parametrize("bad", [{"doi": "https://doi.org/x"}, {"authors": ("a\nb",)}, {"title": ""}])
def test_what_would_break_a_card_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AboutSpec.model_validate(bad)


def test_titles_with_quotes_and_colons_survive() -> None:
    title = 'Über "Dächern": # - [x] {y}'
    files = citation_files(
        AboutSpec(), title=title, description=title, published="2026-11-21", version="0.0.0", credit=()
    )
    assert yaml.safe_load(files["CITATION.cff"])["title"] == title
    assert json.loads(files["datacite.json"])["titles"][0]["title"] == title


def test_what_is_said_of_a_corpus_is_on_every_card(
    tiny_spec: CorpusSpec, quick_parts: None, tmp_path: Path
) -> None:
    said = {
        "title": "Roofs of Töölö",
        "description": "What three drones heard.",
        "authors": ["Lovelace, Ada"],
        "licence": "CC-BY-4.0",
        "doi": "10.5281/zenodo.1234",
    }
    corpus = generate(CorpusSpec.from_tree({**tiny_spec.tree(), "about": said}), tmp_path / "told")
    for name, licence in (
        ("CITATION.cff", "CC-BY-4.0"),
        ("datacite.json", "CC-BY-4.0"),
        ("zenodo.json", "CC-BY-4.0"),
        ("croissant.json", "https://creativecommons.org/licenses/by/4.0/"),
    ):
        card = (corpus.path / name).read_text()
        for text in (said["title"], said["description"], "Ada", licence, said["doi"]):
            assert text in card, (name, text)
