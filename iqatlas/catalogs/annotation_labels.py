"""From signals that somebody has marked to labels: which sub-channels are occupied in which captures."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64

from iqatlas.catalogs.recording import Annotations


def annotation_labels(
    annotations: Annotations,
    *,
    first_sample: Int64[np.ndarray, "record"],
    samples: int,
    edges_hz: Float64[np.ndarray, "subchannel 2"],
    overlap: float,
) -> Bool[np.ndarray, "record subchannel"]:
    """Return the occupied sub-channels of captures.

    A sub-channel is occupied in a capture where an annotation shares at least ``overlap`` with it, both in
    time and in frequency: of the capture or of the annotation, whichever is shorter, and of the
    sub-channel or of the annotation, whichever is narrower. So a burst within a capture counts, and so
    does a narrow signal in a wide sub-channel, while what only reaches over an edge does not.

    Args:
        annotations: Signals, in samples of the recording and relative to its centre frequency.
        first_sample: Where each capture begins, rising; captures don't overlap.
        samples: Samples of a capture.
        edges_hz: Lower and upper edge of each sub-channel, rising.
        overlap: Share, above 0 and at most 1.
    """
    begin, end = annotations.samples.T.astype(np.float64)
    starts = first_sample.astype(np.float64)
    first, last = _covered(begin, end, starts, starts + samples, overlap)
    low, high = annotations.edges_hz.T
    lowest, highest = _covered(low, high, edges_hz[:, 0], edges_hz[:, 1], overlap)
    kept = (first <= last) & (lowest <= highest)
    # Corners of rectangles of ones: their double running sum counts the annotations of each cell.
    corners = np.zeros((len(first_sample) + 1, len(edges_hz) + 1), np.int32)
    for rows, sign in ((first, 1), (last + 1, -1)):
        np.add.at(corners, (rows[kept], lowest[kept]), sign)
        np.add.at(corners, (rows[kept], highest[kept] + 1), -sign)
    covered: np.ndarray = corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
    return covered


def _covered(
    begin: Float64[np.ndarray, "annotation"],
    end: Float64[np.ndarray, "annotation"],
    low: Float64[np.ndarray, "cell"],
    high: Float64[np.ndarray, "cell"],
    share: float,
) -> tuple[Int64[np.ndarray, "annotation"], Int64[np.ndarray, "annotation"]]:
    """Return the first and last cell that each annotation shares enough with; first > last for none.

    Cells between the outermost two lie inside the annotation, so that only those two are measured.
    """
    first = np.searchsorted(high, begin, side="right")
    last = np.searchsorted(low, end, side="left") - 1

    def enough(cell: np.ndarray) -> np.ndarray:
        here = np.clip(cell, 0, len(low) - 1)
        shared = np.minimum(end, high[here]) - np.maximum(begin, low[here])
        least = share * np.minimum(end - begin, high[here] - low[here])
        # A millionth: edges at radio frequency lose so much of a hertz.
        return np.asarray((shared > 0) & (shared >= least * (1 - 1e-6)))

    touched = first <= last
    single = touched & (first == last)
    keeps_first, keeps_last = enough(first), enough(last)
    first = first + (touched & ~keeps_first)
    last = last - (touched & ~keeps_last & ~single)
    return first.astype(np.int64), last.astype(np.int64)
