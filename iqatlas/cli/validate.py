"""``iqatlas validate``: baseline detectors, run over a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from iqatlas.cli.console import counting_bar, out
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.tables import columns

_HEADINGS = {
    "snr_level_db": "SNR dB",
    "receiver": "receiver",
    "detector": "detector",
    "p_d": "P_D",
    "p_fa": "P_FA",
    "f1_occupied": "F1 occupied",
    "f1_hole": "F1 hole",
    "occupied": "occupied",
    "vacant": "vacant",
}


def validate(
    corpus: CorpusArgument,
    false_alarm: Annotated[
        float, typer.Option("--pfa", help="Probability of false alarm that the threshold is set for.")
    ] = 0.1,
) -> None:
    """Run the energy detector over a corpus; exit code 1 where it does not behave as theory says.

    Example: iqatlas validate helsinki-demo --pfa 0.01
    """
    from iqatlas.catalogs.corpus import open_corpus
    from iqatlas.catalogs.import_spec import is_imported
    from iqatlas.detectors.validation import validate_energy

    opened = open_corpus(corpus)
    with counting_bar("detecting") as tell:
        found = validate_energy(opened, false_alarm=false_alarm, progress=tell)
    capture = opened.manifest.spec.get("capture", {})
    thermal = isinstance(capture, Mapping) and capture.get("noise") == "thermal"
    # There is no SNR that was asked for under thermal noise, nor in a recording.
    unasked = "recorded" if is_imported(opened.manifest.spec) else "thermal" if thermal else None
    out.print(_table("energy detector", found.table, left=2, unasked=unasked))
    out.print(_table("detectors that don't look", found.trivial, left=1, unasked=unasked))
    if unasked == "recorded":
        out.print(
            "The noise floor is estimated from sub-channels without an annotation, receiver by receiver.",
            style="dim",
        )
    low, high = found.noise_interval
    _judge(
        found.as_designed,
        f"P_FA on noise alone {found.noise_false_alarm:.4f}, designed {found.designed_false_alarm:g}, "
        f"99% interval {low:.4f} to {high:.4f}",
    )
    _judge(found.rising, "P_D rises with the SNR at every receiver")
    if found.control:
        out.print(
            "P_FA rises with the SNR because vacant sub-channels carry synchronisation and reference signals "
            "(waveform.control: on) and the edges of occupied neighbours.",
            style="dim",
        )
    if not found.sound:
        raise typer.Exit(1)


def _judge(holds: bool, text: str) -> None:
    out.print("[green]✓[/]" if holds else "[red]✗[/]", text, highlight=False)


def _table(title: str, rows: pd.DataFrame, *, left: int, unasked: str | None) -> Table:
    shown = rows.assign(snr_level_db=unasked) if unasked and "snr_level_db" in rows else rows
    cells = (
        tuple(_cell(str(name), value) for name, value in zip(shown.columns, row, strict=True))
        for row in shown.itertuples(index=False)
    )
    return columns(title, [_HEADINGS.get(str(name), str(name)) for name in shown.columns], cells, left=left)


def _cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "–"  # a ratio without any case
    return f"{value:g}" if name == "snr_level_db" else f"{value:.3f}"
