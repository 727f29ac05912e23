"""``iqatlas verify``: is a corpus what its manifest says?"""

from __future__ import annotations

import typer

from iqatlas.cli.console import bytes_text, counting_bar, out
from iqatlas.cli.options import CorpusArgument


def verify(corpus: CorpusArgument) -> None:
    """Check every file's hash and every invariant of the records; exit code 1 if one does not hold.

    Example: iqatlas verify helsinki-demo
    """
    from iqatlas.catalogs.verify import verify_corpus

    with counting_bar("hashing") as tell:
        found = verify_corpus(corpus, progress=tell)
    for problem in found.problems:
        out.print(f"[red]✗[/] {problem}", highlight=False, soft_wrap=True)
    if not found.sound:
        out.print(f"[red]{corpus}: {len(found.problems)} problems[/]", highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    out.print(
        f"[green]✓[/] {corpus}: {found.files} files, {bytes_text(found.bytes)}, "
        f"{found.records:,} records hold",
        highlight=False,
        soft_wrap=True,
    )
