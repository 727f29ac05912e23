"""Pictures of a validation are pictures, with or without theory, and for few or many detectors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from iqatlas.detectors.tallies import Tally
from iqatlas.plotting.detection import draw_detection, draw_operating


def tables(detectors: int, *, theory: bool) -> dict[str, pd.DataFrame]:
    made: dict[str, list[pd.DataFrame]] = {"by_level": [], "operating": []}
    for place in range(detectors):
        tally = Tally(np.array([-10.0, 0.0, 10.0]), ["uav0"], 2)
        tally.counts[..., 0] = np.array([10, 50, 100])[:, None, None]
        tally.counts[..., 1] = 100 - tally.counts[..., 0]
        tally.counts[..., 2:] = [10, 90]
        tally.roc[...] = np.linspace(1, 200, 24, dtype=int)[None, :, None]
        made["by_level"].append(tally.by_level(f"detector-{place}"))
        made["operating"].append(tally.characteristic(f"detector-{place}"))
    joined = {name: pd.concat(rows) for name, rows in made.items()}
    if theory:
        row = {"snr_level_db": [0.0] * 2, "occupied": [True, False], "cases": [9, 9], "expected": [0.5, 0.1]}
        joined["energy_theory"] = pd.DataFrame(row)
        low = {"p_d_low": [0.1, 0.8], "p_d_high": [0.3, 1.0]}
        snr = {"snr_db": [-3.0, 3.0], "cases": [5, 5], "p_d": [0.2, 0.9], "expected": [0.25, 0.93], **low}
        joined["energy_by_snr"] = pd.DataFrame(snr)
    return joined


@pytest.mark.parametrize(("detectors", "theory"), [(1, True), (5, False)])
def test_pictures(detectors: int, theory: bool) -> None:
    made = tables(detectors, theory=theory)
    picture = draw_detection(made, title="a [title] $x", false_alarm=0.1)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture == draw_detection(made, title="a [title] $x", false_alarm=0.1)
    assert draw_operating(made, title="b")[:4] == b"\x89PNG"
    assert picture != draw_detection(made, title="a [title] $x", false_alarm=0.2)
