"""Croissant 1.1: what search engines, hubs and `mlcroissant` read of a corpus.

Source: Croissant Format Specification 1.1, MLCommons, http://mlcommons.org/croissant/1.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.citation import KEYWORDS
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.record_table import COLUMNS, RECORD_TABLE, SIMULATED_COLUMNS

CROISSANT_NAME = "croissant.json"
UNPUBLISHED = "0.0.0"
"""Version of a corpus that no catalogue has published."""

_DATA_TYPES = {
    "int64": "cr:Int64",
    "float64": "cr:Float64",
    "float32": "cr:Float32",
    "string": "sc:Text",
    "list<bool>": "sc:Boolean",
    "list<float32>": "cr:Float32",
}
_OWNERS = {
    "receiver": " Receivers have splits of their own (receiver_split in the arrays): a split is its records "
    "as its own receivers heard them.",
    "site": " Sites have splits of their own (site_split in the arrays): in the records of a split only its "
    "own sites send.",
}
_ENCODINGS = {
    ".parquet": "application/x-parquet",
    ".json": "application/json",
    ".png": "image/png",
    ".md": "text/markdown",
}
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(
    about: AboutSpec,
    *,
    name: str,
    title: str,
    description: str,
    published: str,
    files: Iterable[FileEntry],
    splits: Iterable[str],
    by: str = "time",
    extents: Mapping[str, int],
    store: Sequence[str],
    version: str = UNPUBLISHED,
    columns: Iterable[str] = SIMULATED_COLUMNS,
    keywords: Iterable[str] = KEYWORDS,
) -> bytes:
    """Return the Croissant description of a corpus, as the bytes of a JSON-LD file.

    Args:
        about: Authors, licence, identifier.
        name: Name of the corpus.
        title: Its title.
        description: What it is.
        published: Date, as YYYY-MM-DD.
        files: Files of the corpus; those outside the store of the records are named one by one.
        splits: Names of the splits that have records.
        by: What splits are by.
        extents: Receivers and sub-channels of a record.
        store: Folders and files of the records' arrays, the one that readers open first.
        version: MAJOR.MINOR.PATCH.
        columns: Columns of the flat table.
        keywords: What it is searched by.
    """
    single = [file for file in files if file.path.split("/")[0] not in (*store, CROISSANT_NAME)]
    body = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": name,
        "alternateName": title,
        "description": description,
        "license": about.licence_url,
        "version": version,
        "datePublished": published,
        "creator": [{"@type": "Organization", "name": author} for author in about.authors]
        or [{"@type": "Organization", "name": "made with iqatlas"}],
        "citeAs": f"{title}, version {version}" + (f", https://doi.org/{about.doi}" if about.doi else ""),
        "keywords": list(keywords),
        "isLiveDataset": False,
        "distribution": [*map(_file_object, single), _store_set(store)],
        "recordSet": [_split_set(splits, by), _record_set(extents, columns)],
    }
    if about.doi:
        body["identifier"] = f"https://doi.org/{about.doi}"
    return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()


def _file_object(file: FileEntry) -> dict[str, Any]:
    suffix = "." + file.path.rpartition(".")[2]
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": _ENCODINGS.get(suffix, "application/octet-stream"),
        "sha256": file.sha256,
    }


def _store_set(store: Sequence[str]) -> dict[str, Any]:
    name = store[0]
    includes = [part if part.endswith(".h5") else f"{part}/**" for part in store]
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": "The arrays: I/Q, occupancy, labels, powers, features, and the radio paths; open with "
        "xarray or iqatlas. Row n of every array is record n.",
        "encodingFormat": "https://zarr.dev/" if name.endswith(".zarr") else "application/x-hdf5",
        "includes": includes[0] if len(includes) == 1 else includes,
    }


def _split_set(splits: Iterable[str], by: str) -> dict[str, Any]:
    urls = {
        "train": "https://mlcommons.org/definitions/training_split",
        "validation": "https://mlcommons.org/definitions/validation_split",
        "test": "https://mlcommons.org/definitions/test_split",
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "Splits of the records; guard records lie between them and belong to none."
        + _OWNERS.get(by, ""),
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"splits/{name}",
                "name": name,
                "description": about,
                "dataType": kind,
            }
            for name, about, kind in (
                ("name", "name of the split", "sc:Text"),
                ("url", "what it is for", "sc:URL"),
            )
        ],
        "data": [{"splits/name": split, "splits/url": urls.get(split, "")} for split in splits],
    }


def _record_set(extents: Mapping[str, int], columns: Iterable[str]) -> dict[str, Any]:
    widths = {"label": extents["subchannel"], "snr_db": extents["receiver"]}
    fields = []
    for column in columns:
        kind, meaning = COLUMNS[column]
        field: dict[str, Any] = {
            "@type": "cr:Field",
            "@id": f"records/{column}",
            "name": column,
            "description": meaning,
            "dataType": _DATA_TYPES[kind],
            "source": {"fileObject": {"@id": RECORD_TABLE}, "extract": {"column": column}},
        }
        if column in widths:
            field |= {"isArray": True, "arrayShape": str(widths[column])}
        if column == "split":
            field["references"] = {"field": {"@id": "splits/name"}}
        fields.append(field)
    return {
        "@type": "cr:RecordSet",
        "@id": "records",
        "name": "records",
        "description": "One capture by all receivers at once, without its samples; they are in the arrays, "
        "under the same index.",
        "key": {"@id": "records/record"},
        "field": fields,
    }
