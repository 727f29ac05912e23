"""What a worker holds while it makes and writes a shard: the same for a long corpus as for a short one."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
import xarray as xr

from iqatlas import CorpusSpec, plan
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.generators.calibrate import stand_in_recipe
from iqatlas.generators.shard import Workshop


@pytest.mark.parametrize("form", FORMATS)
def test_memory_is_flat_in_the_length_of_the_corpus(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty times the slots: the peak stays within a tenth, the bound that is promised."""
    monkeypatch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 17)
    peaks = []
    for slots in (1_000, 20_000):
        spec = CorpusSpec.from_tree(
            {
                "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
                "capture": {"samples": 512, "slots": slots, "snr_db": [0, 10]},
                "features": {"spectrogram": None},
                "storage": {"format": form},
            }
        )
        made = plan(spec)
        store, folder = FORMATS[form], tmp_path / str(slots)
        folder.mkdir()
        store.create(
            folder,
            xr.Dataset(),
            made.quantities,
            made.shape,
            chunk_records=made.block_records,
            shard_records=made.block_records,
        )
        workshop = Workshop(stand_in_recipe(made))
        shards = [
            type(made.shards[0])(0, start, start + made.block_records)
            for start in (0, made.records // made.block_records // 2 * made.block_records)
        ]
        store.write_records(folder, workshop.make_shard(shards[0]), 0)  # tables are made on first use
        tracemalloc.start()
        for shard in shards:
            store.write_records(folder, workshop.make_shard(shard), shard.start)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    received = made.block_records * made.receivers * 512 * 8
    assert peaks[1] < 1.1 * peaks[0]
    assert received < peaks[1] < 12 * received
