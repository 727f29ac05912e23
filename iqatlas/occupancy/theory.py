"""What theory says of chains: shares, runs and correlations that data can be compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

MEMORY_LEFT = 0.01
"""Correlation across a gap that is wide enough."""


@dataclass(frozen=True, eq=False)
class Theory:
    """Exact figures of the chains of a draw.

    Args:
        share: Share of slots in which each chain is occupied.
        starts: Probability that a slot is vacant and the next one occupied.
        neighbours: Correlation coefficient of a site's neighbouring sub-channels in one slot.
        by_hour: Share of each hour of the day that a draw has slots of; empty without a profile.
    """

    share: Float64[np.ndarray, "site subchannel"]
    starts: Float64[np.ndarray, "site subchannel"]
    neighbours: Float64[np.ndarray, "site pair"]
    by_hour: dict[int, Float64[np.ndarray, "site subchannel"]] = field(default_factory=dict)


@runtime_checkable
class Chains(Protocol):
    """What every kind of occupancy offers."""

    def draw(self, number: int, slots: int) -> Bool[np.ndarray, "slot site subchannel"]:
        """Return the states of a draw; a longer one begins with the shorter one."""

    def guard_slots(self) -> int:
        """Return the gap, in slots, across which the chains forget."""

    def theory(self, slots: int) -> Theory | None:
        """Return what holds exactly for draws of so many slots; None where nothing is known."""

    def drawn(self) -> dict[str, Any]:
        """Return what was drawn once for all draws, by name; empty where nothing was."""


def independent(sites: int, subchannels: int) -> Float64[np.ndarray, "site pair"]:
    """Return the correlation of neighbours that don't know of each other."""
    return np.zeros((sites, max(0, subchannels - 1)))
