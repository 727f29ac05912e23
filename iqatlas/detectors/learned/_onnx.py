"""The door to ONNX: a net as a graph for other runtimes, checked against the detector itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Complex64, Float32

from iqatlas.catalogs.durable import storage_errors, write_file
from iqatlas.detectors.learned.inputs import looked_at
from iqatlas.detectors.learned.layers import (
    SLOPE,
    Convolution,
    Dense,
    Flatten,
    LargestOf,
    Layer,
    MeanOverFrames,
    Rectifier,
)
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.spec import BoostedSpec, CnnSpec
from iqatlas.errors import CheckFailedError, SetupError, SpecError
from iqatlas.seeds import Stage, stream
from iqatlas.user_paths import user_path
from iqatlas.version import __version__

try:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    raise SetupError(
        "onnx and onnxruntime are not installed", remedy="pip install 'iqatlas[detectors]'"
    ) from None

_OPSET = 17
_IR_VERSION = 9
_LEAST_MW = 1e-35
_TOLERANCE = 1e-5
_CHECKED_CAPTURES = 64
_CHECKING = 2
"""Index of the check's stream among those of the detectors."""


class _Graph:
    def __init__(self, begin: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.last = begin

    def constant(self, name: str, values: np.ndarray | float) -> str:
        self.constants.append(numpy_helper.from_array(np.array(values, np.float32), name))
        return name

    def add(
        self, kind: str, *others: str, inputs: tuple[str, ...] | None = None, **attributes: object
    ) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        taken = (self.last, *others) if inputs is None else inputs
        self.nodes.append(helper.make_node(kind, taken, [name], name=name, **attributes))
        self.last = name
        return name


def graph_bytes(detector: LearnedDetector) -> bytes:
    """Return a net as an ONNX model.

    Its input is ``iq`` [item, 2, sample], real and imaginary parts in √mW, or ``spectrogram``
    [item, 1, frame, frequency] in dB, as :func:`iqatlas.detectors.learned.inputs.looked_at` gives it; its
    output is ``probability`` [item, subchannel]. Scaling is part of the graph.

    Args:
        detector: A net.

    Raises:
        SpecError: The detector is one of trees.
    """
    card, layers = detector.card, detector.layers
    if isinstance(card.detector, BoostedSpec):
        raise SpecError(
            "boosted trees have no ONNX graph here",
            accepted="cnn, spectrogram-cnn",
            remedy="leave --onnx out",
        )
    of_samples = isinstance(card.detector, CnnSpec)
    name = "iq" if of_samples else "spectrogram"
    graph = _Graph(name)
    if of_samples and card.detector.power == "capture":
        _divide_by_power(graph)
    if card.scaling is not None:
        graph.add("Sub", graph.constant("centre", card.scaling.centre[0]))
        graph.add("Div", graph.constant("spread", card.scaling.spread[0]))
    for number, layer in enumerate(layers):
        _add_layer(graph, number, layer, detector)
    graph.nodes.append(helper.make_node("Sigmoid", [graph.last], ["probability"], name="sigmoid"))
    shape = ["item", 2, detector.setting.samples] if of_samples else ["item", 1, "frame", _bins(detector)]
    outputs = len(card.setting.subchannel_edges_hz)
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            detector.name,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["item", outputs])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="iqatlas",
        producer_version=__version__,
    )
    onnx.checker.check_model(made, full_check=True)
    content: bytes = made.SerializeToString(deterministic=True)
    return content


def _bins(detector: LearnedDetector) -> int:
    quiet = np.zeros((1, detector.setting.samples), np.complex64)
    return int(looked_at(quiet, detector.card.detector, detector.setting).shape[-1])


def _divide_by_power(graph: _Graph) -> None:
    begin = graph.last
    graph.add("Mul", begin)
    graph.add("ReduceMean", axes=[1, 2], keepdims=1)
    # The mean over both parts is half the power.
    graph.add("Mul", graph.constant("parts", 2.0))
    graph.add("Max", graph.constant("least_mw", _LEAST_MW))
    root = graph.add("Sqrt")
    graph.add("Div", inputs=(begin, root))


def _add_layer(graph: _Graph, number: int, layer: Layer, detector: LearnedDetector) -> None:
    def weights() -> Iterator[str]:
        for kind in ("weight", "bias"):
            name = f"{number}.{kind}"
            yield graph.constant(name, detector.weights[name])

    match layer:
        case Convolution(_, _, kernel, padding):
            graph.add("Conv", *weights(), kernel_shape=list(kernel), pads=[*padding, *padding])
        case LargestOf(size):
            graph.add("MaxPool", kernel_shape=list(size), strides=list(size))
        case Rectifier():
            graph.add("LeakyRelu", alpha=SLOPE)
        case MeanOverFrames():
            graph.add("ReduceMean", axes=[2], keepdims=0)
        case Flatten():
            graph.add("Flatten", axis=1)
        case Dense():
            graph.add("Gemm", *weights(), transB=1)


def graph_probabilities(content: bytes, seen: Float32[np.ndarray, "item ..."]) -> np.ndarray:
    """Return what ONNX Runtime makes of a graph.

    Args:
        content: Bytes of the model.
        seen: What it takes.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    made: np.ndarray = session.run(["probability"], {session.get_inputs()[0].name: seen})[0]
    return made


def export_onnx(detector: LearnedDetector, file: str | Path) -> float:
    """Write a net as an ONNX model, if ONNX Runtime gives its probabilities; return the largest difference.

    Args:
        detector: A net.
        file: Where to.

    Raises:
        CheckFailedError: A probability differs by more than 1e-5.
        SpecError: The detector is one of trees.
        StorageError: The file can't be written.
    """
    content = graph_bytes(detector)
    captures = _captures(detector)
    seen = looked_at(captures, detector.card.detector, detector.setting)
    if isinstance(detector.card.detector, CnnSpec):
        seen = np.stack([captures.real, captures.imag], axis=1)
    made = graph_probabilities(content, seen)
    off = float(np.max(np.abs(made - detector.probabilities(captures))))
    if not off <= _TOLERANCE:
        raise CheckFailedError(
            f"the graph's probabilities differ by {off:.1e}",
            where=str(file),
            accepted=f"up to {_TOLERANCE:g}",
        )
    with storage_errors(file, resumes=False):
        write_file(user_path(file), content)
    return off


def _captures(detector: LearnedDetector) -> Complex64[np.ndarray, "item sample"]:
    """Return noise of powers about those that the detector has learned from."""
    setting, card = detector.setting, detector.card
    rng = stream(card.training.seed, Stage.DETECTORS, _CHECKING)
    rms = 1.0
    if card.detector.power == "absolute" and card.scaling is not None:
        if isinstance(card.detector, CnnSpec):
            rms = card.scaling.spread[0]
        else:
            rms = np.sqrt(10 ** (card.scaling.centre[0] / 10) * setting.sample_rate_hz)
    noise = rng.standard_normal((_CHECKED_CAPTURES, 2 * setting.samples), dtype=np.float32)
    return (noise * np.float32(rms)).view(np.complex64)
