"""TR 36.777's aerial urban macro channel: tables by hand, powers by Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest
from raytracing_scenes import make_receivers, make_sites

from iqatlas.errors import RaytracingError
from iqatlas.raytracing.aerial import (
    aerial_paths,
    line_of_sight_probability,
    path_loss_db,
    shadow_deviation_db,
)
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import AerialUrbanMacro

SITES = make_sites([0, 0, 25])


def aerial(position_m: np.ndarray, *, seed: int = 6, delay_spread_s: float = 100e-9) -> PathSet:
    return aerial_paths(
        SITES,
        make_receivers(position_m),
        AerialUrbanMacro(delay_spread_s=delay_spread_s),
        frequency_hz=2e9,
        rng=np.random.default_rng(seed),
    )


def test_line_of_sight_probability_by_hand() -> None:
    height = np.array([50.0, 50.0, 50.0, 101.0, 22.6])
    distance = np.array([80.0, 1000.0, 4000.0, 5000.0, 18.0])
    # At 50 m: p1 = 4300·1.69897 − 3800 = 3505.57, d1 = 460·1.69897 − 700 = 81.526. At 1 km
    # 0.081526 + exp(−0.285260)·0.918474 = 0.77205; at 4 km 0.0203815 + exp(−1.141041)·0.9796185 = 0.33336.
    expected = [1.0, 0.77205, 0.33336, 1.0, 1.0]
    np.testing.assert_allclose(line_of_sight_probability(height, distance), expected, atol=2e-5)


def test_path_loss_by_hand() -> None:
    height = np.array([50.0, 50.0, 100.0])
    seen = np.array([True, False, False])
    # In sight, 1 km, 2 GHz: 28 + 66 + 6.0206. Out of it at 50 m: −17.5 + (46 − 7·1.69897)·3 + 38.4633;
    # at 100 m: −17.5 + 32·3 + 38.4633.
    loss = path_loss_db(height, np.full(3, 1000.0), 2e9, seen)
    np.testing.assert_allclose(loss, [100.0206, 123.2849, 116.9633], atol=1e-3)


def test_shadowing_by_hand() -> None:
    deviation = shadow_deviation_db(np.array([50.0, 200.0, 50.0]), np.array([True, True, False]))
    # 4.64·exp(−0.33) and 4.64·exp(−1.32).
    np.testing.assert_allclose(deviation, [3.3357, 1.2395, 6.0], atol=1e-3)


def test_mean_power_is_that_of_the_path_loss() -> None:
    """2000 links at 200 m, always in sight: log-normal shadowing about the loss, fading about that."""
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    place = np.column_stack([800 * np.cos(angle), 800 * np.sin(angle), np.full(2000, 200.0)])
    paths = aerial(place)
    loss = path_loss_db(np.array([200.0]), np.array([np.hypot(800, 175)]), 2e9, np.array([True]))[0]
    level = 10 * np.log10(paths.link_power().ravel())
    # TDL-D's power is all but constant (K = 13 dB): medians agree to 1.24 dB · 1.25/√2000, four times.
    assert np.median(level) == pytest.approx(-loss, abs=0.2)
    # Shadowing of 1.24 dB, and 0.2 dB of fading on top.
    assert np.std(level) == pytest.approx(1.25, abs=0.12)


def test_out_of_sight_it_is_the_blocked_loss() -> None:
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    place = np.column_stack([3000 * np.cos(angle), 3000 * np.sin(angle), np.full(4000, 30.0)])
    paths = aerial(place)
    blocked = ~np.any(paths.valid & (paths.interaction[..., 0] == 0), axis=-1).ravel()
    distance = np.hypot(3000, 5)
    share = 1 - line_of_sight_probability(np.array([30.0]), np.array([3000.0]))[0]
    # A binomial count of 4000: four deviations are 0.03.
    assert blocked.mean() == pytest.approx(share, abs=0.03)
    mean = np.mean(10 * np.log10(paths.link_power().ravel()[blocked]))
    loss = path_loss_db(np.array([30.0]), np.array([distance]), 2e9, np.array([False]))[0]
    # Fading of TDL-A's taps takes 0.8 dB off the mean in dB; the rest is 6 dB / √3000, four times.
    assert mean == pytest.approx(-loss - 0.8, abs=0.6)


def test_the_link_keeps_its_sight_and_shadow_along_the_flight() -> None:
    place = np.zeros((6, 40, 3))
    place[..., 0] = 2500 + 0.01 * np.arange(6)[:, None]
    place[..., 2] = 60.0
    paths = aerial(place)
    seen = np.any(paths.valid & (paths.interaction[..., 0] == 0), axis=-1)[:, :, 0]
    assert 0 < seen[0].sum() < 40
    assert np.all(seen == seen[0])
    direct = np.where(seen[..., None], np.abs(paths.gain[:, :, 0, :1]), 0)
    np.testing.assert_allclose(direct, np.broadcast_to(direct[:1], direct.shape), rtol=1e-3)
    assert not np.array_equal(paths.gain[0], paths.gain[1])  # the taps fade


def test_delays_scale_with_the_spread() -> None:
    place = np.array([[900.0, 0, 150]])
    near, far = aerial(place), aerial(place, delay_spread_s=300e-9)
    first = np.hypot(900, 125) / SPEED_OF_LIGHT_MPS
    np.testing.assert_allclose(far.delay_s - first, 3 * (near.delay_s - first), atol=1e-15)


def test_paths_are_in_order_padded_and_pass_the_gates() -> None:
    rng = np.random.default_rng(8)
    place = np.column_stack([rng.uniform(-3000, 3000, (30, 2)), rng.uniform(25, 290, 30)])
    receivers = make_receivers(place)
    paths = aerial(place)
    count = paths.valid.sum(axis=-1)
    assert set(np.unique(count)) == {14, 23}  # TDL-D with its direct path, and TDL-A
    assert np.array_equal(paths.valid, np.arange(paths.valid.shape[-1]) < count[..., None])
    assert np.all((np.diff(paths.delay_s, axis=-1) >= 0) | ~paths.valid[..., 1:])
    assert not np.any(paths.gain[~paths.valid]) and not np.any(paths.delay_s[~paths.valid])
    report = check_paths(paths, SITES, receivers, line_of_sight_is_free_space=False)
    assert report.blind_links == 0


@pytest.mark.parametrize("height", [5.0, 300.5])
def test_heights_that_the_model_is_not_for_are_one_line(height: float) -> None:
    with pytest.raises(RaytracingError, match=rf"a receiver at {height:g} m.*heights of 22.5 to 300 m"):
        aerial(np.array([[100.0, 0, 50], [100, 0, height]]))
