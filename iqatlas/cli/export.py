"""``iqatlas export``: a corpus in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from iqatlas.cli.console import bytes_text, counting_bar, out
from iqatlas.cli.options import CorpusArgument


def export(
    corpus: CorpusArgument,
    to: Annotated[
        Literal["sigmf", "webdataset"],
        typer.Option("--to", help="sigmf: one recording a receiver; webdataset: tar files by split."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the export.")],
    split: Annotated[
        str | None, typer.Option(help="Records of this split alone: train, validation, test or guard.")
    ] = None,
) -> None:
    """Write a corpus in another format; the corpus stays as it is.

    Example: iqatlas export helsinki-demo --to sigmf -o helsinki-sigmf
    """
    from iqatlas.catalogs.corpus import open_corpus
    from iqatlas.catalogs.sigmf_export import export_sigmf
    from iqatlas.catalogs.webdataset_export import export_webdataset

    write = {"sigmf": export_sigmf, "webdataset": export_webdataset}[to]
    with counting_bar("exporting") as tell:
        files = write(open_corpus(corpus), output, split=split, progress=tell)
    size = sum(path.stat().st_size for path in output.iterdir() if path.is_file())
    out.print(f"{len(files)} in {output}, {bytes_text(size)}", highlight=False, markup=False, soft_wrap=True)
    for path in files[:10]:
        out.print(f"  {path.name}", highlight=False, markup=False, soft_wrap=True)
    if len(files) > 10:
        out.print(f"  and {len(files) - 10} more", highlight=False, markup=False, soft_wrap=True)
