"""What a person sees: consoles, and progress bars where a terminal listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.generators.progress import Listener, Progress

out = Console()
errors = Console(stderr=True)


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print one line as it is: no wrapping, and nothing in it is taken for markup.

    Args:
        console: Where to.
        parts: Text, or text and its style.
    """
    console.print(Text.assemble(*parts), highlight=False, soft_wrap=True)


def say_finding(text: str, *, holds: bool, binding: bool) -> None:
    """Print what was checked, with a mark: it holds, it does not, or it does not and needs not.

    Args:
        text: What to say, none of it taken for markup; wrapped where it is longer than a line.
        holds: Whether it holds.
        binding: Whether it has to.
    """
    mark = ("✓ ", "green") if holds else ("✗ ", "red") if binding else ("– ", "yellow")
    out.print(Text.assemble(mark, text), highlight=False)


@contextmanager
def generation_bars() -> Iterator[Listener]:
    """Give a listener that shows each step of a generation with its rate and the time left."""
    if not errors.is_terminal:
        yield _Lines()
        return
    with Bars(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
    ) as bars:
        yield _BarListener(bars)


class _Lines:
    """Without a terminal: one line for each step that is done, no bars."""

    def __init__(self) -> None:
        self._step = ""
        self._begun = time.monotonic()
        self._last = Progress("")

    def __call__(self, progress: Progress, /) -> None:
        if progress.step != self._step:
            if self._step:
                elapsed = time.monotonic() - self._begun
                say(errors, ", ".join((f"{self._step}: {elapsed:.1f} s", *self._made(elapsed))))
            self._step, self._begun = progress.step, time.monotonic()
        self._last = progress

    def _made(self, elapsed: float) -> tuple[str, ...]:
        if not self._last.samples or not elapsed:
            return ()
        return f"{self._last.samples / elapsed / 1e6:.1f} Msps", bytes_text(self._last.bytes)


class _BarListener:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: Progress, /) -> None:
        if progress.step not in self._tasks:
            for task in self._tasks.values():
                self._finish(task)
            self._tasks[progress.step] = self._bars.add_task(
                progress.step, total=progress.total or None, rate="", completed=progress.done
            )
        task = self._tasks[progress.step]
        elapsed = self._bars.tasks[task].elapsed or 0
        rate = ""
        if progress.samples and elapsed:
            rate = f"{progress.samples / elapsed / 1e6:.1f} Msps {bytes_text(progress.bytes)}"
        if progress.total:
            self._bars.update(task, completed=progress.done, rate=rate)

    def _finish(self, task: TaskID) -> None:
        total = self._bars.tasks[task].total or 1
        self._bars.update(task, total=total, completed=total)
        self._bars.stop_task(task)


@contextmanager
def counting_bar(step: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function (done, total) that shows a bar, and nothing where no terminal listens."""
    if not errors.is_terminal:
        yield _nothing
        return
    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
    ) as bars:
        task = bars.add_task(step, total=None)

        def tell(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield tell


def _nothing(done: int, total: int) -> None:
    del done, total
