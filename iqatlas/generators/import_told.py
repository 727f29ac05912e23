"""The spec of an import of recordings that were exported from a corpus: what they tell is taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iqatlas.catalogs.exported_recording import Exported
from iqatlas.catalogs.recording import Recording
from iqatlas.generators.import_alike import refuse_unlike
from iqatlas.generators.import_splits import told_shares

_SAMPLES, _SUBCHANNELS = 1024, 16
_AT_THE_PORT = "mW^0.5"


def cut_as_told(
    recordings: Sequence[Recording],
    *,
    samples: int | None,
    subchannels: int | None,
    bandwidth_hz: float | None,
    full_scale_dbm: float | None,
    shares: dict[str, Any] | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how recordings become records: as asked, else as an export's metadata tell, else as any.

    Args:
        recordings: One or several receivers' recordings.
        samples: Samples of a record, where asked for.
        subchannels: Number of sub-channels, where asked for.
        bandwidth_hz: Their bandwidth, where asked for.
        full_scale_dbm: Power of full scale, where asked for.
        shares: Shares of the splits, where asked for.

    Returns:
        Keys of the parts ``import`` and ``splits`` of an :class:`ImportedCorpusSpec`.

    Raises:
        CorpusError: Recordings that don't go together.
    """
    refuse_unlike(recordings)
    first = recordings[0].exported
    if first is None:
        how: dict[str, Any] = {
            "samples": _SAMPLES if samples is None else samples,
            "subchannels": _SUBCHANNELS if subchannels is None else subchannels,
            "bandwidth_hz": bandwidth_hz,
            "full_scale_dbm": full_scale_dbm,
        }
        return how, shares or {"train": 0, "validation": 0, "test": 1}
    exported: dict[str, Any] = {
        "corpus": first.corpus,
        "manifest_sha256": first.manifest_sha256,
        "simulated": first.simulated,
        "splits": "told" if shares is None else "shares",
    }
    if subchannels is None and bandwidth_hz is None:
        exported["edges_hz"] = first.edges_hz.tolist()
        subchannels = len(first.edges_hz)
    if full_scale_dbm is None and _calibrated(first):
        full_scale_dbm = 0.0
    how = {
        "samples": first.samples if samples is None else samples,
        "subchannels": _SUBCHANNELS if subchannels is None else subchannels,
        "bandwidth_hz": bandwidth_hz,
        "full_scale_dbm": full_scale_dbm,
        "exported": exported,
    }
    return how, told_shares(recordings) if shares is None else shares


def _calibrated(exported: Exported) -> bool:
    """Return whether samples are in √mW; before exports told, those of simulated captures were."""
    return exported.units == _AT_THE_PORT or (exported.units is None and exported.simulated)
