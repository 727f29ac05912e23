"""Records, from payload to noise and file, against the transforms, random numbers and bytes in them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import scipy.fft
import torch
import xarray as xr
from sionna.phy.channel import ApplyTimeChannel, cir_to_time_channel, time_lag_discrete_time_channel
from sionna.phy.ofdm import OFDMModulator

from benchmarks.timing import Comparison, compare, one_core
from benchmarks.whole_corpora import write_corpus
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.staging import open_run, place_shard, prepare_twin, stage_shard
from iqatlas.channels.normal_numbers import Draw, by_numpy, compiled
from iqatlas.generators.calibrate import stand_in_recipe
from iqatlas.generators.plan import Plan, Shard, plan
from iqatlas.generators.shard import Workshop
from iqatlas.generators.spec import CorpusSpec

_SUBFRAME_SAMPLES = 15_360
_SLOTS = 4096
"""Of the corpora that shards are taken from: tens of gigabytes, as corpora are."""
_SHARDS = 4
_GROUP = 16
"""Records that the bare kernel transforms at once: as few as stay in a cache."""


def run() -> list[Comparison]:
    """Compare captures of 3 receivers and 3 sites, 100 paths a link, without features; on one core."""
    torch.set_num_threads(1)
    with one_core():
        return [_against_sionna(), *_against_kernel()]


def _workshop(samples: int) -> tuple[Plan, Workshop]:
    tree = {"features": {"spectrogram": None}, "capture": {"samples": samples, "slots": _SLOTS}}
    made = plan(CorpusSpec.from_tree(tree))
    return made, Workshop(stand_in_recipe(made, paths_a_link=100))


def _against_sionna() -> Comparison:
    """Compare subframes of 1 ms, labels, payload and noise included, with Sionna PHY's bare chain."""
    made, workshop = _workshop(_SUBFRAME_SAMPLES)
    records = made.block_records
    paths = workshop.recipe.paths
    modulator = OFDMModulator(np.tile([80] + [72] * 6, 2), device="cpu")
    grid = torch.randn(1, made.sites, 1, 14, 1024, dtype=torch.complex64)
    first, last = time_lag_discrete_time_channel(made.sample_rate_hz, paths.max_delay_s)
    taps = last - first + 1
    steps = _SUBFRAME_SAMPLES + taps - 1
    gain = torch.from_numpy(paths.gain[:, :, None, :, None, :, None].astype(np.complex64))
    delay = torch.from_numpy(paths.delay_s.astype(np.float32))
    channel = cir_to_time_channel(
        made.sample_rate_hz, gain.expand(*gain.shape[:-1], steps), delay, first, last
    ).contiguous()
    apply = ApplyTimeChannel(_SUBFRAME_SAMPLES, taps, device="cpu")
    return compare(
        "1 ms subframes",
        work=records * made.receivers * _SUBFRAME_SAMPLES / 1e6,
        unit="Msps",
        ours=lambda: workshop.make_shard(Shard(0, 0, records)),
        peer=lambda: apply(modulator(grid), channel),
        peer_work=made.receivers * _SUBFRAME_SAMPLES / 1e6,
        peer_name="Sionna PHY, ready grid and taps",
        rounds=5,
    )


def _against_kernel() -> list[Comparison]:
    made, workshop = _workshop(1024)
    shard = Shard(0, 0, made.shard_records)
    draws = {"NumPy's noise": by_numpy, "compiled noise": compiled()}
    kernels = {
        f"transforms, {name}": _kernel(made, workshop, draw)
        for name, draw in draws.items()
        if draw is not None
    }
    samples = made.shard_records * made.receivers * 1024 / 1e6
    results = [
        compare(
            "records in memory",
            work=samples,
            unit="Msps",
            ours=lambda: workshop.make_shard(shard),
            peer=kernel,
            peer_name=name,
            rounds=3,
        )
        for name, kernel in kernels.items()
    ]
    dataset = workshop.make_shard(shard)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        raw = folder / "raw"

        def bare() -> None:
            raw.unlink(missing_ok=True)
            with raw.open("wb") as file:
                dataset["iq"].values.tofile(file)
                os.fsync(file.fileno())

        for form in FORMATS:
            write = _writer(folder, made, form)
            results.append(
                compare(
                    f"shards to {form}, staged",
                    work=dataset.nbytes / 1e6,
                    unit="MB/s",
                    ours=partial(write, dataset),
                    peer=bare,
                    peer_name="numpy.tofile and fsync",
                    rounds=3,
                )
            )
        for name, kernel in kernels.items():
            results.append(
                compare(
                    "records to the disk",
                    work=_SHARDS * samples,
                    unit="Msps",
                    ours=lambda: write_corpus(folder / "corpus", workshop, _SHARDS),
                    peer=partial(_kernel_and_file, kernel, bare),
                    peer_name=f"{name} and tofile",
                    rounds=2,
                )
            )
    return results


def _kernel_and_file(kernel: Callable[[], None], bare: Callable[[], None]) -> None:
    for _ in range(_SHARDS):
        kernel()
        bare()


def _kernel(made: Plan, workshop: Workshop, draw: Draw) -> Callable[[], None]:
    """Return what no way of making a shard can avoid: its transforms and its normal numbers."""
    length, records = workshop.block.length, made.shard_records
    rng = np.random.Generator(np.random.SFC64(1))
    symbols = np.ones((_GROUP * made.sites * (-(-length // 1097) + 1), 1024), np.complex64)
    baseband = np.ones((_GROUP, made.sites, length), np.complex64)
    noise = np.empty((records, made.receivers * 2 * 1024), np.float32)

    def kernel() -> None:
        for start in range(0, records, _GROUP):
            scipy.fft.ifft(symbols, axis=-1)
            spectrum = scipy.fft.fft(baseband, axis=-1)
            scipy.fft.ifft(spectrum[:, : made.receivers], axis=-1)
            draw(rng, noise[start : start + _GROUP].reshape(-1))

    return kernel


def _writer(folder: Path, made: Plan, form: str) -> Callable[[xr.Dataset], None]:
    """Return what writes a shard as a run does: apart, hashed, brought to the disk, and put into place."""
    store, corpus = FORMATS[form], folder / form
    corpus.mkdir(exist_ok=True)
    store.create(
        corpus,
        xr.Dataset(),
        made.quantities,
        made.shape,
        chunk_records=made.block_records,
        shard_records=made.shard_records,
    )
    run = open_run(corpus)

    def write(records: xr.Dataset) -> None:
        twin = prepare_twin(corpus, run, "shard", store)
        store.write_records(twin, records, 0)
        place_shard(corpus, stage_shard(corpus, twin, store))

    return write
