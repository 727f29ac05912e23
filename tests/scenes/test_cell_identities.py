"""Physical cell identities: distinct, and tellable apart in the air."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.errors import SitesError
from iqatlas.scenes.cell_identities import physical_cell_ids


def test_three_sites_get_three_pss_roots() -> None:
    identities = physical_cell_ids(["a", "b", "c"], [12345, 12345, 7], [None] * 3)
    # N_ID1 is the site's number modulo 168 where it is free: 12345 = 73 · 168 + 81.
    assert identities == (3 * 81, 3 * 81 + 1, 3 * 7 + 2)


def test_given_identities_stay_and_others_go_around_them() -> None:
    identities = physical_cell_ids(["a", "b", "c"], [0, 0, 0], [None, 301, None])
    assert identities[1] == 301
    assert len({identity % 3 for identity in identities}) == 3


def test_the_same_identity_twice_is_refused() -> None:
    with pytest.raises(SitesError, match="sites a and c have the same cell_id 5"):
        physical_cell_ids(["a", "b", "c"], [0, 1, 2], [5, None, 5])


@given(st.lists(st.tuples(st.integers(0, 2**20), st.none() | st.integers(0, 503)), min_size=1, max_size=64))
def test_always_distinct_and_even(rows: list[tuple[int, int | None]]) -> None:
    seen: set[int] = set()
    given_ids = [None if cell in seen or (cell is not None and seen.add(cell)) else cell for _, cell in rows]
    names = [str(i) for i in range(len(rows))]
    identities = physical_cell_ids(names, [number for number, _ in rows], given_ids)
    assert len(set(identities)) == len(rows)
    assert all(0 <= identity <= 503 for identity in identities)
    if not any(cell is not None for cell in given_ids):
        roots = [sum(identity % 3 == root for identity in identities) for root in range(3)]
        assert max(roots) - min(roots) <= 1
