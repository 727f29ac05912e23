"""``iqatlas waveform``: what one site transmits, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import counting_bar, out
from iqatlas.cli.options import SetOption, SpecArgument, read_spec
from iqatlas.cli.output_place import output_errors, refuse_inside_corpus
from iqatlas.errors import CorpusError


def waveform(
    spec: SpecArgument = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File of the samples."),
    ] = Path("waveform.sigmf-data"),
    override: SetOption = None,
    site: Annotated[int, typer.Option(min=0, help="Place of the site among those of the spec.")] = 0,
    cell_id: Annotated[
        int | None,
        typer.Option(min=0, max=503, help="Physical cell identity; without it, the site's own."),
    ] = None,
    duration_ms: Annotated[float, typer.Option(help="Length of the signal.")] = 400.0,
    payload: Annotated[
        str | None, typer.Option(help="Short for --set waveform.payload: symbols or coded.")
    ] = None,
    full_load: Annotated[
        bool | None,
        typer.Option(
            "--full-load/--as-spec",
            help="Every sub-channel busy, or as the chains of the spec; full load without a spec.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are no earlier output of this command.")
    ] = False,
) -> None:
    """Write what one site transmits: raw samples, SigMF metadata and a picture beside them.

    FILE holds interleaved little-endian float32, I then Q, with no header. The
    first sample begins frame 0; the rate is the nominal one: 1.92, 3.84, 7.68,
    15.36, 23.04 or 30.72 Msps by bandwidth (15.36 Msps at 10 MHz).

    With --payload coded every channel is that of the standard; an LTE receiver
    decodes broadcast, control, system information and transport blocks. Without
    it the payload is random symbols.

    Example: iqatlas waveform -o cell137.cf32 --cell-id 137 --payload coded
    """
    from iqatlas.catalogs.durable import write_file
    from iqatlas.catalogs.sigmf import Occupied, write_recording
    from iqatlas.generators.site_picture import picture
    from iqatlas.generators.site_signal import SiteSignal

    asked = [*(override or []), *([f"waveform.payload={payload}"] if payload else [])]
    signal = SiteSignal(
        read_spec(spec, asked),
        site=site,
        duration_s=duration_ms / 1e3,
        cell_id=cell_id,
        full_load=spec is None if full_load is None else full_load,
    )
    _refuse_to_replace(output, signal.description, overwrite=overwrite)
    with counting_bar("writing") as tell:
        meta = write_recording(
            output,
            signal.pieces(),
            sample_rate_hz=signal.sample_rate_hz,
            carrier_hz=signal.carrier_hz,
            description=signal.description,
            occupied=Occupied(signal.occupancy, signal.slot_samples, signal.transmission.subchannel_edges_hz),
            progress=lambda done: tell(done, signal.samples),
        )
    drawing = meta.with_suffix(".png")
    with output_errors(drawing):
        write_file(drawing, picture(signal))
    size = bytes_text(output.stat().st_size)
    lines = (
        f"{signal.description}",
        f"samples   {output}  {signal.samples:,} at {signal.sample_rate_hz / 1e6:g} Msps, {size}",
        f"metadata  {meta}",
        f"picture   {drawing}",
    )
    for line in lines:
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def _refuse_to_replace(output: Path, description: str, *, overwrite: bool) -> None:
    """Refuse files that are there and no earlier output of the same signal, whose metadata say what it is."""
    from iqatlas.catalogs.sigmf import is_recording_of, metadata_path

    refuse_inside_corpus(output)
    meta = metadata_path(output)
    with output_errors(output):
        there = [path for path in (output, meta, meta.with_suffix(".png")) if path.exists()]
    if there and not overwrite and not is_recording_of(meta, description):
        raise CorpusError(
            "there is something else of this name",
            where=str(there[0]),
            accepted="a new name, or that of the same signal written before",
            remedy="name another with -o, or --overwrite",
        )
