"""The time that a plan names."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import xarray as xr

from iqatlas import CorpusSpec, plan
from iqatlas.catalogs.construction import Construction
from iqatlas.generators.calibrate import Speed, cores, measure_speed, seconds_per_sample, stand_in_recipe
from iqatlas.generators.plan import Shard
from iqatlas.generators.shard import Workshop
from iqatlas.generators.workers import write_shards


def test_the_estimate_is_what_a_shard_takes() -> None:
    """Within a factor of eight, on a machine that has other things to do: it tells hours from days."""
    made = plan(CorpusSpec.from_tree({"capture": {"slots": 500}}))
    workshop = Workshop(stand_in_recipe(made))
    workshop.make_shard(Shard(0, 0, 1))
    begun = time.perf_counter()
    workshop.make_shard(Shard(0, 0, 1000))
    measured = (time.perf_counter() - begun) / (1000 * 3 * 1024)
    assert measured / 8 < seconds_per_sample(made) < measured * 8


def test_the_estimate_of_a_plan_is_what_its_records_take(tmp_path: Path) -> None:
    """Storage and small files included; within a factor of eight, for the same reason as above."""
    made = plan(CorpusSpec.from_tree({"capture": {"slots": 300}}))
    recipe = stand_in_recipe(made)
    workshop = Workshop(recipe)
    with Construction(tmp_path / "out", build_key="0") as construction:
        construction.store.create(
            construction.bench,
            xr.Dataset(),
            made.quantities,
            made.shape,
            chunk_records=made.block_records,
            shard_records=made.shard_records,
        )
        workshop.make_shard(Shard(0, 0, 1))
        begun = time.perf_counter()
        assert len(list(write_shards(construction, recipe, workshop, list(made.shards)))) > 2
        taken = time.perf_counter() - begun
    assert taken / 8 < measure_speed(made).records_seconds(made, 1) < taken * 8


def test_workers_share_the_work_and_cost_their_start() -> None:
    made = plan(CorpusSpec.from_tree({"capture": {"slots": 100_000}}))
    speed = Speed(seconds_per_sample=1e-7, seconds_per_byte=1e-9)
    alone = speed.records_seconds(made, 1)
    assert alone > made.samples * 1e-7 + made.bytes * 1e-9
    # One works while the others start, all at once: each of those is idle for so long.
    starts = [(number * speed.records_seconds(made, number) - alone) / (number - 1) for number in (2, 4, 8)]
    assert starts == pytest.approx([starts[0]] * 3)
    assert 0 < starts[0] < 10
    # What is soon done is done by the first worker before the others have started.
    small = plan(CorpusSpec.from_tree({"capture": {"slots": 40}}))
    assert speed.seconds(small, 8) == speed.seconds(small, 1) > speed.records_seconds(small, 1)
    beyond = speed.seconds(made, made.shard_count)
    assert speed.seconds(made, 10 * made.shard_count) == beyond  # more workers than shards
    assert cores() >= 1


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
