"""What a corpus holds and where it comes from, as tables and lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from shlex import quote

import numpy as np

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.split_index import SPLIT_NAMES
from iqatlas.preview.markup import Markup, element, facts, markup, note, plain, table

_MOST_ROWS = 100
_LONGEST_SPEC = 20_000


def tiles(corpus: Corpus) -> Markup:
    """Return the figures that a reader wants first."""
    dataset, manifest = corpus.dataset, corpus.manifest
    size = sum(file.bytes for file in manifest.files)
    rows: list[tuple[str, str]] = [
        (f"{manifest.records:,}", "records"),
        (f"{dataset.sizes.get('receiver', 0):,}", "receivers"),
        (f"{dataset.sizes.get('sample', 0):,}", "samples a capture"),
        (f"{_number(dataset.attrs.get('sample_rate_hz')) / 1e6:g} Msps", "sampling rate"),
        (f"{_number(dataset.attrs.get('carrier_frequency_hz')) / 1e6:g} MHz", "carrier"),
        (f"{dataset.sizes.get('subchannel', 0)}", "sub-channels"),
        (bytes_text(size), f"in {len(manifest.files):,} files"),
    ]
    boxes = [
        element("div", element("dd", value), element("dt", name))
        for value, name in rows
        if value not in {"0", "nan Msps", "nan MHz"}
    ]
    return element("dl", *boxes, class_="tiles")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float | np.number) else float("nan")


def holdings(corpus: Corpus) -> Markup:
    """Return the facts of a corpus and its variables."""
    dataset = corpus.dataset
    rows = [
        (
            name,
            " × ".join(f"{axis} {dataset.sizes[axis]:,}" for axis in map(str, dataset[name].dims)),
            dataset[name].dtype,
            dataset[name].attrs.get("units", ""),
            dataset[name].attrs.get("long_name", ""),
        )
        for name in sorted(map(str, dataset.data_vars))[:_MOST_ROWS]
    ]
    variables = table("Variables", ("name", "axes", "type", "units", "meaning"), rows, left=5)
    return markup(facts(_facts(corpus)), variables)


def _facts(corpus: Corpus) -> Iterator[tuple[str, object]]:
    manifest, dataset = corpus.manifest, corpus.dataset
    yield "Name", manifest.name
    yield "Made", f"{manifest.created} by iqatlas {manifest.versions.get('iqatlas', '?')}"
    seed = manifest.spec.get("seed")
    if seed is not None:
        yield "Seed", seed
    yield "Records", f"{manifest.records:,} in {len(manifest.shards):,} shards"
    bandwidth = _number(dataset.attrs.get("noise_bandwidth_hz"))
    if bandwidth == bandwidth:
        yield "Sub-channels", f"{dataset.sizes.get('subchannel', 0)} over {bandwidth / 1e6:g} MHz"
    slot = _number(dataset.attrs.get("slot_duration_s"))
    if slot == slot:
        yield "Slot", f"{slot * 1e3:g} ms"
    share = manifest.statistics.get("occupied_share_of_labels")
    if isinstance(share, int | float):
        yield "Occupied labels", f"{share:.1%}"
    snr = manifest.statistics.get("snr_db")
    if isinstance(snr, Mapping) and {"min", "max", "median"} <= set(snr):
        low, middle, high = (_number(snr[key]) for key in ("min", "median", "max"))
        yield "Realised SNR", f"{low:.1f} to {high:.1f} dB, median {middle:.1f} dB"
    model = manifest.paths.get("kind")
    if model is not None:
        versions = [f"{key} {manifest.paths[key]}" for key in ("sionna-rt",) if key in manifest.paths]
        yield "Radio paths", ", ".join([str(model), *versions])
    buildings = manifest.scene.get("buildings")
    if isinstance(buildings, int):
        yield "Buildings", f"{buildings:,}"
    sources = manifest.scene.get("height_sources")
    if isinstance(sources, Mapping):
        told = sorted(sources.items(), key=lambda item: (-_number(item[1]), str(item[0])))
        yield "Their heights from", ", ".join(f"{plain(name, 40)} {count}" for name, count in told[:12])
    yield "Hash of the spec", element("code", manifest.spec_sha256)


def splits(corpus: Corpus) -> Markup:
    """Return the splits as a bar and a table."""
    counts = corpus.manifest.splits
    names = sorted(counts, key=lambda name: (SPLIT_NAMES.index(name) if name in SPLIT_NAMES else 9, name))
    whole = max(1, sum(counts.values()))
    asked = corpus.manifest.spec.get("splits")
    by = asked.get("by") if isinstance(asked, Mapping) else None
    ends = np.cumsum([0, *(counts[name] for name in names)]) / whole * 1000
    bar = element(
        "svg",
        element("title", "Share of records in each split"),
        *(
            element("rect", x=f"{a:.2f}", width=f"{b - a:.2f}", height=26, class_=f"split s{_place(name)}")
            for name, a, b in zip(names, ends[:-1], ends[1:], strict=True)
        ),
        viewBox="0 0 1000 26",
        preserveAspectRatio="none",
        class_="bar",
        role="img",
        aria_label=", ".join(f"{plain(name, 40)} {counts[name] / whole:.0%}" for name in names),
    )
    rows = [
        (markup(element("i", class_=f"swatch s{_place(n)}"), n), f"{counts[n]:,}", f"{counts[n] / whole:.1%}")
        for n in names
    ]
    told = {
        "time": "Splits are blocks of time, with guard gaps so that the occupancy forgets; records of the "
        "guard belong to none of them.",
        "draw": "Splits are whole draws, independent of each other.",
        "receiver": "Splits are blocks of time and receivers: a split is what its receivers heard then.",
        "site": "Splits are blocks of time, in which the sites of other splits are silent.",
    }.get(str(by))
    return markup(bar, table("Splits", ("split", "records", "share"), rows), note(told) if told else "")


def _place(name: str) -> int:
    return SPLIT_NAMES.index(name) if name in SPLIT_NAMES else 3


def sites(corpus: Corpus) -> Markup:
    """Return the table of the sites."""
    told = corpus.manifest.scene.get("sites")
    listed = [site for site in told if isinstance(site, Mapping)] if isinstance(told, list) else []
    rows = [
        (
            markup(element("i", class_=f"swatch c{number % 6}"), site.get("name", "")),
            site.get("provenance", ""),
            f"{_number(site.get('height_m')):g} ({plain(site.get('height_source', '?'), 30)})",
            f"{_number(site.get('power_dbm')):g}",
            site.get("cell_id", ""),
            _uncertainty(site.get("position_uncertainty_m")),
        )
        for number, site in enumerate(listed[:_MOST_ROWS])
    ]
    if not rows:
        return note("The corpus tells nothing of its sites.")
    headings = ("site", "where it comes from", "height / m", "power / dBm", "cell", "± m")
    more = len(listed) - len(rows)
    return markup(
        table("Sites", headings, rows, left=2),
        note(f"{more:,} more sites are not listed.") if more else "",
    )


def _uncertainty(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "unknown"


def licences(corpus: Corpus) -> Markup:
    """Return licence, credits, and what the corpus was made from."""
    manifest = corpus.manifest
    about = manifest.spec.get("about")
    about = about if isinstance(about, Mapping) else {}
    authors = about.get("authors")
    rows: list[tuple[str, object]] = [("Licence", about.get("licence") or "not stated")]
    if isinstance(authors, list) and authors:
        rows.append(("Authors", "; ".join(plain(author, 200) for author in authors[:50])))
    if about.get("doi"):
        rows.append(("DOI", about["doi"]))
    credit = corpus.dataset.attrs.get("attribution")
    if credit:
        rows.append(("Credit", credit))
    inputs = [
        (entry.role, entry.name, entry.licence, entry.attribution, element("code", entry.sha256[:16], "…"))
        for entry in manifest.inputs[:_MOST_ROWS]
    ]
    headings = ("input", "file", "licence", "attribution", "SHA-256")
    made = table("Made from", headings, inputs, left=5) if inputs else note("No inputs are recorded.")
    versions = ", ".join(f"{plain(k, 40)} {plain(v, 40)}" for k, v in sorted(manifest.versions.items())[:60])
    return markup(facts([*rows, ("Software", versions)], long=True), made)


def credit_line(corpus: Corpus) -> str:
    """Return whom the map is from, in a few words."""
    credits = dict.fromkeys(entry.attribution for entry in corpus.manifest.inputs if entry.attribution)
    return plain("; ".join(plain(credit, 60) for credit in credits), 90)


def loading(corpus: Corpus) -> Markup:
    """Return how to load the corpus, and the spec that it was made from."""
    store = corpus.store.name
    # A page is passed on: the folders of who made it are nobody's business.
    place = corpus.place
    where = plain(place.folder.resolve().name if isinstance(place, FolderPlace) else place.name, 300)
    opened = json.dumps(where.rstrip("/"), ensure_ascii=False)
    plainly = json.dumps(f"{where.rstrip('/')}/{store}", ensure_ascii=False)
    blocks = [
        (
            "iqatlas",
            f"import iqatlas\n\ncorpus = iqatlas.open_corpus({opened})\n"
            'train = corpus.split("train")            # lazy xarray\n'
            'loader = corpus.torch(split="train")     # PyTorch, with the extra `torch`\n'
            'X, y = corpus.numpy(split="train", xy=True)',
        ),
    ]
    if store.endswith(".zarr"):
        blocks.append(("xarray alone", f"import xarray as xr\n\nrecords = xr.open_zarr({plainly})"))
    blocks.append(
        (
            "command line",
            f"iqatlas verify {quote(where)}\niqatlas validate {quote(where)}\niqatlas info {quote(where)}",
        )
    )
    shown = [
        element("figure", element("figcaption", title), element("pre", code_block(text), tabindex=0))
        for title, text in blocks
    ]
    spec = json.dumps(corpus.manifest.spec, indent=2, ensure_ascii=False, sort_keys=False)
    cut = spec if len(spec) <= _LONGEST_SPEC else f"{spec[:_LONGEST_SPEC]}\n…"
    details = element(
        "details",
        element("summary", "The spec that it was made from"),
        element("pre", code_block(cut), tabindex=0),
    )
    return markup(element("div", *shown, class_="code"), details)


def code_block(text: str) -> Markup:
    """Return text of several lines as code."""
    lines = [plain(line) for line in text.split("\n")]
    return element("code", Markup("\n".join(markup(line) for line in lines)))
