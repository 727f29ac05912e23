"""What learned detectors look at: samples, spectrograms or statistics of captures, scaled."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Complex64, Float32

from iqatlas.detectors.learned.spec import BoostedSpec, CnnSpec, DetectorSpec
from iqatlas.errors import SpecError
from iqatlas.features.registry import feature_with
from iqatlas.features.scaling import Scaling
from iqatlas.features.setting import CaptureSetting

_LONGEST_SEGMENT = 64
_LEAST_MW = 1e-35


def segment_length(spec: DetectorSpec, samples: int) -> int:
    """Return the samples of a segment: what the spec says, or half a capture's in a power of two, at most 64.

    Args:
        spec: Of a detector on spectrograms or statistics.
        samples: Samples that are looked at.
    """
    asked: int | None = getattr(spec, "nperseg", None)
    return asked or min(_LONGEST_SEGMENT, 1 << max(3, (samples // 2).bit_length() - 1))


def looked_at(
    iq: Complex64[np.ndarray, "item sample"], spec: DetectorSpec, setting: CaptureSetting
) -> Float32[np.ndarray, "item ..."]:
    """Return what a detector looks at, before scaling.

    Args:
        iq: Captures in √mW, as many samples as the setting says.
        spec: What the detector is.
        setting: Sampling rate and sub-channels.

    Returns:
        Of the CNN [item, 2, sample]; of spectrograms [item, 1, frame, frequency], dB; of statistics
        [item, statistic].

    Raises:
        SpecError: The captures are shorter than the segments need.
    """
    if iq.shape[-1] != setting.samples:
        raise SpecError(f"captures of {iq.shape[-1]} samples", accepted=f"{setting.samples}")
    if spec.power == "capture":
        power = np.mean(np.square(iq.real) + np.square(iq.imag), axis=-1, keepdims=True)
        iq = iq / np.sqrt(np.maximum(power, np.float32(_LEAST_MW)))
    if isinstance(spec, CnnSpec):
        return np.stack([iq.real, iq.imag], axis=1)
    options: dict[str, float] = {"nperseg": segment_length(spec, setting.samples)}
    name = "spectrogram"
    if isinstance(spec, BoostedSpec):
        # Trees that were grown on duty cycles of this kind would misread others.
        name, options = "tabular", {**options, "duty_threshold_db": 6.0}
    feature, part = feature_with(name, options)
    feature.layout(part, setting)
    values: np.ndarray = feature.compute(iq, part, setting)
    return values if name == "tabular" else values[:, None]


def scaling_of(batches: Iterable[Float32[np.ndarray, "..."]], variable: str, units: str) -> Scaling:
    """Return the centre and spread of batches of the training split: one mean, one standard deviation.

    Args:
        batches: What a detector looks at, float32 [item, …] in any unit, in parts.
        variable: Name of it.
        units: Its units.

    Raises:
        SpecError: There is no batch, or nothing finite in them.
    """
    count, total, squares, items = 0, 0.0, 0.0, 0
    for batch in batches:
        finite = batch[np.isfinite(batch)].astype(np.float64)
        if not items and finite.size:
            # Squares of differences to the first mean: levels of -150 dB would drown their own spread.
            first = float(finite.mean())
        items += len(batch)
        count += finite.size
        if finite.size:
            total += float(np.sum(finite - first))
            squares += float(np.sum(np.square(finite - first)))
    if not count:
        raise SpecError("the split 'train' holds no finite value", where=f"scaling of {variable}")
    mean = total / count
    spread = float(np.sqrt(max(squares / count - mean**2, 0.0)))
    return Scaling(
        variable=variable,
        units=units,
        method="z_score",
        split="train",
        records=items,
        per=(),
        lengths=(),
        centre=(first + mean,),
        spread=(spread if spread > 0 else 1.0,),
    )
