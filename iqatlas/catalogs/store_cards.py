"""The cards of a corpus that was stored anew: how to load it now, and what it was exported from."""

from __future__ import annotations

from iqatlas.catalogs.citation import keywords_of
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.croissant import CROISSANT_NAME, UNPUBLISHED, croissant
from iqatlas.catalogs.load_card import load_anew, split_by
from iqatlas.catalogs.manifest import FileEntry, InputEntry
from iqatlas.catalogs.record_store import FORMATS, RecordStore
from iqatlas.catalogs.record_table import RECORD_TABLE, columns_of
from iqatlas.catalogs.versioned_cards import about_of, title_and_description


def restored_readme(
    text: str, before: RecordStore, after: RecordStore, origin: InputEntry, *, by: str
) -> str:
    """Return a card that says how the records lie now.

    Args:
        text: The card of the source.
        before: Format of the source.
        after: Format of the new corpus.
        origin: The source's manifest.
        by: What splits are by.
    """
    names = {store.name: name for name, store in FORMATS.items()}
    text = load_anew(text, names[before.name], names[after.name], by)
    return (
        f"{text.rstrip()}\n\n## Stored anew\n\n"
        f"The records were exported from `{before.name}` of the corpus whose `{origin.name}` has the SHA-256 "
        f"{origin.sha256}; record n is its record n.\n"
    )


def restored_croissant(
    corpus: Corpus, store: RecordStore, files: tuple[FileEntry, ...], published: str
) -> bytes:
    """Return the Croissant description of a corpus that was stored anew.

    Args:
        corpus: The source.
        store: Format of the new corpus.
        files: Its files, the description itself left out.
        published: Date, as YYYY-MM-DD.
    """
    manifest, sizes = corpus.manifest, corpus.dataset.sizes
    own = next(file.bytes for file in manifest.files if file.path == CROISSANT_NAME)
    title, description = title_and_description(corpus, own)
    columns = columns_of(corpus.dataset) if any(file.path == RECORD_TABLE for file in files) else ()
    return croissant(
        about_of(manifest, corpus.place.name),
        name=manifest.name,
        title=title,
        description=description,
        published=published,
        files=files,
        splits=manifest.splits,
        extents={"subchannel": sizes["subchannel"], "receiver": sizes["receiver"]},
        store=store.contents,
        version=UNPUBLISHED,
        columns=columns,
        by=split_by(manifest.spec),
        keywords=keywords_of(manifest.spec),
    )
