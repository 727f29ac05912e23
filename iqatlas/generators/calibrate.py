"""How fast this machine makes and stores records: one small block and one file, timed."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.durable import sync_file
from iqatlas.generators.plan import Plan, Shard
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.raytracing.paths import PathSet

_CALIBRATION_SAMPLES = 400_000
_LARGEST_CAPTURE = 500_000
_LARGEST_RECORD = 4_000_000
_TYPICAL_DELAY_S = 5e-6
_STORED_BYTES = 16 << 20
_SHARD_S = 0.05
"""What a shard costs besides its samples and bytes: a dozen small files, and the ledger."""
_WORKER_START_S = 2.0
"""Imports of a worker process, which workers of as many cores do at once, while the first one works."""
_AROUND_S = 4.0
"""Imports, the scene, pictures and cards."""
_RECORD_S = 5e-6
"""To count a record's occupancy and powers for the cards, and to enter it in the table."""


@dataclass(frozen=True)
class Speed:
    """What one worker of this machine needs.

    Args:
        seconds_per_sample: To make a received sample.
        seconds_per_byte: To write a byte, bring it to the disk, and hash it.
    """

    seconds_per_sample: float
    seconds_per_byte: float

    def seconds(self, plan: Plan, workers: int) -> float:
        """Return the time that a generation takes, ray tracing apart, on as many cores as workers.

        Args:
            plan: The plan.
            workers: Processes; more than there are shards don't help.
        """
        return _AROUND_S + plan.records * _RECORD_S + self.records_seconds(plan, workers)

    def records_seconds(self, plan: Plan, workers: int) -> float:
        """Return the time that the records of a plan take.

        Args:
            plan: The plan.
            workers: Processes. The first makes records from the start, the others once they have started.
        """
        alone = (
            plan.samples * self.seconds_per_sample
            + plan.bytes * self.seconds_per_byte
            + plan.shard_count * _SHARD_S
        )
        others = min(workers, plan.shard_count) - 1
        return min(alone, (alone + others * _WORKER_START_S) / (1 + others))


def measure_speed(plan: Plan) -> Speed:
    """Return how fast this machine makes and stores the records of a plan, in about a second.

    Args:
        plan: The plan.
    """
    return Speed(seconds_per_sample(plan), seconds_per_byte())


def seconds_per_byte() -> float:
    """Return the time that a byte takes to be written, brought to the disk of temporary files, and hashed."""
    content = bytes(_STORED_BYTES)
    with tempfile.TemporaryDirectory(prefix="iqatlas-speed-") as folder:
        path = Path(folder) / "file"
        begun = time.perf_counter()
        path.write_bytes(content)
        sync_file(path)
        sha256_file(path)
        return (time.perf_counter() - begun) / _STORED_BYTES


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def stand_in_recipe(plan: Plan, *, paths_a_link: int = 1) -> Recipe:
    """Return a recipe whose links have paths of a city's usual delays, without any city.

    Args:
        plan: The plan.
        paths_a_link: Paths of each link.
    """
    shape = (1, plan.receivers, plan.sites, paths_a_link)
    delay = np.linspace(0, _TYPICAL_DELAY_S, num=int(np.prod(shape))).reshape(shape)
    paths = PathSet(
        gain=np.full(shape, 1e-5, np.complex128),
        delay_s=delay,
        doppler_hz=np.zeros(shape),
        departure_azimuth_deg=np.zeros(shape),
        departure_zenith_deg=np.zeros(shape),
        arrival_azimuth_deg=np.zeros(shape),
        arrival_zenith_deg=np.zeros(shape),
        interaction=np.zeros((*shape, 1), np.int8),
        vertex_m=np.full((*shape, 1, 3), np.nan),
        valid=np.ones(shape, bool),
        frequency_hz=2e9,
    )
    return Recipe(
        plan=plan,
        paths=paths,
        cell_ids=tuple(range(plan.sites)),
        site_power_dbm=(43.0,) * plan.sites,
    )


def seconds_per_sample(plan: Plan) -> float:
    """Return the time that a received sample of a plan takes one worker, storage left out.

    Args:
        plan: The plan.
    """
    # A part of a long capture, and a few of many receivers, tell the time of the whole.
    capture = plan.spec.capture
    samples = min(capture.samples, _LARGEST_CAPTURE)
    shorter = plan.spec.model_copy(update={"capture": capture.model_copy(update={"samples": samples})})
    plan = replace(plan, spec=shorter, receivers=min(plan.receivers, max(1, _LARGEST_RECORD // samples)))
    per_record = plan.receivers * samples
    records = int(np.clip(_CALIBRATION_SAMPLES // per_record, 1, plan.records))
    workshop = Workshop(stand_in_recipe(replace(plan, block_records=min(plan.block_records, records))))
    workshop.make_shard(Shard(0, 0, 1))  # transforms and tables are planned on first use
    begun = time.perf_counter()
    workshop.make_shard(Shard(0, 0, records))
    return (time.perf_counter() - begun) / (records * per_record)
