"""Loaders against memory maps and one-by-one reading: captures of 3 receivers × 1,024 samples, cache warm.

Every rival ends with a batch of 256 records and their labels as tensors, as training takes them, and holds it
until the next one is there. ``numpy.memmap`` reads a bare file of the same I/Q from first to last.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch

from benchmarks.timing import Comparison
from iqatlas import Corpus, CorpusSpec, generate

BATCH = 256
_RECORDS = 16_384
_ROUNDS = 9
_SINGLE_ROUNDS = 2


def run() -> list[Comparison]:
    """Compare on one process, rounds in turns, the best of each; needs TensorFlow too."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        corpus = _corpus(Path(name) / "corpus")
        raw = Path(name) / "iq.bin"
        arrays = corpus.numpy(variables=("iq", "label"))
        arrays["iq"].tofile(raw)
        with h5py.File(Path(name) / "records.h5", "w") as file:
            for variable, values in arrays.items():
                file[variable] = values
        shape, megabytes = arrays["iq"].shape, arrays["iq"].nbytes / 1e6
        del arrays
        with h5py.File(Path(name) / "records.h5") as file:
            return _compared(corpus, raw, file, shape, megabytes)


def _corpus(folder: Path) -> Corpus:
    tree = {
        "name": "bench",
        "raytracing": {"kind": "free_space"},
        "capture": {"samples": 1024, "slots": _RECORDS, "snr_db": 10},
        "features": {"spectrogram": None},
    }
    return generate(CorpusSpec.from_tree(tree), folder)


def _compared(
    corpus: Corpus, raw: Path, file: h5py.File, shape: tuple[int, ...], megabytes: float
) -> list[Comparison]:
    def mapped() -> None:
        whole = np.memmap(raw, np.complex64, "r", shape=shape)
        for start in range(0, len(whole), BATCH):
            batch = torch.from_numpy(np.array(whole[start : start + BATCH]))
        del batch

    def one_by_one() -> None:
        iq, label = file["iq"], file["label"]
        for record in range(len(iq)):
            item = torch.from_numpy(iq[record]), torch.from_numpy(np.asarray(label[record]))
        del item

    rivals: dict[str, Callable[[], None]] = {"numpy.memmap, in order": mapped, "h5py, one by one": one_by_one}
    for way, shuffle in (("in order", False), ("shuffled", True)):
        rivals[f"torch stream, {way}"] = _drained(
            corpus.torch(iterable=True, batch=BATCH, shuffle=shuffle, variables=("iq", "label"))
        )
        rivals[f"tf.data, {way}"] = _drained(
            corpus.tf(batch=BATCH, shuffle=shuffle, variables=("iq", "label"))
        )
    best = dict.fromkeys(rivals, float("inf"))
    for number in range(_ROUNDS):
        for name, call in rivals.items():
            if name.startswith("h5py") and number >= _SINGLE_ROUNDS:
                continue
            begun = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - begun)
    rate = {name: megabytes / seconds for name, seconds in best.items()}
    pairs = [
        (f"{ours}, {way}", peer.format(way=way))
        for way in ("in order", "shuffled")
        for ours, peer in (
            ("torch stream", "numpy.memmap, in order"),
            ("torch stream", "h5py, one by one"),
            ("tf.data", "torch stream, {way}"),
        )
    ]
    return [Comparison(ours, "MB/s", rate[ours], rate[peer], peer) for ours, peer in pairs]


def _drained(batches: object) -> Callable[[], None]:
    def drain() -> None:
        for _ in batches:  # type: ignore[attr-defined]
            pass

    return drain
