"""The part of a corpus that a split is, for whatever writes it out: its records, and whose captures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.errors import CorpusError
from iqatlas.split_owners import own_receivers


@dataclass(frozen=True, eq=False)
class SplitPart:
    """What belongs to a split.

    Args:
        records: Its records, rising.
        receivers: The receivers whose captures of them belong to it, rising.
    """

    records: Int64[np.ndarray, " record"]
    receivers: Int64[np.ndarray, " receiver"]


def splits_there(corpus: Corpus) -> list[str]:
    """Return the splits that have records, by name; ``guard`` among them."""
    return sorted(set(corpus.dataset["split"].values.tolist()))


def part_of(corpus: Corpus, split: str | None) -> SplitPart:
    """Return what belongs to a split.

    Args:
        corpus: The corpus.
        split: Its name, or ``guard``; None for the whole corpus.

    Raises:
        CorpusError: No record is of this split.
    """
    everyone = np.arange(corpus.dataset.sizes["receiver"])
    if split is None:
        return SplitPart(np.arange(corpus.manifest.records), everyone)
    if split not in (known := splits_there(corpus)):
        raise CorpusError(f"no records of the split {split!r}", accepted=", ".join(known))
    own = own_receivers(corpus.dataset, split)
    return SplitPart(np.flatnonzero(corpus.split_mask(split)), everyone if own is None else own)
