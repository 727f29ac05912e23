"""The error tree: each error is also a builtin, has a stable code, and reads as one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class IqAtlasError(Exception):
    """Root of all errors that iqatlas raises on purpose.

    Args:
        what: What is wrong, in a few words, without a full stop.
        where: The file, key or option that holds it.
        accepted: What would be accepted in its place.
        remedy: What to do about it.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        accepted: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what = _told_by_a_worker(what)
        self.where = where
        self.accepted = accepted
        self.remedy = remedy
        super().__init__(self.line())

    def line(self) -> str:
        """Return the error as one line of text."""
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.accepted:
            parts.append(f"accepted: {self.accepted}")
        if self.remedy:
            parts.append(self.remedy)
        return " ".join("; ".join(parts).split())

    def lines(self) -> tuple[str, ...]:
        """Return what is wrong, one line a fault: one, but where a spec has several."""
        return (self.line(),)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments have to survive the way back from a worker process.
        return (_rebuild, (type(self), self.what, self.where, self.accepted, self.remedy))


def _told_by_a_worker(what: str) -> str:
    """Return the error's own line where PyTorch makes it again from the text of a worker's traceback."""
    if not (what.startswith("Caught ") and "\nOriginal Traceback" in what):
        return what
    last = what.strip().splitlines()[-1]
    return last.partition(": ")[2] or last


def _rebuild(
    kind: type[IqAtlasError], what: str, where: str | None, accepted: str | None, remedy: str | None
) -> IqAtlasError:
    return kind(what, where=where, accepted=accepted, remedy=remedy)


class SpecError(IqAtlasError, ValueError):
    """A spec holds a key or a value that is not accepted; of several, the others are beside the first."""

    code = "spec"
    MOST: ClassVar[int] = 10
    """Faults that are told; more would fill a screen."""
    others: tuple[SpecError, ...] = ()
    """Faults beside the one that this error reads as; notes of the exception, too."""
    more: int = 0
    """How many there are besides."""

    def lines(self) -> tuple[str, ...]:
        """Return what is wrong, one line a fault, and last how many more there are."""
        told = (self.line(), *(other.line() for other in self.others))
        return (*told, f"and {self.more} more") if self.more else told

    def with_others(self, others: Iterable[SpecError], *, more: int = 0) -> SpecError:
        """Return this error with further faults beside it.

        Args:
            others: What else is wrong, each a line of its own.
            more: How many faults there are besides.
        """
        self.others, self.more = tuple(others), more
        for line in self.lines()[1:]:
            self.add_note(line)
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"others": self.others, "more": self.more})


class MissingFileError(IqAtlasError, FileNotFoundError):
    """A file that the user named is not there."""

    code = "missing-file"

    def __str__(self) -> str:
        # OSError formats errno and filename, which this error doesn't use.
        return self.line()


class SceneError(IqAtlasError, ValueError):
    """Map data can't be turned into a scene."""

    code = "scene"


class SitesError(IqAtlasError, ValueError):
    """Cell data can't be turned into transmitter sites."""

    code = "sites"


class ReceiversError(IqAtlasError, ValueError):
    """Receivers can't be placed as asked."""

    code = "receivers"


class RaytracingError(IqAtlasError, RuntimeError):
    """Ray tracing gave something that can't be right, or can't run as asked."""

    code = "raytracing"


class SetupError(IqAtlasError, RuntimeError):
    """This machine lacks something that the task needs."""

    code = "setup"


class CorpusError(IqAtlasError, ValueError):
    """A corpus can't be read, or a folder can't take one."""

    code = "corpus"


class StorageError(IqAtlasError, OSError):
    """A corpus can't be written: no space, no permission, a second writer."""

    code = "storage"

    def __str__(self) -> str:
        return self.line()


class CheckFailedError(IqAtlasError, ValueError):
    """What was checked does not hold."""

    code = "check"
    exit_code = 1


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like ``word``, or None where none is near."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
