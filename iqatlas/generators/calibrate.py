"""How fast this machine makes records: one small block, timed."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from iqatlas.generators.plan import Plan, Shard
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.raytracing.paths import PathSet

_CALIBRATION_SAMPLES = 400_000
_TYPICAL_DELAY_S = 5e-6


def seconds_per_sample(plan: Plan) -> float:
    """Return the time that a received sample of a plan takes one worker, storage left out.

    Args:
        plan: The plan; its links are stood in for by single paths of a city's usual delays.
    """
    shape = (1, plan.receivers, plan.sites, 1)
    delay = np.linspace(0, _TYPICAL_DELAY_S, num=plan.receivers * plan.sites).reshape(shape)
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
    per_record = plan.receivers * plan.spec.capture.samples
    records = int(np.clip(_CALIBRATION_SAMPLES // per_record, 1, plan.records))
    recipe = Recipe(
        plan=replace(plan, block_records=min(plan.block_records, records)),
        paths=paths,
        cell_ids=tuple(range(plan.sites)),
        site_power_dbm=(43.0,) * plan.sites,
    )
    workshop = Workshop(recipe)
    workshop.make_shard(Shard(0, 0, 1))  # transforms and tables are planned on first use
    begun = time.perf_counter()
    workshop.make_shard(Shard(0, 0, records))
    return (time.perf_counter() - begun) / (records * per_record)
