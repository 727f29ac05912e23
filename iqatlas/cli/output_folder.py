"""The rule for folders that commands write into: new ones, or what the same command left of the same input.

A hidden note says who wrote a folder and of what. It is there before the first file, so that a run that was
killed can be run again, and goes with the folder where nothing came of the work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iqatlas.catalogs.durable import write_file
from iqatlas.cli.output_place import output_errors, refuse_inside_corpus
from iqatlas.errors import CorpusError, StorageError

NOTE = ".iqatlas-output.json"
_LARGEST_NOTE_BYTES = 16 << 20
_WRITING = ".writing"
_REMOVED = (".sigmf-data", ".sigmf-meta", ".tar")

OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Write there all the same; of other files, those of an earlier export go.",
    ),
]


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    command: Annotated[str, Field(max_length=100)]
    of: Annotated[str, Field(max_length=10_000)]
    names: tuple[str, ...] = ()
    """Files and folders that were written; while the command runs, those that it will write, if it knows."""


@contextmanager
def output_folder(
    folder: Path,
    *,
    command: str,
    of: str,
    ours: Callable[[str], bool],
    names: Iterable[str] = (),
    known_by: tuple[str, ...] = (),
    overwrite: bool = False,
) -> Iterator[None]:
    """Claim a folder for what a command writes, and say in it who did.

    Args:
        folder: The folder; made where there is none, and gone again where nothing was written.
        command: The command, with what decides which files it writes.
        of: What names its input.
        ours: Whether it writes a file or folder of this name.
        names: All that it will write, where that is known beforehand: after a kill nothing else tells which
            files were half of it.
        known_by: Names that tell its output where there is no note, as that of earlier versions; without
            them such a folder is somebody else's.
        overwrite: Whether anything but a corpus may be there.

    Raises:
        CorpusError: The folder is a corpus or in one, or holds other things; it is left as it was.
        StorageError: It is a file, or can't be written.
    """
    refuse_inside_corpus(folder)
    with output_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise StorageError("is a file", where=str(folder), accepted="a folder, or a name for a new one")
        held = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        note = _read_note(folder / NOTE)
        if not overwrite:
            _refuse_others(folder, held, note, _Note(command=command, of=of), ours, known_by)
        new = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        if note is not None:
            _remove_earlier(folder, note, ours)
        _write_note(folder, _Note(command=command, of=of, names=tuple(sorted(names))))
    try:
        yield
    finally:
        with suppress(OSError):
            # An earlier run that was killed may have left the twin of a file that this one didn't come to.
            left = {_whole_name(entry.name) for entry in folder.iterdir() if entry.name != NOTE}
            written = tuple(sorted(name for name in left if ours(name)))
            if written:
                _write_note(folder, _Note(command=command, of=of, names=written))
            else:
                (folder / NOTE).unlink()
                for path in new:
                    path.rmdir()


def _refuse_others(
    folder: Path,
    held: list[str],
    note: _Note | None,
    own: _Note,
    ours: Callable[[str], bool],
    known_by: tuple[str, ...],
) -> None:
    others = [name for name in held if name != NOTE and not ours(_whole_name(name))]
    if others:
        what = f"the folder holds something else ({others[0]})"
    elif not held:
        return
    elif note is not None and (note.command, note.of) != (own.command, own.of):
        what = f"the folder holds what `iqatlas {note.command}` wrote of {note.of}"
    elif note is None and not (known_by and set(known_by) <= set(held)):
        what = f"the folder holds something else ({held[0]})"
    else:
        return
    raise CorpusError(
        what,
        where=str(folder),
        accepted=f"a new or empty folder, or one that `iqatlas {own.command}` wrote of {own.of}",
        remedy="name another with -o, or --overwrite",
    )


def _whole_name(name: str) -> str:
    """Return the name of the file that a temporary twin was to become."""
    if name.startswith(".") and name.endswith(_WRITING):
        return name.removeprefix(".").removesuffix(_WRITING)
    return name


def _remove_earlier(folder: Path, note: _Note, ours: Callable[[str], bool]) -> None:
    """Remove the files of another run that this one doesn't write: together they would be of two inputs."""
    for name in note.names:
        file = folder / name
        # A note may be anybody's: it names exports in this folder, or nothing.
        plain = Path(name).name == name and file.suffix in _REMOVED
        if not plain or ours(name):
            continue
        for one in (file, folder / f".{name}{_WRITING}"):
            if one.is_file() and not one.is_symlink():
                one.unlink()


def _read_note(file: Path) -> _Note | None:
    if not file.is_file() or file.is_symlink() or file.stat().st_size > _LARGEST_NOTE_BYTES:
        return None
    try:
        note = _Note.model_validate_json(file.read_bytes())
    except ValidationError:
        return None
    return note if note.command.isprintable() and note.of.isprintable() else None


def _write_note(folder: Path, note: _Note) -> None:
    write_file(folder / NOTE, (json.dumps(note.model_dump(), ensure_ascii=False) + "\n").encode())
