"""A draw held in bits: what a worker keeps of it while it makes shards, an eighth of the states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from iqatlas.occupancy.theory import Chains


@runtime_checkable
class BlockwiseChains(Protocol):
    """Chains whose draws need never be in memory whole."""

    def blocks(self, number: int, slots: int) -> Iterator[Bool[np.ndarray, "slot site subchannel"]]:
        """Give the states of a draw a stretch of slots after the other."""


@dataclass(frozen=True, eq=False)
class PackedStates:
    """The states of a draw.

    Args:
        bits: Eight sub-channels a byte.
        subchannels: Number of sub-channels.
    """

    bits: UInt8[np.ndarray, "slot site byte"]
    subchannels: int

    def at(self, slot: Int64[np.ndarray, "*slot"]) -> Bool[np.ndarray, "*slot site subchannel"]:
        """Return the states in some slots."""
        states: Bool[np.ndarray, "*slot site subchannel"] = np.unpackbits(
            self.bits[slot], axis=-1, count=self.subchannels
        ).view(np.bool_)
        return states


def packed_draw(chains: Chains, number: int, *, slots: int, sites: int, subchannels: int) -> PackedStates:
    """Return the states of a draw in bits, those that ``chains.draw`` gives.

    Args:
        chains: Who draws them.
        number: Number of the draw.
        slots, sites, subchannels: Extents of the draw.
    """
    blocks = (
        chains.blocks(number, slots)
        if isinstance(chains, BlockwiseChains)
        else iter((chains.draw(number, slots),))
    )
    bits = np.empty((slots, sites, -(-subchannels // 8)), np.uint8)
    done = 0
    for states in blocks:
        bits[done : done + len(states)] = np.packbits(states, axis=-1)
        done += len(states)
    return PackedStates(bits, subchannels)
