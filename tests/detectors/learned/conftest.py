"""A small corpus to learn from, whose two sub-channels are wide enough to be told apart at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.spec import BoostedSpec, CnnSpec, SpectrogramCnnSpec, TrainingSpec
from iqatlas.detectors.learned.training import train
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec


@pytest.fixture(scope="session")
def made_corpus(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Corpus]:
    """Give a function that makes a corpus of one site and two receivers, with changes of its spec."""

    def make(**changes: Any) -> Corpus:
        tree: dict[str, Any] = {
            "name": "learnable",
            "raytracing": {"kind": "free_space"},
            "sites": {
                "kind": "list",
                "sites": [{"name": "s", "longitude_deg": 24.94, "latitude_deg": 60.1685, "height_m": 60}],
            },
            "receivers": {"count": 2},
            "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
            "occupancy": {"p01": 0.3, "p10": 0.3},
            "capture": {"slots": 800, "samples": 64, "snr_db": [5, 15], "noise": "per_receiver"},
            "features": {"spectrogram": None},
        }
        capture = {**tree["capture"], **changes.pop("capture", {})}
        capture = {name: value for name, value in capture.items() if value is not None}
        spec = CorpusSpec.from_tree({**tree, **changes, "capture": capture})
        return generate(spec, tmp_path_factory.mktemp("learned") / "corpus")

    return make


@pytest.fixture(scope="session")
def learnable(made_corpus: Callable[..., Corpus]) -> Corpus:
    """Return 1,600 records at two receivers."""
    return made_corpus()


@pytest.fixture(scope="session")
def cnn(learnable: Corpus) -> LearnedDetector:
    return train(learnable, CnnSpec(), TrainingSpec(epochs=5, batch=32))


@pytest.fixture(scope="session")
def spectrogram_cnn(learnable: Corpus) -> LearnedDetector:
    return train(learnable, SpectrogramCnnSpec(), TrainingSpec(epochs=3))


@pytest.fixture(scope="session")
def boosted(learnable: Corpus) -> LearnedDetector:
    return train(learnable, BoostedSpec(rows=4000), TrainingSpec(epochs=4))


@pytest.fixture(params=["cnn", "spectrogram_cnn", "boosted"])
def detector(request: pytest.FixtureRequest) -> LearnedDetector:
    """Return each kind of detector in turn, trained."""
    made: LearnedDetector = request.getfixturevalue(request.param)
    return made
