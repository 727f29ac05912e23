"""``iqatlas init``: write a commented spec, by asking or by options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from iqatlas.cli.console import out, say
from iqatlas.cli.output_place import output_errors, refuse_inside_corpus
from iqatlas.errors import SpecError

_QUESTIONS = (
    ("city", "City: helsinki, a map file, or a place", "helsinki"),
    ("band", "Band: an E-UTRA number, a frequency such as 1815.3MHz, or vhf", "3"),
    ("size", "Size: small, medium, large, or a number of records", "small"),
)


def init(
    spec: Annotated[
        Path | None, typer.Argument(metavar="[SPEC]", help="File to write; CITY.yaml without it.")
    ] = None,
    city: Annotated[str | None, typer.Option(help="helsinki, a map file, or the name of a place.")] = None,
    band: Annotated[
        str | None, typer.Option(help="E-UTRA band, a frequency such as 1815.3MHz, or vhf.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="small, medium, large, or a number of records.")] = None,
    cells: Annotated[
        Path | None, typer.Option(metavar="FILE", help="OpenCelliD's cells; else sites are placed on roofs.")
    ] = None,
    bbox: Annotated[str | None, typer.Option(metavar="W,S,E,N", help="Part of the map, in degrees.")] = None,
    snr: Annotated[
        str | None,
        typer.Option(metavar="DB,DB", help="SNR levels, as -15,-5,5,15; nine of -20 to 20 dB without it."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: defaults for what is left out.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented spec: asks for city, band and size, unless options tell them.

    Example: iqatlas init --city helsinki --band 3 --size small --snr -10,0,10
    """
    from iqatlas.catalogs.durable import write_file
    from iqatlas.generators.new_spec import Answers, new_spec
    from iqatlas.generators.plain_yaml import read_plain_yaml

    if spec is not None:
        _refuse_to_replace(spec, force=force)
    given = {"city": city, "band": band, "size": size}
    told = {key: given[key] or _ask(key, text, default, yes=yes) for key, text, default in _QUESTIONS}
    answers = Answers(
        **told,
        cells=cells,
        bbox=None if bbox is None else _sides(bbox),
        snr_db=None if snr is None else _levels_db(snr),
    )
    folder = Path() if spec is None else spec.parent
    text = new_spec(answers, folder)
    tree = read_plain_yaml(text, where="the new spec")
    path = spec or Path(f"{tree['name'] if isinstance(tree, dict) else 'city'}.yaml")
    _refuse_to_replace(path, force=force)
    with output_errors(path):
        write_file(path, text.encode())
    say(out, f"spec     {path}")
    say(out, f"next     iqatlas plan {path}")
    say(out, f"then     iqatlas generate {path}")


def _refuse_to_replace(path: Path, *, force: bool) -> None:
    refuse_inside_corpus(path, option="SPEC")
    with output_errors(path):
        taken = path.exists()
    if taken and not force:
        raise SpecError("there is a file of this name", where=str(path), remedy="--force replaces it")


def _ask(key: str, text: str, default: str, *, yes: bool) -> str:
    if yes:
        return default
    try:
        return str(typer.prompt(text, default=default))
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        raise SpecError(
            "nobody is there to be asked", where=f"--{key}", remedy=f"give --{key}, or --yes for defaults"
        ) from None


def _sides(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(side) for side in text.split(","))
    except ValueError:
        raise SpecError(
            f"{text!r} is no bbox",
            where="--bbox",
            accepted="west,south,east,north in degrees, such as 24.94,60.165,24.95,60.17",
        ) from None
    return west, south, east, north


def _levels_db(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(level) for level in text.split(","))
    except ValueError:
        raise SpecError(
            f"{text[:60]!r} is no list of SNR levels",
            where="--snr",
            accepted="levels in dB, such as -15,-5,5,15",
        ) from None
