"""Paths in a corpus: from a PathSet to the group ``paths`` and back."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from iqatlas.axes import PATH_QUANTITIES, QUANTITIES
from iqatlas.catalogs._zarr import array_variable
from iqatlas.errors import CorpusError
from iqatlas.raytracing.paths import PathSet

_FIELDS = {
    "gain": "gain",
    "delay": "delay_s",
    "doppler": "doppler_hz",
    "departure_azimuth": "departure_azimuth_deg",
    "departure_zenith": "departure_zenith_deg",
    "arrival_azimuth": "arrival_azimuth_deg",
    "arrival_zenith": "arrival_zenith_deg",
    "interaction": "interaction",
    "vertex": "vertex_m",
    "valid": "valid",
}
"""Stored name → field of PathSet."""


def paths_dataset(paths: PathSet, *, sites: tuple[str, ...], receivers: tuple[str, ...]) -> xr.Dataset:
    """Return paths as a labelled dataset."""
    data = {
        name: array_variable(PATH_QUANTITIES[name], getattr(paths, field)) for name, field in _FIELDS.items()
    }
    coordinates = {
        "receiver": array_variable(QUANTITIES["receiver"], np.array(receivers)),
        "site": array_variable(QUANTITIES["site"], np.array(sites)),
    }
    attributes = {
        "title": "Radio paths from every site to every receiver",
        "carrier_frequency_hz": paths.frequency_hz,
        "model": json.dumps(paths.model, sort_keys=True),
    }
    return xr.Dataset(data, coordinates, attributes)


def paths_from_dataset(dataset: xr.Dataset) -> PathSet:
    """Return stored paths as a PathSet.

    Raises:
        CorpusError: The dataset lacks a variable.
    """
    missing = [name for name in _FIELDS if name not in dataset]
    if missing:
        raise CorpusError(f"the stored paths lack {', '.join(missing)}", remedy="get the corpus again")
    fields = {
        field: dataset[name].values.astype(PATH_QUANTITIES[name].dtype) for name, field in _FIELDS.items()
    }
    return PathSet(
        frequency_hz=float(dataset.attrs["carrier_frequency_hz"]),
        model=json.loads(dataset.attrs["model"]),
        **fields,
    )
