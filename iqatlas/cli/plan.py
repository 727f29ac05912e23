"""``iqatlas plan``: what a spec would make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import out
from iqatlas.cli.options import SetOption, SpecArgument, read_spec
from iqatlas.cli.tables import facts
from iqatlas.user_paths import current_folder

if TYPE_CHECKING:
    from iqatlas.generators.calibrate import Speed
    from iqatlas.generators.plan import Plan


def plan(spec: SpecArgument = None, override: SetOption = None) -> None:
    """Print records, shards, bytes and estimated time, and what can't work; make nothing.

    Example: iqatlas plan city.yaml --set capture.samples=4096
    """
    from iqatlas.generators.calibrate import measure_speed
    from iqatlas.generators.plan import plan as resolve
    from iqatlas.generators.preflight import preflight

    made = resolve(read_spec(spec, override))
    notes = preflight(made, current_folder())
    out.print(facts(made.spec.name, _facts(made, measure_speed(made), notes)))


def _facts(made: Plan, speed: Speed, notes: Sequence[str]) -> Iterator[tuple[str, str]]:
    from iqatlas.generators.calibrate import cores
    from iqatlas.generators.feature_notes import feature_notes
    from iqatlas.generators.preflight import links_to_trace, split_slot_counts
    from iqatlas.generators.site_count import needs_scene

    capture = made.spec.capture
    draws = f"{capture.draws:,} draw{'s' if capture.draws > 1 else ''}"
    levels = f"{made.levels} SNR level{'s' if made.levels > 1 else ''}"
    yield "records", f"{made.records:,} = {draws} × {capture.slots:,} slots × {levels}"
    slots = split_slot_counts(made)
    splits = (f"{name} {count:,} ({slots[name]:,} slots)" for name, count in made.split_counts().items())
    yield "splits", ", ".join(splits)
    if capture.payload == "fixed" and made.draw_split is not None:
        yield "note", "capture.payload: fixed sends the same payload in every draw, so in all splits by draw"
    for line in feature_notes(made):
        yield "note", line
    yield "a record", f"{made.receivers} receivers × {capture.samples:,} samples"
    yield "sampling rate", f"{made.sample_rate_hz / 1e6:g} Msps"
    untold = "told once the scene is built; figures here are for "
    yield "sites", (untold if needs_scene(made.spec) else "") + str(made.sites)
    yield (
        "shards",
        f"{made.shard_count:,} of {made.shard_records:,} records, read in chunks of {made.block_records:,}",
    )
    yield "features", _features(made)
    for name, count in made.bytes_by_variable.items():
        if count >= made.bytes // 100:
            yield name, bytes_text(count)
    yield "bytes", bytes_text(made.bytes)
    links = links_to_trace(made)
    numbers = [1 << power for power in range(cores().bit_length())]
    yield (
        "time",
        "about "
        + ", ".join(
            f"{_duration(speed.seconds(made, number))} on {number} worker{'s' if number > 1 else ''}"
            for number in numbers
        )
        + f" of this machine ({cores()} cores)"
        + (", ray tracing apart" if links else ""),
    )
    if links:
        yield "tracing", _tracing(made, links)
    for note in notes:
        yield "note", note


def _features(made: Plan) -> str:
    asked, names = made.spec.features, [feature.name for feature, _ in made.features]
    if asked.spectrogram is not None and "spectrogram" not in asked.model_fields_set:
        names[names.index("spectrogram")] += " (by default; null leaves it out)"
    return ", ".join(names) or "none"


def _tracing(made: Plan, links: int) -> str:
    from iqatlas.generators.preflight import tracing_speed
    from iqatlas.raytracing.spec import SionnaRaytracing

    model, speed = made.spec.raytracing, tracing_speed()
    what = f"{links:,} link{'s' if links > 1 else ''}, less those in the cache"
    if speed is None or not isinstance(model, SionnaRaytracing):
        return f"{what}: not measured on this machine yet; tracing two or more, as generate does, measures it"
    other = "" if speed.is_of(model) else f", which was with {speed.settings_text()}"
    return (
        f"{what}: roughly {_duration(speed.seconds(links))}, as {speed.link_s:.2g} s a link and "
        f"{_duration(speed.start_s)} to start were when some were last traced here{other}"
    )


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
