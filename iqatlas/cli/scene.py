"""``iqatlas scene``: build the city of a spec, and look at it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from iqatlas.cli.console import errors, out, say
from iqatlas.cli.options import SetOption, SpecArgument, read_spec
from iqatlas.cli.output_folder import OverwriteOption, output_folder


def scene(
    spec: SpecArgument = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write to; <name>-scene without it.")
    ] = None,
    override: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Build the scene of a spec: tables, a quality report and a map, without tracing or making records.

    Example: iqatlas scene city.yaml -o city-scene
    """
    from iqatlas.generators.scene import notes_of, scene_of
    from iqatlas.plotting.city import MAP_FILE, draw_city
    from iqatlas.scenes.mesh import meshes_of
    from iqatlas.scenes.mesh_export import MESH_FILES, SCENE_FILE, write_meshes
    from iqatlas.scenes.report import REPORT_FILES, report_text, scene_report, write_report
    from iqatlas.scenes.tables import TABLE_FILES, write_scene_tables
    from iqatlas.waveforms.carrier import carrier_frequency_hz

    asked = read_spec(spec, override)
    folder = output or Path(f"{asked.name}-scene")
    begun = time.monotonic()
    claimed = output_folder(
        folder,
        command="scene",
        of=asked.name,
        ours={*TABLE_FILES, *REPORT_FILES, *MESH_FILES, MAP_FILE}.__contains__,
        known_by=(SCENE_FILE, *REPORT_FILES, MAP_FILE),
        overwrite=overwrite,
    )
    with claimed:
        built = scene_of(asked)
        for note in notes_of(built):
            say(errors, f"note: {note}")
        report = scene_report(built, meshes_of(built))
        carrier_hz = carrier_frequency_hz(asked.carrier)
        report["traced_surfaces"] = write_meshes(built, folder, frequency_hz=carrier_hz)
        written = (*write_scene_tables(built, folder), *write_report(report, folder))
        draw_city(built.of_uavs(), folder / MAP_FILE)
    out.print(report_text(report), highlight=False, markup=False, soft_wrap=True)
    out.print(f"built in {time.monotonic() - begun:.1f} s", highlight=False)
    for path in (*written, folder / SCENE_FILE, folder / MAP_FILE):
        out.print(str(path), highlight=False, markup=False, soft_wrap=True)
