"""The one door to Sionna RT, Mitsuba and Dr.Jit: the import, and our surfaces as a scene of theirs.

Importing ``sionna.rt`` chooses the Mitsuba variant for the rest of the process, so it happens here
alone, on first use.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from iqatlas.errors import SetupError
from iqatlas.raytracing.llvm import OLDEST_MAJOR, VARIABLE, cuda_driver_present, find_llvm
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.materials import RadioMaterial, material_at
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Site

HASH_TABLE_SIZE = 1 << 25
"""Places in each of the solver's two tables of candidates already seen (4 bytes each).

Candidates whose hashes fall on one place displace each other in silence. With Sionna's own million
places and eight receivers in a call, 12% of the paths of a city were missing.
"""
# Sionna's "dipole" is the short one: 1.5 sin²θ, 1.76 dBi across.
_PATTERNS = {"isotropic": "iso", "dipole": "dipole", "tr38901": "tr38901"}


ONE_AT_A_TIME = threading.RLock()
"""What threads hold while they trace: Dr.Jit and Mitsuba keep state of the whole process."""


@cache
def sionna_rt() -> Any:
    """Import Sionna RT once, with the LLVM that works.

    Raises:
        SetupError: It isn't there, or this process uses Mitsuba or Dr.Jit already, and otherwise.
    """
    _refuse_other_variant()
    if not cuda_driver_present():
        os.environ[VARIABLE] = find_llvm().path
    try:
        import sionna.rt
    except ImportError as failure:
        raise SetupError(
            f"Sionna RT can't be imported ({failure})",
            remedy="install it with `pip install 'sionna-rt>=2.1'`",
        ) from None
    _refuse_old_llvm()
    from sionna.rt.path_solvers.sb_candidate_generator import SBCandidateGenerator

    if not hasattr(SBCandidateGenerator, "MIN_SPEC_COUNT_SIZE"):
        raise unknown_version("how many candidates it can tell apart")
    SBCandidateGenerator.MIN_SPEC_COUNT_SIZE = HASH_TABLE_SIZE
    return sionna.rt


def _refuse_other_variant() -> None:
    mitsuba = sys.modules.get("mitsuba")
    chosen = mitsuba.variant() if mitsuba else None
    if chosen and not str(chosen).endswith("_ad_mono_polarized"):
        raise SetupError(
            f"this process has chosen Mitsuba's variant {chosen}",
            accepted="llvm_ad_mono_polarized or cuda_ad_mono_polarized",
            remedy="trace in a process of its own",
        )


def _refuse_old_llvm() -> None:
    import drjit

    if not _variant_now().startswith("llvm"):
        return
    used = drjit.detail.llvm_version()
    if used[0] < OLDEST_MAJOR:
        raise SetupError(
            f"Dr.Jit was imported before iqatlas traced, with LLVM {'.'.join(map(str, used))}",
            accepted=f"LLVM {OLDEST_MAJOR} or newer",
            remedy=f"set {VARIABLE}={os.environ.get(VARIABLE, '')} before, or import sionna.rt after",
        )


def _variant_now() -> str:
    """Return Mitsuba's variant as it is."""
    import mitsuba

    return str(mitsuba.variant())


def unknown_version(hidden: str) -> SetupError:
    """Return the error for a Sionna RT whose inside is not the one that is known here."""
    return SetupError(
        f"sionna-rt {version('sionna-rt')} hides {hidden}",
        accepted="a sionna-rt version from 2.1 on that iqatlas knows",
        remedy="install an earlier one",
    )


def variant() -> str:
    """Return the Mitsuba variant in use, such as ``llvm_ad_mono_polarized``."""
    sionna_rt()
    return _variant_now()


def _mitsuba_mesh(mesh: Mesh, name: str) -> Any:
    import mitsuba as mi

    mitsuba_mesh = mi.Mesh(name, vertex_count=len(mesh.vertex_m), face_count=len(mesh.face))
    parameters = mi.traverse(mitsuba_mesh)
    parameters["vertex_positions"] = np.ravel(mesh.vertex_m).astype(np.float32)
    parameters["faces"] = np.ravel(mesh.face).astype(np.uint32)
    parameters.update()
    return mitsuba_mesh


def _variable(value: float) -> Any:
    """Return a number that Dr.Jit's programs read, rather than one that is written into them.

    Written into them, every material has a program of its own, compiled anew for every carrier; read, all
    materials share one: a third of the time to compile, and the same bits.
    """
    import drjit as dr
    import mitsuba as mi

    return dr.opaque(mi.Float, float(value))


def sionna_scene(meshes: Sequence[Mesh], spec: SionnaRaytracing, *, frequency_hz: float) -> Any:
    """Return a Sionna scene of our surfaces and antennas, without transmitters and receivers.

    Args:
        meshes: The surfaces in local metres.
        spec: Antennas, and how much the surfaces scatter.
        frequency_hz: Carrier.

    Raises:
        SetupError: No usable ray tracer on this machine.
    """
    rt = sionna_rt()
    scene = rt.load_scene()
    scene.frequency = _variable(frequency_hz)
    objects = []
    for index, mesh in enumerate(meshes):
        material: RadioMaterial = material_at(mesh.material, frequency_hz)
        radio_material = rt.RadioMaterial(
            name=f"iqatlas_{index}_{material.name}", scattering_coefficient=float(spec.diffuse_scattering)
        )
        radio_material.thickness = _variable(material.thickness_m)
        radio_material.relative_permittivity = _variable(material.relative_permittivity)
        radio_material.conductivity = _variable(material.conductivity_s_per_m)
        name = f"mesh_{index}_{mesh.material}"
        objects.append(
            rt.SceneObject(mi_mesh=_mitsuba_mesh(mesh, name), name=name, radio_material=radio_material)
        )
    if objects:
        scene.edit(add=objects)
    scene.tx_array = _antenna(spec.site_antenna)
    scene.rx_array = _antenna(spec.receiver_antenna)
    return scene


def _antenna(kind: str) -> Any:
    """Return one vertically polarised antenna as Sionna's array."""
    return sionna_rt().PlanarArray(num_rows=1, num_cols=1, pattern=_PATTERNS[kind], polarization="V")


def orientation_rad(site: Site, spec: SionnaRaytracing) -> list[float]:
    """Return Sionna's yaw, pitch and roll of a site's antenna.

    The main beam points along the site's azimuth, which counts clockwise from north, and below the
    horizon by the site's own tilt where that is known, else by the spec's. Without an azimuth it
    points north. Antennas that are alike all round are left upright.

    Args:
        site: The site.
        spec: Pattern and tilt.
    """
    if spec.site_antenna != "tr38901":
        return [0.0, 0.0, 0.0]
    azimuth = 0.0 if site.azimuth_deg is None else site.azimuth_deg
    tilt = spec.downtilt_deg if site.tilt_deg is None else site.tilt_deg
    # Sionna's yaw turns from east towards north; its pitch lowers the beam.
    return [float(np.deg2rad(90.0 - azimuth)), float(np.deg2rad(tilt)), 0.0]
