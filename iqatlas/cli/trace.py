"""``iqatlas trace``: the radio paths of a spec's scene, and pictures of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from iqatlas.cli.console import counting_bar, errors, out, say
from iqatlas.cli.options import SetOption, SpecArgument, read_spec
from iqatlas.cli.output_folder import OverwriteOption, output_folder


def trace(
    spec: SpecArgument = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write to; <name>-paths without it."),
    ] = None,
    override: SetOption = None,
    coverage: Annotated[
        bool, typer.Option("--coverage/--no-coverage", help="Whether a coverage map is drawn.")
    ] = True,
    overwrite: OverwriteOption = False,
) -> None:
    """Trace the paths of a spec's scene: stored paths, tables, a report and pictures, but no records.

    Example: iqatlas trace city.yaml -o city-paths
    """
    from iqatlas.generators.path_folder import CONTENTS, STORE, write_path_folder

    asked = read_spec(spec, override)
    folder = output or Path(f"{asked.name}-paths")
    claimed = output_folder(
        folder,
        command="trace",
        of=asked.name,
        ours=CONTENTS.__contains__,
        known_by=(STORE,),
        overwrite=overwrite,
    )
    with claimed, counting_bar("tracing the radio paths") as tell:
        made = write_path_folder(asked, folder, coverage=coverage, progress=tell)
    for note in made.report["notes"]:
        say(errors, f"note: {note}")
    for line in (*summary(made.report), *map(str, made.files)):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def summary(report: dict[str, Any]) -> list[str]:
    """Return the lines that a report comes down to."""
    counts, gates, model = report["counts"], report["gates"], report["model"]
    kinds = ", ".join(f"{count:,} {name}" for name, count in counts["paths_by_kind"].items() if count)
    strongest = gates["largest_gain_db"]
    lines = [
        f"{report['name']}: {counts['sites']} sites × {counts['receivers']} receivers × "
        f"{counts['waypoints']} waypoints at {report['frequency_hz'] / 1e6:g} MHz, model {model['kind']}",
        f"{counts['paths']:,} paths ({kinds or 'none'}), at most {counts['most_paths_of_a_link']} of a link",
        f"links    {gates['links']}, {gates['line_of_sight_links']} in sight, {gates['blind_links']} without "
        "any path",
        f"gates    hold; line of sight within {gates['line_of_sight_error']:.1g} of free space, strongest "
        + (f"path {strongest:.1f} dB" if strongest is not None else "path none"),
        f"traced   {report['receivers_traced']} receivers, {report['receivers_cached']} from the cache, in "
        f"{report['seconds']:.1f} s",
    ]
    between = report["between_waypoints"]
    if between:
        from iqatlas.generators.continuity import continuity_text

        lines.append(f"flight   {continuity_text(between)}")
    if model.get("extrapolated_materials", "none") != "none":
        lines.append(f"beyond their source's frequencies: {model['extrapolated_materials']}")
    return lines
