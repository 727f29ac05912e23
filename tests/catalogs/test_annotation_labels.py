"""Labels from annotations equal those of a plain loop over annotations, captures and sub-channels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.catalogs.annotation_labels import annotation_labels
from iqatlas.catalogs.recording import Annotations

SAMPLES = 8


def plainly(annotations: Annotations, first: np.ndarray, edges: np.ndarray, overlap: float) -> np.ndarray:
    """Return the labels by the rule's words."""
    label = np.zeros((len(first), len(edges)), bool)

    def shared(a: tuple[float, float], b: tuple[float, float]) -> bool:
        common = min(a[1], b[1]) - max(a[0], b[0])
        return common > 0 and common >= overlap * min(a[1] - a[0], b[1] - b[0])

    for (begin, end), band in zip(annotations.samples.tolist(), annotations.edges_hz.tolist(), strict=True):
        for record, start in enumerate(first.tolist()):
            for subchannel, borders in enumerate(edges.tolist()):
                if shared((begin, end), (start, start + SAMPLES)) and shared(tuple(band), tuple(borders)):
                    label[record, subchannel] = True
    return label


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_rule_is_the_one_in_words(data: st.DataObject) -> None:
    # Whole numbers, so that nothing is decided by rounding; gaps between captures now and then.
    gaps = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    first = np.cumsum(np.array(gaps) + SAMPLES) - SAMPLES
    count = data.draw(st.integers(0, 5))
    starts = data.draw(st.lists(st.integers(0, 60), min_size=count, max_size=count))
    lengths = data.draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    low = data.draw(st.lists(st.integers(-50, 40), min_size=count, max_size=count))
    width = data.draw(st.lists(st.integers(1, 60), min_size=count, max_size=count))
    annotations = Annotations(
        np.array([(s, s + n) for s, n in zip(starts, lengths, strict=True)], np.int64).reshape(-1, 2),
        np.array([(f, f + w) for f, w in zip(low, width, strict=True)], np.float64).reshape(-1, 2),
    )
    edges = np.stack([np.arange(-40, 40, 16), np.arange(-24, 56, 16)], axis=-1).astype(np.float64)
    overlap = data.draw(st.sampled_from([0.01, 0.25, 0.5, 0.75, 1.0]))
    found = annotation_labels(
        annotations, first_sample=first.astype(np.int64), samples=SAMPLES, edges_hz=edges, overlap=overlap
    )
    np.testing.assert_array_equal(found, plainly(annotations, first, edges, overlap))


def test_edges_at_radio_frequency_reach_no_neighbour() -> None:
    # 1815.3 MHz in float64 has steps of 2e-7 Hz: what ends at a border ends there.
    centre, width = 1815.3e6, 1.2e6 / 7
    edges = (np.arange(8)[:, None] - 4 + np.arange(2)) * width
    band = centre + edges[3] - centre
    label = annotation_labels(
        Annotations(np.array([[0, 8]]), band[None]),
        first_sample=np.array([0]),
        samples=SAMPLES,
        edges_hz=edges,
        overlap=0.5,
    )
    assert label[0].nonzero()[0].tolist() == [3]
