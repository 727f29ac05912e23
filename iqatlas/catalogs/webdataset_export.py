"""A corpus as WebDataset: tar files of records, each a group of members that share a name."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.split_part import SplitPart, part_of, splits_there

RECORDS_A_TAR = 1000
_ARRAYS = ("iq", "label", "occupancy", "snr")
_SCALARS = ("draw", "slot", "time", "waypoint", "snr_level", "first_sample")


def export_webdataset(
    corpus: Corpus,
    folder: Path,
    *,
    split: str | None = None,
    progress: Callable[[int, int], None],
    records_a_tar: int = RECORDS_A_TAR,
) -> list[Path]:
    """Write a corpus as tar files, named by split: ``NAME-train-000000.tar`` and so on.

    A record's members are ``iq.npy`` (complex64, receiver × sample), ``label.npy``,
    ``occupancy.npy``, ``snr.npy`` and ``json`` (record, split, receivers, draw, slot, time,
    level); of recordings those that are known. Where splits are by receiver, a tar file holds the
    receivers of its split alone. The same corpus gives the same bytes.

    Args:
        corpus: The corpus.
        folder: Where the tar files go; made if need be.
        split: This split alone; without it, all but the guard records.
        progress: Told the records done and in all.
        records_a_tar: Records in a tar file.

    Returns:
        The tar files.

    Raises:
        CorpusError: No such split.
        StorageError: The files can't be written.
    """
    groups = _groups(corpus, split, records_a_tar)
    total, done = sum(len(part.records) for _, _, part in groups), 0
    written = []
    with storage_errors(folder, resumes=False):
        folder.mkdir(parents=True, exist_ok=True)
        for file, name, part in groups:
            path = folder / file
            _write_tar(path, corpus.dataset, part, name)
            written.append(path)
            done += len(part.records)
            progress(done, total)
    return written


def tar_names(corpus: Corpus, split: str | None) -> tuple[str, ...]:
    """Return the files that :func:`export_webdataset` writes.

    Args:
        corpus: The corpus.
        split: As there.

    Raises:
        CorpusError: No such split.
    """
    return tuple(file for file, _, _ in _groups(corpus, split, RECORDS_A_TAR))


def _groups(corpus: Corpus, split: str | None, records_a_tar: int) -> list[tuple[str, str, SplitPart]]:
    """Return the name of each tar file, its split, and the part of that which it holds."""
    asked = [split] if split is not None else [name for name in splits_there(corpus) if name != "guard"]
    return [
        (
            f"{corpus.manifest.name}-{name}-{number:06d}.tar",
            name,
            replace(part, records=part.records[number * records_a_tar :][:records_a_tar]),
        )
        for name in asked
        for part in [part_of(corpus, name)]
        for number in range(-(-len(part.records) // records_a_tar))
    ]


def _write_tar(path: Path, dataset: xr.Dataset, part: SplitPart, split: str) -> None:
    names = [name for name in (*_ARRAYS, *_SCALARS) if name in dataset]
    block = dataset.drop_indexes("split").drop_vars("split")[names]
    block = block.isel(record=part.records, receiver=part.receivers).load()
    receivers = [str(name) for name in block["receiver"].values]
    arrays = {name: block[name].values for name in names}
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with temporary.open("wb") as file:
            # Plain members, owned by nobody and of no time: the same records give the same bytes.
            with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for place, record in enumerate(part.records.tolist()):
                    for name in (name for name in _ARRAYS if name in arrays):
                        _add(tar, f"{record:09d}.{name}.npy", _npy(arrays[name][place]))
                    facts = {name: arrays[name][place].item() for name in _SCALARS if name in arrays}
                    if not np.isfinite(facts.get("snr_level", 0)):
                        facts["snr_level"] = None  # thermal noise has no level, and JSON no NaN
                    text = json.dumps({"record": record, "split": split, "receivers": receivers, **facts})
                    _add(tar, f"{record:09d}.json", text.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
