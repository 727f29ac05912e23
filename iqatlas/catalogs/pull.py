"""Pulling: a published version becomes a corpus in a folder, file by file verified, the manifest last."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.durable import storage_errors, sync_file, sync_folder, write_file
from iqatlas.catalogs.folder import BUILDING
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.manifest import MANIFEST_NAME, PULLING, FileEntry, read_manifest
from iqatlas.catalogs.published_place import PublishedPlace, published_place
from iqatlas.catalogs.transfer import transfer
from iqatlas.errors import CorpusError, StorageError
from iqatlas.user_paths import user_path

_LOCK = "lock"


def pull(
    url: str | Path,
    name: str,
    version: str | None = None,
    *,
    dest: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Copy a published version into a folder; one that was cut goes on from where it was.

    Args:
        url: Folder or address of the catalogue.
        name: Name of the corpus.
        version: MAJOR.MINOR.PATCH; the newest without it.
        dest: The folder; the corpus's name in the current folder without it.
        progress: Called with bytes done and bytes in all.

    Raises:
        MissingFileError: There is no such catalogue.
        CorpusError: There is no such version, a file is not what was published, or the folder holds
            something else.
        StorageError: The store can't be reached, or the folder can't be written.
    """
    place = published_place(url, name, version)
    folder = user_path(dest if dest is not None else name)
    _refuse_inconsistent(place)
    with storage_errors(folder):
        held = _held(folder, place)
        if not _is_whole(folder, place, held):
            with _right_to_write(folder):
                _bring(folder, place, held, progress)
    return Corpus(FolderPlace(folder))


def _refuse_inconsistent(place: PublishedPlace) -> None:
    """See, before anything is written, that a release and its manifest agree, and that all blobs are there.

    Raises:
        CorpusError: They don't, or one is missing or of another size.
    """
    manifest = read_manifest(place)
    release = place.published
    of_release = {file.path: file for file in release.files if file.path != MANIFEST_NAME}
    if of_release != {file.path: file for file in manifest.files}:
        raise CorpusError("the release and its manifest name different files", where=place.name)
    folders = {parent.as_posix() for path in of_release for parent in PurePosixPath(path).parents}
    for path in of_release:
        if path in folders or path.split("/")[0] in (PULLING, BUILDING):
            raise CorpusError(f"{path[:100]!r} can't be a file of a corpus", where=place.name)
    sizes = place.catalogue.blob_bytes()
    for file in release.files:
        if sizes.get(file.sha256) != file.bytes:
            found = "missing" if file.sha256 not in sizes else f"of {sizes[file.sha256]} bytes"
            raise CorpusError(f"{file.path} is {found} in the catalogue", where=place.name)


def _held(folder: Path, place: PublishedPlace) -> dict[str, int]:
    """Return the files of the version that a folder holds already, each with its size.

    Raises:
        CorpusError: It holds something else.
    """
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise CorpusError("this is a file, not a folder", where=str(folder), remedy="choose another -o")
    named = {file.path for file in place.published.files}
    folders = {parent.as_posix() for path in named for parent in PurePosixPath(path).parents}
    held = {}
    for item in FolderPlace(folder).items(deep=True):
        if item.path.split("/")[0] == PULLING and item.kind != "link":
            continue
        if item.kind == "link" or item.path not in (named if item.kind == "file" else folders):
            raise CorpusError(
                f"this folder holds {item.path[:100]!r}, which is not of {place.name}",
                where=str(folder),
                accepted="a new or empty folder, or an unfinished pull of the same version",
                remedy="choose another folder with -o",
            )
        if item.kind == "file":
            held[item.path] = item.bytes
    if held and MANIFEST_NAME not in held and not (folder / PULLING).is_dir():
        raise CorpusError(
            "this folder holds files, and no pull was begun in it",
            where=str(folder),
            remedy="choose another folder with -o",
        )
    return held


def _is_whole(folder: Path, place: PublishedPlace, held: dict[str, int]) -> bool:
    """Return whether a folder holds the whole version already, by names and sizes.

    Raises:
        CorpusError: It holds another corpus or version.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        return False
    entry = place.published.manifest
    if path.stat().st_size != entry.bytes or sha256_file(path) != entry.sha256:
        raise CorpusError(
            f"this folder holds another corpus or version than {place.name}",
            where=str(folder),
            remedy="choose another folder with -o",
        )
    sizes = {file.path: file.bytes for file in place.published.files}
    return held == sizes and not (folder / PULLING).exists()


@contextmanager
def _right_to_write(folder: Path) -> Iterator[None]:
    """Hold the folder ``.pulling``, which goes when all is there."""
    (folder / PULLING).mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder / PULLING / _LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StorageError(
            "another process is pulling into this folder",
            where=str(folder),
            remedy="wait for it, or choose another folder with -o",
        ) from None
    try:
        yield
        shutil.rmtree(folder / PULLING, ignore_errors=True)
    finally:
        lock.release()


def _bring(
    folder: Path,
    place: PublishedPlace,
    held: dict[str, int],
    progress: Callable[[int, int], None] | None,
) -> None:
    files = [file for file in place.published.files if file.path != MANIFEST_NAME]
    missing = sum(file.bytes for file in files if held.get(file.path) != file.bytes)
    if missing > (free := shutil.disk_usage(folder).free):
        raise StorageError(
            f"{missing / 1e9:,.1f} GB don't fit: {free / 1e9:,.1f} GB are free",
            where=str(folder),
            remedy="free some space, or choose another folder with -o",
        )

    def bring(number: int, file: FileEntry) -> None:
        target = folder / file.path
        if held.get(file.path) != file.bytes or sha256_file(target) != file.sha256:
            _bring_file(place, file, folder / PULLING / str(number), target)

    transfer(files, bring, total_bytes=sum(file.bytes for file in files), progress=progress)
    for inside in sorted({folder / parent for file in files for parent in PurePosixPath(file.path).parents}):
        sync_folder(inside)
    manifest = place.read(MANIFEST_NAME)
    write_file(folder / MANIFEST_NAME, manifest, by_way_of=folder / PULLING)
    sync_folder(folder)


def _bring_file(place: PublishedPlace, file: FileEntry, temporary: Path, target: Path) -> None:
    with place.errors("read"):
        place.copy(file.path, temporary)
    if sha256_file(temporary) != file.sha256:
        raise CorpusError(
            f"{file.path} is not what was published: its SHA-256 differs",
            where=place.name,
            remedy="tell who keeps the catalogue",
        )
    sync_file(temporary)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(target)
