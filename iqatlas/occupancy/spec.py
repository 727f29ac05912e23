"""The occupancy part of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from iqatlas.schema import SpecModel

Probability = Annotated[float, Field(ge=0, le=1)]
Rate = Probability | Annotated[tuple[Probability, ...], Field(min_length=1)]


class MarkovOccupancy(SpecModel):
    """Independent two-state Markov chains, one for each site and sub-channel.

    The default rates give a stationary occupancy of 0.2 a site.
    """

    kind: Literal["markov"] = "markov"
    """Two-state Markov chains."""
    p01: Rate = 0.05
    """Probability of vacant to occupied from a slot to the next; one number, or one a sub-channel."""
    p10: Rate = 0.2
    """Probability of occupied to vacant; one number, or one a sub-channel."""
    slot_s: Annotated[float, Field(gt=0, le=10)] = 1e-3
    """Length of a slot, a whole number of LTE slots of 0.5 ms."""


OccupancySpec = MarkovOccupancy
