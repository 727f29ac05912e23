"""Text of a corpus stays text, whatever it is: in elements, in attributes, in data for the script."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.preview.markup import Markup, element, facts, markup, note, plain, table
from iqatlas.preview.packing import (
    numbers,
    packed_integers,
    packed_levels,
    script_json,
    unpacked_levels,
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["</script><script>x()</script>", '"><img src=x onerror=x()>', "<!--", "]]>", "&lt;", "' onload='x()"]
    ),
)


@given(HOSTILE, HOSTILE)
def test_text_and_attributes_are_what_was_given(text: str, attribute: str) -> None:
    read = _read(element("p", text, title=attribute))
    assert read.names == ["p"]
    assert read.attributes == [("title", plain(attribute))]
    assert read.text == plain(text)


@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=4))
def test_tables_lists_and_notes_hold_no_element_of_others(rows: list[tuple[str, str]]) -> None:
    words = markup(table(rows[0][0], rows[0], rows), facts(rows), note(*rows[0]))
    allowed = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "p"}
    assert set(_read(words).names) <= allowed


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("a", {"href": "javascript:x()"}),
        ("a", {"href": "https://example.org"}),
        ("img", {"src": "data:,"}),
        ("p", {"onclick": "x()"}),
        ("p", {"style": "color: red"}),
        ("p onload=x", {}),
        ("p", {"a b": "1"}),
    ],
)
def test_addresses_styles_and_handlers_are_refused(name: str, attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"attribute|no name"):
        element(name, **attributes)


def test_long_texts_are_cut_and_control_characters_gone() -> None:
    assert plain("a" * 5000) == "a" * 1999 + "…"
    assert plain("a\n\t\x00\x1b[31mb\u202ec\ud800") == "a    [31mb c?"
    assert markup(Markup("<b>"), "<b>") == "<b>&lt;b&gt;"


@given(st.recursive(HOSTILE | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=4)))
def test_data_for_the_script_survive_and_cannot_end_it(value: object) -> None:
    text = script_json({"value": value})
    assert not set("<>&\u2028\u2029") & set(text)
    text.encode()
    assert json.loads(text) == {"value": value}


def test_not_a_number_is_refused_rather_than_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        script_json({"value": float("nan")})
    assert numbers(np.array([[1.26, np.nan], [np.inf, -0.0]]), 1) == [[1.3, None], [None, 0.0]]
    assert numbers(np.array(2.0), 1) == 2.0


@given(
    st.lists(st.floats(-200, 50), min_size=2, max_size=40).filter(lambda v: max(v) - min(v) > 0.1),
    st.sampled_from([0, 1]),
)
def test_levels_keep_to_half_a_step(values: list[float], missing: int) -> None:
    levels = np.array(values)
    if missing:
        levels[0] = np.nan
    low, high = float(np.nanmin(levels)), float(np.nanmax(levels)) + 1e-3
    back = unpacked_levels(packed_levels(levels, low, high))
    # Half of a 254th of the range, and the ends are rounded to a thousandth of a decibel.
    assert np.nanmax(np.abs(back - levels)) <= (high - low) / 254 / 2 + 2e-3
    assert np.array_equal(np.isnan(back), np.isnan(levels))


def test_integers_are_little_endian() -> None:
    assert packed_integers(np.array([[1, 258]]), "u16") == {"shape": [1, 2], "u16": "AQACAQ=="}
