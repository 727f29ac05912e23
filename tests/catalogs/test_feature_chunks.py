"""Features much larger than the I/Q, whose chunks hold fewer records than those of the other arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs import _zarr
from iqatlas.catalogs.store_export import export_store

SPEC = {
    "raytracing": {"kind": "free_space"},
    "capture": {"slots": 80, "samples": 256, "snr_db": 10},
    "features": {"spectrogram": None, "cyclic_spectrum": {}, "power_spectrum": {"nperseg": 64}},
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_zarr, "_LARGEST_CHUNK_BYTES", 1 << 17)
        made = generate(CorpusSpec.from_tree(SPEC), tmp_path_factory.mktemp("corpora") / "large")
    stored = open_corpus(made.path).dataset
    chunks = {name: stored[name].encoding["chunks"][0] for name in ("cyclic_spectrum", "iq", "slot")}
    assert chunks["cyclic_spectrum"] < chunks["iq"] <= chunks["slot"]
    return made


def test_it_is_sound(large: Corpus) -> None:
    assert large.verify().problems == ()


def test_it_can_be_stored_anew(large: Corpus, tmp_path: Path) -> None:
    other = export_store(large, tmp_path / "h5", form="hdf5", progress=lambda done, total: None)
    np.testing.assert_array_equal(other.dataset["cyclic_spectrum"], large.dataset["cyclic_spectrum"])


def test_loaders_give_its_records(large: Corpus) -> None:
    torch = pytest.importorskip("torch")
    names = ("cyclic_spectrum", "label")
    part = large.split("train")
    held = large.numpy(split="train", variables=names)
    np.testing.assert_array_equal(held["cyclic_spectrum"], part["cyclic_spectrum"])
    stream = large.torch(split="train", variables=names, iterable=True, batch=7, shuffle=False)
    loaded = torch.cat([batch["cyclic_spectrum"] for batch in stream])
    np.testing.assert_array_equal(loaded, part["cyclic_spectrum"])
