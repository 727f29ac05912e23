"""Records, from payload to noise and file, against the transforms, random numbers and bytes in them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import scipy.fft

from benchmarks.timing import Comparison, compare
from iqatlas.catalogs._zarr import create_store, write_records
from iqatlas.generators.calibrate import stand_in_recipe
from iqatlas.generators.plan import Shard, plan
from iqatlas.generators.shard import Workshop
from iqatlas.generators.spec import CorpusSpec


def run() -> list[Comparison]:
    """Compare 1024-sample captures of 3 receivers and 3 sites, without features."""
    spec = CorpusSpec.from_tree({"features": {"spectrogram": None}})
    made = plan(spec)
    workshop = Workshop(stand_in_recipe(made, paths_a_link=100))
    shard = Shard(0, 0, made.block_records)
    records, length = made.block_records, workshop.block.length
    rng = np.random.default_rng(1)
    symbols = -(-length // 1097) + 1

    def kernel() -> np.ndarray:
        scipy.fft.ifft(np.ones((records * made.sites * symbols, 1024), np.complex64), axis=-1)
        baseband = np.ones((records, made.sites, length), np.complex64)
        spectrum = scipy.fft.fft(baseband, axis=-1)
        scipy.fft.ifft(spectrum[:, : made.receivers], axis=-1)
        return rng.standard_normal((records, made.receivers, 2 * 1024), dtype=np.float32)

    samples = records * made.receivers * 1024 / 1e6
    results = [
        compare(
            "records in memory",
            work=samples,
            unit="Msps",
            ours=lambda: workshop.make_shard(shard),
            peer=kernel,
            peer_name="bare transforms and noise",
        )
    ]
    dataset = workshop.make_shard(shard)
    with tempfile.TemporaryDirectory() as folder:
        store, raw = Path(folder) / "records.zarr", Path(folder) / "raw"
        iq = dataset[["iq"]]
        create_store(
            store,
            iq[[]],
            {"iq": made.quantities["iq"]},
            {**made.shape, "record": records},
            chunk_records=records,
            shard_records=records,
        )
        results.append(
            compare(
                "I/Q to Zarr",
                work=iq.nbytes / 1e6,
                unit="MB/s",
                ours=lambda: write_records(store, iq, 0),
                peer=lambda: dataset["iq"].values.tofile(raw),
                peer_name="numpy.tofile",
            )
        )
    return results
