"""The waveform part of a spec: kinds are told apart, LTE is meant where none is given."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from iqatlas.generators.spec import CorpusSpec
from iqatlas.waveforms.spec import LteWaveform, MarineVhfWaveform, WaveformSpec

ADAPTER: TypeAdapter[LteWaveform | MarineVhfWaveform] = TypeAdapter(WaveformSpec)


def test_kinds_are_told_apart() -> None:
    assert ADAPTER.validate_python({"bandwidth_mhz": 20.0}) == LteWaveform(bandwidth_mhz=20.0)
    assert ADAPTER.validate_python({"kind": "lte"}) == LteWaveform()
    assert ADAPTER.validate_python({"kind": "marine_vhf"}) == MarineVhfWaveform()
    assert ADAPTER.validate_python(MarineVhfWaveform(channels=(16,))).subchannels == 1


@pytest.mark.parametrize(
    "tree",
    [
        {"kind": "marine_vhf", "bandwidth_mhz": 10.0},
        {"channels": [16]},
        {"kind": "marine_vhf", "channels": [16, 16]},
        {"kind": "marine_vhf", "channels": []},
        {"kind": "marine_vhf", "modulation": "ssb"},
        {"kind": "marine_vhf", "deviation_hz": 50e3},
        {"kind": "marine_vhf", "modulation": "am", "depth": 1.2},
        {"kind": "marine_vhf", "depth": 0.5},
        {"kind": "marine_vhf", "modulation": "am", "deviation_hz": 5000.0},
        {"kind": "morse"},
    ],
)
def test_what_a_kind_does_not_have_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(tree)


def test_both_kinds_survive_the_stored_form() -> None:
    for spec in (LteWaveform(subchannels=4), MarineVhfWaveform(channels=(6, 16), modulation="am")):
        assert ADAPTER.validate_json(ADAPTER.dump_json(spec)) == spec


def test_the_schema_of_a_spec_names_both_kinds_and_the_transmitter() -> None:
    definitions = CorpusSpec.model_json_schema()["$defs"]
    assert {"LteWaveform", "MarineVhfWaveform", "Transmitter", "RappAmplifier"} <= definitions.keys()


def test_control_is_switched_by_booleans_and_by_words_and_the_schema_says_so() -> None:
    for given, wanted in ((True, True), (False, False), ("on", True), ("off", False)):
        assert ADAPTER.validate_python({"control": given}) == LteWaveform(control=wanted)
    for given in ("offf", "of", None):
        with pytest.raises(ValidationError):
            ADAPTER.validate_python({"control": given})
    schema = CorpusSpec.model_json_schema()["$defs"]["LteWaveform"]["properties"]["control"]
    # What an editor checks: YAML 1.2 gives it the word, JSON and YAML 1.1 the boolean.
    assert schema["anyOf"] == [{"type": "boolean"}, {"enum": ["on", "off"], "type": "string"}]
    assert schema["default"] is True
