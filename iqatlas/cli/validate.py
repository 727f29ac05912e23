"""``iqatlas validate``: baseline detectors, run over a corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.table import Table

from iqatlas.cli.console import counting_bar, out, say, say_finding
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.output_folder import OverwriteOption, output_folder
from iqatlas.cli.output_place import output_errors
from iqatlas.cli.tables import columns, facts
from iqatlas.cli.time_budget import budget_seconds
from iqatlas.user_paths import user_path

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus
    from iqatlas.detectors.assessment import Assessment
    from iqatlas.detectors.learned.judged import JudgedModel
    from iqatlas.detectors.validated_corpus import ValidatedCorpus

_HEADINGS = {
    "snr_level_db": "SNR dB",
    "receiver": "receiver",
    "detector": "detector",
    "p_d": "P_D",
    "p_fa": "P_FA",
    "f1_occupied": "F1 occupied",
    "f1_hole": "F1 hole",
    "mcc": "MCC",
    "brier": "Brier",
    "occupied": "occupied",
    "vacant": "vacant",
}
_BY_LEVEL = ("snr_level_db", "receiver", "p_d", "p_fa", "f1_occupied", "f1_hole", "occupied", "vacant")
_PICTURES = ("detection.png", "operating.png")
_OVER_ALL = ("detector", "p_d", "p_fa", "f1_occupied", "f1_hole", "mcc", "brier")


def validate(
    corpus: CorpusArgument,
    detectors: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Detectors to run, as energy,prefix; all that suit without it."),
    ] = None,
    models: Annotated[
        list[Path] | None,
        typer.Option("--model", metavar="MODEL", help="A detector of `iqatlas train`; may be given again."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begin nothing new after this time, as 60s or 5m.")
    ] = None,
    false_alarm: Annotated[
        float,
        typer.Option(
            "--false-alarm", "--pfa", help="Probability of false alarm that thresholds are set for."
        ),
    ] = 0.1,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="For tables and figures; CORPUS-validation without it."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Run detectors over a corpus; exit code 1 where it does not behave as theory says.

    Example: iqatlas validate helsinki-demo --pfa 0.01
    """
    from iqatlas.catalogs.corpus import open_corpus
    from iqatlas.detectors.learned.judged import judged_models
    from iqatlas.detectors.report import is_table

    names = None if detectors is None else [name.strip() for name in detectors.split(",") if name.strip()]
    budget_s = None if budget is None else budget_seconds(budget)
    opened = open_corpus(corpus)
    folder = output or Path(f"{Path(corpus).name}-validation" if "://" in corpus else _beside(corpus))
    learned = judged_models(models, opened) if models else []
    claimed = output_folder(
        folder,
        command="validate",
        of=opened.manifest.name,
        ours=lambda name: is_table(name) or name in _PICTURES,
        known_by=("verdicts.parquet",),
        overwrite=overwrite,
    )
    with claimed:
        _judge(opened, folder, learned, false_alarm=false_alarm, names=names, budget_s=budget_s)


def _judge(
    opened: Corpus,
    folder: Path,
    learned: Sequence[JudgedModel],
    *,
    false_alarm: float,
    names: list[str] | None,
    budget_s: float | None,
) -> None:
    from iqatlas.catalogs.import_spec import is_imported
    from iqatlas.detectors.assessment import assess
    from iqatlas.detectors.learned.judged import model_verdicts
    from iqatlas.detectors.report import tables
    from iqatlas.detectors.validated_corpus import validated_corpus
    from iqatlas.detectors.verdicts import sound, verdicts

    with counting_bar("detecting") as tell:
        found = assess(
            opened, false_alarm=false_alarm, names=names, also=learned, budget_s=budget_s, progress=tell
        )
    judged = (*verdicts(found), *model_verdicts(found, learned, opened))
    made = tables(found, judged)
    capture = opened.manifest.spec.get("capture", {})
    thermal = isinstance(capture, Mapping) and capture.get("noise") == "thermal"
    # There is no SNR that was asked for under thermal noise, nor in a recording.
    recorded = is_imported(opened.manifest.spec)
    _show(found, made, unasked="recorded" if recorded else "thermal" if thermal else None)
    if recorded:
        out.print(
            "The noise floor is estimated from sub-channels without an annotation, receiver by receiver.",
            style="dim",
        )
    for verdict in judged:
        say_finding(verdict.text, holds=verdict.holds, binding=verdict.binding)
    if found.theory is not None and found.theory.control:
        out.print(
            "P_FA rises with the SNR because vacant sub-channels carry synchronisation and reference signals "
            "(waveform.control: on) and the edges of occupied neighbours.",
            style="dim",
        )
    elif found.theory is not None and found.theory.gaussian:
        out.print(
            "P_FA rises with the SNR because the symbols of occupied neighbours have side lobes.", style="dim"
        )
    if found.records < found.total_records:
        say(out, f"{found.records:,} of {found.total_records:,} records in the time given")
    _keep(folder, found, made, opened.manifest.name, validated_corpus(found, opened))
    if not sound(judged):
        raise typer.Exit(1)


def _beside(corpus: str) -> str:
    return f"{user_path(corpus).resolve()}-validation"


def _show(found: Assessment, made: dict[str, pd.DataFrame], *, unasked: str | None) -> None:
    if "energy" in found.tallies:
        rows = made["by_receiver"]
        rows = rows[rows["detector"] == "energy"][list(_BY_LEVEL)]
        out.print(_table("energy detector", rows, left=2, unasked=unasked))
    if found.tallies:
        out.print(_table("all levels and receivers", made["scores"][list(_OVER_ALL)], left=1))
    out.print(_table("detectors that don't look", found.trivial[list(_OVER_ALL)], left=1))
    if found.left_out:
        out.print(facts("left out", found.left_out.items()))


def _keep(
    folder: Path, found: Assessment, made: dict[str, pd.DataFrame], name: str, validated: ValidatedCorpus
) -> None:
    """Write tables and figures into a folder of their own: a corpus holds what its manifest names."""
    from iqatlas.catalogs.construction import write_file
    from iqatlas.detectors.report import is_table, parquet
    from iqatlas.plotting.detection import draw_detection, draw_operating

    title = f"{name}: detectors at a designed P_FA of {found.false_alarm:g}"
    files = {f"{table}.parquet": parquet(rows) for table, rows in made.items() if table != "verdicts"}
    files[_PICTURES[0]] = draw_detection(made, title=title, false_alarm=found.false_alarm)
    files[_PICTURES[1]] = draw_operating(made, title=f"{name}: operating characteristics")
    with output_errors(folder):
        # What an older run left tells of other records. Verdicts come last: with them all is there.
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if (is_table(file.name) or file.name in _PICTURES) and not file.is_dir():
                file.unlink()
        for file_name, content in files.items():
            write_file(folder / file_name, content)
        write_file(folder / "verdicts.parquet", parquet(made["verdicts"], validated.metadata()))
    say(out, f"tables    {folder}")


def _table(title: str, rows: pd.DataFrame, *, left: int, unasked: str | None = None) -> Table:
    shown = rows.assign(snr_level_db=unasked) if unasked and "snr_level_db" in rows else rows
    cells = (
        tuple(_cell(str(name), value) for name, value in zip(shown.columns, row, strict=True))
        for row in shown.itertuples(index=False)
    )
    return columns(title, [_HEADINGS.get(str(name), str(name)) for name in shown.columns], cells, left=left)


def _cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "–"  # a ratio without any case
    return f"{value:g}" if name == "snr_level_db" else f"{value:.3f}"
