"""The cyclic spectrum as content of a corpus: axes, units, coordinates."""

from __future__ import annotations

from iqatlas.axes import Quantity
from iqatlas.features.cyclic_engine import engine
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, ProfileOutput
from iqatlas.features.cyclic_spectrum import cyclic_frequency_hz, cyclic_spectrum, frequency_hz, stored_shape
from iqatlas.features.feature import BEFORE, Feature, Layout
from iqatlas.features.setting import CaptureSetting

ALPHA = "cyclic_spectrum_alpha"
FREQUENCY = "cyclic_spectrum_frequency"


def _layout(spec: CyclicSpectrumSpec, setting: CaptureSetting) -> Layout:
    samples, rate = setting.samples, setting.sample_rate_hz
    shape = stored_shape(spec, samples, sample_rate_hz=rate)
    profile = isinstance(spec.output, ProfileOutput)
    own = (ALPHA,) if profile else (ALPHA, FREQUENCY)
    alpha = Quantity((ALPHA,), "float64", "Hz", "cyclic frequency of the cyclic spectrum")
    coordinates = {ALPHA: (alpha, cyclic_frequency_hz(spec, samples, sample_rate_hz=rate))}
    if not profile:
        frequency = Quantity((FREQUENCY,), "float64", "Hz", "frequency relative to the carrier")
        coordinates[FREQUENCY] = (frequency, frequency_hz(spec, samples, sample_rate_hz=rate))
    kind = ("conjugate " if spec.conjugate else "") + ("coherence" if spec.coherence else "spectrum")
    units = {("db", False): "dBm/Hz", ("db", True): "dB", ("linear", False): "mW/Hz", ("linear", True): "1"}
    return Layout(
        quantity=Quantity(
            (*BEFORE, *own),
            "float32",
            units[spec.scale, spec.coherence],
            f"magnitude of the cyclic {kind}" + (", profile over frequency" if profile else ""),
            f"{spec.method}, {spec.channels} channels, {spec.window} window; alpha "
            + ("relative to twice the carrier" if spec.conjugate else "= 0 is the power spectrum"),
        ),
        lengths=dict(zip(own, shape, strict=True)),
        coordinates=coordinates,
    )


FEATURE = Feature(
    "cyclic_spectrum",
    CyclicSpectrumSpec,
    _layout,
    lambda samples, spec, setting: cyclic_spectrum(samples, spec, sample_rate_hz=setting.sample_rate_hz),
    engine=engine,
)
