"""Paths in a corpus: from a PathSet to the group ``paths`` and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from iqatlas.axes import PATH_QUANTITIES, QUANTITIES
from iqatlas.catalogs._zarr import array_variable, open_store
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.errors import CorpusError, MissingFileError, SetupError
from iqatlas.raytracing.elements import ARRAY_KEY
from iqatlas.raytracing.paths import PathSet
from iqatlas.scenes.antenna_array import AntennaArray

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
        CorpusError: The dataset lacks a variable or an attribute, or has one on other axes.
    """
    missing = [name for name in _FIELDS if name not in dataset]
    if missing:
        raise CorpusError(f"the stored paths lack {', '.join(missing)}", remedy="get the corpus again")
    for name in _FIELDS:
        if dataset[name].dims != PATH_QUANTITIES[name].dims:
            raise CorpusError(
                f"the stored paths' {name} is on {', '.join(map(str, dataset[name].dims))}",
                accepted=", ".join(PATH_QUANTITIES[name].dims),
                remedy="get the corpus again",
            )
    fields = {
        field: dataset[name].values.astype(PATH_QUANTITIES[name].dtype) for name, field in _FIELDS.items()
    }
    try:
        frequency_hz = float(dataset.attrs["carrier_frequency_hz"])
        model = dict(json.loads(dataset.attrs["model"]))
    except (KeyError, ValueError, TypeError):
        raise CorpusError(
            "the stored paths don't tell their carrier and model", remedy="get the corpus again"
        ) from None
    return PathSet(frequency_hz=frequency_hz, model=model, **fields)


def read_stored_paths(
    corpus: Path,
    *,
    shape: tuple[int, int, int],
    frequency_hz: float,
    where: str,
    array: AntennaArray | None = None,
) -> PathSet:
    """Return the paths that a corpus stores, for a scene of the same extents.

    Args:
        corpus: Folder of a corpus, or of a store of paths that ``iqatlas trace`` wrote.
        shape: Waypoints, UAVs and sites of the scene.
        frequency_hz: Carrier of the scene.
        where: The key of the spec that names the folder, for messages.
        array: The array of each UAV; stored paths may be those of its elements, or of UAVs without arrays.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no paths, or those of another scene or carrier.
        SetupError: This Python can't read them.
    """
    store = next((corpus / name for name in ("records.zarr", "paths.zarr") if (corpus / name).is_dir()), None)
    in_hdf5 = store is None and (corpus / FORMATS["hdf5"].name).is_file()
    if not corpus.is_dir():
        raise MissingFileError(f"no such folder: {corpus}", where=where)
    if not in_hdf5 and (store is None or not (store / "paths").is_dir()):
        raise CorpusError(
            f"no stored paths in {corpus}", where=where, accepted="a corpus, or what iqatlas trace wrote"
        )
    try:
        if store is None:
            dataset = FORMATS["hdf5"].open(corpus, "paths")
        else:
            dataset = open_store(store, group="paths", consolidated=False).load()
    except SetupError:  # of this machine, not of the folder
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as failure:
        reason = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        raise CorpusError(f"the stored paths can't be read ({reason})", where=where) from None
    try:
        paths = paths_from_dataset(dataset)
    except CorpusError as failure:
        raise CorpusError(
            failure.what, where=where, accepted=failure.accepted, remedy=failure.remedy
        ) from None
    stored = paths.model.get(ARRAY_KEY)
    if stored is not None and (array is None or stored != array.name):
        raise CorpusError(
            f"the stored paths are those of antenna arrays ({str(stored)[:100]})",
            where=where,
            accepted=f"{array.name}, or one antenna a UAV" if array else "one antenna a UAV",
            remedy="ask for the same receivers.array",
        )
    if stored is not None and array is not None:
        shape = (shape[0], shape[1] * len(array.element_m), shape[2])
    if paths.gain.shape[:3] != shape:
        found = " x ".join(str(n) for n in paths.gain.shape[:3])
        raise CorpusError(
            f"the stored paths are those of {found} waypoints x receivers x sites",
            where=where,
            accepted=" x ".join(str(n) for n in shape),
        )
    if abs(paths.frequency_hz - frequency_hz) > 1.0:
        raise CorpusError(
            f"the stored paths are those of a carrier at {paths.frequency_hz / 1e6:g} MHz",
            where=where,
            accepted=f"{frequency_hz / 1e6:g} MHz",
        )
    return paths
