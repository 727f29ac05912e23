"""Users who hold blocks of sub-channels: chains behind the chains, and correlation between neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.occupancy.markov import chain_blocks, gap_of_memory
from iqatlas.occupancy.spec import UserOccupancy
from iqatlas.occupancy.theory import Theory
from iqatlas.seeds import Stage, stream


class UserChains:
    """The users of a spec.

    Args:
        spec: How many there are, how wide, how often.
        sites, subchannels: Extents of the occupancy.
        seed: The spec's seed.

    Raises:
        SpecError: A block is wider than the carrier, or both rates are 0.
    """

    def __init__(self, spec: UserOccupancy, *, sites: int, subchannels: int, seed: int) -> None:
        if spec.width > subchannels:
            raise SpecError(
                f"users of {spec.width} sub-channels for {subchannels} sub-channels",
                where="occupancy.width",
                accepted=f"1 to {subchannels}",
            )
        if spec.p01 == spec.p10 == 0:
            raise SpecError(
                "p01 and p10 are both 0", where="occupancy.p01", accepted="at least one of them above 0"
            )
        self._sites, self._seed = sites, seed
        self._p01, self._p10 = (np.full((sites, spec.users), rate) for rate in (spec.p01, spec.p10))
        self.share = spec.p01 / (spec.p01 + spec.p10)
        self._memory = 1 - spec.p01 - spec.p10
        first = np.round(np.linspace(0, subchannels - spec.width, spec.users)).astype(np.int64)
        offset = np.arange(subchannels) - first[:, None]
        self.holds: Bool[np.ndarray, "user subchannel"] = (offset >= 0) & (offset < spec.width)
        """Which sub-channels each user takes, the same at every site."""

    def draw(self, number: int, slots: int) -> Bool[np.ndarray, "slot site subchannel"]:
        """Return the states of a draw; a longer one begins with the shorter one."""
        nothing = np.zeros((0, self._sites, self.holds.shape[1]), bool)
        return np.concatenate([nothing, *self.blocks(number, slots)])

    def blocks(self, number: int, slots: int) -> Iterator[Bool[np.ndarray, "slot site subchannel"]]:
        """Give the states of a draw a stretch of slots after the other."""
        rng = stream(self._seed, Stage.OCCUPANCY, number)
        for on in chain_blocks([(0, self._p01, self._p10)], slots=slots, rng=rng):
            occupied = np.zeros((len(on), self._sites, self.holds.shape[1]), bool)
            for subchannel, held in enumerate(self.holds.T):
                occupied[..., subchannel] = on[..., held].any(axis=-1)
            yield occupied

    def guard_slots(self) -> int:
        """Return the least gap, in slots, that leaves a user a correlation of 0.01 or less.

        Of several users a sub-channel remembers less than of one.

        Raises:
            SpecError: Users who alternate for ever.
        """
        return gap_of_memory(self._p01, self._p10)

    def theory(self, slots: int) -> Theory:  # noqa: ARG002  equilibrium is the same in any number of slots
        """Return shares, starts and the correlation of neighbours.

        With k users of a sub-channel, m of its neighbour and c of both, each on with probability π, the
        covariance is (1 − π)^(k + m − c) − (1 − π)^(k + m).
        """
        off = 1 - self.share
        count: Int64[np.ndarray, "subchannel"] = self.holds.sum(axis=0)
        vacant = off**count
        still_off = off * (off + self.share * self._memory)  # off now and in the next slot
        starts = vacant - still_off**count
        common = (self.holds[:, 1:] & self.holds[:, :-1]).sum(axis=0)
        covariance = off ** (count[1:] + count[:-1] - common) - vacant[1:] * vacant[:-1]
        spread = np.sqrt(vacant * (1 - vacant))
        scale = spread[1:] * spread[:-1]
        neighbours = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
        return Theory(
            share=self._everywhere(1 - vacant),
            starts=self._everywhere(starts),
            neighbours=self._everywhere(neighbours),
        )

    def _everywhere(self, values: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "site n"]:
        return np.array(np.broadcast_to(values, (self._sites, len(values))))

    def drawn(self) -> dict[str, Any]:
        """Return nothing: the blocks follow from the spec."""
        return {}
