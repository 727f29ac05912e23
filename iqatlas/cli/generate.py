"""``iqatlas generate``: make a corpus."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import generation_bars, out, say
from iqatlas.cli.options import SetOption, SpecArgument, read_spec
from iqatlas.cli.output_place import refuse_address_inside_corpus
from iqatlas.generators.progress import Progress


def generate(
    spec: SpecArgument = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder of the corpus, or s3://bucket/name; the spec's name without it.",
        ),
    ] = None,
    override: SetOption = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes that make records; without it one a core, at most 8. The bytes are the same for "
            "any number.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Dask scheduler whose workers make the records, tcp://host:port; or local for one here.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove another corpus that is in the folder.")
    ] = False,
) -> None:
    """Make a corpus, or go on with one that was begun.

    Example: iqatlas generate city.yaml -o city --set capture.slots=1000
    """
    from iqatlas.generators.execute import generate as make
    from iqatlas.generators.workers import LOCAL

    refuse_address_inside_corpus(output)
    asked = read_spec(spec, override)
    if workers is None:
        workers = min(os.cpu_count() or 1, 8) if scheduler in (None, LOCAL) else 1
    begun = time.monotonic()
    worked = False
    with generation_bars() as listener:

        def hear(progress: Progress) -> None:
            nonlocal worked
            worked = True
            listener(progress)

        corpus = make(asked, output, workers=workers, scheduler=scheduler, overwrite=overwrite, progress=hear)
    manifest = corpus.manifest
    size = sum(file.bytes for file in manifest.files)
    # Nothing is told of a corpus that was there.
    taken = f"{time.monotonic() - begun:.0f} s" if worked else "already finished"
    say(out, (manifest.name, "bold"), f": {manifest.records:,} records, {bytes_text(size)}, {taken}")
    place = corpus.place
    say(out, f"corpus   {place.name}")
    say(out, f"picture  {place.store('scene/map.png')}")
    plain = f"xarray.open_zarr({str(place.store(corpus.store.name))!r})"
    opener = plain if asked.storage.format == "zarr" else f"iqatlas.open_corpus({place.name!r})"
    say(out, f"open it  {opener}")
