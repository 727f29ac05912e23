"""3GPP's statistical channel of aerial users over an urban macro network, without any city."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from iqatlas.errors import RaytracingError
from iqatlas.raytracing.free_space import direct_rays
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.rays import Rays, paths_from_rays
from iqatlas.raytracing.spec import AerialUrbanMacro
from iqatlas.raytracing.tapped_delay import draw_taps, profile
from iqatlas.scenes.scene import Receivers, Site

LOWEST_M = 22.5
HIGHEST_M = 300.0
_ALWAYS_IN_SIGHT_M = 100.0


def line_of_sight_probability(
    height_m: Float64[np.ndarray, "*n"], ground_distance_m: Float64[np.ndarray, "*n"]
) -> Float64[np.ndarray, "*n"]:
    """Return the probability of a line of sight, UMa-AV.

    Args:
        height_m: Height of the aerial user, 22.5 to 300 m.
        ground_distance_m: Horizontal distance.

    Source: 3GPP TR 36.777, table B-1.
    """
    slope = 4300 * np.log10(height_m) - 3800
    near = np.maximum(460 * np.log10(height_m) - 700, 18)
    far = np.maximum(ground_distance_m, near)
    probability = near / far + np.exp(-far / slope) * (1 - near / far)
    sure: Float64[np.ndarray, "*n"] = np.where(height_m > _ALWAYS_IN_SIGHT_M, 1.0, probability)
    return sure


def path_loss_db(
    height_m: Float64[np.ndarray, "*n"],
    distance_m: Float64[np.ndarray, "*n"],
    frequency_hz: float,
    in_sight: Bool[np.ndarray, "*n"],
) -> Float64[np.ndarray, "*n"]:
    """Return the mean path loss, UMa-AV.

    Args:
        height_m: Height of the aerial user, 22.5 to 300 m.
        distance_m: Distance in space.
        frequency_hz: Carrier.
        in_sight: Whether there is a line of sight.

    Source: 3GPP TR 36.777, table B-2.
    """
    ghz = frequency_hz / 1e9
    clear = 28.0 + 22 * np.log10(distance_m) + 20 * np.log10(ghz)
    # Beyond the table's 100 m there is always a line of sight.
    height = np.minimum(height_m, _ALWAYS_IN_SIGHT_M)
    blocked = -17.5 + (46 - 7 * np.log10(height)) * np.log10(distance_m) + 20 * np.log10(40 * np.pi * ghz / 3)
    loss: Float64[np.ndarray, "*n"] = np.where(in_sight, clear, blocked)
    return loss


def shadow_deviation_db(
    height_m: Float64[np.ndarray, "*n"], in_sight: Bool[np.ndarray, "*n"]
) -> Float64[np.ndarray, "*n"]:
    """Return the standard deviation of the shadow fading, UMa-AV (TR 36.777, table B-3)."""
    deviation: Float64[np.ndarray, "*n"] = np.where(in_sight, 4.64 * np.exp(-0.0066 * height_m), 6.0)
    return deviation


def aerial_paths(
    sites: tuple[Site, ...],
    receivers: Receivers,
    spec: AerialUrbanMacro,
    *,
    frequency_hz: float,
    rng: np.random.Generator,
) -> PathSet:
    """Return random paths of every link; buildings are ignored.

    Whether a link is in sight and its shadowing are drawn once a link and held over the waypoints;
    the taps fade from waypoint to waypoint.

    Args:
        sites: Transmitters.
        receivers: Receivers between 22.5 and 300 m.
        spec: Delay spread.
        frequency_hz: Carrier.
        rng: Stream of the draws.

    Raises:
        RaytracingError: A receiver outside the heights that the model holds for.

    Source: 3GPP TR 36.777, annex B.1; fast fading by TDL-D in sight and TDL-A out of it
    (TR 38.901, section 7.7.2), which stand in for the annex's CDL-D.
    """
    height = receivers.position_m[..., 2]
    if np.any(height < LOWEST_M) or np.any(height > HIGHEST_M):
        worst = height.flat[int(np.argmax(np.abs(height - (LOWEST_M + HIGHEST_M) / 2)))]
        raise RaytracingError(
            f"a receiver at {worst:g} m",
            where="raytracing.kind: aerial_urban_macro",
            accepted=f"heights of {LOWEST_M:g} to {HIGHEST_M:g} m",
        )
    direct = direct_rays(sites, receivers)
    distance = direct.length_m[..., 0]
    heights = np.broadcast_to(height[..., None], distance.shape)
    ground = distance * np.linalg.norm(direct.departure[..., 0, :2], axis=-1)
    links = distance.shape[1:]
    dice = np.broadcast_to(rng.uniform(size=links), distance.shape)
    shadow = np.broadcast_to(rng.standard_normal(links), distance.shape)
    in_sight = dice < line_of_sight_probability(heights, ground)
    loss = path_loss_db(heights, distance, frequency_hz, in_sight)
    loss = loss + shadow * shadow_deviation_db(heights, in_sight)
    free_space = 20 * np.log10(4 * np.pi * distance * frequency_hz / SPEED_OF_LIGHT_MPS)
    rays = _fading_rays(direct, in_sight, 10 ** ((free_space - loss) / 20), spec, rng)
    return paths_from_rays(
        rays,
        receivers.velocity_mps,
        frequency_hz=frequency_hz,
        model={"kind": spec.kind, "delay_spread_s": spec.delay_spread_s, "antennas": "isotropic"},
    )


def _fading_rays(
    direct: Rays,
    in_sight: Bool[np.ndarray, "waypoint receiver site"],
    scale: Float64[np.ndarray, "waypoint receiver site"],
    spec: AerialUrbanMacro,
    rng: np.random.Generator,
) -> Rays:
    """Return taps behind the direct ray; the profile that a link doesn't have gets no power."""
    seen, hidden = profile(line_of_sight=True), profile(line_of_sight=False)
    coefficient = np.concatenate(
        [
            draw_taps(in_sight.shape, seen, rng=rng) * in_sight[..., None],
            draw_taps(in_sight.shape, hidden, rng=rng) * ~in_sight[..., None],
        ],
        axis=-1,
    )
    delay = np.concatenate([[0.0], seen.delay, hidden.delay]) * spec.delay_spread_s
    length = direct.length_m + delay * SPEED_OF_LIGHT_MPS
    # A tap's power is its own: the longer way is in the profile already.
    coefficient *= scale[..., None] * (length / direct.length_m)
    taps = len(delay)
    kind = np.zeros((*length.shape, 1), np.int8)
    kind[..., 1:, 0] = 2  # scattered, nobody knows where
    return Rays(
        coefficient=coefficient,
        length_m=length,
        departure=np.repeat(direct.departure, taps, axis=3),
        arrival=np.repeat(direct.arrival, taps, axis=3),
        interaction=kind,
        vertex_m=np.full((*length.shape, 1, 3), np.nan),
    )
