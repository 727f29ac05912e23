"""The scene of a spec: built, its UAVs flown for as long as a draw lasts, their antennas in place."""

from __future__ import annotations

from dataclasses import replace

from iqatlas.generators.spec import CorpusSpec
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS
from iqatlas.scenes.antenna_array import antenna_array
from iqatlas.scenes.scene import Scene
from iqatlas.waveforms.carrier import carrier_frequency_hz


def scene_of(spec: CorpusSpec) -> Scene:
    """Return the scene that a spec asks for; its receivers are the antennas of the UAVs.

    Args:
        spec: What was asked.

    Raises:
        IqAtlasError: What :func:`iqatlas.scenes.build.build_scene` raises.
    """
    # Maps and geometry take a second to import; shards in workers should not pay for them.
    from iqatlas.scenes.build import build_scene

    scene = build_scene(
        spec.name,
        spec.scene,
        spec.sites,
        spec.receivers,
        seed=spec.seed,
        base_folder=spec.folder,
        duration_s=spec.capture.slots * spec.occupancy.slot_s,
    )
    if spec.receivers.array is None:
        return scene
    wavelength_m = SPEED_OF_LIGHT_MPS / carrier_frequency_hz(spec.carrier)
    array = antenna_array(spec.receivers.array, wavelength_m=wavelength_m)
    return replace(scene, receivers=scene.receivers.with_array(array))
