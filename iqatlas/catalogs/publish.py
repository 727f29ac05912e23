"""Publishing: a corpus becomes a version of a catalogue, whole or not at all, and for good."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.catalogue import Catalogue, blob_path, check_name, open_for_publishing
from iqatlas.catalogs.content_change import content_changes, least_change
from iqatlas.catalogs.corpus import Corpus, open_corpus
from iqatlas.catalogs.durable import sync_file
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.place import CorpusPlace
from iqatlas.catalogs.published_place import PublishedPlace
from iqatlas.catalogs.release import Release
from iqatlas.catalogs.transfer import AT_ONCE, transfer
from iqatlas.catalogs.verify import refuse_unsound
from iqatlas.catalogs.version_number import VersionNumber
from iqatlas.catalogs.versioned_cards import entry_of, versioned_cards
from iqatlas.errors import CorpusError

_CHANGES_KEPT = 100


@dataclass(frozen=True)
class Published:
    """What was published.

    Args:
        release: The release.
        uploaded_files: Files that the catalogue did not hold yet.
        uploaded_bytes: Their size.
    """

    release: Release
    uploaded_files: int
    uploaded_bytes: int


def publish(
    corpus: str | Path | CorpusPlace,
    url: str | Path | CorpusPlace,
    *,
    version: str,
    progress: Callable[[int, int], None] | None = None,
) -> Published:
    """Publish a corpus as a version of a catalogue, which is made where nothing is.

    Files whose content the catalogue holds are not stored again, once it is seen that they are whole; damaged
    ones are replaced, for all versions that share them. What names the version, the Croissant
    and citation cards, is written anew, and a new manifest seals it; the corpus itself stays as it is.

    Args:
        corpus: The corpus, which is verified first.
        url: Folder or ``s3://bucket/name`` of the catalogue.
        version: MAJOR.MINOR.PATCH.
        progress: Called with bytes done and bytes in all.

    Raises:
        CorpusError: The corpus is not sound, the version is there, or its number says less than changed.
        StorageError: The place can't be written.
    """
    number = VersionNumber.parse(version, where="--version")
    source = open_corpus(corpus)
    name = source.manifest.name
    check_name(name, where=source.place.name)
    refuse_unsound(source.place, remedy="see `iqatlas verify`, and publish it once it is whole")
    catalogue = open_for_publishing(url)
    if number in catalogue.versions(name):
        raise _there_is_one(catalogue, name, number)
    previous, changes = _changes_since(catalogue, source, number)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cards = versioned_cards(source, version=str(number), published=now[:10])
    named = {file.path: file for file in source.manifest.files}
    files = {**named, **{path: entry_of(path, content) for path, content in cards.items()}}
    release = Release(
        name=name,
        version=str(number),
        published=now,
        previous=None if previous is None else str(previous),
        changes=changes,
        records=source.manifest.records,
        files=tuple(files[path] for path in sorted(files)),
    )
    catalogue.refuse_links(release.files)  # below a linked folder they would be written elsewhere
    uploaded = _store_blobs(source, catalogue, release, cards, progress)
    with catalogue.place.errors():
        try:
            catalogue.place.create(f"{name}/{number}.json", release.serialise())
        except FileExistsError:
            raise _there_is_one(catalogue, name, number) from None
    return Published(release, len(uploaded), sum(file.bytes for file in uploaded))


def _there_is_one(catalogue: Catalogue, name: str, number: VersionNumber) -> CorpusError:
    return CorpusError(
        f"{name}@{number} is published already, and a published version never changes",
        where=catalogue.place.name,
        remedy="choose a higher --version",
    )


def _changes_since(
    catalogue: Catalogue, source: Corpus, number: VersionNumber
) -> tuple[VersionNumber | None, tuple[str, ...]]:
    """Return the newest lower version, and what is not as in it.

    Raises:
        CorpusError: The number says less than changed.
    """
    name = source.manifest.name
    lower = [known for known in catalogue.versions(name) if known < number]
    if not lower:
        return None, ()
    before = max(lower)
    old = Corpus(PublishedPlace(catalogue, catalogue.release(name, before)))
    findings = content_changes(old, source)
    least = before.after(least_change(findings))
    if number < least:
        worst = next(finding.what for finding in findings if finding.change == least_change(findings))
        raise CorpusError(
            f"{name}@{number} would say less than changed since {before} ({worst})",
            where="--version",
            accepted=f"{least} or higher",
        )
    kept = [finding.what[:1000] for finding in sorted(findings, key=lambda found: -found.change)]
    return before, tuple(kept[:_CHANGES_KEPT])


def _store_blobs(
    source: Corpus,
    catalogue: Catalogue,
    release: Release,
    cards: dict[str, bytes],
    progress: Callable[[int, int], None] | None,
) -> list[FileEntry]:
    """Bring all files of a release into its catalogue, and return those that were not there."""
    place = catalogue.place
    there = catalogue.blob_bytes()
    by_hash = {file.sha256: file for file in release.files}
    held = [file for file in by_hash.values() if there.get(file.sha256) == file.bytes]
    wrong = _not_as_named(catalogue, held)
    sound = {file.sha256 for file in held} - {file.sha256 for file in wrong}
    todo = [file for file in by_hash.values() if file.sha256 not in sound]
    with place.errors(), _bench(place) as bench:

        def store(number: int, file: FileEntry) -> None:
            made = Path(bench) / str(number)
            if file.path in cards:
                made.write_bytes(cards[file.path])
            else:
                with source.place.errors("read"):
                    source.place.copy(file.path, made)
            # What is stored is what was hashed, whatever happens to the corpus meanwhile.
            if sha256_file(made) != file.sha256:
                raise CorpusError(f"{file.path} changed while it was published", where=source.place.name)
            sync_file(made)
            place.take(blob_path(file.sha256), made)
            made.unlink(missing_ok=True)

        transfer(todo, store, total_bytes=release.total_bytes, progress=progress)
        place.settle(blob_path(file.sha256) for file in todo)
    return todo


def _not_as_named(catalogue: Catalogue, held: list[FileEntry]) -> list[FileEntry]:
    """Return the files whose blob is there and is not what its name says: they are stored anew.

    Every blob of a new version is read once, in an object store too: its size says nothing of its bits.
    """
    place = catalogue.place

    def differs(file: FileEntry) -> bool:
        try:
            return place.sha256(blob_path(file.sha256)) != file.sha256
        except FileNotFoundError:
            return True

    with place.errors("read"), ThreadPoolExecutor(AT_ONCE) as pool:
        return [file for file, bad in zip(held, pool.map(differs, held), strict=True) if bad]


def _bench(place: CorpusPlace) -> AbstractContextManager[str]:
    """Give a folder for files on their way: beside their places where a rename is to bring them there."""
    folder = place.folder if isinstance(place, FolderPlace) else None
    return tempfile.TemporaryDirectory(prefix=".publishing-", dir=folder, ignore_cleanup_errors=True)
