"""``iqatlas export``: a corpus in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import counting_bar, out, say
from iqatlas.cli.options import CorpusArgument
from iqatlas.errors import SpecError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus


def export(
    corpus: CorpusArgument,
    to: Annotated[
        Literal["sigmf", "webdataset", "zarr", "hdf5"],
        typer.Option(
            "--to",
            help="sigmf: one recording a receiver; webdataset: tar files by split; zarr, hdf5: a corpus "
            "that is stored anew.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the export; for zarr also s3://bucket/name."
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(help="Records of this split alone: train, validation, test or guard. Not for corpora."),
    ] = None,
    iq: Annotated[
        Literal["complex64", "int16"] | None,
        typer.Option(help="Type of the samples of a corpus; as it is without it."),
    ] = None,
    chunk_records: Annotated[
        int | None, typer.Option(metavar="N", help="Records a chunk of a corpus; as it is without it.")
    ] = None,
) -> None:
    """Write a corpus in another format; the corpus stays as it is.

    Example: iqatlas export helsinki-demo --to sigmf -o helsinki-sigmf
    """
    from iqatlas.catalogs.corpus import open_corpus

    opened = open_corpus(corpus)
    if to in ("zarr", "hdf5"):
        if split is not None:
            raise SpecError(
                f"--split with --to {to}", accepted="the whole corpus", remedy="leave --split out"
            )
        _store(opened, to, output, iq, chunk_records)
        return
    if iq is not None or chunk_records is not None:
        raise SpecError(f"--iq or --chunk-records with --to {to}", accepted="--to zarr or --to hdf5")
    _files(opened, to, Path(output), split)


def _store(opened: Corpus, to: str, output: str, iq: str | None, chunk_records: int | None) -> None:
    from iqatlas.catalogs.store_export import export_store

    with counting_bar("exporting") as tell:
        made = export_store(opened, output, form=to, iq=iq, chunk_records=chunk_records, progress=tell)
    size = bytes_text(sum(file.bytes for file in made.manifest.files))
    say(out, (made.manifest.name, "bold"), f": {made.manifest.records:,} records in {to}, {size}")
    say(out, f"corpus   {made.place.name}")


def _files(opened: Corpus, to: str, output: Path, split: str | None) -> None:
    from iqatlas.catalogs.sigmf_export import export_sigmf
    from iqatlas.catalogs.webdataset_export import export_webdataset

    write = {"sigmf": export_sigmf, "webdataset": export_webdataset}[to]
    with counting_bar("exporting") as tell:
        files = write(opened, output, split=split, progress=tell)
    size = sum(path.stat().st_size for path in output.iterdir() if path.is_file())
    out.print(f"{len(files)} in {output}, {bytes_text(size)}", highlight=False, markup=False, soft_wrap=True)
    for path in files[:10]:
        out.print(f"  {path.name}", highlight=False, markup=False, soft_wrap=True)
    if len(files) > 10:
        out.print(f"  and {len(files) - 10} more", highlight=False, markup=False, soft_wrap=True)
