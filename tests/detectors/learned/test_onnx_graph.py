"""Graphs of nets in ONNX Runtime give what the nets give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.learned._onnx import export_onnx, graph_bytes, graph_probabilities
from iqatlas.detectors.learned.inputs import looked_at
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.spec import CnnSpec, SpectrogramCnnSpec, TrainingSpec
from iqatlas.detectors.learned.training import train
from iqatlas.errors import CheckFailedError, SpecError


@pytest.mark.parametrize("spec", [CnnSpec(), SpectrogramCnnSpec()])
@pytest.mark.parametrize("power", ["capture", "absolute"])
def test_the_graph_gives_the_net_s_probabilities(
    spec: CnnSpec | SpectrogramCnnSpec, power: str, learnable: Corpus, tmp_path: Path
) -> None:
    """On the corpus's captures too, at powers of 1e-10 mW: within 1e-5, what float32 sums leave."""
    spec = spec.model_copy(update={"power": power, "window": 48})
    detector = train(learnable, spec, TrainingSpec(epochs=1, batch=1024))
    assert export_onnx(detector, tmp_path / "model.onnx") <= 1e-5
    content = (tmp_path / "model.onnx").read_bytes()
    iq = learnable.numpy(split="test", variables=("iq",), groups=False, window=48)["iq"]
    seen = np.stack([iq.real, iq.imag], axis=1)
    if isinstance(spec, SpectrogramCnnSpec):
        seen = looked_at(iq, spec, detector.setting)
    np.testing.assert_allclose(graph_probabilities(content, seen), detector.probabilities(iq), atol=1e-5)
    assert graph_bytes(detector) == content  # the same bytes each time


def test_the_graph_tells_its_shapes(cnn: LearnedDetector) -> None:
    graph = onnx.load_from_string(graph_bytes(cnn)).graph
    (taken,), (given,) = graph.input, graph.output
    assert (taken.name, given.name) == ("iq", "probability")
    assert [dim.dim_param or dim.dim_value for dim in taken.type.tensor_type.shape.dim] == ["item", 2, 64]
    assert [dim.dim_param or dim.dim_value for dim in given.type.tensor_type.shape.dim] == ["item", 2]


def test_a_graph_that_differs_is_not_written(
    cnn: LearnedDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iqatlas.detectors.learned._onnx.SLOPE", 0.2)
    with pytest.raises(CheckFailedError, match="the graph's probabilities differ by"):
        export_onnx(cnn, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_trees_have_no_graph(boosted: LearnedDetector, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="boosted trees have no ONNX graph here; accepted: cnn"):
        export_onnx(boosted, tmp_path / "model.onnx")
