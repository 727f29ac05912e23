"""``iqatlas validate``: baseline detectors, run over a corpus."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from iqatlas.cli.console import counting_bar, out
from iqatlas.cli.options import CorpusArgument


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
    from iqatlas.detectors.validation import validate_energy

    opened = open_corpus(corpus)
    with counting_bar("detecting") as tell:
        found = validate_energy(opened, false_alarm=false_alarm, progress=tell)
    out.print(_table("energy detector", found.table))
    out.print(_table("detectors that don't look", found.trivial))
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
    out.print(f"{'[green]✓ yes[/]' if holds else '[red]✗ no [/]'}  {text}", highlight=False)


def _table(title: str, rows: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left")
    for name in rows.columns:
        table.add_column(str(name), justify="left" if rows[name].dtype.kind in "OUT" else "right")
    for row in rows.itertuples(index=False):
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row))
    return table
