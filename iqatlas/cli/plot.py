"""``iqatlas plot``: a picture of a feature of one capture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iqatlas.cli.console import out
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.output_place import output_errors, picture_file
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    import xarray as xr

    from iqatlas.catalogs.corpus import Corpus


def plot(
    corpus: CorpusArgument,
    record: Annotated[int, typer.Option(min=0, help="Number of the record.")] = 0,
    feature: Annotated[
        str,
        typer.Option(
            help="spectrogram, power_spectrum, subchannel_energy, cyclic_spectrum, cyclic_autocorrelation, "
            "wavelet or tabular."
        ),
    ] = "spectrogram",
    receiver: Annotated[
        str | None, typer.Option(help="Name of the receiver; the one with the best SNR without it.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the feature, as nperseg=256."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="PNG file; FEATURE.png without it.")
    ] = None,
) -> None:
    """Draw a feature of one capture: as it is stored, or else worked out from the I/Q.

    Example: iqatlas plot helsinki-demo --record 40 --feature power_spectrum
    """
    from iqatlas.catalogs.corpus import open_corpus
    from iqatlas.catalogs.corpus_features import capture_setting
    from iqatlas.catalogs.durable import write_file
    from iqatlas.plotting.features import draw_feature

    file = picture_file(output or Path(f"{feature}.png"), ".png")
    opened = open_corpus(corpus)
    dataset = opened.dataset
    if record >= dataset.sizes["record"]:
        raise CorpusError(
            f"there is no record {record}", where="--record", accepted=f"0 to {dataset.sizes['record'] - 1}"
        )
    one = dataset.isel(record=record)
    names = [str(name) for name in dataset["receiver"].values]
    if receiver is not None and receiver not in names:
        raise CorpusError(f"no receiver {receiver!r}", where="--receiver", accepted=", ".join(names))
    place = names.index(receiver) if receiver is not None else _loudest(one)
    values, options = _values(opened, record, feature, override or [])
    snr = f", SNR {float(one['snr'].values[place]):.1f} dB" if "snr" in one else ""
    picture = draw_feature(
        values.isel(receiver=place),
        one.isel(receiver=place),
        capture_setting(dataset, opened.manifest.spec),
        title=f"{opened.manifest.name}: record {record} at {names[place]}{snr}",
        options=options,
    )
    with output_errors(file):
        write_file(file, picture)
    out.print(f"picture   {file}", highlight=False, markup=False, soft_wrap=True)


def _loudest(one: xr.Dataset) -> int:
    """Return the receiver with the best SNR; the first one of a recording, whose SNR nobody knows."""
    return int(one["snr"].values.argmax()) if "snr" in one else 0


def _values(
    opened: Corpus, record: int, feature: str, overrides: list[str]
) -> tuple[xr.DataArray, Mapping[str, Any] | None]:
    """Return the feature of a record, and what stands below its key in the spec, where that is known."""
    from iqatlas.catalogs.corpus_features import capture_setting, feature_array
    from iqatlas.generators.plain_yaml import override_value

    dataset = opened.dataset
    if feature in dataset and not overrides:
        stored: Mapping[str, Any] | None = (opened.manifest.spec.get("features") or {}).get(feature)
        return dataset[feature].isel(record=record).load(), stored
    options: dict[str, object] = {}
    for override in overrides:
        options = override_value(options, override)
    setting = capture_setting(dataset, opened.manifest.spec)
    part = dataset.isel(record=slice(record, record + 1))
    return feature_array(part, setting, feature, options).isel(record=0).load(), options
