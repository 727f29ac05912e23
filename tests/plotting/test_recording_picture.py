"""The picture of recordings: labels stand where their sub-channels are, records where they come."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from iqatlas.plotting import recording


def _drawn(records: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> Figure:
    drawn: list[Figure] = []
    monkeypatch.setattr(recording, "png_bytes", lambda figure: (drawn.append(figure), b"")[1])
    recording.draw_recording(records, title="a")
    return drawn[0]


def _records(time_s: list[float], edges_hz: list[tuple[float, float]]) -> xr.Dataset:
    lower, upper = np.array(edges_hz).T
    count = len(time_s)
    rng = np.random.default_rng(1)
    iq = rng.standard_normal((count, 1, 64)).astype(np.complex64)
    return xr.Dataset(
        {
            "iq": (("record", "receiver", "sample"), iq, {"units": "1"}),
            "time": ("record", time_s),
            "label": (("record", "subchannel"), np.ones((count, len(lower)), bool)),
        },
        coords={
            "receiver": ["a"],
            "subchannel_lower": ("subchannel", lower),
            "subchannel_upper": ("subchannel", upper),
        },
        attrs={"sample_rate_hz": 1e6},
    )


def test_what_lies_between_sub_channels_is_not_occupied(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = _records([0.0, 1.0], [(-4e5, -3e5), (-3e5, -2e5), (3e5, 4e5)])
    (mesh,) = _drawn(apart, monkeypatch).axes[1].collections
    borders = mesh.get_coordinates()[:, 0, 1]
    np.testing.assert_allclose(borders, [-0.4, -0.3, -0.3, -0.2, 0.3, 0.4], atol=1e-9)  # rounding of MHz
    assert np.asarray(mesh.get_array())[:, 0].tolist() == [1, 0, 1, 0, 1]
    beside = _records([0.0, 1.0], [(-4e5, -3e5), (-3e5, -2e5)])
    (mesh,) = _drawn(beside, monkeypatch).axes[1].collections
    assert mesh.get_coordinates().shape == (3, 3, 2)


@pytest.mark.parametrize(
    ("time_s", "along"),
    [([0.0, 1.0, 2.0], "time / s"), ([0.0, 0.0, 1.0], "record"), ([0.0, 1.0, 0.5], "record")],
)
def test_records_that_share_a_time_stand_beside_each_other(
    time_s: list[float], along: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = _drawn(_records(time_s, [(-4e5, 4e5)]), monkeypatch)
    assert figure.axes[1].get_xlabel() == along
    (mesh,) = figure.axes[1].collections
    assert (np.diff(mesh.get_coordinates()[0, :, 0]) > 0).all()
