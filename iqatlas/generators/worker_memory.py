"""What a worker's memory has to hold, where that is more than anybody expects."""

from __future__ import annotations

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.generators.plan import Plan

_EXPECTED_BYTES = 10**9
_AT_REST_BYTES = 170_000_000
"""Interpreter and libraries."""
_LINK_SAMPLE_BYTES = 36
"""Of one record, a sample of a link: its response, and what that is worked out from, as measured."""


def worker_bytes(made: Plan) -> int:
    """Return about how much memory a worker takes for a shard of a single record."""
    return _AT_REST_BYTES + _LINK_SAMPLE_BYTES * made.receivers * made.sites * made.spec.capture.samples


def memory_note(made: Plan) -> str:
    """Return one line where a single record takes a worker more than 1 GB, else nothing.

    Args:
        made: The plan.
    """
    needed = worker_bytes(made)
    if needed <= _EXPECTED_BYTES:
        return ""
    record = f"{made.receivers} receivers × {made.spec.capture.samples:,} samples"
    return (
        f"note: a record of {record} takes each worker about {bytes_text(needed)} of memory; "
        "lower capture.samples or receivers, or use fewer workers"
    )
