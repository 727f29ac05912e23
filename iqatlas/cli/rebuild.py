"""``iqatlas rebuild``: make the records of a corpus once more, and compare."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from iqatlas.cli.console import generation_bars, out, say
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.output_place import refuse_address_inside_corpus


def rebuild(
    corpus: CorpusArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="New folder for the remade corpus; only compared without it.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--inputs", metavar="DIR", help="Folder of files that the spec names, as a trace of occupancy."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Processes that make records.")] = min(
        os.cpu_count() or 1, 8
    ),
) -> None:
    """Remake the records from the manifest and the stored paths; exit code 1 if a shard differs.

    Example: iqatlas rebuild helsinki-demo
    """
    from iqatlas.catalogs.manifest import read_manifest
    from iqatlas.generators.rebuild import differences_of_versions
    from iqatlas.generators.rebuild import rebuild as make

    refuse_address_inside_corpus(output)
    # Told first: where they differ, bytes may.
    told = differences_of_versions(read_manifest(corpus))
    for note in told:
        say(out, ("! ", "yellow"), note)
    with generation_bars() as listener:
        found = make(corpus, output, folder=folder, workers=workers, progress=listener)
    for note in found.notes:
        if note not in told:
            say(out, ("! ", "yellow"), note)
    for index, path in found.differing:
        say(out, ("✗ ", "red"), f"shard {index}: {path} is not the manifest's")
    if not found.same:
        say(out, (f"{corpus}: {len(found.differing)} of {found.shards} shards differ", "red"))
        raise typer.Exit(1)
    say(out, ("✓ ", "green"), f"{corpus}: {found.shards} shards remade, every hash is the manifest's")
