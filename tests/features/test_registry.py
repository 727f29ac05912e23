"""Every feature keeps its promises: axes, type, finite values; and every option changes what it gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.features.feature import BEFORE
from iqatlas.features.registry import FEATURES, asked_for, feature_with
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import FeaturesSpec
from iqatlas.waveforms.spec import LteWaveform, MarineVhfWaveform

SAMPLES = 1024
PLANE = {"kind": "plane", "grid": [16, 16]}
PROFILE = {"kind": "profile", "size": 32}


def setting(waveform: Any = None) -> CaptureSetting:
    return CaptureSetting.of(
        waveform or LteWaveform(bandwidth_mhz=1.4),
        samples=SAMPLES,
        sample_rate_hz=1.92e6,
        subchannel_edges_hz=np.array([[-5e5, 0.0], [0.0, 5e5]]),
    )


def captures() -> np.ndarray:
    """Return noise with a strong pulse train, in √mW as weak as it is received."""
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((3, 2, 2 * SAMPLES), dtype=np.float32).view(np.complex64)
    samples[..., ::37] += 9
    return np.float32(1e-5) * samples


def test_specs_and_registry_name_the_same_features() -> None:
    assert set(FEATURES) == set(FeaturesSpec.model_fields)
    assert [feature.name for feature, _ in asked_for(FeaturesSpec())] == ["spectrogram"]
    everything = FeaturesSpec.model_validate({name: {} for name in FEATURES})
    assert [feature.name for feature, _ in asked_for(everything)] == list(FEATURES)
    for name, feature in FEATURES.items():
        assert isinstance(getattr(everything, name), feature.spec)


def test_a_feature_that_nobody_asks_for_leaves_the_hash_of_a_spec_alone() -> None:
    assert set(FeaturesSpec().model_dump()) == {"spectrogram"}
    assert FeaturesSpec.model_validate({"spectrogram": None}).model_dump() == {"spectrogram": None}
    everything = FeaturesSpec.model_validate({name: {} for name in FEATURES})
    assert FeaturesSpec.model_validate(everything.model_dump()) == everything


def test_no_two_features_share_an_axis_of_their_own() -> None:
    own: list[str] = []
    for name in FEATURES:
        feature, spec = feature_with(name, {})
        layout = feature.layout(spec, setting())
        own += {axis for about, _ in layout.coordinates.values() for axis in about.dims}
    assert len(own) == len(set(own))


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("silent", [False, True])
def test_what_a_layout_says_is_what_is_computed(name: str, silent: bool) -> None:
    feature, spec = feature_with(name, {})
    layout = feature.layout(spec, setting())
    samples = captures()
    values = feature.compute(np.zeros_like(samples) if silent else samples, spec, setting())
    dims = layout.quantity.dims
    assert dims[:2] == BEFORE
    assert values.shape == (3, 2, *(layout.lengths[axis] for axis in dims[2:]))
    assert values.dtype == np.dtype(layout.quantity.dtype)
    assert np.isfinite(values).all()
    assert layout.quantity.units and layout.quantity.long_name
    for key, (about, coordinate) in layout.coordinates.items():
        assert coordinate.shape == tuple(layout.lengths[axis] for axis in about.dims), key
        assert about.units and about.long_name


@pytest.mark.parametrize("name", FEATURES)
def test_a_batch_of_one_is_a_row_of_a_batch(name: str) -> None:
    feature, spec = feature_with(name, {})
    samples = captures()
    before = samples.copy()
    whole, alone = (feature.compute(part, spec, setting()) for part in (samples, samples[1, 1]))
    np.testing.assert_array_equal(samples, before)
    assert alone.shape == whole.shape[2:]
    # Transforms of fewer captures at once may round otherwise: float32 levels, or 1e-5 of the largest value.
    np.testing.assert_allclose(alone, whole[1, 1], rtol=1e-3, atol=1e-5 * np.abs(whole).max())


# Feature → what stands beside, option, and two values that must make a difference.
OPTIONS: dict[str, list[tuple[dict[str, Any], str, Any, Any]]] = {
    "power_spectrum": [
        ({}, "nperseg", 64, 128),
        ({}, "hop", 32, 64),
        ({}, "window", "hann", "hamming"),
        ({}, "scale", "dbm_per_hz", "mw_per_hz"),
    ],
    "subchannel_energy": [({}, "scale", "dbm", "mw")],
    "cyclic_autocorrelation": [
        ({}, "lag_samples", 128, 64),
        ({}, "lag_samples", 128, [128]),
        ({}, "cyclic_frequency_hz", None, [0.0]),
        ({}, "harmonics", 6, 5),
        ({}, "output", "complex", "magnitude"),
        ({}, "normalised", False, True),
    ],
    "wavelet": [
        ({}, "wavelet", "sym8", "haar"),
        ({}, "levels", 3, 4),
        ({}, "threshold", "soft", "hard"),
        ({}, "noise", "finest", "level"),
    ],
    "tabular": [
        ({}, "nperseg", 64, 128),
        ({}, "hop", 32, 64),
        ({}, "duty_false_alarm", 1e-6, 0.2),
        ({"nperseg": 64, "duty_false_alarm": 0.2}, "duty_guard", True, False),
        ({}, "duty_threshold_db", None, 3),
        ({}, "duty_threshold_db", 1, 30),
    ],
    "cyclic_spectrum": [
        ({}, "method", "fam", "ssca"),
        ({}, "channels", 32, 64),
        ({}, "window", "hamming", "kaiser6"),
        ({}, "hop", 8, 16),
        ({}, "conjugate", False, True),
        ({}, "cyclic_resolution_hz", 3750, 2000),
        ({}, "coherence", False, True),
        ({}, "scale", "db", "linear"),
        ({}, "output", {"kind": "plane"}, {"kind": "profile"}),
        ({}, "output", {"kind": "plane"}, {"kind": "full"}),
        ({}, "output", PLANE, {**PLANE, "grid": [32, 16]}),
        ({}, "output", PLANE, {**PLANE, "pool": "mean"}),
        ({}, "output", PROFILE, {**PROFILE, "size": 64}),
        ({}, "output", PROFILE, {**PROFILE, "pool": "mean"}),
    ],
}


@pytest.mark.parametrize(
    ("name", "beside", "option", "one", "other"),
    [(name, *case) for name, cases in OPTIONS.items() for case in cases],
)
def test_an_option_changes_what_a_feature_gives(
    name: str, beside: dict[str, Any], option: str, one: Any, other: Any
) -> None:
    samples, made = captures(), []
    for value in (one, other, one):
        feature, spec = feature_with(name, {**beside, option: value})
        feature.layout(spec, setting())
        made.append(feature.compute(samples, spec, setting()))
    assert made[0].shape != made[1].shape or not np.array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])  # else any two values would differ


def test_every_option_is_in_the_table() -> None:
    for name, cases in OPTIONS.items():
        assert {option for _, option, _, _ in cases} == set(FEATURES[name].spec.model_fields)
    assert set(OPTIONS) == set(FEATURES) - {"spectrogram"}


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("power_spektrum", {}, "no feature 'power_spektrum', did you mean 'power_spectrum'?; accepted: "),
        ("tabular", {"nperseq": 3},
         "features.tabular.nperseq: unknown key, did you mean 'nperseg'?; accepted: duty"),
        ("wavelet", {"levels": 0}, "features.wavelet.levels: 0: input should be greater than or equal to 1"),
        ("cyclic_autocorrelation", {"lag_samples": [3, 3]}, "a value of lag_samples is there twice"),
        ("cyclic_autocorrelation", {"harmonics": 2, "cyclic_frequency_hz": [0]}, "harmonics is for the"),
        ("power_spectrum", {"hop": 200}, "hop is at most nperseg (128)"),
        ("cyclic_spectrum", {"output": {"kind": "profile", "grid": [3, 3]}},
         "features.cyclic_spectrum.output.grid: this key is for the kind 'plane'; accepted: kind, pool"),
        ("cyclic_spectrum", {"output": {"kind": "x"}},
         "features.cyclic_spectrum.output: unknown kind 'x'; accepted: profile, plane, full"),
        ("cyclic_spectrum", {"output": {}},
         "features.cyclic_spectrum.output: the key 'kind' is missing; accepted: profile, plane, full"),
        ("cyclic_spectrum", {"output": "profile"},
         "features.cyclic_spectrum.output: 'profile': input should be a mapping"),
        ("tabular", {"duty_threshold_db": 6, "duty_guard": False},
         "features.tabular: give either duty_threshold_db or duty_guard"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_one_line(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as failure:
        feature_with(name, options)
    assert said in failure.value.line()


def test_a_waveform_without_symbols_keeps_all_features_that_need_none() -> None:
    voice = setting(MarineVhfWaveform())
    for name in set(FEATURES) - {"cyclic_autocorrelation"}:
        feature, spec = feature_with(name, {})
        feature.layout(spec, voice)
