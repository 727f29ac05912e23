"""The table of F1 by SNR level and receiver that ``train`` and ``score`` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from iqatlas.cli.tables import columns

if TYPE_CHECKING:
    from iqatlas.detectors.learned.card import ScoreRow

_HEADINGS = ["SNR dB", "receiver", "captures", "F1", "F1 hole", "energy", "all ones", "prior"]


def score_table(title: str, rows: Sequence[ScoreRow], *, recorded: bool = False) -> Table:
    """Return the scores as a table.

    Args:
        title: What they are of.
        rows: A row an SNR level and receiver.
        recorded: Whether nobody asked for a level because the captures are a recording's.
    """
    unasked = "recorded" if recorded else "thermal"
    cells = (
        (
            unasked if row.snr_level_db is None else f"{row.snr_level_db:g}",
            row.receiver,
            f"{row.captures:,}",
            *map(_share, (row.f1_occupied, row.f1_hole, row.energy, row.all_ones, row.prior)),
        )
        for row in rows
    )
    return columns(title, _HEADINGS, cells, left=2)


def beats_nothing(rows: Sequence[ScoreRow]) -> bool:
    """Return whether a detector is nowhere better than calling every sub-channel occupied."""
    return not any((row.f1_occupied or 0.0) > (row.all_ones or 0.0) for row in rows)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
