"""The sections of the page: headings, pickers, places for pictures, tables, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from iqatlas.catalogs.corpus import Corpus
from iqatlas.preview.city import City
from iqatlas.preview.city_map import city_map, height_key
from iqatlas.preview.holdings import holdings, licences, loading, sites, splits
from iqatlas.preview.markup import Markup, card, cards, drawing, element, legend, markup, note, readout, table

_TOLD = "Sites (triangles), UAVs (dots) and the strongest radio paths between them, in each site's colour."
_MOVES = (
    ("left", "←", "turn left"),
    ("right", "→", "turn right"),
    ("up", "↑", "look from higher"),
    ("down", "↓", "look from lower"),
    ("nearer", "+", "nearer"),
    ("farther", "−", "farther"),
    ("reset", "⟲", "start over"),
)


def lead(corpus: Corpus) -> str:
    """Return what a corpus is, in a sentence, where nobody has described it."""
    receivers, sites_ = (corpus.dataset.sizes.get(axis, 0) for axis in ("receiver", "site"))
    heard = f"Labelled I/Q of {receivers:,} {'receivers' if receivers != 1 else 'receiver'}"
    told = corpus.manifest.scene.get("buildings")
    over = f" over a city of {told:,} buildings" if isinstance(told, int) and told else ""
    sent = f", {sites_:,} transmitter {'sites' if sites_ != 1 else 'site'}" if sites_ else ""
    return f"{heard}{over}{sent}, for spectrum sensing."


def heading(identity: str, words: str, *told: str) -> Markup:
    """Return the heading of a section, and lines below it."""
    return markup(element("h2", words, id=f"{identity}-heading"), *(note(line) for line in told))


def _picker(label: str, identity: str) -> Markup:
    return element("label", label, element("select", id=identity))


def _pickers(*parts: Markup) -> Markup:
    return element("div", *parts, class_="pickers")


def _picture(identity: str, title: str, told: str, *, key: bool = False) -> tuple[Markup, ...]:
    """Return a place for a picture of levels, with its heading and the line that tells a value."""
    return (
        element("h3", title),
        note(told),
        _key(f"{identity}-key") if key else markup(),
        drawing(identity),
        readout(f"{identity}-readout"),
    )


def _key(identity: str) -> Markup:
    return element("div", id=identity, class_="bar-key")


def city_section(
    city: City | None, solids: dict[str, Any] | None, paths: dict[str, Any] | None, credit: str
) -> Markup:
    """Return the map and the turning view.

    Args:
        city: What is drawn of the scene; None where none is stored.
        solids: Data of the turning view.
        paths: Data of the radio paths; None where none are stored.
        credit: Who is to be named for the map.
    """
    if city is None or solids is None:
        return heading("city", "The city", "The corpus stores no scene, so that there is no map.")
    told = "Sites (triangles) and UAVs (dots). The corpus stores no radio paths."
    pickers: list[Markup] = []
    if paths is not None:
        told = _TOLD
        every = element("input", type="checkbox", id="map-every")
        pickers = [
            element("label", every, "paths to every UAV", class_="tick"),
            _picker("paths to", "map-receiver"),
        ]
        if len(paths["waypoints"]) > 1:
            pickers.append(_picker("when", "map-waypoint"))
    return markup(
        heading("city", "The city", told),
        _pickers(*pickers) if pickers else "",
        cards(
            card(
                element("div", city_map(city, credit), class_="map"),
                height_key() if len(city.footprints) else "",
            ),
            card(
                element("div", id="solids"),
                _turning(),
                note("Drag to turn, pinch to zoom; with the view in focus, arrow keys and wheel."),
            ),
        ),
        *(note(line) for line in _not_drawn(city, solids)),
    )


def _turning() -> Markup:
    """Return the buttons that turn the 3-D view."""
    return element(
        "div",
        *(
            element("button", sign, type="button", data_move=move, aria_label=words, title=words)
            for move, sign, words in _MOVES
        ),
        element("button", "turn", type="button", id="turning", aria_pressed="false"),
        class_="turn",
        role="group",
        aria_label="Turn the 3-D view",
    )


def _not_drawn(city: City, solids: dict[str, Any]) -> Iterator[str]:
    if city.left_out:
        yield f"{city.left_out:,} buildings farthest from sites and UAVs are left out of the pictures."
    if solids["failed"]:
        yield f"{solids['failed']:,} footprints that can't be drawn as solids are left out of the 3-D view."
    if city.more_sites or city.more_uavs:
        yield f"{city.more_sites:,} more sites and {city.more_uavs:,} more UAVs are not drawn."


def paths_section(paths: dict[str, Any] | None) -> Markup:
    """Return the power-delay profile of a receiver, and the table of all links."""
    if paths is None:
        return heading("paths", "Radio paths", "The corpus stores no radio paths.")
    pickers = [_picker("receiver", "delay-receiver")]
    if len(paths["waypoints"]) > 1:
        pickers.append(_picker("when", "delay-waypoint"))
    shown = sum(len(link["delay_us"]) for link in _links(paths))
    there = sum(link["count"] for link in _links(paths))
    told = [f"The page holds the {paths['most']:,} strongest paths of each link."] if shown < there else []
    few = [
        f"{name} {paths['of'][name]:,} in all, {len(paths[name]):,} here"
        for name in ("waypoints", "receivers", "sites")
        if paths["of"][name] > len(paths[name])
    ]
    if few:
        told.append(f"Some are left out: {', '.join(few)}.")
    return markup(
        heading(
            "paths",
            "Radio paths",
            "Each path that a capture is made of: its gain between antenna ports over its absolute delay.",
            *told,
        ),
        _pickers(*pickers),
        cards(
            card(element("h3", "Power-delay profile"), drawing("delays"), legend("delays-legend")),
            element("div", _link_table(paths), class_="card"),
            layout="uneven",
        ),
    )


def _links(paths: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (link for waypoint in paths["links"] for receiver in waypoint for link in receiver)


def _link_table(paths: dict[str, Any]) -> Markup:
    """Return the links at the first waypoint."""
    rows = []
    for receiver, links in zip(paths["receivers"], paths["links"][0], strict=True):
        for site, link in zip(paths["sites"], links, strict=True):
            rows.append((f"{receiver} ← {site}", f"{link['count']:,}", *_figures_of(link)))
    return table(
        "Links" if len(paths["waypoints"]) == 1 else "Links at the first waypoint",
        ("link", "paths", "gain / dB", "first / µs", "spread / µs"),
        rows,
    )


def _figures_of(link: dict[str, Any]) -> tuple[str, str, str]:
    """Return gain, first delay and r.m.s. delay spread of a link's paths."""
    if not link["delay_us"]:
        return "–", "–", "–"
    power, delay = 10 ** (np.array(link["level_db"]) / 10), np.array(link["delay_us"])
    share = power / power.sum()
    mean = float(share @ delay)
    spread = float(np.sqrt(max(0.0, share @ (delay - mean) ** 2)))
    return f"{10 * np.log10(power.sum()):.1f}", f"{delay.min():.3f}", f"{spread:.3f}"


