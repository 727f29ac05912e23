"""Is a corpus what its manifest says, and does it keep its own rules?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.folder import BUILDING
from iqatlas.catalogs.invariants import record_problems
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from iqatlas.errors import CorpusError


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
    corpus: Path, *, progress: Callable[[int, int], None] | None = None, workers: int = 2
) -> Verification:
    """Check the hash of every file, then every invariant of the records.

    Args:
        corpus: Folder of the corpus.
        progress: Called with bytes done and bytes in all.
        workers: Threads that hash.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus.
    """
    try:
        manifest = read_manifest(corpus)
    except CorpusError as failure:
        if (corpus / MANIFEST_NAME).is_file():
            return Verification(0, 0, 0, (f"{MANIFEST_NAME}: {failure.what}",))
        raise
    problems = list(_file_problems(corpus, manifest, progress, workers))
    checked = 0
    if not problems:
        # Arrays of files that are not as they were written would only raise from inside a library.
        problems = list(record_problems(corpus, manifest))
        checked = manifest.records
    total = sum(file.bytes for file in manifest.files)
    return Verification(len(manifest.files), total, checked, tuple(problems))


def _file_problems(
    corpus: Path, manifest: Manifest, progress: Callable[[int, int], None] | None, workers: int
) -> Iterator[str]:
    yield from _stray_problems(corpus, manifest)
    total = sum(file.bytes for file in manifest.files)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        checks = pool.map(lambda file: _file_problem(corpus, file), manifest.files)
        for file, problem in zip(manifest.files, checks, strict=True):
            done += file.bytes
            if progress:
                progress(done, total)
            if problem:
                yield problem


def _stray_problems(corpus: Path, manifest: Manifest) -> Iterator[str]:
    """Name what is in the folder and not in the manifest: files, links, folders that hold none of it."""
    named = {MANIFEST_NAME, *(file.path for file in manifest.files)}
    folders = {parent.as_posix() for path in named for parent in PurePosixPath(path).parents}
    for path in sorted(corpus.rglob("*")):
        relative = path.relative_to(corpus).as_posix()
        if relative.split("/")[0] == BUILDING and relative not in named:
            if relative == BUILDING:
                yield f"{BUILDING}: left by an interrupted run: run the same `iqatlas generate` again"
        elif path.is_symlink():
            yield f"{relative}: a symbolic link, which a corpus never holds"
        elif path.is_dir():
            if relative not in folders:
                yield f"{relative}: a folder that holds nothing of the manifest"
        elif relative not in named:
            yield f"{relative}: not in the manifest"


def _file_problem(corpus: Path, file: FileEntry) -> str | None:
    path = corpus / file.path
    pure = PurePosixPath(file.path)
    inside = (pure, *list(pure.parents)[:-1])  # the folder itself may well be reached by a link
    if any((corpus / step).is_symlink() for step in inside):
        return None  # named as a link, and never followed
    try:
        if not path.is_file():
            return f"{file.path}: missing"
        if path.stat().st_size != file.bytes:
            return f"{file.path}: {path.stat().st_size} bytes in place of {file.bytes}"
        if sha256_file(path) != file.sha256:
            return f"{file.path}: its SHA-256 is not the manifest's"
    except OSError as failure:
        return f"{file.path}: can't be read ({failure.strerror})"
    return None
