"""Is a corpus what its manifest says, and does it keep its own rules?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from iqatlas.catalogs.folder import BUILDING
from iqatlas.catalogs.invariants import record_problems
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from iqatlas.catalogs.place import CorpusPlace, Item, place_of
from iqatlas.errors import CorpusError, StorageError


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    Args:
        files: Files whose hash was checked.
        bytes: Their size.
        records: Records whose invariants were checked.
        problems: What does not hold, one line each; empty for a sound corpus.
    """

    files: int
    bytes: int
    records: int
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify_corpus(
    corpus: str | Path | CorpusPlace,
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 2,
    quick: bool = False,
) -> Verification:
    """Check the hash of every file, then every invariant of the records.

    Args:
        corpus: Folder or address of the corpus.
        progress: Called with bytes done and bytes in all.
        workers: Threads that hash.
        quick: Whether the manifest, names and sizes are all that is checked.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus.
        StorageError: The store that holds it can't be reached.
        SetupError: This Python can't read it.
    """
    place = place_of(corpus)
    try:
        manifest = read_manifest(place)
    except CorpusError as failure:
        if any(item.path == MANIFEST_NAME and item.kind == "file" for item in place.items()):
            return Verification(0, 0, 0, (f"{MANIFEST_NAME}: {failure.what}",))
        raise
    problems = list(_file_problems(place, manifest, progress, workers, hashed=not quick))
    checked = 0
    if not problems and not quick:
        # Arrays of files that are not as they were written would only raise from inside a library.
        problems = list(record_problems(place, manifest))
        checked = manifest.records
    total = sum(file.bytes for file in manifest.files)
    return Verification(len(manifest.files), total, checked, tuple(problems))


def refuse_unsound(place: CorpusPlace, *, remedy: str) -> None:
    """Verify a corpus that others are to be made of.

    Args:
        place: Where it lies.
        remedy: What to do about one that is not whole.

    Raises:
        CorpusError: It is not as its manifest says, or does not keep its own rules.
    """
    found = verify_corpus(place)
    if not found.sound:
        more = f", and {len(found.problems) - 1} more" if len(found.problems) > 1 else ""
        raise CorpusError(
            f"this corpus is not sound ({found.problems[0]}{more})", where=place.name, remedy=remedy
        )


def _file_problems(
    place: CorpusPlace,
    manifest: Manifest,
    progress: Callable[[int, int], None] | None,
    workers: int,
    *,
    hashed: bool,
) -> Iterator[str]:
    items = {item.path: item for item in place.items(deep=True)}
    yield from _stray_problems(items, manifest)
    total = sum(file.bytes for file in manifest.files)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        checks = pool.map(lambda file: file_problem(place, items, file, hashed=hashed), manifest.files)
        for file, problem in zip(manifest.files, checks, strict=True):
            done += file.bytes
            if progress:
                progress(done, total)
            if problem:
                yield problem


def _stray_problems(items: dict[str, Item], manifest: Manifest) -> Iterator[str]:
    """Name what is in the folder and not in the manifest: files, links, folders that hold none of it."""
    named = {MANIFEST_NAME, *(file.path for file in manifest.files)}
    folders = {parent.as_posix() for path in named for parent in PurePosixPath(path).parents}
    if any(path.split("/")[0] == BUILDING and path not in named for path in items):
        yield f"{BUILDING}: left by an interrupted run: run the same `iqatlas generate` again"
    for path, item in items.items():
        if path.split("/")[0] == BUILDING and path not in named:
            continue
        if item.kind == "link":
            yield f"{path}: a symbolic link, which a corpus never holds"
        elif item.kind == "folder":
            if path not in folders:
                yield f"{path}: a folder that holds nothing of the manifest"
        elif path not in named:
            yield f"{path}: not in the manifest"


def file_problem(
    place: CorpusPlace, items: dict[str, Item], file: FileEntry, *, hashed: bool = True
) -> str | None:
    """Return what is wrong with a file of a corpus, if anything.

    Args:
        place: Where the corpus lies.
        items: What lies there, by path.
        file: The file's entry in the manifest.
        hashed: Whether its hash is checked besides its size.
    """
    pure = PurePosixPath(file.path)
    above = (pure, *list(pure.parents)[:-1])  # the folder itself may well be reached by a link
    kinds = [items[step.as_posix()].kind for step in above if step.as_posix() in items]
    if "link" in kinds:
        return None  # named as a link, and never followed
    item = items.get(file.path)
    if item is None or item.kind != "file":
        return f"{file.path}: missing"
    if item.bytes != file.bytes:
        return f"{file.path}: {item.bytes} bytes in place of {file.bytes}"
    try:
        if hashed and place.sha256(file.path) != file.sha256:
            return f"{file.path}: its SHA-256 is not the manifest's"
    except StorageError:
        raise
    except OSError as failure:
        return f"{file.path}: can't be read ({failure.strerror})"
    return None
