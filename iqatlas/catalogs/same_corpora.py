"""Whether corpora are still those that were opened: by their manifests, and between by a stat."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from iqatlas.catalogs.manifest import MANIFEST_NAME, read_manifest
from iqatlas.catalogs.place import CorpusPlace, place_of
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus


class SameCorpora:
    """Where corpora lie, and what their manifests were when they were opened; small, sent to workers.

    Args:
        members: The corpora.
    """

    def __init__(self, members: Sequence[Corpus]) -> None:
        self._places: list[CorpusPlace | str] = [member.place for member in members]
        self._digests = tuple(hashlib.sha256(member.manifest.serialise()).digest() for member in members)
        self._signatures: list[tuple[int, ...] | None] = [None] * len(members)

    def __getstate__(self) -> dict[str, Any]:
        names = [place if isinstance(place, str) else place.address for place in self._places]
        # Another process looks for itself.
        return {**self.__dict__, "_places": names, "_signatures": [None] * len(names)}

    def place(self, number: int) -> CorpusPlace:
        """Return where a corpus lies.

        Args:
            number: Of the corpus.
        """
        place = self._places[number] = place_of(self._places[number])
        return place

    def check(self) -> None:
        """See that all manifests have the bytes that they had.

        Raises:
            CorpusError: A corpus was changed or removed since, or is being made again.
        """
        for number in range(len(self._places)):
            self._check(number, self.place(number).signature(MANIFEST_NAME))

    def check_signatures(self) -> None:
        """Check those whose manifest is another file than at the last check, where a place can tell.

        Raises:
            CorpusError: A corpus was changed or removed since, or is being made again.
        """
        for number, before in enumerate(self._signatures):
            now = self.place(number).signature(MANIFEST_NAME)
            if now is not None and now != before:
                self._check(number, now)

    def _check(self, number: int, signature: tuple[int, ...] | None) -> None:
        """Check a manifest of which the signature was taken first, so that none is missed in between."""
        place = self.place(number)
        try:
            raw = place.read(MANIFEST_NAME)
        except FileNotFoundError:
            read_manifest(place)  # says what is there in its place
            raise CorpusError("its manifest was removed", where=place.name) from None
        if hashlib.sha256(raw).digest() != self._digests[number]:
            raise CorpusError(
                "the corpus was changed since it was opened", where=place.name, remedy="open it again"
            )
        self._signatures[number] = signature
