"""The same spec gives the same bytes: for any number of workers, in any order, in any process."""

from __future__ import annotations

import hashlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.path_store import paths_from_dataset
from iqatlas.generators.plan import Shard, plan
from iqatlas.generators.shard import Recipe, Workshop, make_shard

pytestmark = pytest.mark.usefixtures("quick_parts")


@pytest.fixture
def recipe(tiny_spec: CorpusSpec, tiny_corpus: Corpus) -> Recipe:
    """Return the recipe of the tiny corpus, from what is published: no scene, no ray tracer."""
    sites = tiny_corpus.manifest.scene["sites"]
    return Recipe(
        plan=plan(tiny_spec),
        paths=paths_from_dataset(tiny_corpus.paths),
        cell_ids=tuple(site["cell_id"] for site in sites),
        site_power_dbm=tuple(site["power_dbm"] for site in sites),
    )


def shard_hashes(corpus: Corpus) -> list[str]:
    return [shard.sha256 for shard in corpus.manifest.shards]


def digest(records: xr.Dataset) -> str:
    """Return a hash over all values: NaN and the sign of zero count."""
    sha = hashlib.sha256()
    for name in sorted(map(str, records.variables)):
        values = records[name].values
        sha.update(values.astype("U16").tobytes() if values.dtype.kind == "T" else values.tobytes())
    return sha.hexdigest()


def test_two_workers_give_the_bytes_of_one(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, by_others: list[Shard]
) -> None:
    made = generate(tiny_spec, tmp_path / "c", workers=2)
    assert by_others
    assert shard_hashes(made) == shard_hashes(tiny_corpus)
    assert made.verify().sound


def test_shards_in_another_order_give_the_same_bytes(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from iqatlas.generators import execute

    write = execute.write_shards
    asked: list[int] = []

    def backwards(
        construction: Construction, recipe: Recipe, workshop: Workshop, todo: list[Shard], *others: Any
    ) -> object:
        asked.extend(shard.index for shard in todo[::-1])
        return write(construction, recipe, workshop, todo[::-1], *others)

    monkeypatch.setattr(execute, "write_shards", backwards)
    made = generate(tiny_spec, tmp_path / "c")
    assert asked == [2, 1, 0]
    assert shard_hashes(made) == shard_hashes(tiny_corpus)


def test_another_seed_changes_every_shard(tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path) -> None:
    made = generate(tiny_spec.model_copy(update={"seed": tiny_spec.seed + 1}), tmp_path / "c")
    assert not set(shard_hashes(made)) & set(shard_hashes(tiny_corpus))
    assert not np.array_equal(made.dataset["occupancy"].values, tiny_corpus.dataset["occupancy"].values)


def test_a_shard_remade_from_a_published_corpus_is_its_shard(recipe: Recipe, tiny_corpus: Corpus) -> None:
    for shard in recipe.plan.shards:
        made = make_shard(recipe, shard)
        stored = tiny_corpus.dataset.drop_indexes("split").reset_coords()
        stored = stored.isel(record=slice(shard.start, shard.stop)).load()
        for name in made.data_vars:
            expected = stored[name].values.astype(made[name].dtype)
            np.testing.assert_array_equal(made[name].values, expected, err_msg=str(name))


def test_a_shard_does_not_depend_on_those_before_it(recipe: Recipe) -> None:
    workshop = Workshop(recipe)
    in_turn = [digest(workshop.make_shard(shard)) for shard in recipe.plan.shards]
    backwards = [digest(workshop.make_shard(shard)) for shard in recipe.plan.shards[::-1]]
    alone = [digest(make_shard(recipe, shard)) for shard in recipe.plan.shards]
    assert in_turn == backwards[::-1] == alone
    assert len(set(alone)) == len(alone)


def test_a_shard_made_in_another_process_is_the_same(recipe: Recipe) -> None:
    shard = recipe.plan.shards[1]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = pool.submit(make_shard, recipe, shard).result(timeout=60)
    assert digest(elsewhere) == digest(make_shard(recipe, shard))
