"""What a person sees: consoles, and progress bars where a terminal listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType

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
        with _Lines() as lines:
            yield lines
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
    """Without a terminal: no bars, a line now and then how far a step is, and one when it is done.

    Args:
        clock: Monotonic time in seconds.
    """

    EVERY_S = 30.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._step = ""
        self._begun = self._said = clock()
        self._first = self._last = Progress("")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say how far it was, where it was interrupted or failed."""
        if error is not None and self._last.total:
            elapsed = self._clock() - self._begun
            self._say(f"stopped after {elapsed:.1f} s", *self._how_far(), *self._made(elapsed))

    def __call__(self, progress: Progress, /) -> None:
        now = self._clock()
        if progress.step != self._step:
            if self._step:
                elapsed = now - self._begun
                self._say(f"{elapsed:.1f} s", *self._made(elapsed))
            self._step, self._begun, self._said, self._first = progress.step, now, now, progress
        if progress.note:
            say(errors, progress.note)
        self._last = progress
        if progress.total and now - self._said >= self.EVERY_S:
            self._said = now
            elapsed = now - self._begun
            self._say(*self._how_far(), *self._made(elapsed), *self._time_left(elapsed))

    def _say(self, *parts: str) -> None:
        say(errors, f"{self._step}: {', '.join(parts)}")

    def _how_far(self) -> tuple[str, ...]:
        done, total = self._last.done, self._last.total
        return f"{done:,} of {total:,}", f"{100 * done // total}%"

    def _made(self, elapsed: float) -> tuple[str, ...]:
        return (text,) if (text := _rate(self._last, elapsed, between=", ")) else ()

    def _time_left(self, elapsed: float) -> tuple[str, ...]:
        fresh = self._last.done - self._first.done  # what an earlier try has made took no time of this one
        if not fresh:
            return ()
        left_s = round(elapsed / fresh * (self._last.total - self._last.done))
        return (f"{timedelta(seconds=left_s)} left",)


def _rate(progress: Progress, elapsed: float, *, between: str) -> str:
    if not progress.samples or not elapsed:
        return ""
    return f"{progress.samples / elapsed / 1e6:.1f} Msps{between}{bytes_text(progress.bytes)}"


class _BarListener:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: Progress, /) -> None:
        if progress.note:
            say(self._bars.console, progress.note)
        if progress.step not in self._tasks:
            for task in self._tasks.values():
                self._finish(task)
            self._tasks[progress.step] = self._bars.add_task(
                progress.step, total=progress.total or None, rate="", completed=progress.done
            )
        task = self._tasks[progress.step]
        elapsed = self._bars.tasks[task].elapsed or 0
        if progress.total:
            rate = _rate(progress, elapsed, between=" ")
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
