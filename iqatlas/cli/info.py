"""``iqatlas info``: what a corpus holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.console import out
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.tables import columns, facts

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus


def info(corpus: CorpusArgument) -> None:
    """Print what a corpus holds and where it comes from.

    Example: iqatlas info helsinki-demo
    """
    from iqatlas.catalogs.corpus import open_corpus

    opened = open_corpus(corpus)
    dataset = opened.dataset
    out.print(facts(f"{opened.manifest.name} ({corpus})", _facts(opened)))
    variables = (
        (
            str(name),
            " × ".join(str(axis) for axis in dataset[name].dims),
            str(dataset[name].dtype),
            dataset[name].attrs.get("units", ""),
            dataset[name].attrs.get("long_name", ""),
        )
        for name in sorted(dataset.data_vars, key=str)
    )
    out.print(columns("variables", ("name", "axes", "type", "units", "meaning"), variables, left=5))


def _facts(opened: Corpus) -> Iterator[tuple[str, str]]:
    manifest, dataset = opened.manifest, opened.dataset
    yield "made", f"{manifest.created} by iqatlas {manifest.versions.get('iqatlas', '?')}"
    yield "records", f"{manifest.records:,} in {len(manifest.shards)} shards"
    yield "splits", ", ".join(f"{name} {count:,}" for name, count in manifest.splits.items())
    size = sum(file.bytes for file in manifest.files)
    yield "size", f"{bytes_text(size)} in {len(manifest.files)} files"
    rate = dataset.attrs["sample_rate_hz"] / 1e6
    receivers, samples = dataset.sizes["receiver"], dataset.sizes["sample"]
    yield "a record", f"{receivers} receivers × {samples:,} samples, {rate:g} Msps"
    yield "axes", ", ".join(f"{axis} {size:,}" for axis, size in dataset.sizes.items())
    yield "carrier", f"{dataset.attrs['carrier_frequency_hz'] / 1e6:g} MHz"
    for site in manifest.scene.get("sites", []):
        yield f"site {site['name']}", f"{site['height_m']:g} m; {site['provenance']}"
    share = manifest.statistics.get("occupied_share_of_labels")
    yield "occupied labels", "no labels" if share is None else f"{share:.1%}"
    snr = manifest.statistics.get("snr_db", {})
    if "min" in snr:
        yield "realised SNR", f"{snr['min']:.1f} to {snr['max']:.1f} dB, median {snr['median']:.1f} dB"
    for entry in manifest.inputs:
        told = [entry.licence, entry.attribution, *filter(None, (entry.source, entry.date))]
        yield entry.role, f"{entry.name} ({', '.join(told)})"
