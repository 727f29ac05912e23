"""``iqatlas verify``: is a corpus what its manifest says?"""

from __future__ import annotations

from typing import Annotated

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import counting_bar, out, say
from iqatlas.cli.options import CorpusArgument


def verify(
    corpus: CorpusArgument,
    quick: Annotated[
        bool, typer.Option("--quick", help="Check the manifest, names and sizes alone; read no array.")
    ] = False,
) -> None:
    """Check every file's hash and every invariant of the records; exit code 1 if one does not hold.

    Example: iqatlas verify helsinki-demo
    """
    from iqatlas.catalogs.verify import verify_corpus

    with counting_bar("hashing") as tell:
        found = verify_corpus(corpus, progress=tell, quick=quick)
    for problem in found.problems:
        say(out, ("✗ ", "red"), problem)
    if not found.sound:
        count = len(found.problems)
        say(out, (f"{corpus}: {count} problem{'s' if count > 1 else ''}", "red"))
        raise typer.Exit(1)
    held = "are there; no hash was checked" if quick else f"{found.records:,} records hold"
    files = f"{corpus}: {found.files} files, {bytes_text(found.bytes)}"
    say(out, ("✓ ", "green"), f"{files} {held}" if quick else f"{files}, {held}")
