"""``iqatlas audit``: do splits leak, and can labels be told without sensing?"""

from __future__ import annotations

import typer

from iqatlas.cli.console import counting_bar, say_finding
from iqatlas.cli.options import CorpusArgument


def audit(corpus: CorpusArgument) -> None:
    """Look for leaks between splits, repeats and shortcuts; exit code 1 where a split leaks.

    Example: iqatlas audit helsinki-demo
    """
    from iqatlas.catalogs.audit import audit_corpus
    from iqatlas.catalogs.corpus import open_corpus

    opened = open_corpus(corpus)
    with counting_bar("comparing") as tell:
        found = audit_corpus(opened, progress=tell)
    for finding in found:
        say_finding(finding.text, holds=finding.holds, binding=finding.binding)
    if any(finding.binding and not finding.holds for finding in found):
        raise typer.Exit(1)
