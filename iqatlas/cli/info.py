"""``iqatlas info``: what a corpus holds."""

from __future__ import annotations

from rich.table import Table

from iqatlas.cli.console import bytes_text, out
from iqatlas.cli.options import CorpusArgument


def info(corpus: CorpusArgument) -> None:
    """Print what a corpus holds and where it comes from.

    Example: iqatlas info helsinki-demo
    """
    from iqatlas.catalogs.corpus import open_corpus

    opened = open_corpus(corpus)
    manifest, dataset = opened.manifest, opened.dataset
    table = Table(title=f"{manifest.name} ({corpus})", show_header=False, title_justify="left")
    table.add_row("made", f"{manifest.created} by iqatlas {manifest.versions.get('iqatlas', '?')}")
    table.add_row("records", f"{manifest.records:,} in {len(manifest.shards)} shards")
    table.add_row("splits", ", ".join(f"{name} {count:,}" for name, count in manifest.splits.items()))
    size = sum(file.bytes for file in manifest.files)
    table.add_row("size", f"{bytes_text(size)} in {len(manifest.files)} files")
    rate = dataset.attrs["sample_rate_hz"] / 1e6
    table.add_row(
        "a record",
        f"{dataset.sizes['receiver']} receivers × {dataset.sizes['sample']:,} samples, {rate:g} Msps",
    )
    table.add_row("carrier", f"{dataset.attrs['carrier_frequency_hz'] / 1e6:g} MHz")
    for site in manifest.scene.get("sites", []):
        table.add_row(f"site {site['name']}", f"{site['height_m']:g} m; {site['provenance']}")
    table.add_row("occupied labels", f"{manifest.statistics['occupied_share_of_labels']:.1%}")
    snr = manifest.statistics["snr_db"]
    if "min" in snr:
        table.add_row(
            "realised SNR", f"{snr['min']:.1f} to {snr['max']:.1f} dB, median {snr['median']:.1f} dB"
        )
    for entry in manifest.inputs:
        table.add_row(entry.role, f"{entry.name} ({entry.licence}, {entry.attribution})")
    out.print(table)
    variables = Table(title="variables", title_justify="left")
    for heading in ("name", "axes", "type", "units", "meaning"):
        variables.add_column(heading)
    for name in sorted(dataset.data_vars, key=str):
        array = dataset[name]
        axes = " × ".join(f"{dim} {size}" for dim, size in array.sizes.items())
        variables.add_row(
            str(name), axes, str(array.dtype), array.attrs.get("units", ""), array.attrs.get("long_name", "")
        )
    out.print(variables)
