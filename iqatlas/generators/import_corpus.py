"""Recordings become a corpus, shard by shard, resumable at any moment; no label is invented."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.construction import Construction, finished_with, tidy
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.croissant import CROISSANT_NAME
from iqatlas.catalogs.direct_records import with_direct_arrays
from iqatlas.catalogs.import_spec import ImportedCorpusSpec
from iqatlas.catalogs.manifest import InputEntry, Manifest, ShardEntry, shard_sha256
from iqatlas.catalogs.place import place_of
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_store import format_for
from iqatlas.catalogs.recording import Recording
from iqatlas.catalogs.spec import SPLITS
from iqatlas.catalogs.staging import desk_of, write_shard
from iqatlas.errors import CorpusError
from iqatlas.generators.import_cards import write_import_cards, write_import_croissant
from iqatlas.generators.import_credit import credit_of, credits_of
from iqatlas.generators.import_records import ImportPlan, import_plan
from iqatlas.generators.progress import Listener, Progress, silent
from iqatlas.generators.provenance import library_versions

_STORE = "store"


def import_recordings(
    recordings: Sequence[Recording],
    spec: ImportedCorpusSpec,
    dest: str | Path,
    *,
    overwrite: bool = False,
    progress: Listener = silent,
) -> Corpus:
    """Make a corpus of recordings, or go on with one that was begun.

    Samples are read, cut into records and stored shard by shard, so that memory doesn't grow with the
    recording. What nobody knows of a recording, such as its SNR, the corpus doesn't hold.

    Args:
        recordings: One or several receivers' recordings, begun together.
        spec: What to make of them.
        dest: Folder of the corpus, or ``s3://bucket/name``.
        overwrite: Whether to remove another corpus that is there.
        progress: Told how far the work is.

    Returns:
        The finished corpus. One of the same recordings and spec that is there already is returned as it is.

    Raises:
        IqAtlasError: Recordings that don't go together or were damaged, a full disk, a finished corpus of the
            same files read otherwise (another rate, frequency, type or name): each in one line.
    """
    place = place_of(dest)
    store = format_for(spec.storage.format, place)
    made = import_plan(spec, tuple(recordings))
    before = [_state(one) for one in recordings]
    inputs = _inputs(recordings, spec, progress)
    tree = spec.tree()
    if not overwrite and finished_with(place, sha256_json(tree), [entry.sha256 for entry in inputs]):
        there = Corpus(place)
        _refuse_other_facts(there, recordings)
        tidy(place)
        return there
    versions = library_versions()
    # Rates and segments may come from flags or metadata: all that decides a byte is in the key.
    key = {
        "spec": tree,
        "inputs": [entry.sha256 for entry in inputs],
        "recordings": [
            [one.name, one.sample_type.name, one.channels, one.sample_rate_hz, one.centre_frequency_hz]
            for one in recordings
        ],
        "iqatlas": versions["iqatlas"],
    }
    construction = Construction(place, build_key=sha256_json(key), overwrite=overwrite, store=store)
    with construction:
        _write_records(construction, made, progress)
        if [_state(one) for one in recordings] != before:
            raise CorpusError(
                "the recording changed while it was imported",
                where=", ".join(str(one.data) for one in recordings),
                remedy="import it again with --overwrite, once it is whole",
            )
        progress(Progress("writing pictures and manifest"))
        construction.finish(_describe(construction, made, tree, inputs, versions))
    return Corpus(place)


def _refuse_other_facts(there: Corpus, recordings: Sequence[Recording]) -> None:
    """Refuse a finished corpus of the same files and spec that were read otherwise.

    Rate, frequency, type of the samples and names may come from the command line, and are then in no file
    whose hash was compared. All corpora of recordings state them.

    Raises:
        CorpusError: One of them differs.
    """
    stated, first = there.dataset.attrs, recordings[0]
    receivers = there.manifest.scene.get("receivers")
    told = receivers if isinstance(receivers, list) else []
    types = [one.get("datatype") for one in told if isinstance(one, dict)]
    names = [str(name) for name in there.dataset["receiver"].values]
    facts = (
        ("sampled at", " Hz", stated.get("sample_rate_hz"), first.sample_rate_hz),
        ("tuned to", " Hz", stated.get("carrier_frequency_hz"), first.centre_frequency_hz),
        ("of the receivers", "", names, [name for one in recordings for name in one.receivers]),
        ("of samples", "", types, [one.sample_type.name for one in recordings for _ in one.receivers]),
    )
    for words, unit, was, asked in facts:
        if was != asked:
            differ = f"{words} {_in_words(was)}{unit}, not {_in_words(asked)}{unit}"
            raise CorpusError(
                f"this folder holds a finished corpus {differ}",
                where=there.place.name,
                remedy="choose another folder with -o, or remove it with --overwrite",
            )


def _in_words(fact: object) -> str:
    if isinstance(fact, list):
        return ", ".join(dict.fromkeys(map(str, fact)))[:200]
    return f"{fact:.15g}" if isinstance(fact, float) else str(fact)[:200]


def _state(recording: Recording) -> tuple[int, int]:
    found = recording.data.stat()
    return found.st_size, found.st_mtime_ns


def _inputs(
    recordings: Sequence[Recording], spec: ImportedCorpusSpec, progress: Listener
) -> tuple[InputEntry, ...]:
    total, done = sum(one.data.stat().st_size for one in recordings), 0
    entries = []
    for one in recordings:
        credit = "; ".join(credit_of(one))
        base = done
        digests = one.hashes(lambda own, base=base: progress(Progress("hashing", base + own, total)))  # type: ignore[misc]
        done += one.data.stat().st_size
        for path, digest, role in zip(one.sources, digests, ("samples", "metadata"), strict=False):
            entries.append(
                InputEntry(
                    role=role,
                    name=path.name,
                    bytes=path.stat().st_size,
                    sha256=digest,
                    licence=one.facts.get("license", spec.about.licence),
                    attribution=credit,
                    source=one.facts.get("data_doi") or one.facts.get("recorder") or one.facts.get("hw"),
                    date=one.facts.get("datetime"),
                )
            )
    return tuple(entries)


def _write_records(construction: Construction, made: ImportPlan, progress: Listener) -> None:
    store, bench = construction.store, construction.bench
    if not construction.resume(_STORE):
        construction.forget()
        with construction.place.errors():
            store.create(
                bench,
                made.coordinates(),
                made.quantities,
                made.shape,
                chunk_records=made.chunk_records,
                shard_records=made.shard_records,
            )
        construction.enter(_STORE, store.metadata_files(bench))
    ledger = construction.ledger()
    done = {s.step for s in made.shards if s.step in ledger and construction.intact(ledger[s.step])}
    records = sum(shard.stop - shard.start for shard in made.shards if shard.step in done)
    progress(Progress("making records", records, made.records))
    todo = [shard for shard in made.shards if shard.step not in done]
    if not todo:
        return
    desk = desk_of(construction)
    for shard in todo:
        part = made.make_shard(shard)
        write_shard(construction, desk, shard.step, part, shard.start)
        records += shard.stop - shard.start
        progress(Progress("making records", records, made.records))


def _describe(
    construction: Construction,
    made: ImportPlan,
    tree: dict[str, object],
    inputs: tuple[InputEntry, ...],
    versions: dict[str, str],
) -> Manifest:
    bench, ledger = construction.bench, construction.ledger()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    with construction.place.errors():
        construction.store.finish(bench)
        construction.place_root()
        where = construction.place.store(construction.store.name)
        dataset = decoded(with_direct_arrays(construction.store.open_at(where), construction.store, where))
        write_import_cards(bench, made, dataset, inputs, created[:10])
    statistics: dict[str, object] = {
        "samples": made.records * len(made.receivers) * made.spec.recording.samples,
        "guard_records": made.guard_records,
    }
    if made.exported and made.exported[0].guard_slots is not None:
        statistics["guard_slots"] = made.exported[0].guard_slots
    if made.labelled:
        statistics["occupied_share_of_labels"] = round(float(dataset["label"].mean()), 6)
    files = construction.gather(file for shard in made.shards for file in ledger[shard.step])
    with construction.place.errors():
        write_import_croissant(bench, made, dataset, files, created[:10])
    files = construction.gather(file for file in files if file.path != CROISSANT_NAME)
    counts = np.bincount(made.record_split, minlength=len(SPLITS))
    return Manifest(
        name=made.spec.name,
        created=created,
        spec=tree,
        spec_sha256=sha256_json(tree),
        inputs=inputs,
        versions=versions,
        scene={
            "receivers": [
                {"name": name, "recording": one.data.name, "datatype": one.sample_type.name, **one.facts}
                for one in made.recordings
                for name in one.receivers
            ],
            "attribution": credits_of(made.recordings),
        },
        paths={},
        records=made.records,
        splits={name: int(count) for name, count in zip(SPLITS, counts, strict=True) if count},
        statistics=statistics,
        shards=tuple(
            ShardEntry(
                index=shard.index,
                start=shard.start,
                stop=shard.stop,
                sha256=shard_sha256(ledger[shard.step]),
            )
            for shard in made.shards
        ),
        files=files,
    )
