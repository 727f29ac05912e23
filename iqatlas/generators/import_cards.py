"""The cards of a corpus of recordings: what people and catalogues read of it."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from iqatlas.catalogs.citation import citation_files, keywords_of
from iqatlas.catalogs.croissant import CROISSANT_NAME, UNPUBLISHED, croissant
from iqatlas.catalogs.durable import write_file
from iqatlas.catalogs.folder import PICTURES
from iqatlas.catalogs.manifest import FileEntry, InputEntry
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.record_table import RECORD_TABLE, columns_of, write_record_table
from iqatlas.catalogs.spec import SPLITS
from iqatlas.generators.import_credit import credits_of
from iqatlas.generators.import_records import ImportPlan

_OWN = """- Each receiver is of one split too (`receiver_split`): `.split("train")` gives what those of
  training heard.
"""
_PICTURE = f"{PICTURES}/recording.png"


def _title(made: ImportPlan) -> str:
    source = made.spec.recording.exported
    kind = "simulated" if source is not None and source.simulated else "recorded"
    return made.spec.about.title or f"{made.spec.name}: {kind} I/Q for spectrum sensing"


def _description(made: ImportPlan) -> str:
    if made.spec.about.description:
        return made.spec.about.description
    asked, first = made.spec.recording, made.recordings[0]
    labels = "labels from their annotations" if made.labelled else "no labels"
    if made.labels_told:
        labels = "its labels"
    source = asked.exported
    told = "" if source is None else f"exported from the corpus {source.corpus}, "
    return (
        f"{made.records:,} records of {len(made.receivers)} recordings "
        f"{told}at {first.centre_frequency_hz / 1e6:g} MHz, {asked.samples} complex samples a receiver at "
        f"{made.sample_rate_hz / 1e6:g} Msps, with {labels}."
    )


def write_import_cards(
    corpus: Path, made: ImportPlan, dataset: xr.Dataset, inputs: tuple[InputEntry, ...], published: str
) -> None:
    """Write the picture, README.md, ATTRIBUTION.md, the flat table and the citation.

    Args:
        corpus: Folder of the corpus.
        made: Its plan.
        dataset: Its records, samples complex.
        inputs: The recordings.
        published: Date, as YYYY-MM-DD.
    """
    from iqatlas.plotting.recording import draw_recording

    write_file(corpus / _PICTURE, draw_recording(dataset, title=made.spec.name))
    write_file(corpus / "README.md", _readme(made).encode())
    sources = "".join(
        f"- {entry.role}: `{entry.name}`, SHA-256 {entry.sha256}, {entry.licence}, {entry.attribution}"
        f"{f', {entry.source}' if entry.source else ''}{f', {entry.date}' if entry.date else ''}\n"
        for entry in inputs
    )
    write_file(corpus / "ATTRIBUTION.md", f"# Credit\n\n## Recordings\n\n{sources}".encode())
    write_record_table(dataset, corpus / RECORD_TABLE)
    files = citation_files(
        made.spec.about,
        title=_title(made),
        description=_description(made),
        published=published,
        version=UNPUBLISHED,
        credit=tuple(credits_of(made.recordings)),
        keywords=keywords_of(made.spec.tree()),
    )
    for name, content in files.items():
        write_file(corpus / name, content)


def write_import_croissant(
    corpus: Path, made: ImportPlan, dataset: xr.Dataset, files: tuple[FileEntry, ...], published: str
) -> None:
    """Write the Croissant description, which names all the other files.

    Args:
        corpus: Folder of the corpus.
        made: Its plan.
        dataset: Its records.
        files: All other files.
        published: Date, as YYYY-MM-DD.
    """
    content = croissant(
        made.spec.about,
        name=made.spec.name,
        title=_title(made),
        description=_description(made),
        published=published,
        files=files,
        splits=[name for index, name in enumerate(SPLITS) if (made.record_split == index).any()],
        extents={"subchannel": made.spec.recording.subchannels, "receiver": len(made.receivers)},
        store=FORMATS[made.spec.storage.format].contents,
        columns=columns_of(dataset),
        by=made.spec.splits.by,
        keywords=keywords_of(made.spec.tree()),
    )
    write_file(corpus / CROISSANT_NAME, content)


def _readme(made: ImportPlan) -> str:
    asked, first = made.spec.recording, made.recordings[0]
    full_scale = asked.full_scale_dbm
    level = "full scale is 1, level unknown" if full_scale is None else f"full scale {full_scale:g} dBm"
    if made.exported and full_scale == 0:
        level = "in √mW at the antenna port"
    low, high = made.edges_hz[0, 0], made.edges_hz[-1, 1]
    grid = f"{asked.subchannels}, {(high - low) * 1e-6:.6g} MHz in all"
    labels = (
        f"from annotations; occupied where both share {asked.overlap:.0%} of the smaller"
        if made.labelled
        else "none"
    )
    if made.labels_told:
        labels = "those of the corpus that it was exported from"
    facts = "".join(f"| {name} | {_cell(text)} |\n" for name, text in first.facts.items())
    return f"""# {made.spec.name}

{_what(made)}

![Power over time and frequency](./{_PICTURE})

| | |
|---|---|
| records | {made.records:,} |
| a record | {len(made.receivers)} receivers × {asked.samples} samples, {made.sample_rate_hz / 1e6:g} Msps |
| centre frequency | {first.centre_frequency_hz / 1e6:.10g} MHz |
| samples | {first.sample_type.name}; {level} |
| sub-channels | {grid} |
| labels | {labels} |
{facts}
## Load it

`iqatlas.open_corpus(".").dataset` gives the records, `.torch()` and `.numpy()` batches of them, and
`.features("power_spectrum")` features, worked out as they are read. Row n of `records.parquet` is record n.

## Known limits

- SNR, noise power and radio paths are not known, and are not there.
- Records are cut one after the other from stretches without a gap; what a stretch leaves over is left out.
- {_limits(made)}
{_OWN if made.spec.splits.by == "receiver" else ""}
## Licence and credit

Licence of the recordings: {_cell(made.spec.about.licence)}. See ATTRIBUTION.md.
"""


def _what(made: ImportPlan) -> str:
    source = made.spec.recording.exported
    if source is None:
        return "Recorded I/Q, imported by iqatlas."
    kind = "Simulated" if source.simulated else "Recorded"
    return (
        f"{kind} I/Q of the corpus {_cell(source.corpus)}, exported as SigMF and imported by iqatlas. Its "
        f"manifest has the SHA-256 {source.manifest_sha256}."
    )


def _limits(made: ImportPlan) -> str:
    if made.labels_told:
        return "Labels are those of the exported corpus, 1 where any of its sites occupies a sub-channel."
    if made.labelled:
        return "A sub-channel without an annotation may be occupied all the same: labels are what was marked."
    return "Nobody has marked what is occupied: there are no labels."


def _cell(text: str) -> str:
    """Return a stranger's text so that it stays in its cell, and no markup of its own."""
    return "".join(f"\\{char}" if char in "|`[]<>*_!\\" else char for char in text)
