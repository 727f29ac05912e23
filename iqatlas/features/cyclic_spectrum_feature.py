"""The cyclic spectrum as content of a corpus: axes, units, coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from iqatlas.axes import Quantity
from iqatlas.features import cyclic_plane
from iqatlas.features.cyclic_engine import engine
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, FullOutput, ProfileOutput
from iqatlas.features.cyclic_spectrum import (
    cyclic_frequency_hz,
    cyclic_spectrum,
    frequency_hz,
    frequency_offset_hz,
    stored_shape,
)
from iqatlas.features.feature import BEFORE, Feature, Layout
from iqatlas.features.setting import CaptureSetting

ALPHA = "cyclic_spectrum_alpha"
FREQUENCY = "cyclic_spectrum_frequency"


OFFSET = "cyclic_spectrum_frequency_offset"


def _layout(spec: CyclicSpectrumSpec, setting: CaptureSetting) -> Layout:
    samples, rate = setting.samples, setting.sample_rate_hz
    shape = stored_shape(spec, samples, sample_rate_hz=rate)
    own = (ALPHA,) if isinstance(spec.output, ProfileOutput) else (ALPHA, FREQUENCY)
    alpha = Quantity((ALPHA,), "float64", "Hz", "cyclic frequency of the cyclic spectrum")
    coordinates = {ALPHA: (alpha, cyclic_frequency_hz(spec, samples, sample_rate_hz=rate))}
    if not isinstance(spec.output, ProfileOutput):
        frequency = Quantity((FREQUENCY,), "float64", "Hz", "frequency relative to the carrier")
        coordinates[FREQUENCY] = (frequency, frequency_hz(spec, samples, sample_rate_hz=rate))
    if isinstance(spec.output, FullOutput):
        offset = Quantity((ALPHA,), "float64", "Hz", f"what the cells of a row lie above {FREQUENCY}")
        coordinates[OFFSET] = (offset, frequency_offset_hz(spec, samples, sample_rate_hz=rate))
    kind = ("conjugate " if spec.conjugate else "") + ("coherence" if spec.coherence else "spectrum")
    units = {("db", False): "dBm/Hz", ("db", True): "dB", ("linear", False): "mW/Hz", ("linear", True): "1"}
    quantity = Quantity(
        (*BEFORE, *own),
        "float32",
        units[spec.scale, spec.coherence],
        f"magnitude of the cyclic {kind}" + (", profile over frequency" if len(own) == 1 else ""),
        f"{spec.method}, {spec.channels} channels, {spec.window} window; alpha "
        + ("relative to twice the carrier" if spec.conjugate else "= 0 is the power spectrum"),
    )
    known = quantity.comment
    if spec.coherence:
        at_zero = "is 1" if spec.method == "fam" else "is near 1"
        known = known.replace("is the power spectrum", at_zero)
    told = replace(quantity, comment=f"{known}; {_value(spec)}")
    lengths = dict(zip(own, shape, strict=True))
    earlier = _earlier_layout(spec, quantity, lengths, coordinates, rate)
    return Layout(told, lengths, coordinates, earlier=(earlier,))


def _value(spec: CyclicSpectrumSpec) -> str:
    """Return what a stored value is, and what its coordinates are of it."""
    if isinstance(spec.output, FullOutput):
        return f"a value is one cell, at {ALPHA} and {FREQUENCY} + {OFFSET}"
    pooled = {"max": "the largest magnitude", "mean": "the mean magnitude"}[spec.output.pool]
    where = "alpha is" if isinstance(spec.output, ProfileOutput) else "coordinates are"
    return f"a value is {pooled} of the cells that it covers, its {where} the middle of these"


def _earlier_layout(
    spec: CyclicSpectrumSpec,
    quantity: Quantity,
    lengths: Mapping[str, int],
    coordinates: Mapping[str, tuple[Quantity, np.ndarray]],
    sample_rate_hz: float,
) -> Layout:
    """Return what was stored before full planes told of offsets.

    Columns of ssca then had the middle of fam's, its full conjugate plane was folded, and its coherence was
    divided by another power spectrum.
    """
    known = {key: value for key, value in coordinates.items() if key != OFFSET}
    folded = spec.method == "ssca" and spec.conjugate and isinstance(spec.output, FullOutput)
    columns = {**lengths, FREQUENCY: spec.frequencies} if folded else lengths
    if spec.method == "ssca" and FREQUENCY in known:
        half_channels = spec.channels if spec.conjugate else 2 * spec.channels
        middles = cyclic_plane.middles(columns[FREQUENCY], half_channels)
        if not spec.conjugate:
            middles -= spec.channels
        known[FREQUENCY] = (known[FREQUENCY][0], middles * (sample_rate_hz / (2 * spec.channels)))
    remade = spec.method == "fam" or not (folded or spec.coherence)
    return Layout(quantity, columns, known, remade=remade)


def _smaller(spec: CyclicSpectrumSpec, setting: CaptureSetting, most_bytes: int) -> tuple[str, str]:
    """Return the key that makes what is stored large, and what would fit into so many bytes a capture."""
    if not isinstance(spec.output, FullOutput):
        key = "size" if isinstance(spec.output, ProfileOutput) else "grid"
        return f"output.{key}", f"ask for up to {most_bytes // 4} values"
    least = max(8, 2 * (spec.hop or 1))
    channels = spec.channels // 2
    while channels >= least:
        fewer = spec.model_copy(update={"channels": channels})
        shape = stored_shape(fewer, setting.samples, sample_rate_hz=setting.sample_rate_hz)
        if 4 * math.prod(shape) <= most_bytes:
            return "output", f"set channels to {channels} or fewer, or output.kind to plane"
        channels //= 2
    return "output", "set output.kind to plane"


FEATURE = Feature(
    "cyclic_spectrum",
    CyclicSpectrumSpec,
    _layout,
    lambda samples, spec, setting: cyclic_spectrum(samples, spec, sample_rate_hz=setting.sample_rate_hz),
    smaller=_smaller,
    engine=engine,
)
