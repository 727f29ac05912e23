"""What a generation tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Progress:
    """How far a step is.

    Args:
        step: What is being done, in words.
        done: Units done.
        total: Units in all; 0 for a step of unknown length.
        samples: Received samples that the done units hold.
        bytes: Bytes written for them.
        note: A line that the user should read now.
    """

    step: str
    done: int = 0
    total: int = 0
    samples: int = 0
    bytes: int = 0
    note: str = ""


@runtime_checkable
class Listener(Protocol):
    """Who is told."""

    def __call__(self, progress: Progress, /) -> None:
        """Take note of progress."""


def silent(progress: Progress) -> None:
    """Take no note."""
    del progress
