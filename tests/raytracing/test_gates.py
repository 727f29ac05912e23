"""Each gate lets free space pass and stops one way of being wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from raytracing_scenes import FREQUENCY_HZ, make_receivers, make_sites

from iqatlas.errors import RaytracingError
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.paths import PathSet

SITES = make_sites([0, 0, 25], [300, -120, 40])


@pytest.fixture
def free(scattered_m: np.ndarray) -> PathSet:
    """Return free-space paths with a second, weaker and later path on every link."""
    paths = free_space_paths(SITES, make_receivers(scattered_m), frequency_hz=FREQUENCY_HZ)
    echo = replace(
        paths,
        gain=0.3 * paths.gain,
        delay_s=paths.delay_s + 1e-6,
        interaction=np.ones_like(paths.interaction),
        vertex_m=np.zeros_like(paths.vertex_m),
    )
    both = {
        name: np.concatenate([getattr(paths, name), getattr(echo, name)], axis=3)
        for name, value in vars(paths).items()
        if isinstance(value, np.ndarray)
    }
    return replace(paths, **both)


def spoil(paths: PathSet, name: str, change: Callable[[np.ndarray], object]) -> PathSet:
    """Return the paths with one array copied and changed in place."""
    array = getattr(paths, name).copy()
    change(array)
    return replace(paths, **{name: array})


def setter(value: object, *place: int) -> Callable[[np.ndarray], None]:
    def change(array: np.ndarray) -> None:
        array[(0, *place)] = value

    return change


def test_free_space_passes_and_is_measured(free: PathSet, scattered_m: np.ndarray) -> None:
    report = check_paths(free, SITES, make_receivers(scattered_m))
    assert (report.paths, report.links, report.blind_links, report.line_of_sight_links) == (48, 24, 0, 24)
    assert report.line_of_sight_error < 1e-9  # 2π · 24,000 turns in float64
    assert report.delay_spread_s == pytest.approx(1e-6)
    assert report.largest_gain_db == pytest.approx(20 * np.log10(np.abs(free.gain).max()))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("gain", np.nan + 0j, "gain is not finite"),
        ("delay_s", np.inf, "delay is not finite"),
        ("doppler_hz", np.nan, "Doppler is not finite"),
        ("gain", 1.2 + 0j, "gains 1.6 dB.*move the site and the receiver apart"),
        ("delay_s", 1e-9, "faster than light"),
    ],
)
def test_a_wrong_number_in_one_path_is_found(
    free: PathSet, scattered_m: np.ndarray, name: str, value: complex, message: str
) -> None:
    receivers = make_receivers(scattered_m)
    with pytest.raises(RaytracingError, match=message):
        check_paths(spoil(free, name, setter(value, 3, 1, 1)), SITES, receivers)
    # The same number in a place that holds no path is nobody's business.
    padded = spoil(free, "valid", setter(False, 3, 1, 1))
    check_paths(spoil(padded, name, setter(value, 3, 1, 1)), SITES, receivers)


@pytest.mark.parametrize("factor", [1.002, 0.998, np.exp(0.002j), -1.0])
def test_a_line_of_sight_that_is_not_free_space_is_found(
    free: PathSet, scattered_m: np.ndarray, factor: complex
) -> None:
    """In magnitude and in phase; the gate is at 1e-3."""

    def change(gain: np.ndarray) -> None:
        gain[0, 5, 0, 0] *= factor

    with pytest.raises(RaytracingError, match="line of sight differs from free space"):
        check_paths(spoil(free, "gain", change), SITES, make_receivers(scattered_m))


def test_a_path_that_is_there_twice_is_found(free: PathSet, scattered_m: np.ndarray) -> None:
    def double(array: np.ndarray) -> None:
        array[0, 2, 0, 1] = array[0, 2, 0, 0]

    doubled = free
    for name, value in vars(free).items():
        if isinstance(value, np.ndarray):
            doubled = spoil(doubled, name, double)
    with pytest.raises(RaytracingError, match="1 paths are there twice"):
        check_paths(doubled, SITES, make_receivers(scattered_m))


def test_a_delay_may_be_short_by_float32(free: PathSet, scattered_m: np.ndarray) -> None:
    receivers = make_receivers(scattered_m)

    def shorten(by_s: float) -> Callable[[np.ndarray], None]:
        def change(delay_s: np.ndarray) -> None:
            delay_s[0, 0, 0, 0] -= by_s

        return change

    check_paths(spoil(free, "delay_s", shorten(5e-11)), SITES, receivers)
    with pytest.raises(RaytracingError, match="faster than light"):
        check_paths(spoil(free, "delay_s", shorten(2e-10)), SITES, receivers)


def test_blind_links_are_counted(free: PathSet, scattered_m: np.ndarray) -> None:
    def blind(valid: np.ndarray) -> None:
        valid[0, 4] = False

    report = check_paths(spoil(free, "valid", blind), SITES, make_receivers(scattered_m))
    assert report.blind_links == 2
    assert report.line_of_sight_links == 22