def captures_section(captures: dict[str, Any] | None) -> Markup:
    """Return what receivers hear, with the pickers of receiver, SNR and record."""
    if captures is None:
        return heading("captures", "What receivers hear", "The corpus stores no I/Q that can be shown.")
    told = []
    if captures["of_samples"] > captures["samples"]:
        told.append(f"Of each capture the first {captures['samples']:,} samples are shown.")
    if captures["more_receivers"]:
        told.append(f"{captures['more_receivers']:,} more receivers are not shown.")
    sent = bool(captures["levels"]) and captures["levels"][0]["sent"] is not None
    if not sent:
        told.append("The corpus stores no labels: what was sent is not known.")
    return markup(
        heading(
            "captures",
            "What receivers hear",
            "Spectra worked out from the I/Q. Choose a record here, or touch the picture: the flags above it "
            "mark captures that can be looked at singly.",
            *told,
        ),
        _pickers(
            _picker("receiver", "capture-receiver"),
            _picker("SNR at full load", "capture-level"),
            _picker("record", "capture-record"),
        ),
        card(
            *_picture(
                "waterfall", "Slot by slot", "The mean spectrum of each capture is a column.", key=True
            ),
            *(
                _picture(
                    "sent",
                    "What was sent",
                    "How many sites occupy each sub-channel: the stronger the colour, the more.",
                )
                if sent
                else ()
            ),
        ),
        element("p", id="record-told", class_="note", aria_live="polite"),
        _one_record("At the right, sub-channels that were occupied." if sent else "Frequency over time."),
    )


def _one_record(told: str) -> Markup:
    """Return places for the spectrogram and the cyclic spectrum of the record that is picked."""
    return cards(
        card(*_picture("spectrogram", "Spectrogram", told, key=True), drawing("spectrum")),
        card(
            element("h3", "Cyclic spectrum"),
            element("p", id="cyclic-told", class_="note"),
            _key("cyclic-key"),
            drawing("cyclic"),
            readout("cyclic-readout"),
            drawing("profile"),
        ),
    )


def distributions_section(distributions: dict[str, Any]) -> Markup:
    """Return the histograms."""
    histograms = []
    if "snr" in distributions:
        histograms.append(
            card(
                element("h3", "SNR as realised"),
                note("Captures of each receiver, stacked."),
                drawing("snr"),
                legend("snr-legend"),
            )
        )
    if "power" in distributions:
        histograms.append(
            card(
                element("h3", "Received power"),
                _pickers(_picker("receiver", "power-receiver")),
                drawing("power"),
                legend("power-legend"),
                readout("power-readout"),
            )
        )
    if "occupied" in distributions:
        histograms.append(
            card(
                element("h3", "Occupied sub-channels"),
                note("Bars: any site; lines: each site."),
                drawing("share"),
                legend("share-legend"),
            )
        )
    counted, whole = distributions["records"], distributions["of_records"]
    told = (
        f"All {whole:,} records." if counted == whole else f"{counted:,} of {whole:,} records, evenly spread."
    )
    if not histograms:
        told = "The corpus stores neither SNR nor powers nor labels."
    return markup(
        heading("distributions", "Distributions", told),
        cards(*histograms, layout="three") if histograms else "",
    )


def holdings_section(corpus: Corpus) -> Markup:
    """Return facts, variables, splits and sites."""
    return markup(
        heading("holdings", "What it holds"),
        holdings(corpus),
        cards(
            element("div", splits(corpus), class_="card"),
            element("div", sites(corpus), class_="card"),
            layout="wide-second",
        ),
    )


def licences_section(corpus: Corpus) -> Markup:
    """Return licences and credits."""
    return markup(heading("licences", "Licences and credit"), licences(corpus))


def loading_section(corpus: Corpus) -> Markup:
    """Return how to load it."""
    return markup(heading("load", "Load it"), loading(corpus))
