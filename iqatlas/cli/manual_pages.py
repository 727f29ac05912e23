"""Which page of the manual an error is about."""

from __future__ import annotations

from collections.abc import Mapping

from iqatlas.errors import IqAtlasError

PAGES: Mapping[str, str] = {
    "spec": "docs/quickstart.md",
    "scene": "docs/guides/city.md",
    "sites": "docs/guides/cells.md",
    "receivers": "docs/guides/trajectories.md",
    "raytracing": "docs/paths.md",
    "corpus": "docs/storage.md",
    "storage": "docs/scaling.md",
}
"""By the code of the error."""
_BY_KEY: Mapping[str, str] = {
    "scene.": "docs/guides/city.md",
    "sites": "docs/guides/cells.md",
    "receivers": "docs/guides/trajectories.md",
    "waveform": "docs/waveforms.md",
    "carrier": "docs/waveforms.md",
    "transmitter": "docs/waveforms.md",
    "occupancy": "docs/occupancy.md",
    "splits": "docs/occupancy.md",
    "capture.noise": "docs/guides/snr.md",
    "capture.snr_db": "docs/guides/snr.md",
    "features": "docs/features.md",
    "storage": "docs/storage.md",
}
"""Errors of a spec, by the key that they are about."""


def page_of(failure: IqAtlasError) -> str | None:
    """Return the page that helps with an error, or None.

    Args:
        failure: The error; one that names a key of a spec leads to the page of that part.
    """
    key = (failure.where or "").rpartition(": ")[2]
    by_key = (page for start, page in _BY_KEY.items() if key.startswith(start))
    return next(by_key, None) or PAGES.get(failure.code)
