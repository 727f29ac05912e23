"""One value has one spelling and one hash, whoever wrote it down."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.catalogs.canonical import canonical_json, sha256_file, sha256_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def test_a_value_has_the_spelling_that_published_hashes_rest_on() -> None:
    value = {"b": [1, 2.5, True, None], "a": "é"}
    assert canonical_json(value) == '{"a":"é","b":[1,2.5,true,null]}'
    assert sha256_json(value) == hashlib.sha256('{"a":"é","b":[1,2.5,true,null]}'.encode()).hexdigest()


@given(JSON)
def test_reading_and_spelling_again_changes_nothing(value: object) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text
    assert "\n" not in text


@given(st.dictionaries(st.text(max_size=5), st.integers(), min_size=2), st.randoms())
def test_the_order_of_keys_is_no_part_of_a_value(value: dict[str, int], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert sha256_json({key: value[key] for key in keys}) == sha256_json(value)


@given(JSON, JSON)
def test_different_spellings_are_different_values(one: object, other: object) -> None:
    if canonical_json(one) == canonical_json(other):
        assert one == other


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": [number]})


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_file_hashes_as_its_bytes_do(tmp_path: Path, size: int) -> None:
    content = bytes(size)  # around the size of a block, where a block may be lost
    (tmp_path / "file").write_bytes(content)
    assert sha256_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()
