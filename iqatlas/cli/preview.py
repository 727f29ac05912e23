"""``iqatlas preview``: a corpus as one HTML page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import counting_bar, out, say
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.output_place import output_errors, picture_file


def preview(
    corpus: CorpusArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="HTML file; NAME-preview.html without it."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    validate: Annotated[
        bool,
        typer.Option(help="Run the energy detector for the page; corpora beyond 1 GiB of I/Q go without."),
    ] = True,
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="What iqatlas validate wrote; CORPUS-validation without it, if there."
        ),
    ] = None,
) -> None:
    """Make one page of a corpus that needs no network: map, 3-D view, paths, captures, validation, licences.

    Example: iqatlas preview helsinki-demo -o page.html --open
    """
    from iqatlas.catalogs.construction import write_file
    from iqatlas.catalogs.corpus import open_corpus
    from iqatlas.preview.page import preview_page

    opened = open_corpus(corpus)
    named = output or Path(f"{_file_name(opened.manifest.name)}-preview.html")
    file = picture_file(named, ".html", ".htm")
    with counting_bar("detecting") as tell:
        page = preview_page(opened, validate=validate, validation=validation, progress=tell)
    with output_errors(file):
        write_file(file, page)
    say(out, f"page      {file} ({bytes_text(len(page))})")
    if show:
        typer.launch(str(file.resolve()))


def _file_name(name: str) -> str:
    # A manifest that others wrote may hold anything; a spec's names are all of this kind.
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) else "corpus"
