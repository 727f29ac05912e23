"""What opening a corpus costs does not grow with its records beyond a few bytes each."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from iqatlas import Corpus
from iqatlas.catalogs.manifest import MANIFEST_NAME, Manifest, read_manifest

RECORDS, SHARD, CHUNK = 10**6, 1 << 16, 1 << 10
LIMIT_MB = 50
"""Twice what it takes, and a quarter of what the loaders promise; splits read as text go beyond it."""

# The peak is the process's own: the one that the system tells of its children begins with the parent's.
OPEN = """
import re, sys
from pathlib import Path
from iqatlas import open_corpus

def megabytes(entry):
    return int(re.search(rf"{entry}:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]) / 1e3

small, large = sys.argv[1:]
held = open_corpus(small)
held.dataset.sel(split="train").sizes  # libraries are there now
held.torch(split="train", iterable=True)
before = megabytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
corpus = open_corpus(large)
train = corpus.dataset.sel(split="train").sizes["record"]
opened = megabytes("VmHWM") - before
items = corpus.torch(split="train", iterable=True).items()
print(corpus.dataset.sizes["record"], train, items, opened, megabytes("VmHWM") - before)
"""


def _grown(corpus: Path) -> dict[str, int]:
    """Have the arrays state a million records, of which only the splits are written; return their numbers."""
    root = corpus / "records.zarr/zarr.json"
    body = json.loads(root.read_bytes())
    for name, meta in body["consolidated_metadata"]["metadata"].items():
        if meta.get("dimension_names", [None])[0] != "record":
            continue
        meta["shape"][0] = RECORDS
        meta["chunk_grid"]["configuration"]["chunk_shape"][0] = SHARD
        meta["codecs"][0]["configuration"]["chunk_shape"][0] = CHUNK
        shutil.rmtree(corpus / "records.zarr" / name / "c")
        (corpus / "records.zarr" / name / "zarr.json").write_text(json.dumps(meta))
    root.write_text(json.dumps(body))
    shares = {"train": 0.7, "validation": 0.1, "test": 0.1, "guard": 0.1}
    names = np.repeat(list(shares), [round(share * RECORDS) for share in shares.values()])
    array = zarr.open_group(corpus / "records.zarr", mode="r+", use_consolidated=False)["split"]
    assert isinstance(array, zarr.Array)
    array[:] = names.astype(object)
    return {name: int((names == name).sum()) for name in shares}


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read where Linux tells them")
def test_a_million_records_open_in_little_memory(mine: Path, tiny_corpus: Corpus) -> None:
    pytest.importorskip("torch")
    splits = _grown(mine)
    like = tiny_corpus.manifest.shards[0]
    stops = [min(RECORDS, SHARD * (index + 1)) for index in range(math.ceil(RECORDS / SHARD))]
    shards = [
        like.model_copy(update={"index": index, "start": index * SHARD, "stop": stop})
        for index, stop in enumerate(stops)
    ]
    body = {**read_manifest(mine).model_dump(), "records": RECORDS, "splits": splits, "shards": shards}
    (mine / MANIFEST_NAME).write_bytes(Manifest.model_validate(body).serialise())
    run = subprocess.run(
        [sys.executable, "-c", OPEN, str(tiny_corpus.path), str(mine)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    records, train, items, opened, streamed = map(float, run.stdout.split())
    assert (records, train, items) == (RECORDS, splits["train"], splits["train"])
    assert opened < LIMIT_MB
    assert streamed < LIMIT_MB
