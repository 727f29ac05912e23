"""The records of corpora, written as a run writes them: shards, hashes, ledger."""

from __future__ import annotations

import shutil
from pathlib import Path

import xarray as xr

from iqatlas.catalogs.construction import Construction
from iqatlas.generators.shard import Workshop
from iqatlas.generators.workers import Workforce, write_shards


def write_corpus(
    folder: Path, workshop: Workshop, shards: int | None = None, workforce: Workforce | None = None
) -> None:
    """Write the shards of a corpus without scene and manifest, and remove them.

    Args:
        folder: Where to; nothing is there before and after.
        workshop: Makes the records.
        shards: How many of the first ones; all of them without it.
        workforce: Who writes; this process alone without it.
    """
    plan = workshop.plan
    with Construction(str(folder), build_key="benchmark") as construction:
        construction.store.create(
            construction.bench,
            xr.Dataset(),
            plan.quantities,
            plan.shape,
            chunk_records=plan.block_records,
            shard_records=plan.shard_records,
        )
        todo = list(plan.shards[:shards])
        for shard, files in write_shards(construction, workshop.recipe, workshop, todo, workforce):
            construction.record(shard.step, files)
    shutil.rmtree(folder)
