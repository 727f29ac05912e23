"""A plan says in a line which stored feature can't show the cyclic prefix, and what could."""

from __future__ import annotations

from typing import Any

import pytest

from iqatlas import CorpusSpec, plan
from iqatlas.generators.feature_notes import feature_notes

NARROW = {"kind": "lte", "bandwidth_mhz": 1.4, "subchannels": 2}  # 1.92 Msps: a symbol has 128 samples


def notes(cyclic: dict[str, Any] | None, *, samples: int = 1024, waveform: Any = NARROW) -> list[str]:
    tree = {
        "waveform": waveform,
        "capture": {"samples": samples, "slots": 80},
        "features": {"cyclic_spectrum": cyclic},
    }
    return list(feature_notes(plan(CorpusSpec.from_tree(tree))))


@pytest.mark.parametrize(
    ("cyclic", "samples", "said"),
    [
        ({}, 1024, "lags below 64 samples, so not the cyclic prefix, 128 from what it repeats: "
         "channels: 256 would, or features.cyclic_autocorrelation"),
        ({"channels": 128}, 511, "channels: 256 in captures of 512 samples would, or"),
        ({"method": "ssca", "channels": 256}, 1024, "lags below 128 samples, so not the cyclic prefix, 128 "
         "from what it repeats: channels: 512 would, or"),
    ],
)  # fmt: skip
def test_what_the_note_names_would_do(cyclic: dict[str, Any], samples: int, said: str) -> None:
    (line,) = notes(cyclic, samples=samples)
    assert line.startswith("features.cyclic_spectrum sees ")
    assert said in line
    assert "\n" not in line
    channels = int(line.partition("channels: ")[2].split()[0])
    longer = 512 if "captures of" in line else samples
    assert notes({**cyclic, "channels": channels}, samples=longer) == []
    assert notes({**cyclic, "channels": channels // 2}, samples=longer) != []


def test_where_no_channels_would_the_autocorrelation_is_named_alone() -> None:
    wide = {"kind": "lte", "bandwidth_mhz": 20, "subchannels": 2}  # a symbol has 2048 samples
    (line,) = notes({"method": "ssca"}, waveform=wide)
    assert line.endswith("2048 from what it repeats: features.cyclic_autocorrelation would")


def test_what_has_no_prefix_or_no_cyclic_spectrum_has_no_note() -> None:
    assert notes(None) == []
    assert notes({}, samples=512, waveform={"kind": "marine_vhf"}) == []
