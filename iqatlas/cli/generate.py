"""``iqatlas generate``: make a corpus."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from iqatlas.cli.console import bytes_text, generation_bars, out, say
from iqatlas.cli.options import SetOption, SpecArgument, read_spec


def generate(
    spec: SpecArgument = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the corpus; the spec's name without it."
        ),
    ] = None,
    override: SetOption = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Processes that make records; the bytes are the same for any number."
        ),
    ] = min(os.cpu_count() or 1, 8),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove another corpus that is in the folder.")
    ] = False,
) -> None:
    """Make a corpus, or go on with one that was begun.

    Example: iqatlas generate city.yaml -o city --set capture.slots=1000
    """
    from iqatlas.generators.execute import generate as make

    asked = read_spec(spec, override)
    begun = time.monotonic()
    with generation_bars() as listener:
        corpus = make(asked, output, workers=workers, overwrite=overwrite, progress=listener)
    manifest = corpus.manifest
    size = sum(file.bytes for file in manifest.files)
    say(
        out,
        (manifest.name, "bold"),
        f": {manifest.records:,} records, {bytes_text(size)}, {time.monotonic() - begun:.0f} s",
    )
    say(out, f"corpus   {corpus.path}")
    say(out, f"picture  {corpus.path / 'scene' / 'map.png'}")
    plain = asked.storage.format == "zarr"
    opener = f"xarray.open_zarr({str(corpus.path / 'records.zarr')!r})"
    say(out, f"open it  {opener if plain else f'iqatlas.open_corpus({str(corpus.path)!r})'}")
