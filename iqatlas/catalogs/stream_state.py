"""What the state of a stream says: which order it is of, and how far that was given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from iqatlas.catalogs.epoch_order import EpochOrder
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

_POSITION = {"epoch", "yields", "worker", "workers"}
_DIGITS = 16
_CALLED = {
    "corpora": "corpus",
    "records": "choice of records",
    "items_a_record": "choice of receivers",
    "shuffle": "kind of order",
}


def order_state(
    members: Sequence[Corpus], order: EpochOrder, *, rank: int, world: int, batch: int | None
) -> dict[str, Any]:
    """Return all that the order of an epoch follows from, but the epoch, as JSON has it.

    Args:
        members: The corpora.
        order: The order of their items.
        rank: Number of this process.
        world: Number of all that train.
        batch: Items a batch; None for single items.
    """
    asked = hashlib.sha256()
    for numbers in (order.rows, order.edges):
        asked.update(len(numbers).to_bytes(8, "little"))
        asked.update(np.ascontiguousarray(numbers, "<i8").data)
    stored = hashlib.sha256()
    for member in members:
        stored.update(hashlib.sha256(member.manifest.serialise()).digest())
    return {
        "seed": order.seed,
        "rank": [rank, world],
        "batch": batch,
        "shuffle": bool(order.shuffle),
        "buffer": order.buffer,
        "even": bool(order.even),
        "items_a_record": order.each,
        "corpora": stored.hexdigest()[:_DIGITS],
        "records": asked.hexdigest()[:_DIGITS],
    }


def see_that_it_fits(state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Check that a state is of this order.

    Args:
        state: What a stream's ``state_dict`` returned.
        own: The order, as of :func:`order_state`.

    Raises:
        CorpusError: It is of another order, or no state of a stream.
    """
    lacking = sorted((_POSITION | set(own)) - set(state))
    if lacking:
        raise CorpusError(
            f"the state is of another loader, or of an earlier version: it has no {', '.join(lacking)}",
            accepted="what state_dict() of such a stream returned",
            remedy="begin the epoch again",
        )
    differ = [key for key in own if state[key] != own[key]]
    if differ:
        raise CorpusError(
            f"the state is of another {_CALLED.get(differ[0], differ[0])}",
            accepted=", ".join(f"{key}={own[key]}" for key in differ),
        )
