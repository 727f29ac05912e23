"""What the energy detector makes of a corpus, as the page shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.scores import binomial_interval
from iqatlas.detectors.tallies import CONFIDENCE
from iqatlas.detectors.validation import Validation, validate_energy
from iqatlas.preview.markup import LONGEST_NAME, plain
from iqatlas.preview.packing import numbers

LARGEST_IQ_BYTES = 1 << 30
"""Of a larger corpus, the detector is not run for a page."""
NEEDED = ("iq", "label", "noise_power", "snr_level")


def why_not(corpus: Corpus) -> str | None:
    """Return in a line why the detector is not run, or None where it can be.

    Args:
        corpus: The corpus.
    """
    missing = [name for name in NEEDED if name not in corpus.dataset]
    if missing:
        return f"The corpus stores no {', no '.join(missing)}, so that no detector can be judged."
    if not corpus.dataset.sizes["record"]:
        return "The corpus holds no record."
    if corpus.dataset["iq"].nbytes > LARGEST_IQ_BYTES:
        return "The corpus is too large to run detectors for a page: see iqatlas validate."
    if "waveform" not in corpus.manifest.spec or "seed" not in corpus.manifest.spec:
        return (
            "The corpus was not generated, so that its detectors' figures have no theory to be held against."
        )
    return None


def run_energy(
    corpus: Corpus, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Validation, dict[str, Any]]:
    """Return what the energy detector made of a corpus, and its curves for the page.

    Args:
        corpus: The corpus.
        progress: Called with records done and records in all.

    Raises:
        StorageError: The store can't be reached.
    """
    found = validate_energy(corpus, progress=progress)
    names = [str(name) for name in found.table["receiver"].unique()]
    curves = []
    for name in names:
        rows = found.table[found.table["receiver"] == name].sort_values("snr_level_db")
        hits = np.round(rows["p_d"].fillna(0).to_numpy() * rows["occupied"].to_numpy()).astype(int)
        intervals = [
            binomial_interval(int(h), int(n), CONFIDENCE) if n else (0.0, 1.0)
            for h, n in zip(hits, rows["occupied"], strict=True)
        ]
        curves.append(
            {
                "receiver": plain(name, LONGEST_NAME),
                "snr_db": numbers(rows["snr_level_db"].to_numpy(), 3),
                "p_d": numbers(rows["p_d"].to_numpy(), 5),
                "p_fa": numbers(rows["p_fa"].to_numpy(), 5),
                "f1_occupied": numbers(rows["f1_occupied"].to_numpy(), 5),
                "interval": numbers(np.array(intervals).reshape(-1, 2), 5),
            }
        )
    ones = found.trivial.set_index("detector")["f1_occupied"].get("all ones", np.nan)
    trivial = numbers(np.array(ones), 5)
    return found, {"designed": found.designed_false_alarm, "trivial": trivial, "curves": curves}
