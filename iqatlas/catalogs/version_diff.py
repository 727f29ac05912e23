"""What two published versions have and have not in common, by their releases and manifests alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from iqatlas.catalogs.catalogue import Catalogue
from iqatlas.catalogs.manifest import Manifest, read_manifest
from iqatlas.catalogs.published_place import PublishedPlace

_LONGEST_VALUE = 60


@dataclass(frozen=True)
class VersionDiff:
    """The difference of two versions.

    Args:
        added: Paths that only the second has.
        removed: Paths that only the first has.
        changed: Paths with other content.
        shards: Indices of shards with other content, or that only one has.
        spec: Keys of the spec with other values, as ``capture.slots: 80 → 160``.
        shared_bytes: Size of what both share.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    shards: tuple[int, ...]
    spec: tuple[str, ...]
    shared_bytes: int

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed)


def diff_versions(
    catalogue: Catalogue, first: tuple[str, str | None], second: tuple[str, str | None]
) -> VersionDiff:
    """Return how two versions of a catalogue differ.

    Args:
        catalogue: The catalogue.
        first: Name and version; the newest without a version.
        second: The same.

    Raises:
        CorpusError: There is no such version.
        StorageError: The store can't be reached.
    """
    places = [PublishedPlace(catalogue, catalogue.release(*version)) for version in (first, second)]
    one, other = ({file.path: file for file in place.published.files} for place in places)
    before, after = (read_manifest(place) for place in places)
    both = one.keys() & other.keys()
    hashes = {file.sha256 for file in one.values()}
    return VersionDiff(
        added=tuple(sorted(other.keys() - one.keys())),
        removed=tuple(sorted(one.keys() - other.keys())),
        changed=tuple(sorted(path for path in both if one[path].sha256 != other[path].sha256)),
        shards=tuple(sorted(_other_shards(before, after))),
        spec=tuple(_other_keys("", before.spec, after.spec)),
        shared_bytes=sum(file.bytes for file in other.values() if file.sha256 in hashes),
    )


def _other_shards(before: Manifest, after: Manifest) -> set[int]:
    one, other = ({(shard.index, shard.sha256) for shard in m.shards} for m in (before, after))
    return {index for index, _ in one ^ other}


def _other_keys(key: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from _other_keys(f"{key}.{name}".lstrip("."), one.get(name), other.get(name))
    elif one != other:
        yield f"{key}: {_short(one)} → {_short(other)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
