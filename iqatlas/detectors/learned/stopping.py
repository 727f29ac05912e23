"""When training ends: after its epochs, its patience or its budget; and which epoch was the best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from iqatlas.detectors.learned.card import Epoch
from iqatlas.detectors.learned.spec import TrainingSpec
from iqatlas.errors import CorpusError

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class TrainingProgress:
    """Where training stands.

    Args:
        epoch: Epochs that are done.
        epochs: Epochs at most.
        done: Captures of the present epoch that were learned from.
        captures: Captures of an epoch.
        losses: Those of the last epoch that is done; None before.
    """

    epoch: int
    epochs: int
    done: int
    captures: int
    losses: Epoch | None


Listener = Callable[[TrainingProgress], None]


class EarlyStopping(Generic[Kept]):
    """Keeps the best of what epochs give, and says when to stop.

    Args:
        training: Epochs, patience and budget.
    """

    def __init__(self, training: TrainingSpec) -> None:
        self._training = training
        self._begun = time.monotonic()
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self.best: Kept | None = None
        self.stopped_by: Literal["epochs", "patience", "budget"] = "epochs"

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    def spent(self) -> bool:
        """Return whether the budget is used up."""
        budget = self._training.budget_s
        return budget is not None and self.seconds > budget

    def after(self, epoch: Epoch, give: Callable[[], Kept]) -> bool:
        """Take the losses of an epoch, and return whether to go on.

        Args:
            epoch: Its losses.
            give: Returns what is kept of it, called where it is the best so far.

        Raises:
            CorpusError: A loss that is not finite.
        """
        if not (math.isfinite(epoch.training_loss) and math.isfinite(epoch.validation_loss)):
            raise CorpusError(
                f"the loss of epoch {len(self.epochs) + 1} is not finite",
                remedy="choose a lower learning rate, and let `iqatlas verify` see the samples",
            )
        first = not self.epochs
        if first or epoch.validation_loss < self.epochs[self.best_epoch - 1].validation_loss:
            self.best_epoch, self.best = len(self.epochs) + 1, give()
        self.epochs.append(epoch)
        if self.spent():
            self.stopped_by = "budget"
            return False
        if len(self.epochs) - self.best_epoch >= self._training.patience:
            self.stopped_by = "patience"
            return False
        return len(self.epochs) < self._training.epochs
