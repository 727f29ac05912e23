"""When training ends, and what is kept."""

from __future__ import annotations

import pytest

from iqatlas.detectors.learned import stopping as module
from iqatlas.detectors.learned.card import Epoch
from iqatlas.detectors.learned.spec import TrainingSpec
from iqatlas.detectors.learned.stopping import EarlyStopping
from iqatlas.errors import CorpusError


def run(losses: list[float], training: TrainingSpec) -> EarlyStopping[int]:
    """Give losses until told to stop; what is kept of an epoch is its number."""
    stopping: EarlyStopping[int] = EarlyStopping(training)
    for number, loss in enumerate(losses, 1):
        if not stopping.after(Epoch(training_loss=1.0, validation_loss=loss), lambda number=number: number):
            break
    return stopping


def test_patience_ends_it_and_the_best_is_kept() -> None:
    ended = run([0.5, 0.3, 0.4, 0.35, 0.1], TrainingSpec(epochs=9, patience=2))
    assert (ended.best, ended.best_epoch, len(ended.epochs), ended.stopped_by) == (2, 2, 4, "patience")


def test_epochs_end_it() -> None:
    ended = run([0.5, 0.4, 0.3, 0.2], TrainingSpec(epochs=3, patience=2))
    assert (ended.best, len(ended.epochs), ended.stopped_by) == (3, 3, "epochs")


def test_of_equal_losses_the_first_is_kept() -> None:
    assert run([0.5, 0.5, 0.5], TrainingSpec(epochs=3)).best == 1


def test_the_budget_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    ended = run([0.5, 0.4, 0.3, 0.2], TrainingSpec(epochs=9, budget_s=10))
    assert (ended.best, len(ended.epochs), ended.stopped_by) == (3, 3, "budget")


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_told(loss: float) -> None:
    broken = Epoch.model_construct(training_loss=loss, validation_loss=0.5)
    stopping: EarlyStopping[int] = EarlyStopping(TrainingSpec())
    with pytest.raises(CorpusError, match="the loss of epoch 1 is not finite; choose a lower learning rate"):
        stopping.after(broken, lambda: 1)
