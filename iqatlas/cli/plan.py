"""``iqatlas plan``: what a spec would make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import out
from iqatlas.cli.options import SetOption, SpecArgument, read_spec
from iqatlas.cli.tables import facts

if TYPE_CHECKING:
    from iqatlas.generators.calibrate import Speed
    from iqatlas.generators.plan import Plan


def plan(spec: SpecArgument = None, override: SetOption = None) -> None:
    """Print records, shards, bytes and estimated time; make nothing.

    Example: iqatlas plan city.yaml --set capture.samples=4096
    """
    from iqatlas.generators.calibrate import measure_speed
    from iqatlas.generators.plan import plan as resolve

    made = resolve(read_spec(spec, override))
    out.print(facts(made.spec.name, _facts(made, measure_speed(made))))


def _facts(made: Plan, speed: Speed) -> Iterator[tuple[str, str]]:
    from iqatlas.generators.calibrate import cores
    from iqatlas.generators.describe import count_splits
    from iqatlas.generators.feature_notes import feature_notes

    capture = made.spec.capture
    draws = f"{capture.draws:,} draw{'s' if capture.draws > 1 else ''}"
    levels = f"{made.levels} SNR level{'s' if made.levels > 1 else ''}"
    yield "records", f"{made.records:,} = {draws} × {capture.slots:,} slots × {levels}"
    yield "splits", ", ".join(f"{name} {count:,}" for name, count in count_splits(made).items())
    if capture.payload == "fixed" and made.draw_split is not None:
        yield "note", "capture.payload: fixed sends the same payload in every draw, so in all splits by draw"
    for line in feature_notes(made):
        yield "note", line
    yield "a record", f"{made.receivers} receivers × {capture.samples:,} samples"
    yield "sampling rate", f"{made.sample_rate_hz / 1e6:g} Msps"
    yield "sites", str(made.sites)
    yield (
        "shards",
        f"{made.shard_count:,} of {made.shard_records:,} records, read in chunks of {made.block_records:,}",
    )
    for name, count in made.bytes_by_variable.items():
        if count >= made.bytes // 100:
            yield name, bytes_text(count)
    yield "bytes", bytes_text(made.bytes)
    numbers = [1 << power for power in range(cores().bit_length())]
    yield (
        "time",
        "about "
        + ", ".join(
            f"{_duration(speed.seconds(made, number))} on {number} worker{'s' if number > 1 else ''}"
            for number in numbers
        )
        + f" of this machine ({cores()} cores), ray tracing apart",
    )


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
