"""Numbers of published versions: MAJOR.MINOR.PATCH, as Croissant 1.1 reads them.

Source: Croissant Format Specification 1.1, MLCommons, section on dataset versions.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from iqatlas.errors import CorpusError

_PLAIN = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


class Change(IntEnum):
    """How much a version changes of the one before."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


class VersionNumber(NamedTuple):
    """The number of a version; numbers are ordered as versions are."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str, *, where: str | None = None) -> VersionNumber:
        """Return the number that a text spells.

        Raises:
            CorpusError: It spells none.
        """
        match = _PLAIN.fullmatch(text)
        if match is None:
            raise CorpusError(
                f"{text[:40]!r} is no version", where=where, accepted="MAJOR.MINOR.PATCH, as 1.0.0"
            )
        return cls(*(int(part) for part in match.groups()))

    def after(self, change: Change) -> VersionNumber:
        """Return the least number that a version with such a change may have."""
        if change is Change.MAJOR:
            return VersionNumber(self.major + 1, 0, 0)
        if change is Change.MINOR:
            return VersionNumber(self.major, self.minor + 1, 0)
        return VersionNumber(self.major, self.minor, self.patch + 1)
