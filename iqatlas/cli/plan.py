"""``iqatlas plan``: what a spec would make."""

from __future__ import annotations

from rich.table import Table

from iqatlas.cli.console import bytes_text, out
from iqatlas.cli.options import SetOption, SpecArgument, read_spec


def plan(spec: SpecArgument = None, override: SetOption = None) -> None:
    """Print records, shards, bytes and estimated time; make nothing.

    Example: iqatlas plan city.yaml --set capture.samples=4096
    """
    from iqatlas.generators.calibrate import seconds_per_sample
    from iqatlas.generators.describe import count_splits
    from iqatlas.generators.plan import plan as resolve

    made = resolve(read_spec(spec, override))
    table = Table(title=made.spec.name, show_header=False, title_justify="left")
    splits = ", ".join(f"{name} {count:,}" for name, count in count_splits(made).items())
    capture = made.spec.capture
    table.add_row(
        "records",
        f"{made.records:,} = {capture.draws} draws × {capture.slots:,} slots × {made.levels} SNR levels",
    )
    table.add_row("splits", splits)
    table.add_row("a record", f"{made.receivers} receivers × {capture.samples:,} samples")
    table.add_row("sampling rate", f"{made.sample_rate_hz / 1e6:g} Msps")
    table.add_row("sites", str(made.sites))
    table.add_row(
        "shards",
        f"{len(made.shards)} of {made.shard_records:,} records, read in chunks of {made.block_records:,}",
    )
    for name, count in made.bytes_by_variable.items():
        if count >= made.bytes // 100:
            table.add_row(name, bytes_text(count))
    table.add_row("bytes", bytes_text(made.bytes))
    seconds = made.samples * seconds_per_sample(made)
    table.add_row("records take", f"about {seconds:,.0f} s on one worker of this machine, ray tracing apart")
    out.print(table)
