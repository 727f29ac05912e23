"""``iqatlas import``: recordings as a corpus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.commands import Commands
from iqatlas.cli.console import generation_bars, out, say
from iqatlas.cli.output_place import refuse_address_inside_corpus
from iqatlas.errors import SpecError

if TYPE_CHECKING:
    from iqatlas.catalogs.recording import Recording

app = Commands(
    help="Make a corpus of recordings, without labels or with annotations as labels.", no_args_is_help=True
)

_Output = Annotated[
    str, typer.Option("--output", "-o", metavar="DIR", help="Folder of the corpus, or s3://bucket/name.")
]
_Name = Annotated[str | None, typer.Option(help="Name of the corpus; that of its folder without it.")]
_Samples = Annotated[int, typer.Option(metavar="N", help="Samples of a record.")]
_Subchannels = Annotated[int, typer.Option(metavar="N", help="Sub-channels of equal width.")]
_Bandwidth = Annotated[
    float | None,
    typer.Option(metavar="HZ", help="Bandwidth of all sub-channels; the sampling rate without it."),
]
_FullScale = Annotated[
    float | None, typer.Option("--full-scale-dbm", metavar="DBM", help="Power that full scale stands for.")
]
_Splits = Annotated[
    str, typer.Option(metavar="TRAIN,VALIDATION,TEST", help="Shares of the splits, in order of time.")
]
_Format = Annotated[Literal["zarr", "hdf5"], typer.Option("--format", help="How the records are stored.")]
_Stored = Annotated[
    Literal["complex64", "int16"], typer.Option("--iq", help="How samples are stored: int16 takes half.")
]
_Licence = Annotated[
    str | None, typer.Option(help="Licence of the recordings: an SPDX identifier or an address.")
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Remove another corpus that is in the folder.")]


@app.command("sigmf")
def sigmf(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="RECORDING…", help="SigMF metadata files; one a receiver.")
    ],
    output: _Output,
    name: _Name = None,
    samples: Annotated[
        int | None,
        typer.Option(metavar="N", help="Samples of a record; those of an iqatlas export, else 1024."),
    ] = None,
    subchannels: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Sub-channels of equal width; those of an iqatlas export, else 16.",
        ),
    ] = None,
    bandwidth: _Bandwidth = None,
    labels: Annotated[
        Literal["auto", "annotations", "none"],
        typer.Option(help="Whether annotations become labels; auto: where there are any."),
    ] = "auto",
    overlap: Annotated[
        float, typer.Option(help="Share that annotation and sub-channel have in common where it is occupied.")
    ] = 0.5,
    sample_rate: Annotated[
        float | None, typer.Option(metavar="HZ", help="Sampling rate where the metadata leave it out.")
    ] = None,
    full_scale: Annotated[
        float | None,
        typer.Option(
            "--full-scale-dbm",
            metavar="DBM",
            help="Power that full scale stands for; that of an iqatlas export, else unknown.",
        ),
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option(
            metavar="TRAIN,VALIDATION,TEST",
            help="Shares of the splits, in order of time; the splits of an iqatlas export, else 0,0,1.",
        ),
    ] = None,
    form: _Format = "zarr",
    stored: _Stored = "complex64",
    licence: _Licence = None,
    overwrite: _Overwrite = False,
) -> None:
    """Import SigMF recordings of one or several receivers.

    Example: iqatlas import sigmf roof.sigmf-meta mast.sigmf-meta -o measured --samples 2048
    """
    from iqatlas.catalogs.sigmf_recording import sigmf_recording
    from iqatlas.generators.import_told import cut_as_told

    _positive("--sample-rate", sample_rate)
    found = [sigmf_recording(path, sample_rate_hz=sample_rate) for path in recordings]
    how, shares = cut_as_told(
        found,
        samples=samples,
        subchannels=subchannels,
        bandwidth_hz=bandwidth,
        full_scale_dbm=full_scale,
        shares=None if splits is None else _shares(splits),
    )
    how |= {"kind": "sigmf", "labels": labels, "overlap": overlap}
    told = licence or found[0].facts.get("license")
    _import(found, how, output, name, shares, form, stored, told, overwrite=overwrite)


@app.command("raw")
def raw(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File of complex samples without a header.")],
    output: _Output,
    sample_rate: Annotated[float, typer.Option(metavar="HZ", help="Sampling rate.")],
    centre_frequency: Annotated[
        float, typer.Option(metavar="HZ", help="Radio frequency at the middle of the band.")
    ],
    dtype: Annotated[
        str,
        typer.Option(metavar="TYPE", help="Type of the samples in SigMF's words: ci16_le, cf32_le, cu8, …"),
    ],
    name: _Name = None,
    samples: _Samples = 1024,
    subchannels: _Subchannels = 16,
    bandwidth: _Bandwidth = None,
    full_scale: _FullScale = None,
    splits: _Splits = "0,0,1",
    form: _Format = "zarr",
    stored: _Stored = "complex64",
    licence: _Licence = None,
    overwrite: _Overwrite = False,
) -> None:
    """Import a plain file of complex samples.

    Example: iqatlas import raw air.bin --sample-rate 19.2e6 --centre-frequency 1815.3e6 --dtype ci8 -o air
    """
    from iqatlas.catalogs.recording import raw_recording
    from iqatlas.catalogs.sample_type import SampleType

    _positive("--sample-rate", sample_rate)
    if not 0 <= centre_frequency <= 1e12:
        raise SpecError(f"{centre_frequency:g} Hz", where="--centre-frequency", accepted="0 to 1e12 Hz")
    found = raw_recording(
        file,
        SampleType.parse(dtype, where="--dtype"),
        sample_rate_hz=sample_rate,
        centre_frequency_hz=centre_frequency,
    )
    how = {
        "kind": "raw",
        "samples": samples,
        "subchannels": subchannels,
        "bandwidth_hz": bandwidth,
        "labels": "none",
        "full_scale_dbm": full_scale,
    }
    _import([found], how, output, name, _shares(splits), form, stored, licence, overwrite=overwrite)


def _positive(option: str, value: float | None) -> None:
    if value is not None and not 0 < value <= 1e12:
        raise SpecError(f"{value:g} Hz", where=option, accepted="above 0, up to 1e12 Hz")


def _shares(text: str) -> dict[str, Any]:
    try:
        train, validation, test = (float(part) for part in text.split(","))
    except ValueError:
        raise SpecError(
            f"{text[:60]!r} is not three shares", where="--splits", accepted="as 0.7,0.15,0.15"
        ) from None
    return {"train": train, "validation": validation, "test": test}


def _import(
    recordings: list[Recording],
    how: dict[str, Any],
    output: str,
    name: str | None,
    shares: dict[str, Any],
    form: str,
    stored: str,
    licence: str | None,
    *,
    overwrite: bool,
) -> None:
    from pydantic import ValidationError

    from iqatlas.catalogs.import_spec import IMPORT, ImportedCorpusSpec
    from iqatlas.catalogs.manifest import reason_of
    from iqatlas.generators.import_corpus import import_recordings

    refuse_address_inside_corpus(output)
    tree: dict[str, Any] = {
        "name": name or output.rstrip("/").rpartition("/")[2],
        IMPORT: how,
        "storage": {"format": form, "iq": stored},
        "splits": shares,
        "about": {"licence": licence or "NOASSERTION"},
    }
    try:
        spec = ImportedCorpusSpec.model_validate(tree)
    except ValidationError as failure:
        raise SpecError(reason_of(failure), where="iqatlas import", remedy="see its --help") from None
    begun = time.monotonic()
    with generation_bars() as listener:
        corpus = import_recordings(recordings, spec, output, overwrite=overwrite, progress=listener)
    manifest = corpus.manifest
    size = sum(entry.bytes for entry in manifest.files)
    labels = "with labels" if "label" in corpus.dataset else "without labels"
    say(
        out,
        (manifest.name, "bold"),
        f": {manifest.records:,} records {labels}, {bytes_text(size)}, {time.monotonic() - begun:.0f} s",
    )
    say(out, f"corpus   {corpus.place.name}")
    say(out, f"open it  iqatlas.open_corpus({corpus.place.name!r})")
