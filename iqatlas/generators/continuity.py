"""How many paths of a flight go on from waypoint to waypoint: what reports, manifests and cards tell."""

from __future__ import annotations

from dataclasses import asdict

from iqatlas.channels.evolution import Evolution
from iqatlas.raytracing.elements import of_each_uav
from iqatlas.raytracing.paths import PathSet
from iqatlas.scenes.scene import Scene


def between_waypoints(scene: Scene, paths: PathSet) -> dict[str, int | float] | None:
    """Return how many paths go on from waypoint to waypoint, and how many fade for want of a successor.

    Args:
        scene: Where the receivers are and when.
        paths: Paths of the receivers; the elements of an array, whose paths go on together, count once.

    Returns:
        The fields of :class:`iqatlas.channels.evolution.Continuity`; None where nothing flies.
    """
    time_s = scene.receivers.time_s
    if len(time_s) < 2:
        return None
    return asdict(Evolution(of_each_uav(paths, scene.receivers), time_s).continuity)


def continuity_text(counts: dict[str, int | float]) -> str:
    """Return the counts as a sentence without a full stop.

    Args:
        counts: What :func:`between_waypoints` returns.
    """
    return (
        f"{counts['matched']:,} paths go on between waypoints with {counts['matched_power_share']:.1%} of "
        f"the power; {counts['ended']:,} fade out and {counts['begun']:,} in"
    )
