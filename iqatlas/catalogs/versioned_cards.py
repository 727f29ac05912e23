"""The cards of a published version: what names the version is written anew, and a new manifest seals it."""

from __future__ import annotations

import hashlib
import json

from pydantic import ValidationError

from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.citation import CITATION_NAMES, citation_files, keywords_of
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.croissant import CROISSANT_NAME, croissant
from iqatlas.catalogs.load_card import split_by
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest
from iqatlas.catalogs.record_table import RECORD_TABLE, columns_of
from iqatlas.errors import CorpusError

_LARGEST_CARD_BYTES = 64 << 20


def entry_of(path: str, content: bytes) -> FileEntry:
    """Return the entry of a file with this content."""
    return FileEntry(path=path, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def versioned_cards(corpus: Corpus, *, version: str, published: str) -> dict[str, bytes]:
    """Return the files of a corpus that carry its version, and the manifest that goes with them.

    A corpus from before there were such cards has its manifest alone, as it is.

    Args:
        corpus: The corpus.
        version: MAJOR.MINOR.PATCH.
        published: Date, as YYYY-MM-DD.

    Raises:
        CorpusError: Its cards or its spec can't be read.
        StorageError: The store can't be reached.
    """
    manifest = corpus.manifest
    files = {file.path: file for file in manifest.files}
    cards: dict[str, bytes] = {}
    if {CROISSANT_NAME, RECORD_TABLE, *CITATION_NAMES} <= files.keys():
        about = about_of(manifest, corpus.place.name)
        title, description = title_and_description(corpus, files[CROISSANT_NAME].bytes)
        credit = manifest.scene.get("attribution", [])
        keywords = keywords_of(manifest.spec)
        cards = citation_files(
            about,
            title=title,
            description=description,
            published=published,
            version=version,
            credit=tuple(str(line) for line in credit) if isinstance(credit, list) else (),
            keywords=keywords,
        )
        files |= {path: entry_of(path, content) for path, content in cards.items()}
        sizes = corpus.dataset.sizes
        cards[CROISSANT_NAME] = croissant(
            about,
            name=manifest.name,
            title=title,
            description=description,
            published=published,
            files=tuple(files.values()),
            splits=manifest.splits,
            extents={"subchannel": sizes["subchannel"], "receiver": sizes["receiver"]},
            store=corpus.store.contents,
            version=version,
            columns=columns_of(corpus.dataset),
            by=split_by(manifest.spec),
            keywords=keywords,
        )
        files[CROISSANT_NAME] = entry_of(CROISSANT_NAME, cards[CROISSANT_NAME])
    sealed = manifest.model_copy(update={"files": tuple(files.values())})
    cards[MANIFEST_NAME] = sealed.serialise()
    return cards


def about_of(manifest: Manifest, where: str) -> AboutSpec:
    """Return the about part of a manifest's spec.

    Raises:
        CorpusError: It can't be read.
    """
    try:
        return AboutSpec.model_validate(manifest.spec.get("about", {}))
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        raise CorpusError(f"spec.about can't be read ({first['msg']})", where=where) from None


def title_and_description(corpus: Corpus, size: int) -> tuple[str, str]:
    """Return what the corpus's own card says, which the plan and the scene were needed for.

    Raises:
        CorpusError: The card is too large, or can't be read.
    """
    where = f"{corpus.place.name}/{CROISSANT_NAME}"
    if size > _LARGEST_CARD_BYTES:
        raise CorpusError(f"larger than {_LARGEST_CARD_BYTES >> 20} MiB", where=where)
    with corpus.place.errors("read"):
        raw = corpus.place.read(CROISSANT_NAME)
    try:
        body = json.loads(raw)
        title, description = body["alternateName"], body["description"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CorpusError("the card can't be read", where=where, remedy="make the corpus again") from None
    if not isinstance(title, str) or not isinstance(description, str):
        raise CorpusError("the card has no title or description", where=where)
    return title, description
