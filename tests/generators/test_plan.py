"""The plan: what a spec makes, known before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas import Corpus, CorpusSpec, plan
from iqatlas.catalogs._zarr import open_store
from iqatlas.errors import SpecError


@settings(max_examples=100, deadline=None)
@given(
    samples=st.integers(16, 15_360),
    slots=st.integers(1, 5000),
    draws=st.integers(1, 5),
    levels=st.integers(1, 10),
    receivers=st.integers(1, 50),
)
def test_shards_cover_the_records_once_in_whole_blocks(
    samples: int, slots: int, draws: int, levels: int, receivers: int
) -> None:
    """Blocks are the unit of random streams and chunks, so that a shard must never cut one."""
    made = plan(
        CorpusSpec.from_tree(
            {
                "capture": {
                    "samples": samples,
                    "slots": slots,
                    "draws": draws,
                    "snr_db": list(range(levels)),
                },
                "receivers": {"count": receivers},
                "features": {"spectrogram": None},
                "splits": {"train": 1, "validation": 0, "test": 0},
            }
        )
    )
    assert made.records == slots * draws * levels
    assert made.shard_records % made.block_records == 0
    assert made.shards[0].start == 0
    assert made.shards[-1].stop == made.records
    assert all(a.stop == b.start for a, b in zip(made.shards, made.shards[1:], strict=False))
    assert all(shard.stop - shard.start == made.shard_records for shard in made.shards[:-1])
    assert 0 < made.shards[-1].stop - made.shards[-1].start <= made.shard_records
    assert [shard.index for shard in made.shards] == list(range(made.shard_count))
    # A block is at most a mebi-sample of I/Q, or else one single record.
    assert made.block_records == 1 or made.block_records * samples * receivers <= 1 << 20
    # A chunk is stored whole: no more than half of the only one may be padding.
    assert made.block_records == 1 or made.block_records < 2 * made.records


@pytest.mark.parametrize(
    ("tree", "records", "receivers", "sites", "levels"),
    [
        ({}, 2304, 3, 3, 9),
        ({"capture": {"slots": 100, "draws": 2, "snr_db": 5}}, 200, 3, 3, 1),
        ({"capture": {"slots": 100, "noise": "thermal"}}, 100, 3, 3, 1),
        ({"capture": {"slots": 100, "snr_db": {"start": 0, "stop": 11, "step": 5}}}, 300, 3, 3, 3),
        ({"sites": {"kind": "opencellid", "path": "x.csv", "count": 5}}, 2304, 3, 5, 9),
        (
            {"receivers": {"positions": [{"longitude_deg": 0, "latitude_deg": 0, "altitude_m": 9}] * 2}},
            2304,
            2,
            3,
            9,
        ),
    ],
)
def test_counts(tree: dict[str, Any], records: int, receivers: int, sites: int, levels: int) -> None:
    made = plan(CorpusSpec.from_tree(tree))
    assert (made.records, made.receivers, made.sites, made.levels) == (records, receivers, sites, levels)
    assert made.samples == records * receivers * made.spec.capture.samples


def test_bytes_are_those_of_the_stored_arrays(small_corpus: Corpus) -> None:
    made = plan(CorpusSpec.from_tree(small_corpus.manifest.spec))
    stored = open_store(small_corpus.path / "records.zarr")
    assert made.bytes_by_variable == {name: stored[name].nbytes for name in made.quantities}
    assert made.bytes == sum(made.bytes_by_variable.values())
    assert {dim: stored.sizes[dim] for dim in made.shape} == made.shape


def test_a_plan_of_more_bytes_than_a_word_counts_is_right() -> None:
    spec = CorpusSpec.from_tree(
        {
            "capture": {"slots": 10_000_000, "draws": 1_000_000, "samples": 15_000},
            "receivers": {"count": 1000},
            "features": {"spectrogram": None},
        }
    )
    made = plan(spec)
    assert made.bytes_by_variable["iq"] == 10_000_000 * 1_000_000 * 9 * 1000 * 15_000 * 8
    assert made.bytes > made.bytes_by_variable["iq"]
    assert made.shard_count > 1e13  # counted, not listed


def test_a_plan_reads_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the map nor the cells are there, and a plan doesn't mind."""
    monkeypatch.chdir(tmp_path)
    plan(
        CorpusSpec.from_tree(
            {
                "scene": {"buildings": {"kind": "osm_file", "path": "none.osm"}},
                "sites": {"kind": "opencellid", "path": "none.csv"},
            }
        )
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("tree", "line"),
    [
        ({"waveform": {"subchannels": 51}}, "waveform.subchannels: 51 sub-channels in 50 resource blocks"),
        (
            {"capture": {"samples": 20_000}},
            "capture.samples: 20000 samples are longer than an occupancy slot",
        ),
        ({"capture": {"slots": 5}}, "capture.slots: 5 slots are too few for 3 splits"),
        ({"occupancy": {"slot_s": 0.0007}}, "occupancy.slot_s: 0.0007 s is not a whole number of LTE slots"),
        ({"occupancy": {"slot_s": 0.0001}}, "occupancy.slot_s: 0.0001 s is not a whole number of LTE slots"),
        (
            {"occupancy": {"slot_s": 0.0015}, "waveform": {"payload": "coded"}},
            "occupancy.slot_s: 0.0015 s is not a whole number of milliseconds",
        ),
        (
            {"waveform": {"kind": "marine_vhf"}, "occupancy": {"slot_s": 0.0007}},
            "occupancy.slot_s: 0.0007 s is not a whole number of half milliseconds",
        ),
        (
            {"waveform": {"payload": "coded"}, "transmitter": {"frame_timing": "random"}},
            "transmitter.frame_timing: coded subframes are switched as a whole",
        ),
        (
            {"waveform": {"payload": "coded"}, "transmitter": {"sampling_offset_ppm": [-1, 1]}},
            "transmitter.sampling_offset_ppm: coded subframes are switched as a whole",
        ),
        ({"occupancy": {"p01": [0.1, 0.2]}}, "occupancy.p01: 2 rates for 16 sub-channels"),
        ({"occupancy": {"p01": 0, "p10": 0}}, "p01 and p10 of sub-channel 0 are both 0"),
        ({"carrier": {"earfcn": 4999}}, "carrier.earfcn: 4999 is not a downlink EARFCN"),
        ({"features": {"spectrogram": {"nperseg": 2048}}}, "2048 samples a segment don't fit into captures"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_anything_is_read(tree: dict[str, Any], line: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan(CorpusSpec.from_tree(tree))
    assert str(caught.value).startswith(line) or line in str(caught.value)


def test_the_least_slots_that_an_error_names_are_enough() -> None:
    with pytest.raises(SpecError, match="at least 37"):
        plan(CorpusSpec.from_tree({"capture": {"slots": 36}}))
    made = plan(CorpusSpec.from_tree({"capture": {"slots": 37}}))
    assert np.bincount(made.slot_split, minlength=4).tolist() == [1, 1, 1, 34]


@pytest.mark.parametrize(
    ("samples", "receivers", "shard"),
    [(1024, 3, 2048), (307_200, 3, 8), (768_000, 3, 3), (1_536_000, 3, 1), (900_000, 100, 1)],
)
def test_a_shard_of_long_captures_holds_few(samples: int, receivers: int, shard: int) -> None:
    """A shard is held in memory: eight blocks of 8 MiB of I/Q, or else a single record."""
    tree = {"capture": {"samples": samples, "slots": 3000}, "occupancy": {"slot_s": 0.2}}
    made = plan(CorpusSpec.from_tree({**tree, "receivers": {"count": receivers}}))
    assert made.shard_records == shard
    assert shard == 1 or shard * samples * receivers <= 8 << 20


def test_a_shard_of_overlapping_spectrograms_holds_few() -> None:
    """With a hop of 2 a spectrogram is 28 times its I/Q, and three blocks took 1,008 MiB in all."""
    hop = {"features": {"spectrogram": {"nperseg": 128, "hop": 2}}, "capture": {"slots": 3000}}
    made = plan(CorpusSpec.from_tree(hop))
    assert made.shard_records == made.block_records
    plain = plan(CorpusSpec.from_tree({"capture": {"slots": 3000}}))
    assert plain.shard_records == 8 * plain.block_records
