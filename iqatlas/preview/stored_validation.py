"""Tables that a validation left beside a corpus: its verdicts, and the scores of its detectors."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.detectors.validated_corpus import ValidatedCorpus, of_metadata
from iqatlas.errors import CorpusError, MissingFileError
from iqatlas.preview.markup import Markup, element, markup, note, plain, table

_LARGEST_BYTES = 8 << 20
_MOST_CELLS = 1 << 20
_MOST_ROWS = 100
_SCORES = {
    "p_d": "P_D",
    "p_fa": "P_FA",
    "f1_occupied": "F1 occupied",
    "f1_hole": "F1 hole",
    "mcc": "MCC",
    "brier": "Brier",
    "ece": "calibration error",
}


@dataclass(frozen=True, eq=False)
class StoredValidation:
    """What ``iqatlas validate`` found.

    Args:
        verdicts: Rows with ``holds`` and ``text``, and ``binding`` where it tells.
        scores: A row a detector.
        trivial: The same for detectors that don't look.
        of: Which corpus it is of; None where an earlier version wrote it, which didn't tell.
    """

    verdicts: pd.DataFrame
    scores: pd.DataFrame
    trivial: pd.DataFrame
    of: ValidatedCorpus | None = None


def validation_folder(corpus: Corpus) -> Path | None:
    """Return the folder that ``iqatlas validate`` writes for a corpus, or None where there is none.

    Args:
        corpus: The corpus.
    """
    if not isinstance(corpus.place, FolderPlace):
        return None
    folder = Path(f"{corpus.place.folder.resolve()}-validation")
    return folder if (folder / "verdicts.parquet").is_file() else None


def read_validation(folder: Path) -> StoredValidation:
    """Return the tables of a validation.

    Args:
        folder: Where ``iqatlas validate`` wrote them.

    Raises:
        MissingFileError: They are not there.
        CorpusError: A file is no such table.
    """
    verdicts, told = _table(folder / "verdicts.parquet", ("holds", "text"))
    scores, _ = _table(folder / "scores.parquet", ())
    trivial = folder / "trivial.parquet"
    looked = _table(trivial, ("detector",))[0] if trivial.is_file() else pd.DataFrame()
    return StoredValidation(verdicts, scores, looked, of_metadata(told))


def _table(file: Path, needed: tuple[str, ...]) -> tuple[pd.DataFrame, dict[bytes, bytes] | None]:
    import pyarrow.lib
    import pyarrow.parquet

    if not file.is_file():
        raise MissingFileError(
            f"no {file.name}", where=str(file.parent), remedy="run iqatlas validate, or name its folder"
        )
    with storage_errors(file, "read"):
        if file.stat().st_size > _LARGEST_BYTES:
            raise CorpusError(f"larger than {_LARGEST_BYTES >> 20} MiB", where=str(file))
        raw = file.read_bytes()
    try:
        source = pyarrow.parquet.ParquetFile(BytesIO(raw))
        told: dict[bytes, bytes] | None = source.metadata.metadata
        cells = source.metadata.num_rows * max(1, source.metadata.num_columns)
        # A few bytes may state a billion rows.
        rows: pd.DataFrame | None = source.read().to_pandas() if cells <= _MOST_CELLS else None
    except (pyarrow.lib.ArrowException, ValueError, TypeError, KeyError, OSError) as failure:
        reason = plain(failure, 100)
        raise CorpusError(f"no table of a validation ({reason})", where=str(file)) from None
    if rows is None or not set(needed) <= set(rows.columns):
        accepted = f"a table with {', '.join(needed)}" if rows is not None else f"up to {_MOST_CELLS} cells"
        raise CorpusError("no table of a validation", where=str(file), accepted=accepted)
    return rows, told


def stored_section(stored: StoredValidation, manifest_sha256: str | None = None) -> Markup:
    """Return verdicts and scores as the page shows them; those of another corpus give a line.

    Args:
        stored: The tables.
        manifest_sha256: Hash of the manifest that the page is of; of any corpus without it.
    """
    title = element("h3", "What iqatlas validate found")
    if stored.of is not None and manifest_sha256 not in (None, stored.of.manifest_sha256):
        return markup(
            title,
            note(
                "Its tables are of another corpus, or of an earlier state of this one, and are left out. "
                "Run iqatlas validate again."
            ),
        )
    if stored.of is None:
        which = "The tables don't tell which corpus they are of: an earlier iqatlas wrote them."
    else:
        which = (
            f"Thresholds for a P_FA of {stored.of.false_alarm:g}; {stored.of.records:,} of "
            f"{stored.of.total_records:,} records were looked at."
        )
    lines = [
        verdict_line(bool(row["holds"]), row["text"], binding=bool(row.get("binding", True)))
        for row in stored.verdicts.head(_MOST_ROWS).to_dict("records")
    ]
    both = pd.concat([stored.scores, stored.trivial], ignore_index=True)
    kept = [name for name in _SCORES if name in both and both[name].map(_is_number).any()]
    rows = [
        (row.get("detector", ""), *(_cell(row[name]) for name in kept))
        for row in both.head(_MOST_ROWS).to_dict("records")
    ]
    told = "All records, receivers and SNR levels together; the last rows are detectors that don't look."
    shown = table("Detectors", ("detector", *(_SCORES[name] for name in kept)), rows) if rows else markup()
    return markup(title, note(which), *lines, shown, note(told) if rows else markup())


def verdict_line(holds: bool, text: object, *, binding: bool = True) -> Markup:
    """Return an expectation with its yes or no; one that binds nobody and does not hold has a dash.

    Args:
        holds: Whether it holds.
        text: The expectation, and its figures.
        binding: Whether a corpus for which it does not hold is unsound.
    """
    kind = None if holds else "no" if binding else "open"
    answer = "yes" if holds else "no" if binding else "–"
    return element("p", element("b", answer, class_=kind), text, class_="verdict")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and bool(np.isfinite(value))


def _cell(value: Any) -> str:
    return f"{float(value):.3f}" if _is_number(value) else "–"
