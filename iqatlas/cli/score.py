"""``iqatlas score``: a detector that has learned, on any corpus of such captures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iqatlas.cli.console import counting_bar, out, say
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.score_table import score_table


def score(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that `iqatlas train` has written.")],
    corpus: CorpusArgument,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
) -> None:
    """Score a learned detector on a corpus, its own or another one.

    Example: iqatlas score cnn-model helsinki-demo
    """
    from iqatlas.catalogs.corpus import open_corpus
    from iqatlas.catalogs.import_spec import is_imported
    from iqatlas.detectors.learned.model_folder import load_model
    from iqatlas.detectors.learned.scored import score as scores
    from iqatlas.detectors.learned.training import origin_of

    detector = load_model(model)
    opened = open_corpus(corpus)
    with counting_bar("scoring") as tell:
        rows = scores(detector, opened, split=split, progress=tell)
    if origin_of(opened) not in detector.card.corpora:
        learned = ", ".join(origin.name for origin in detector.card.corpora)
        say(out, ("! ", "yellow"), f"it has learned from another corpus: {learned}")
    elif split != "test":
        say(out, ("! ", "yellow"), f"it has seen the {split} split while it learned")
    out.print(
        score_table(
            f"F1 of {detector.name} on the {split} split", rows, recorded=is_imported(opened.manifest.spec)
        )
    )
