"""Fair timing of two rivals on a machine that others use too."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ROUNDS = 25


@dataclass(frozen=True)
class Comparison:
    """Two rivals at the same work.

    Args:
        name: What is compared.
        unit: What is counted, such as Msps.
        ours: Our rate.
        peer: The peer's rate.
        peer_name: Who the peer is.
    """

    name: str
    unit: str
    ours: float
    peer: float
    peer_name: str

    def line(self) -> str:
        """Return one line of the report."""
        return (
            f"{self.name:<34} {self.ours:9.1f} {self.unit:<5} {self.ours / self.peer:7.2f} x "
            f"{self.peer_name} ({self.peer:.1f} {self.unit})"
        )


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and all threads that it starts, on one core, where the system knows how."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def compare(
    name: str,
    *,
    work: float,
    unit: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    peer_name: str,
    peer_work: float | None = None,
    rounds: int = ROUNDS,
    warm: bool = True,
) -> Comparison:
    """Time both in turns, and take the best round of each: what the machine can do undisturbed.

    Args:
        name: What is compared.
        work: Units of work in one call of either.
        unit: What is counted.
        ours: Our way.
        peer: The peer's way.
        peer_name: Who the peer is.
        peer_work: Units of work in one call of the peer, where they are others.
        rounds: How often both are timed.
        warm: Whether both are called once before.
    """
    best = {"ours": float("inf"), "peer": float("inf")}
    if warm:
        ours(), peer()
    for _ in range(rounds):
        for rival, call in (("ours", ours), ("peer", peer)):
            begun = time.perf_counter()
            call()
            best[rival] = min(best[rival], time.perf_counter() - begun)
    return Comparison(name, unit, work / best["ours"], (peer_work or work) / best["peer"], peer_name)
