"""The scene of a spec: built, its UAVs flown for as long as a draw lasts, their antennas in place."""

from __future__ import annotations

from dataclasses import replace

from iqatlas.generators.site_count import with_site_count
from iqatlas.generators.site_notes import site_notes
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
        SitesError: Every site of a file is told to be on another carrier.
        IqAtlasError: What :func:`iqatlas.scenes.build.build_scene` raises.
    """
    # Maps and geometry take a second to import; shards in workers should not pay for them.
    from iqatlas.scenes.build import build_scene

    spec = with_site_count(spec)
    scene = build_scene(
        spec.name,
        spec.scene,
        spec.sites,
        spec.receivers,
        seed=spec.seed,
        base_folder=spec.folder,
        duration_s=spec.capture.slots * spec.occupancy.slot_s,
    )
    unused = scene.report.get("site_columns_without_use", [])
    if notes := site_notes(spec, scene.sites, unused if isinstance(unused, list) else []):
        scene = replace(scene, report=scene.report | {"notes": list(notes)})
    if spec.receivers.array is None:
        return scene
    wavelength_m = SPEED_OF_LIGHT_MPS / carrier_frequency_hz(spec.carrier)
    array = antenna_array(spec.receivers.array, wavelength_m=wavelength_m)
    return replace(scene, receivers=scene.receivers.with_array(array))


def notes_of(scene: Scene) -> tuple[str, ...]:
    """Return the lines of a scene's report that a person should read now.

    Args:
        scene: The scene of a spec.
    """
    notes = scene.report.get("notes", [])
    return tuple(notes) if isinstance(notes, list) else ()
