"""The time that a plan names."""

from __future__ import annotations

import time

import pytest

from iqatlas import CorpusSpec, plan
from iqatlas.generators.calibrate import seconds_per_sample, stand_in_recipe
from iqatlas.generators.plan import Shard
from iqatlas.generators.shard import Workshop


def test_the_estimate_is_what_a_shard_takes() -> None:
    """Within a factor of eight, on a machine that has other things to do: it tells hours from days."""
    made = plan(CorpusSpec.from_tree({"capture": {"slots": 500}}))
    workshop = Workshop(stand_in_recipe(made))
    workshop.make_shard(Shard(0, 0, 1))
    begun = time.perf_counter()
    workshop.make_shard(Shard(0, 0, 1000))
    measured = (time.perf_counter() - begun) / (1000 * 3 * 1024)
    assert measured / 8 < seconds_per_sample(made) < measured * 8


@pytest.mark.parametrize(
    "tree",
    [
        {
            "capture": {"samples": 16, "slots": 1},
            "receivers": {"count": 1},
            "features": {"spectrogram": None},
        },
        {"capture": {"noise": "thermal"}},
        # All receivers of one record would take 72 GB.
        {"capture": {"samples": 9_000_000}, "receivers": {"count": 1000}, "occupancy": {"slot_s": 1}},
    ],
)
def test_any_plan_can_be_timed(tree: dict[str, object]) -> None:
    spec = CorpusSpec.from_tree({"splits": {"train": 1, "validation": 0, "test": 0}, **tree})
    assert 0 < seconds_per_sample(plan(spec)) < 1e-3
