"""The section of the page on validation: the energy detector, and what was stored of others."""

from __future__ import annotations

from iqatlas.detectors.validation import Validation
from iqatlas.preview.markup import Markup, card, cards, drawing, element, legend, markup, note, table
from iqatlas.preview.sections import heading
from iqatlas.preview.stored_validation import StoredValidation, stored_section, verdict_line

_MOST_ROWS = 200
_SCORES = ("p_d", "p_fa", "f1_occupied", "f1_hole")
_HEADINGS = ("P_D", "P_FA", "F1 occupied", "F1 hole")
_CONTROL = (
    "P_FA rises with the SNR because vacant sub-channels carry synchronisation and reference signals "
    "and the edges of occupied neighbours."
)


def validation_section(
    found: Validation | None,
    reason: str | None,
    stored: StoredValidation | None,
    manifest_sha256: str | None = None,
) -> Markup:
    """Return what the energy detector made of the corpus, and what a validation left beside it.

    Args:
        found: What the detector made of it.
        reason: Why it was not run.
        stored: What ``iqatlas validate`` wrote.
        manifest_sha256: Hash of the corpus's manifest, which stored tables have to be of.
    """
    beside = (
        element("div", stored_section(stored, manifest_sha256), class_="card")
        if stored is not None
        else markup()
    )
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
    shown = found.table.sort_values(["receiver", "snr_level_db"]).head(_MOST_ROWS)
    rows = [
        (
            row["receiver"] if thermal else f"{row['receiver']} at {row['snr_level_db']:g} dB",
            *(_share(row[score]) for score in _SCORES),
            f"{row['occupied']:,}",
            f"{row['vacant']:,}",
        )
        for row in shown.to_dict("records")
    ]
    trivial = [
        (row["detector"], *(_share(row[score]) for score in _SCORES))
        for row in found.trivial.to_dict("records")
    ]
    told = "The energy detector with its threshold in closed form, sub-channel by sub-channel."
    return markup(
        heading("validation", "Validation", told),
        *lines,
        cards(
            card(
                element("h3", "Detection over SNR"),
                note("Solid: P_D, with its exact 99% interval; dashed: P_FA; dotted: the designed P_FA."),
                drawing("detection"),
                legend("detection-legend"),
                note(_CONTROL) if found.control else "",
            ),
            card(
                element("h3", "F1 over SNR"),
                note("Dotted: what saying always “occupied” would get."),
                drawing("f1"),
                table("Detectors that don't look", ("detector", *_HEADINGS), trivial),
            ),
        ),
        element(
            "details",
            element("summary", "Every receiver and SNR level"),
            table("Energy detector", ("receiver", *_HEADINGS, "occupied", "vacant"), rows),
        ),
        beside,
    )


def _share(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"  # a ratio without any case
