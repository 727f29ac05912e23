"""The card tells of every stored feature, and of the limit that its options set."""

from __future__ import annotations

from typing import Any

import pytest

from iqatlas import CorpusSpec, plan
from iqatlas.features.registry import FEATURES
from iqatlas.generators.feature_card import feature_limits, feature_rows
from iqatlas.generators.plan import Plan

NARROW = {"kind": "lte", "bandwidth_mhz": 1.4, "subchannels": 2}  # 1.92 Msps: a symbol has 128 samples


def made(**features: Any) -> Plan:
    tree = {"waveform": NARROW, "capture": {"samples": 1024, "slots": 80}, "features": features}
    return plan(CorpusSpec.from_tree(tree))


def test_every_feature_has_a_row_and_none_is_named_twice() -> None:
    rows = feature_rows(made(**{name: {} for name in FEATURES}))
    assert all(rows.count(f"| `{name}` |") == 1 for name in FEATURES)
    assert "there are none" in rows
    assert feature_rows(made(spectrogram=None)) == ""
    assert feature_limits(made(spectrogram=None)) == ""


@pytest.mark.parametrize(("channels", "shows"), [(64, False), (128, False), (256, True)])
def test_fam_shows_the_prefix_with_more_channels_than_a_symbol_has_samples(
    channels: int, shows: bool
) -> None:
    words = feature_limits(made(spectrogram=None, cyclic_spectrum={"channels": channels}))
    assert f"lags below {channels} samples" in words
    assert ("does not show" in words) is not shows
    assert "128 samples from what it repeats" in words


@pytest.mark.parametrize(("channels", "shows"), [(256, False), (512, True)])
def test_ssca_sees_half_the_lags(channels: int, shows: bool) -> None:
    options = {"method": "ssca", "channels": channels}
    words = feature_limits(made(spectrogram=None, cyclic_spectrum=options))
    assert f"lags below {channels // 2} samples" in words
    assert ("does not show" in words) is not shows
    assert shows or "or 512 `channels`" in words
