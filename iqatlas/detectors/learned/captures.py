"""Captures and labels of a split in batches of NumPy arrays, read through the corpus's stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Complex64

from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

Batch = tuple[Complex64[np.ndarray, "item sample"], Bool[np.ndarray, "item subchannel"]]


class Captures:
    """The captures of a split: a receiver of a record is one.

    Args:
        corpus: The corpus.
        split: ``train``, ``validation`` or ``test``.
        samples: The first so many of each capture.
        batch: Captures a batch.
        seed: Of the order; None for that of the records.

    Raises:
        CorpusError: Nothing is in the split, or it has no labels.
        SetupError: PyTorch is not installed.
    """

    def __init__(self, corpus: Corpus, split: str, *, samples: int, batch: int, seed: int | None) -> None:
        order: dict[str, Any] = {"shuffle": False} if seed is None else {"shuffle": True, "seed": seed}
        self._stream: Any = corpus.torch(
            split=split,
            variables=("iq", "label"),
            groups=False,
            window=samples,
            iterable=True,
            batch=batch,
            rank=0,
            world=1,
            **order,
        )
        self.count: int = self._stream.items()
        if not self.count:
            raise CorpusError(
                f"the split {split!r} is empty",
                where=corpus.place.name,
                remedy=f"give splits.{split} a share in the spec and generate again",
            )

    def batches(self, epoch: int = 0) -> Iterator[Batch]:
        """Give all captures once, in the order of the epoch."""
        self._stream.set_epoch(epoch)
        for items in self._stream:
            yield items["iq"].numpy(), items["label"].numpy()
