"""A small corpus for detectors, and copies of it that are wrong on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from iqatlas.catalogs.corpus import Corpus, open_corpus
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec


@pytest.fixture(scope="session")
def sound_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 400 records at four levels, payload fresh, control on: nothing is wrong with it."""
    spec = CorpusSpec.from_tree(
        {
            "name": "sound",
            "raytracing": {"kind": "free_space"},
            "capture": {"slots": 100, "snr_db": [-20, -5, 5, 20], "samples": 256},
            "features": {"spectrogram": None},
        }
    )
    return generate(spec, tmp_path_factory.mktemp("detectors") / "sound")


@pytest.fixture
def sabotaged(sound_corpus: Corpus, tmp_path: Path) -> Callable[..., Corpus]:
    """Give a function that returns a copy whose named arrays went through functions."""

    def sabotage(source: Corpus = sound_corpus, **changes: Callable[[np.ndarray], np.ndarray]) -> Corpus:
        folder = tmp_path / f"sabotaged-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(source.path, folder)
        group = zarr.open_group(folder / "records.zarr", mode="r+")
        for name, change in changes.items():
            group[name][...] = change(np.asarray(group[name][...]))
        return open_corpus(folder)

    return sabotage
