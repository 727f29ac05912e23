"""``iqatlas export``: a corpus in the formats of other tools."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import counting_bar, out, say
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.output_folder import OverwriteOption, output_folder
from iqatlas.cli.output_place import refuse_address_inside_corpus
from iqatlas.errors import SpecError
from iqatlas.user_paths import user_path

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
    overwrite: OverwriteOption = False,
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
        refuse_address_inside_corpus(output)
        _store(opened, to, output, iq, chunk_records, overwrite=overwrite)
        return
    if iq is not None or chunk_records is not None:
        raise SpecError(f"--iq or --chunk-records with --to {to}", accepted="--to zarr or --to hdf5")
    _files(opened, to, user_path(output), split, overwrite=overwrite)


def _store(
    opened: Corpus, to: str, output: str, iq: str | None, chunk_records: int | None, *, overwrite: bool
) -> None:
    from iqatlas.catalogs.store_export import export_store

    with counting_bar("exporting") as tell:
        made = export_store(
            opened,
            output,
            form=to,
            iq=iq,
            chunk_records=chunk_records,
            overwrite=overwrite,
            progress=tell,
        )
    size = bytes_text(sum(file.bytes for file in made.manifest.files))
    say(out, (made.manifest.name, "bold"), f": {made.manifest.records:,} records in {to}, {size}")
    say(out, f"corpus   {made.place.name}")


def _files(opened: Corpus, to: str, output: Path, split: str | None, *, overwrite: bool) -> None:
    from iqatlas.catalogs.sigmf_export import export_sigmf, recording_names
    from iqatlas.catalogs.webdataset_export import export_webdataset, tar_names

    write, names_of = {
        "sigmf": (export_sigmf, recording_names),
        "webdataset": (export_webdataset, tar_names),
    }[to]
    manifest = opened.manifest
    names = frozenset(names_of(opened, split))
    claimed = output_folder(
        output,
        command=f"export --to {to}" + (f" --split {split}" if split else ""),
        of=f"{manifest.name} ({hashlib.sha256(manifest.serialise()).hexdigest()[:16]})",
        ours=names.__contains__,
        names=names,
        overwrite=overwrite,
    )
    with claimed, counting_bar("exporting") as tell:
        files = write(opened, output, split=split, progress=tell)
    size = sum((output / name).stat().st_size for name in names)
    out.print(f"{len(files)} in {output}, {bytes_text(size)}", highlight=False, markup=False, soft_wrap=True)
    for path in files[:10]:
        out.print(f"  {path.name}", highlight=False, markup=False, soft_wrap=True)
    if len(files) > 10:
        out.print(f"  and {len(files) - 10} more", highlight=False, markup=False, soft_wrap=True)
