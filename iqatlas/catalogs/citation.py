"""How a corpus is cited: CITATION.cff, and the metadata that DataCite and Zenodo take.

Sources: Citation File Format 1.2.0; DataCite Metadata Schema 4.5; Zenodo's deposit metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.import_spec import is_imported, is_recorded

CITATION_NAME = "CITATION.cff"
DATACITE_NAME = "datacite.json"
ZENODO_NAME = "zenodo.json"
CITATION_NAMES = (CITATION_NAME, DATACITE_NAME, ZENODO_NAME)
_NOBODY = "made with iqatlas"
KEYWORDS = ("spectrum sensing", "UAV", "I/Q", "LTE", "ray tracing")
RECORDED_KEYWORDS = ("spectrum sensing", "I/Q", "recording")
_READ_BACK_KEYWORDS = ("spectrum sensing", "I/Q", "simulation")
_UNKNOWN_LICENCE = "NOASSERTION"


def citation_files(
    about: AboutSpec,
    *,
    title: str,
    description: str,
    published: str,
    version: str,
    credit: tuple[str, ...],
    keywords: tuple[str, ...] = KEYWORDS,
) -> dict[str, bytes]:
    """Return the files by name.

    Args:
        about: Authors, licence, identifier.
        title: Title of the corpus.
        description: What it is.
        published: Date, as YYYY-MM-DD.
        version: MAJOR.MINOR.PATCH.
        credit: Lines of credit of what the corpus was made from.
        keywords: What it is searched by.
    """
    authors = about.authors or (_NOBODY,)
    notes = "\n".join(credit)
    cff: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this corpus, please cite it as below.",
        "type": "dataset",
        "title": title,
        "abstract": description,
        "authors": [_cff_author(author) for author in authors],
        "version": version,
        "date-released": published,
        **_cff_licence(about),
        "keywords": list(keywords),
    }
    datacite: dict[str, Any] = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceType": "I/Q corpus", "resourceTypeGeneral": "Dataset"},
        "creators": [_datacite_creator(author) for author in authors],
        "titles": [{"title": title}],
        "publisher": {"name": ":unav"},
        "publicationYear": published[:4],
        "dates": [{"date": published, "dateType": "Created"}],
        "version": version,
        "rightsList": [{"rightsIdentifier": about.licence, "rightsUri": about.licence_url}],
        "subjects": [{"subject": word} for word in keywords],
        "descriptions": [
            {"description": description, "descriptionType": "Abstract"},
            {"description": notes, "descriptionType": "Other"},
        ],
    }
    zenodo: dict[str, Any] = {
        "upload_type": "dataset",
        "title": title,
        "description": description,
        "creators": [{"name": author} for author in authors],
        "license": about.licence,
        "version": version,
        "publication_date": published,
        "keywords": list(keywords),
        "notes": notes,
    }
    if about.doi:
        cff["doi"] = about.doi
        datacite["identifiers"] = [{"identifier": about.doi, "identifierType": "DOI"}]
        zenodo["doi"] = about.doi
    return {
        CITATION_NAME: yaml.safe_dump(cff, sort_keys=False, allow_unicode=True, width=100).encode(),
        DATACITE_NAME: _json(datacite),
        ZENODO_NAME: _json({"metadata": zenodo}),
    }


def keywords_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a corpus is searched by.

    Args:
        spec: The spec of its manifest.
    """
    if not is_imported(spec):
        return KEYWORDS
    return RECORDED_KEYWORDS if is_recorded(spec) else _READ_BACK_KEYWORDS


def _names(author: str) -> tuple[str, str] | None:
    """Return family and given names of `Family, Given`; None for a group."""
    family, comma, given = author.partition(",")
    return (family.strip(), given.strip()) if comma and family.strip() and given.strip() else None


def _cff_licence(about: AboutSpec) -> dict[str, str]:
    """Return the licence under the key that CFF has for its kind: an SPDX identifier, or an address."""
    if about.licence == _UNKNOWN_LICENCE:
        return {}
    return {"license-url" if about.licence == about.licence_url else "license": about.licence}


def _cff_author(author: str) -> dict[str, str]:
    names = _names(author)
    return {"family-names": names[0], "given-names": names[1]} if names else {"name": author}


def _datacite_creator(author: str) -> dict[str, str]:
    names = _names(author)
    if names is None:
        return {"name": author, "nameType": "Organizational"}
    return {"name": author, "nameType": "Personal", "familyName": names[0], "givenName": names[1]}


def _json(body: dict[str, Any]) -> bytes:
    return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
