"""How fast this machine makes records: one small block, timed."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from iqatlas.generators.plan import Plan, Shard
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.raytracing.paths import PathSet

_CALIBRATION_SAMPLES = 400_000
_LARGEST_CAPTURE = 500_000
_LARGEST_RECORD = 4_000_000
_TYPICAL_DELAY_S = 5e-6


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
