"""What a person sees of training: a bar of the epoch with its losses, or a line an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from iqatlas.cli.console import errors, say

if TYPE_CHECKING:
    from iqatlas.detectors.learned.stopping import Listener, TrainingProgress


@contextmanager
def training_bar() -> Iterator[Listener]:
    """Give a listener that shows where training stands."""
    if not errors.is_terminal:
        yield _Lines()
        return
    with Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeElapsedColumn(),
        console=errors,
    ) as bars:
        task = bars.add_task("training", total=None, losses="")

        def tell(progress: TrainingProgress) -> None:
            bars.update(
                task,
                description=f"epoch {min(progress.epoch + 1, progress.epochs)} of {progress.epochs}",
                completed=progress.done,
                total=progress.captures,
                losses=_losses(progress),
            )

        yield tell


class _Lines:
    """Without a terminal: one line for each epoch that is done."""

    def __init__(self) -> None:
        self._epoch = 0

    def __call__(self, progress: TrainingProgress, /) -> None:
        if progress.epoch > self._epoch:
            self._epoch = progress.epoch
            say(errors, f"epoch {progress.epoch} of {progress.epochs}: {_losses(progress)}")


def _losses(progress: TrainingProgress) -> str:
    losses = progress.losses
    if losses is None:
        return ""
    return f"loss {losses.training_loss:.4f}, validation {losses.validation_loss:.4f}"
