"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iqatlas.cli.console import errors, say
from iqatlas.generators.spec import CorpusSpec

SpecArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[SPEC]", help="YAML spec; without it, the bundled demo over central Helsinki."),
]
CorpusArgument = Annotated[
    str, typer.Argument(metavar="CORPUS", help="Folder of a corpus, or s3://bucket/name.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Replace a value of the spec, as capture.slots=100; =null removes it.",
    ),
]


def read_spec(path: Path | None, overrides: list[str] | None) -> CorpusSpec:
    """Return the spec that a command line asks for.

    Raises:
        MissingFileError: There is no such file.
        SpecError: A key or value is not accepted.
    """
    if path is None:
        return CorpusSpec.from_tree({}, where="demo", overrides=overrides or [], tell=_tell)
    return CorpusSpec.from_yaml(path, overrides=overrides or [], tell=_tell)


def _tell(line: str) -> None:
    say(errors, f"note: {line}")
