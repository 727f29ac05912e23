"""Flights: phases without a jump, Doppler by the closing speed, power as traced."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.channels.evolution import Evolution
from iqatlas.channels.propagate import Channel, block_for
from iqatlas.channels.response import response_of_all, response_of_each
from iqatlas.raytracing.elements import at_elements
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.maritime import maritime_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import Maritime, TwoRay
from iqatlas.raytracing.two_ray import two_ray_paths
from iqatlas.scenes.antenna_array import AntennaArray
from iqatlas.scenes.scene import Receivers, Site

FREQUENCY_HZ = 1.8e9
RATE_HZ = 1.92e6
SITE = Site("a", 0.0, 0.0, (-80.0, 0.0, 30.0), 0.0, 0, None, "spec", "test")


def straight(time_s: np.ndarray, start_m: list[float], velocity_mps: list[float]) -> Receivers:
    position = np.array(start_m) + time_s[:, None] * np.array(velocity_mps)
    velocity = np.broadcast_to(np.array(velocity_mps, np.float64), position.shape)
    return Receivers(("u0",), time_s, position[:, None], velocity[:, None].copy(), "straight")


def flight(interval_s: float = 0.1, duration_s: float = 10.0, model: str = "two_ray") -> PathSet:
    """Return the paths of a UAV that passes a site at 150 m and 20 m/s."""
    time = np.arange(0, duration_s + interval_s / 2, interval_s)
    receivers = straight(time, [-100.0, 150, 120], [20.0, 0, 0])
    if model == "two_ray":
        return two_ray_paths((SITE,), receivers, TwoRay(), frequency_hz=FREQUENCY_HZ)
    rng = np.random.default_rng(4)
    return maritime_paths((SITE,), receivers, Maritime(), frequency_hz=FREQUENCY_HZ, rng=rng)


def times(paths: PathSet, interval_s: float = 0.1) -> np.ndarray:
    return np.arange(len(paths.gain)) * interval_s


def at(evolution: Evolution, time_s: np.ndarray, interval_s: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    waypoint = np.floor(time_s / interval_s + 1e-9).astype(np.int64)
    return evolution.at(0, 0, waypoint, time_s - waypoint * interval_s)


def test_the_waypoints_themselves_are_as_traced() -> None:
    paths = flight()
    evolution = Evolution(paths, times(paths))
    gain, delay = evolution.at(0, 0, np.arange(101), np.zeros(101))
    np.testing.assert_allclose(gain[:, :2], paths.gain[:, 0, 0], rtol=1e-9)
    np.testing.assert_allclose(delay[:, :2], paths.delay_s[:, 0, 0], rtol=1e-12)
    assert not np.any(gain[:, 2:])  # nothing has begun yet
    assert evolution.continuity.matched == 200
    assert (evolution.continuity.ended, evolution.continuity.begun) == (0, 0)
    assert evolution.continuity.matched_power_share == 1.0


@pytest.mark.parametrize("interval_s", [0.1, 0.5])
def test_between_waypoints_it_is_what_would_be_traced_there(interval_s: float) -> None:
    paths = flight(interval_s)
    fine_time = np.random.default_rng(1).uniform(0, 10, 300)
    receivers = straight(fine_time, [-100.0, 150, 120], [20.0, 0, 0])
    true = two_ray_paths((SITE,), receivers, TwoRay(), frequency_hz=FREQUENCY_HZ)
    gain, delay = at(Evolution(paths, times(paths, interval_s)), fine_time, interval_s)
    # Hermite's cubic is off by r'''' dt⁴/384: 0.1 m/s⁴ and 0.5 s give 0.02 mm, of a wavelength of 17 cm.
    length_error = np.abs(delay[:, :2] - true.delay_s[:, 0, 0]) * SPEED_OF_LIGHT_MPS
    assert length_error.max() < 1e-4
    turn = np.angle(gain[:, :2] / true.gain[:, 0, 0])
    assert np.abs(turn).max() < 0.02
    # Coefficients change along a straight line between waypoints; the reflection's runs through a minimum.
    np.testing.assert_allclose(np.abs(gain[:, 0]), np.abs(true.gain[:, 0, 0, 0]), rtol=1e-2)


def test_a_ten_second_flight_has_no_jump() -> None:
    """I/Q of a tone: the phase of the strongest path goes on through a hundred waypoints."""
    paths = flight()
    step = 0.0005
    time = np.arange(0, 10.0, step)
    gain, _ = at(Evolution(paths, times(paths)), time)
    strongest = gain[:, 0]
    turn = np.angle(strongest[1:] * np.conj(strongest[:-1]))
    # From step to step Doppler turns it by up to 2π · 120 Hz · 0.5 ms = 0.38, and the turn itself changes by
    # 2π · 2.4 m/s² / λ · step² = 2e-5; a jump would stand out.
    assert np.abs(turn).max() < 0.4 and np.abs(np.diff(turn)).max() < 1e-4
    # Without evolution the same paths jump by a good part of a turn.
    waypoint = np.floor(time / 0.1 + 1e-9).astype(np.int64)
    held = paths.gain[waypoint, 0, 0, 0] * np.exp(
        2j * np.pi * paths.doppler_hz[waypoint, 0, 0, 0] * (time - waypoint * 0.1)
    )
    assert np.abs(np.diff(np.angle(held[1:] * np.conj(held[:-1])))).max() > 0.2


def test_iq_of_a_ten_second_flight_turns_steadily_and_is_as_loud_as_traced() -> None:
    """Captures of a carrier every 2 ms through a hundred waypoints, by the strongest path and by both."""
    paths = flight()
    block = block_for(16, max_delay_s=paths.max_delay_s, sample_rate_hz=RATE_HZ)
    time = np.arange(0, 10.0, 0.002)
    waypoint = np.floor(time / 0.1 + 1e-9).astype(np.int64)
    heard = {}
    for kept in (1, 2):
        part = PathSet(
            frequency_hz=FREQUENCY_HZ,
            **{name: array[:, :, :, :kept] for name, array in paths.arrays().items()},
        )
        channel = Channel(
            part, block, sample_rate_hz=RATE_HZ, site_power_mw=np.ones(1), waypoint_time_s=times(paths)
        )
        carrier = np.ones((len(time), 1, block.length), np.complex64)
        iq, power = channel.receive(carrier, waypoint=waypoint, time_s=time - waypoint * 0.1)
        heard[kept] = iq[:, 0, 8]
        # A carrier at 0 Hz is as loud as the paths' gains add up to.
        np.testing.assert_allclose(np.abs(heard[kept]) ** 2, power[:, 0, 0], rtol=2e-3)
    turn = np.angle(heard[1][1:] * np.conj(heard[1][:-1]))
    # Doppler turns it by up to 2π · 120 Hz · 2 ms = 1.5, which changes by 3e-4 from one to the next; single
    # precision adds 1e-6. A path that was held would jump by 0.2.
    assert np.abs(turn).max() < 1.6 and np.abs(np.diff(turn)).max() < 1e-3
    traced_db = 10 * np.log10(np.interp(time, times(paths), np.abs(paths.gain[:, 0, 0, 0]) ** 2))
    np.testing.assert_allclose(20 * np.log10(np.abs(heard[1])), traced_db, atol=0.05)
    # Both rays together beat; at the waypoints they are what was traced, phase and all.
    at_waypoints = np.flatnonzero(np.isclose(time, waypoint * 0.1, atol=1e-9))
    both = paths.gain[waypoint[at_waypoints], 0, 0].sum(axis=-1)
    np.testing.assert_allclose(heard[2][at_waypoints], both, rtol=0, atol=1e-4 * np.abs(both).max())


def test_doppler_towards_a_site_is_the_closing_speed() -> None:
    time = np.arange(0, 3.05, 0.1)
    receivers = straight(time, [500.0, 0, 30], [-20.0, 0, 0])
    paths = free_space_paths((SITE,), receivers, frequency_hz=FREQUENCY_HZ)
    fine = np.arange(0, 3.0, 1e-4)
    gain, _ = at(Evolution(paths, time), fine)
    turns = np.unwrap(np.angle(gain[:, 0])) / (2 * np.pi)
    expected = 20 * FREQUENCY_HZ / SPEED_OF_LIGHT_MPS
    assert (turns[-1] - turns[0]) / (fine[-1] - fine[0]) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(np.diff(turns) / 1e-4, expected, rtol=1e-3)


def test_power_follows_the_traced_one() -> None:
    paths = flight()
    time = np.arange(0, 10.0, 0.01)
    gain, _ = at(Evolution(paths, times(paths)), time)
    power = np.sum(np.abs(gain) ** 2, axis=-1)
    traced = np.interp(time, times(paths), paths.link_power()[:, 0, 0])
    # Amplitudes on straight lines, against powers on straight lines.
    np.testing.assert_allclose(power, traced, rtol=0.01)


def test_paths_without_a_successor_fade_and_are_counted() -> None:
    """Diffuse paths are drawn anew at every waypoint: they hand over their power, without a jump."""
    paths = flight(model="maritime")
    evolution = Evolution(paths, times(paths))
    told = evolution.continuity
    assert told.matched + told.ended == paths.valid[:-1].sum()
    assert told.matched + told.begun == paths.valid[1:].sum()
    assert told.ended > 500  # most of the 1200 diffuse ones
    assert 0.9 < told.matched_power_share < 1
    time = np.arange(0, 10.0, 0.0005)
    gain, _ = at(evolution, time)
    total = gain.sum(axis=-1)
    step = np.abs(np.diff(total))
    across = np.isclose(np.mod(time[1:] + 1e-9, 0.1), 0, atol=1e-6)
    assert across.sum() == 99
    # The steps across waypoints are no larger than those between: Doppler's.
    assert step[across].max() <= 1.05 * step[~across].max()
    diffuse = np.sum(np.abs(gain) ** 2, axis=-1) - np.abs(gain[:, 0]) ** 2 - np.abs(gain[:, 1]) ** 2
    ends = diffuse[::200]
    # Half way, power is half of both ends'; random coefficients leave some percent over the whole.
    assert diffuse.mean() == pytest.approx(ends.mean(), rel=0.15)


def test_a_corner_is_no_jump_either() -> None:
    """At a corner Doppler is that of the next leg: the curve up to it has to do without."""
    time = np.arange(0, 2.05, 0.1)
    position = np.stack(
        [np.minimum(20 * time, 20.0), 150 + np.maximum(20 * time - 20, 0), 0 * time + 80], axis=-1
    )
    velocity = np.where((time < 0.95)[:, None], [20.0, 0, 0], [0.0, 20, 0])
    receivers = Receivers(("u0",), time, position[:, None], velocity[:, None], "corner")
    paths = free_space_paths((SITE,), receivers, frequency_hz=FREQUENCY_HZ)
    evolution = Evolution(paths, time)
    assert evolution.continuity.matched == 20
    fine = np.linspace(0, 1.9999, 4001)
    _, delay = at(evolution, fine)
    x, y = np.minimum(20 * fine, 20.0), 150 + np.maximum(20 * fine - 20, 0)
    true = np.sqrt((x + 80) ** 2 + y**2 + 50**2)
    # A parabola in the step before the corner, off by r''' dt³/27 at most: a tenth of a millimetre.
    assert np.abs(delay[:, 0] * SPEED_OF_LIGHT_MPS - true).max() < 1e-3


def test_other_paths_are_not_taken_for_the_same() -> None:
    """Of two paths with the same interactions, each goes on as itself though they change places."""
    paths = flight(0.1, 0.2)
    two = {
        name: np.concatenate([array[..., :1] if array.ndim == 4 else array[:, :, :, :1]] * 2, axis=3)
        for name, array in paths.arrays().items()
    }
    two["delay_s"] = two["delay_s"] + np.array([0.0, 20e-9])
    for name in ("gain", "delay_s", "doppler_hz"):
        two[name][1] = two[name][1, ..., ::-1]
    swapped = PathSet(frequency_hz=FREQUENCY_HZ, **two)
    evolution = Evolution(swapped, times(swapped))
    assert evolution.continuity.matched == 4
    _, delay = at(evolution, np.array([0.0, 0.05, 0.0999]))
    assert np.all(delay[:, 1] - delay[:, 0] > 15e-9)
    # Another kind of interaction is another path.
    two["interaction"][1] = 4
    assert Evolution(PathSet(frequency_hz=FREQUENCY_HZ, **two), times(swapped)).continuity.matched == 0


def test_elements_of_an_array_turn_as_their_own_distances() -> None:
    """Between waypoints too, where û·e changes: each element has its own Doppler, though one is stored."""
    array = AntennaArray("two", np.array([[0.3, 0.0, 0.0], [0.0, -0.3, 0.1]]))

    def elements(time_s: np.ndarray) -> PathSet:
        receivers = straight(time_s, [-50.0, 150, 120], [20.0, 0, 0]).with_array(array)
        uavs = free_space_paths((SITE,), receivers.uavs(), frequency_hz=FREQUENCY_HZ)
        return at_elements(uavs, receivers)

    time = np.arange(0, 5.05, 0.1)
    evolution = Evolution(elements(time), time)
    assert evolution.continuity.matched == 2 * 50
    fine = np.random.default_rng(6).uniform(0, 5, 300)
    waypoint = np.floor(fine / 0.1 + 1e-9).astype(np.int64)
    true = elements(fine).gain[:, :, 0, 0]
    for element in range(2):
        gain, _ = evolution.at(element, 0, waypoint, fine - waypoint * 0.1)
        # û turns at up to (v/d)² = 0.013 a second and second: 2π/λ · 0.3 m · 0.013 · dt²/8 is 2e-4.
        assert np.abs(np.angle(gain[:, 0] / true[:, element])).max() < 1e-3
    # The case is a telling one: the two turn against each other by half a turn.
    assert np.ptp(np.unwrap(np.angle(true[np.argsort(fine), 0] / true[np.argsort(fine), 1]))) > np.pi


def test_beyond_the_last_waypoint_doppler_goes_on() -> None:
    paths = flight(0.1, 1.0)
    last = len(paths.gain) - 1
    gain, delay = Evolution(paths, times(paths)).at(0, 0, np.full(2, last), np.array([0.0, 0.25]))
    doppler = paths.doppler_hz[last, 0, 0, 0]
    assert np.angle(gain[1, 0] / gain[0, 0] * np.exp(-2j * np.pi * doppler * 0.25)) == pytest.approx(
        0, abs=1e-5
    )
    assert (delay[1, 0] - delay[0, 0]) == pytest.approx(-doppler / FREQUENCY_HZ * 0.25, rel=1e-6)
    assert abs(gain[1, 0]) == pytest.approx(abs(gain[0, 0]))


def test_no_path_at_all_is_silence() -> None:
    paths = flight(0.1, 0.3)
    none = PathSet(
        frequency_hz=FREQUENCY_HZ, **{name: array[:, :, :, :0] for name, array in paths.arrays().items()}
    )
    evolution = Evolution(none, times(none))
    gain, delay = evolution.at(0, 0, np.zeros(3, np.int64), np.array([0.0, 0.01, 0.02]))
    assert gain.shape == delay.shape == (3, 0)
    assert evolution.continuity.matched_power_share == 1.0


@pytest.mark.parametrize("length", [64, 375, 2187])
def test_responses_of_own_delays_are_the_plain_sum(length: int) -> None:
    rng = np.random.default_rng(length)
    gain = rng.standard_normal((5, 7)) + 1j * rng.standard_normal((5, 7))
    delay = rng.uniform(0, 5e-6, (5, 7))
    step = 15.36e6 / length
    frequency = np.fft.fftshift(np.fft.fftfreq(length, 1 / 15.36e6))
    plain = np.einsum("rp,rpf->rf", gain, np.exp(-2j * np.pi * delay[..., None] * frequency))
    both = response_of_each(np.stack([gain, 2j * gain], axis=1), delay, step, length)
    # Products and sums of seven in single precision.
    np.testing.assert_allclose(both[:, 0], plain, atol=2e-5)
    np.testing.assert_allclose(both[:, 1], 2j * plain, atol=4e-5)
    # The same where rows share their delays.
    alike = np.einsum("rp,pf->rf", gain, np.exp(-2j * np.pi * delay[0, :, None] * frequency))
    np.testing.assert_allclose(response_of_all(gain, delay[0], step, length), alike, atol=2e-5)


def test_rates_and_bounds_are_those_of_the_curves() -> None:
    """Derivatives of gains against differences, and a bound that no track passes."""
    paths = flight(model="maritime")
    evolution = Evolution(paths, times(paths))
    waypoint, since, step = np.array([3, 40, 99]), np.array([0.03, 0.07, 0.01]), 1e-6
    terms, delay = evolution.series_at(0, 0, waypoint, since, order=2, scale_s=1.0)
    there = np.abs(terms[:, 0]).max(axis=0) > 0
    (early, _), (now, own), (late, _) = (evolution.at(0, 0, waypoint, since + t) for t in (-step, 0, step))
    used = np.abs(now).max(axis=0) > 0
    np.testing.assert_allclose(terms[:, 0, there], now[:, used], rtol=1e-12)
    np.testing.assert_allclose(delay[:, there], own[:, used], rtol=1e-15)
    scale = np.abs(now).max()
    # Differences over 1 µs of gains that turn at up to 120 Hz: (2π·120·1e-6)² of the rate, and rounding.
    slope = ((late - early) / (2 * step))[:, used]
    np.testing.assert_allclose(terms[:, 1, there], slope, atol=1e-4 * scale)
    bend = ((late - 2 * now + early) / step**2)[:, used]
    # The series leaves out that shifts change: by up to 14 Hz/s, 90 rad/s².
    np.testing.assert_allclose(2 * terms[:, 2, there], bend, rtol=0.01, atol=120 * scale)
    fine = np.linspace(0, 9.999, 20_001)
    _, delays = at(evolution, fine)
    shifts = FREQUENCY_HZ * np.abs(np.diff(delays, axis=0)) / np.diff(fine)[:, None]
    within = np.floor(fine[1:] / 0.1 + 1e-9) == np.floor(fine[:-1] / 0.1 + 1e-9)
    strongest = shifts[within][:, :2].max()
    assert strongest <= evolution.fastest_hz * (1 + 1e-6)
    assert evolution.fastest_hz < 1.5 * strongest  # a bound that is of use


def test_received_samples_follow_the_moving_delay() -> None:
    """A burst half way between waypoints comes when the UAV's own distance says."""
    paths = flight(1.0, 4.0)
    free = PathSet(
        frequency_hz=FREQUENCY_HZ,
        **{name: array[:, :, :, :1] for name, array in paths.arrays().items()},
    )
    block = block_for(256, max_delay_s=free.max_delay_s, sample_rate_hz=RATE_HZ)
    rng = np.random.default_rng(2)
    noise = np.fft.ifft(
        np.where(np.abs(np.fft.fftfreq(block.length)) < 0.3, rng.standard_normal(block.length), 0)
    )
    tone = np.tile(noise.astype(np.complex64), (2, 1, 1))
    arguments = {"sample_rate_hz": RATE_HZ, "site_power_mw": np.ones(1)}
    moving = Channel(free, block, waypoint_time_s=times(free, 1.0), **arguments)
    assert moving.continuity is not None and moving.continuity.matched == 4
    got, _ = moving.receive(tone.copy(), waypoint=np.array([1, 2]), time_s=np.array([0.5, 0.25]))
    where = straight(np.array([1.5, 2.25]), [-100.0, 150, 120], [20.0, 0, 0])
    true = free_space_paths((SITE,), where, frequency_hz=FREQUENCY_HZ)
    plain = Channel(true, block, **arguments)
    expected, _ = plain.receive(tone.copy(), waypoint=np.arange(2), time_s=np.zeros(2))
    # Interpolated amplitudes are off by a few thousandths a second apart, phases by less.
    assert np.abs(got - expected).max() < 0.01 * np.abs(expected).max()
    held = Channel(free, block, **arguments)
    assert held.continuity is None
    other, _ = held.receive(tone.copy(), waypoint=np.array([1, 2]), time_s=np.array([0.5, 0.25]))
    assert np.abs(other - expected).max() > 0.1 * np.abs(expected).max()
