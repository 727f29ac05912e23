"""The cards by which catalogues know a corpus: its flat table, Croissant, citation and deposit metadata."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from iqatlas.catalogs.citation import citation_files
from iqatlas.catalogs.croissant import CROISSANT_NAME, UNPUBLISHED, croissant
from iqatlas.catalogs.durable import write_file
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.record_table import RECORD_TABLE, write_record_table
from iqatlas.generators.describe import count_splits
from iqatlas.generators.plan import Plan
from iqatlas.scenes.scene import Scene

_SIGNALS = {"lte": "LTE-like downlinks", "marine_vhf": "voice on marine VHF channels"}


def title_of(made: Plan) -> str:
    """Return the title of a corpus."""
    spec = made.spec
    return spec.about.title or f"{spec.name}: labelled I/Q of UAVs for spectrum sensing"


def description_of(made: Plan, scene: Scene) -> str:
    """Return what a corpus is, in three sentences."""
    spec = made.spec
    if spec.about.description:
        return spec.about.description
    west, south, east, north = scene.bbox
    return (
        f"{made.records:,} records of {made.receivers} UAVs that hear {_SIGNALS[spec.waveform.kind]} of "
        f"{made.sites} sites between {south:.4f} and {north:.4f} degrees north, {west:.4f} and {east:.4f} "
        f"degrees east. Each record holds {spec.capture.samples} complex samples a receiver at "
        f"{made.sample_rate_hz / 1e6:g} Msps, "
        f"with the occupancy of {spec.waveform.subchannels} sub-channels. "
        "Everything is simulated: radio paths over a model of the city, drawn occupancy, drawn noise."
    )


def write_table_and_citation(
    corpus: Path, made: Plan, scene: Scene, dataset: xr.Dataset, published: str
) -> None:
    """Write the flat table of the records, CITATION.cff, and the metadata for DataCite and Zenodo.

    Args:
        corpus: Folder of the corpus.
        made: Its plan.
        scene: Its scene.
        dataset: Its records.
        published: Date, as YYYY-MM-DD.
    """
    write_record_table(dataset, corpus / RECORD_TABLE)
    files = citation_files(
        made.spec.about,
        title=title_of(made),
        description=description_of(made, scene),
        published=published,
        version=UNPUBLISHED,
        credit=tuple(scene.attribution),
    )
    for name, content in files.items():
        write_file(corpus / name, content)


def write_croissant(
    corpus: Path, made: Plan, scene: Scene, files: tuple[FileEntry, ...], published: str
) -> None:
    """Write the Croissant description, which names all the other files.

    Args:
        corpus: Folder of the corpus.
        made: Its plan.
        scene: Its scene.
        files: All other files.
        published: Date, as YYYY-MM-DD.
    """
    content = croissant(
        made.spec.about,
        name=made.spec.name,
        title=title_of(made),
        description=description_of(made, scene),
        published=published,
        files=files,
        splits=count_splits(made),
        by=made.spec.splits.by,
        extents={"subchannel": made.spec.waveform.subchannels, "receiver": made.receivers},
        store=FORMATS[made.spec.storage.format].contents,
    )
    write_file(corpus / CROISSANT_NAME, content)
