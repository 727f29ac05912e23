"""Other processes of this machine, which start while this one has something else to do.

Python and its libraries take seconds to come up: as long as a scene takes to build.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import ParamSpec, TypeVar

from iqatlas.errors import SetupError, StorageError

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Other:
    """A process beside this one, which does what it is given in the order in which it is given.

    Args:
        start: Called there first, for what it imports and prepares.
    """

    def __init__(self, start: Callable[[], None]) -> None:
        # Spawned, not forked: the ray tracer's threads don't survive a fork.
        self._pool = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker
        )
        with interrupts_held_back():
            self._start = self._pool.submit(start)

    @property
    def started(self) -> bool:
        """Whether it has come up."""
        return self._start.done()

    @property
    def broke_at_start(self) -> bool:
        """Whether it ended before it had come up."""
        return self._start.done() and self._start.exception() is not None

    def submit(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Give it work."""
        with interrupts_held_back():
            return self._pool.submit(work, *args, **kwargs)

    def dismiss(self) -> None:
        """Let it go; one that is still starting has nothing to lose, and ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def others_beside(count: int, start: Callable[[], None], *, where: str) -> Iterator[tuple[Other, ...]]:
    """Give processes that are starting, and end them.

    Args:
        count: How many.
        start: Called in each one first.
        where: The corpus, for messages.

    Raises:
        SetupError: One of them could not start.
        StorageError: One of them was killed.
    """
    others: list[Other] = []
    with ExitStack() as opened:
        try:
            for _ in range(count):
                others.append(Other(start))
                opened.callback(others[-1].dismiss)
            yield tuple(others)
        except BrokenProcessPool:
            if any(other.broke_at_start for other in others):
                raise SetupError(
                    "a worker process could not start",
                    where=where,
                    accepted='a script in a file that calls generate under `if __name__ == "__main__":`',
                    remedy="or use workers=1",
                ) from None
            raise StorageError(
                "a worker process was killed, for want of memory perhaps",
                where=where,
                remedy="run the same command again, with fewer --workers: it resumes",
            ) from None


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Start processes that Ctrl-C doesn't reach, from their first instruction on.

    A terminal sends it to all processes, and one that is still importing would die with a
    traceback. What is blocked here is blocked in the processes started here; for this process it
    arrives when the block ends. Windows knows no such thing.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Its own start would lift the block.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    # Ctrl-C is for the parent, which lets shards under way come to their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    # A killed parent can't stop its workers, and nobody would take what they make.
    parent.join()
    os._exit(1)
