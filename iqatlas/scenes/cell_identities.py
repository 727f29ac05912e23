"""Physical cell identities for sites whose database does not tell them."""

from __future__ import annotations

from collections.abc import Sequence

from iqatlas.errors import SitesError

_GROUPS = 168


def physical_cell_ids(
    names: Sequence[str], preferred: Sequence[int], given: Sequence[int | None]
) -> tuple[int, ...]:
    """Return one physical cell identity a site: distinct, and with distinct PSS roots as far as three go.

    A cell's identity is 3 N_ID1 + N_ID2, and N_ID2 chooses the root of its PSS and, modulo three, the
    subcarriers of its reference signals; three sites with three values of N_ID2 can be told apart in
    the air. Where no identity is given, N_ID2 is the one that fewest sites have, and N_ID1 is the site's
    own number modulo 168, or the next that is free.

    Args:
        names: Name of each site, for errors.
        preferred: A number of each site that stays the same from run to run, such as its eNodeB's.
        given: Identity of each site, or None to have one chosen.

    Raises:
        SitesError: Two sites are given the same identity.

    Source: TS 36.211, sections 6.11 and 6.11.1.1 (PSS roots 25, 29, 34) and 6.10.1.2 (v_shift).
    """
    taken: dict[int, str] = {}
    for name, cell_id in zip(names, given, strict=True):
        if cell_id is None:
            continue
        if cell_id in taken:
            raise SitesError(
                f"sites {taken[cell_id]} and {name} have the same cell_id {cell_id}",
                where="sites",
                remedy="give distinct ones, or leave cell_id out",
            )
        taken[cell_id] = name
    identities = []
    for name, number, chosen in zip(names, preferred, given, strict=True):
        cell_id = chosen
        if cell_id is None:
            second = min(range(3), key=lambda root: sum(1 for other in taken if other % 3 == root))
            wishes = (3 * ((number + step) % _GROUPS) + second for step in range(_GROUPS))
            cell_id = next(wish for wish in wishes if wish not in taken)
            taken[cell_id] = name
        identities.append(cell_id)
    return tuple(identities)


def first_of_each(measured: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return measured identities with those that an earlier site has replaced by None.

    Networks reuse identities some kilometres apart; the sites of a scene are told apart by them.

    Args:
        measured: Identity of each site, or None where none was measured.
    """
    seen: set[int] = set()
    kept: list[int | None] = []
    for cell_id in measured:
        kept.append(None if cell_id is None or cell_id in seen else cell_id)
        seen.update([cell_id] if cell_id is not None else [])
    return tuple(kept)
