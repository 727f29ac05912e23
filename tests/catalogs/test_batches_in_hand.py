"""Values of batches whose memory is used again: while several are held, and after they were let go."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, CorpusSpec, generate

BATCH = 48
HELD = 3


@pytest.fixture(scope="module", params=["zarr", "hdf5"])
def corpus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, quicken: Callable[..., None]
) -> Corpus:
    """Return a corpus of several shards, of which a few records are more than 64 KiB."""
    tree = {
        "name": "long",
        "raytracing": {"kind": "free_space"},
        "receivers": {"kind": "hover", "count": 2},
        "waveform": {"kind": "lte", "bandwidth_mhz": 1.4, "subchannels": 2},
        "capture": {"slots": 300, "snr_db": 10, "samples": 1024},
        "features": {"spectrogram": None},
        "storage": {"format": request.param},
    }
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch)
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 15)
        return generate(CorpusSpec.from_tree(tree), tmp_path_factory.mktemp("corpora") / request.param)


def _see(batch: dict[str, Any], stored: dict[str, np.ndarray]) -> None:
    rows = np.asarray(batch["record"])
    for name, values in stored.items():
        np.testing.assert_array_equal(np.asarray(batch[name]), values[rows])


def _follow(
    epochs: Iterable[Iterable[dict[str, Any]]], stored: dict[str, np.ndarray]
) -> tuple[list[int], int]:
    """Hold some batches at a time, and look at each when it comes and when it goes.

    Returns the records that came, and at how many places in memory whole batches lay.
    """
    held: deque[dict[str, Any]] = deque()
    rows: list[int] = []
    places: set[int] = set()
    for batches in epochs:
        for batch in batches:
            _see(batch, stored)
            rows += np.asarray(batch["record"]).tolist()
            if len(batch["record"]) == BATCH:
                assert np.asarray(batch["iq"]).nbytes > 1 << 16
                places.add(int(np.asarray(batch["iq"]).__array_interface__["data"][0]))
            held.append(batch)
            if len(held) > HELD:
                # The memory of others that went has been filled anew since this one came.
                _see(held.popleft(), stored)
    while held:
        _see(held.popleft(), stored)
    return rows, len(places)


@pytest.mark.parametrize("receivers", [None, ["uav1", "uav0"]])
def test_torch(corpus: Corpus, receivers: list[str] | None) -> None:
    pytest.importorskip("torch")
    names = ("iq", "label", "snr")
    own = slice(None) if receivers is None else [1, 0]
    stored = {name: corpus.dataset[name].values for name in names}
    stored |= {name: stored[name][:, own] for name in ("iq", "snr")}
    stream = corpus.torch(
        variables=(*names, "record"), receivers=receivers, iterable=True, batch=BATCH, buffer=128
    )

    def epochs() -> Iterable[Any]:
        for epoch in range(4):
            stream.set_epoch(epoch)
            yield stream

    rows, places = _follow(epochs(), stored)
    assert sorted(rows) == sorted(list(range(300)) * 4)
    # 24 whole batches: those that are held, the one that is made, and what the last pass had in hand.
    assert places < 12


def test_tensorflow(corpus: Corpus) -> None:
    pytest.importorskip("tensorflow")
    names = ("iq", "label", "snr")
    stored = {name: corpus.dataset[name].values for name in names}
    dataset = corpus.tf(variables=(*names, "record"), batch=BATCH, buffer=128)
    rows, _ = _follow((dataset for _ in range(3)), stored)
    assert sorted(rows) == sorted(list(range(300)) * 3)
