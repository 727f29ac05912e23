"""The section of the page on validation: the energy detector, and what was stored of others."""

from __future__ import annotations

from iqatlas.detectors.validation import Validation
from iqatlas.preview.markup import Markup, element, markup, table
from iqatlas.preview.sections import heading
from iqatlas.preview.stored_validation import StoredValidation, stored_section, verdict_line

_MOST_ROWS = 200


def validation_section(
    found: Validation | None, reason: str | None, stored: StoredValidation | None
) -> Markup:
    """Return what the energy detector made of the corpus, and what a validation left beside it."""
    beside = element("div", stored_section(stored), class_="card") if stored is not None else markup()
    if found is None:
        return markup(heading("validation", "Validation", reason or ""), beside)
    low, high = found.noise_interval
    verdicts = [
        (
            found.as_designed,
            f"P_FA as designed: {found.noise_false_alarm:.4f} on noise alone, designed "
            f"{found.designed_false_alarm:g}, 99% interval {low:.4f} to {high:.4f}",
        ),
        (found.rising, "P_D rises with the SNR at every receiver"),
    ]
    lines = [verdict_line(holds, words) for holds, words in verdicts]
    thermal = found.table["snr_level_db"].nunique() == 1
    scores = ["p_d", "p_fa", "f1_occupied", "f1_hole"]
    shown = found.table.sort_values(["receiver", "snr_level_db"]).head(_MOST_ROWS)
    rows = [
        (
            row["receiver"] if thermal else f"{row['receiver']} at {row['snr_level_db']:g} dB",
            *(_share(row[score]) for score in scores),
            f"{row['occupied']:,}",
            f"{row['vacant']:,}",
        )
        for row in shown.to_dict("records")
    ]
    trivial = [
        (row["detector"], *(_share(row[score]) for score in scores))
        for row in found.trivial.to_dict("records")
    ]
    headings = ("P_D", "P_FA", "F1 occupied", "F1 hole")
    told = "The energy detector with its threshold in closed form, sub-channel by sub-channel."
    control = (
        "P_FA rises with the SNR because vacant sub-channels carry synchronisation and reference signals "
        "and the edges of occupied neighbours."
    )
    return markup(
        heading("validation", "Validation", told),
        *lines,
        element(
            "div",
            element(
                "figure",
                element("h3", "Detection over SNR"),
                element(
                    "p",
                    "Solid: P_D, with its exact 99% interval; dashed: P_FA; dotted: the designed P_FA.",
                    class_="note",
                ),
                element("div", id="detection", class_="figure"),
                element("ul", id="detection-legend", class_="legend"),
                element("p", control, class_="note") if found.control else "",
                class_="card",
            ),
            element(
                "figure",
                element("h3", "F1 over SNR"),
                element("p", "Dotted: what saying always “occupied” would get.", class_="note"),
                element("div", id="f1", class_="figure"),
                table("Detectors that don't look", ("detector", *headings), trivial),
                class_="card",
            ),
            class_="cards",
        ),
        element(
            "details",
            element("summary", "Every receiver and SNR level"),
            table("Energy detector", ("receiver", *headings, "occupied", "vacant"), rows),
        ),
        beside,
    )


def _share(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"  # a ratio without any case
