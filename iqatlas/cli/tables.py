"""Tables that fit a terminal of 80 columns, and hold text as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text


def facts(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """Return a table of names and what there is to say of them.

    Args:
        title: Heading.
        rows: Name and text of each row.
    """
    table = Table(title=Text(title), show_header=False, title_justify="left", box=box.SIMPLE, pad_edge=False)
    # A long name gives way to its text, and neither is ever cut.
    table.add_column(style="bold", overflow="fold", max_width=26)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(Text(name), Text(text))
    return table


def columns(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> Table:
    """Return a table with headings.

    Args:
        title: Heading of the table.
        headings: Heading of each column.
        rows: Text of each cell.
        left: How many columns, from the first on, hold words; the others hold numbers.
    """
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
