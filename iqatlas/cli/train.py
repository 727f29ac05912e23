"""``iqatlas train``: a detector that learns from a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iqatlas.cli.console import counting_bar, out, say
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.output_place import check_writable, refuse_inside_corpus
from iqatlas.cli.score_table import beats_nothing, score_table
from iqatlas.cli.tables import facts
from iqatlas.cli.time_budget import budget_seconds
from iqatlas.cli.training_bar import training_bar
from iqatlas.errors import SpecError

if TYPE_CHECKING:
    from iqatlas.detectors.learned.card import ScoreRow
    from iqatlas.detectors.learned.model import LearnedDetector


class Kind(StrEnum):
    """Kinds of learned detectors."""

    cnn = "cnn"
    spectrogram_cnn = "spectrogram-cnn"
    boosted = "boosted"


def train(
    corpus: CorpusArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder for the model; a new one.")
    ],
    kind: Annotated[
        Kind, typer.Option("--model", help="A net on samples, one on spectrograms, or boosted trees.")
    ] = Kind.cnn,
    epochs: Annotated[
        int, typer.Option(min=1, max=100_000, help="Passes at most; ten trees each for boosted ones.")
    ] = 30,
    patience: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, help="Epochs without a better validation loss after which it stops."
        ),
    ] = 5,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop after 90s, 10m or 1h, with the best so far.")
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(min=16, max=65_536, help="Samples of each capture to look at; all without it."),
    ] = None,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Leave powers as they are, not each capture's divided out.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=(1 << 63) - 1, help="Of the first weights and the order of captures.")
    ] = 0,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of PyTorch.")] = 1,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Write model.onnx too, checked against the net.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that lies there.")] = False,
) -> None:
    """Train a detector on a corpus, and score it on the test split.

    Example: iqatlas train helsinki-demo --model cnn -o cnn-model --epochs 10
    """
    from pydantic import TypeAdapter

    from iqatlas.catalogs.corpus import open_corpus
    from iqatlas.catalogs.import_spec import is_imported
    from iqatlas.detectors.learned.model_folder import ONNX, refuse_folder, save_model
    from iqatlas.detectors.learned.scored import score
    from iqatlas.detectors.learned.spec import DetectorSpec, TrainingSpec
    from iqatlas.detectors.learned.training import train as learn

    if onnx and kind is Kind.boosted:
        raise SpecError(
            "boosted trees have no ONNX graph here", where="--onnx", accepted="cnn, spectrogram-cnn"
        )
    if onnx:
        # What is not installed shows before anything is trained.
        from iqatlas.detectors.learned._onnx import export_onnx
    training = TrainingSpec(
        epochs=epochs,
        patience=patience,
        seed=seed,
        threads=threads,
        budget_s=None if budget is None else budget_seconds(budget),
    )
    power = "absolute" if absolute else "capture"
    spec: DetectorSpec = TypeAdapter[DetectorSpec](DetectorSpec).validate_python(
        {"kind": kind.value, "window": window, "power": power}
    )
    refuse_folder(output, overwrite=overwrite)
    refuse_inside_corpus(output)
    opened = open_corpus(corpus)
    check_writable(output)
    with training_bar() as listener:
        detector = learn(opened, spec, training, progress=listener)
    # Whatever becomes of its scores, hours of learning are kept.
    save_model(detector, output, overwrite=overwrite)
    split = "test" if opened.split_mask("test").any() else "validation"
    with counting_bar("scoring") as tell:
        rows = score(detector, opened, split=split, progress=tell)
    detector = detector.scored(rows)
    save_model(detector, output, overwrite=True)
    _show(detector, split, rows, recorded=is_imported(opened.manifest.spec))
    if onnx:
        off = export_onnx(detector, output / ONNX)
        say(
            out, ("✓ ", "green"), f"{output / ONNX}: ONNX Runtime's probabilities differ by {off:.1e} at most"
        )
    say(out, ("model    ", "bold"), str(output))


def _show(detector: LearnedDetector, split: str, rows: Sequence[ScoreRow], *, recorded: bool) -> None:
    report = detector.card.report
    out.print(
        facts(
            detector.card.detector.kind,
            [
                ("parameters", f"{report.parameters:,}"),
                ("captures", f"{report.samples:,} to learn from, {report.validation_samples:,} to validate"),
                (
                    "epochs",
                    f"{len(report.epochs)}, the best {report.best_epoch}, stopped by {report.stopped_by}",
                ),
                ("loss", f"{report.best.training_loss:.4f}, validation {report.best.validation_loss:.4f}"),
                ("time", f"{report.seconds:.1f} s"),
            ],
        )
    )
    out.print(score_table(f"F1 on the {split} split", rows, recorded=recorded))
    if beats_nothing(rows):
        out.print(
            "Nowhere better than calling every sub-channel occupied: it wants more captures or a higher SNR; "
            "of few captures --model spectrogram-cnn learns soonest.",
            style="yellow",
        )
