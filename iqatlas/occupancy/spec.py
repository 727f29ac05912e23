"""The occupancy part of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from iqatlas.schema import SpecModel

Probability = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0, le=1000)]
SlotLength = Annotated[float, Field(gt=0, le=10)]


class RateRange(SpecModel):
    """A rate that is drawn for each chain, uniformly between two bounds."""

    low: Probability
    """Lower bound."""
    high: Probability
    """Upper bound."""

    @model_validator(mode="after")
    def _ordered(self) -> RateRange:
        if self.high < self.low:
            raise ValueError("high is below low")
        return self


OfSubchannels = Annotated[tuple[Probability, ...], Field(min_length=1)]
OfChains = Annotated[tuple[OfSubchannels, ...], Field(min_length=1)]
Rate = Probability | OfSubchannels | OfChains | RateRange


class HourProfile(SpecModel):
    """How occupancy follows the hour of the day."""

    by_hour: Annotated[tuple[Factor, ...], Field(min_length=24, max_length=24)]
    """24 factors on the stationary occupancy, from midnight on. Occupied runs keep their mean length,
    1/p10; vacant ones get shorter or longer."""
    start_hour: Annotated[float, Field(ge=0, lt=24)] = 0.0
    """Hour of the day at which each draw begins; 8.5 is half past eight."""
    span_h: Annotated[float, Field(gt=0, le=8784)] | None = None
    """Hours over which the slots of a draw are spread, as if every so many-th were kept: 24 shows a
    day in any number of slots. Null for true time, slot after slot."""


class MarkovOccupancy(SpecModel):
    """Independent two-state Markov chains, one for each site and sub-channel.

    The default rates give a stationary occupancy of 0.2 a site.
    """

    kind: Literal["markov"] = "markov"
    """Two-state Markov chains."""
    p01: Rate = 0.05
    """Probability of vacant to occupied from a slot to the next: one number, one a sub-channel, a list
    of such lists with one a site, or {low, high} to draw from for each chain."""
    p10: Rate = 0.2
    """Probability of occupied to vacant, likewise."""
    profile: HourProfile | None = None
    """Occupancy that follows the hour of the day; null for one that stays."""
    slot_s: SlotLength = 1e-3
    """Length of a slot, a whole number of LTE slots of 0.5 ms."""


class GeometricDwell(SpecModel):
    """Dwell times without memory, those of a Markov chain."""

    kind: Literal["geometric"] = "geometric"
    """Geometric dwell times."""
    mean_slots: Annotated[float, Field(ge=1, le=1e6)] = 5.0
    """Mean length of a run in slots."""


class ParetoDwell(SpecModel):
    """Heavy-tailed dwell times: P(longer than k slots) = (1 + k/s)^-tail_index, s set by the mean."""

    kind: Literal["pareto"] = "pareto"
    """Discrete Pareto (Lomax) dwell times."""
    mean_slots: Annotated[float, Field(gt=1, le=1e6)] = 5.0
    """Mean length of a run in slots."""
    tail_index: Annotated[float, Field(gt=1, le=10)] = 2.5
    """The smaller, the heavier the tail; below 2 the variance of a run is infinite."""


class LogNormalDwell(SpecModel):
    """Dwell times whose logarithm is normal, rounded up to whole slots."""

    kind: Literal["log_normal"] = "log_normal"
    """Log-normal dwell times."""
    mean_slots: Annotated[float, Field(ge=1.001, le=1e6)] = 5.0
    """Mean length of a run in slots."""
    log_deviation: Annotated[float, Field(ge=0.1, le=3)] = 1.0
    """Standard deviation of the natural logarithm: the larger, the heavier the tail."""


DwellSpec = Annotated[GeometricDwell | ParetoDwell | LogNormalDwell, Field(discriminator="kind")]


class SemiMarkovOccupancy(SpecModel):
    """Independent chains whose runs have lengths of any law, seen from equilibrium on."""

    kind: Literal["semi_markov"] = "semi_markov"
    """Alternating runs with dwell times of their own."""
    busy: DwellSpec = ParetoDwell(mean_slots=5)
    """Lengths of occupied runs."""
    idle: DwellSpec = ParetoDwell(mean_slots=20)
    """Lengths of vacant runs."""
    slot_s: SlotLength = 1e-3
    """Length of a slot, a whole number of LTE slots of 0.5 ms."""


class UserOccupancy(SpecModel):
    """Users who take several neighbouring sub-channels at once, so that these are correlated.

    The blocks of a site's users are spread evenly over its sub-channels and may overlap. A
    sub-channel is occupied while any user of it is on.
    """

    kind: Literal["users"] = "users"
    """Users with blocks of sub-channels."""
    users: Annotated[int, Field(ge=1, le=10_000)] = 6
    """Users of each site, each an independent two-state Markov chain."""
    width: Annotated[int, Field(ge=1, le=100)] = 4
    """Sub-channels that a user takes."""
    p01: Probability = 0.03
    """Probability that a user who is off comes on from a slot to the next."""
    p10: Probability = 0.2
    """Probability that a user who is on goes off."""
    slot_s: SlotLength = 1e-3
    """Length of a slot, a whole number of LTE slots of 0.5 ms."""


class TraceOccupancy(SpecModel):
    """Occupancy as recorded or made elsewhere, from a CSV or Parquet file.

    The columns are slot, site, subchannel, occupied; or slot, site and then one column for each
    sub-channel, named 0, 1, …. All count from 0, and occupied is 0 or 1.
    """

    kind: Literal["trace"] = "trace"
    """A table of what was occupied."""
    path: Path
    """The file, .csv or .parquet. Draws follow each other in it."""
    repeat: bool = False
    """Whether a trace that is too short begins again, in place of being refused."""
    slot_s: SlotLength = 1e-3
    """Length of a slot, a whole number of LTE slots of 0.5 ms."""


def _kind(occupancy: object) -> object:
    # Markov chains are meant where no kind is given.
    if isinstance(occupancy, dict):
        return occupancy.get("kind", "markov")
    return getattr(occupancy, "kind", "markov")


OccupancySpec = Annotated[
    Annotated[MarkovOccupancy, Tag("markov")]
    | Annotated[SemiMarkovOccupancy, Tag("semi_markov")]
    | Annotated[UserOccupancy, Tag("users")]
    | Annotated[TraceOccupancy, Tag("trace")],
    Discriminator(_kind),
]
