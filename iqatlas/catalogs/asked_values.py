"""What a user gives to loaders: names, whole numbers and switches; anything else is refused in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral

import numpy as np

from iqatlas.errors import CorpusError, nearest


def listed(asked: object) -> object:
    """Return what a user gave as a list, an array or an iterator as a list, and all else as it is."""
    if isinstance(asked, np.ndarray):
        return asked.tolist()
    return list(asked) if isinstance(asked, Iterable) and not isinstance(asked, str | bytes) else asked


def known(
    what: str, asked: object, there: Sequence[str], *, worked_out: Sequence[str] = ()
) -> tuple[str, ...]:
    """Check names that a user gave, and return them.

    Args:
        what: What they name.
        asked: A list of names, or an array of them.
        there: The names that are accepted.
        worked_out: Names that are accepted beside them, told apart where one isn't known.

    Raises:
        CorpusError: One is not known, or there is none, or it is no list.
    """
    accepted = ", ".join(there) + (f"; worked out from iq: {', '.join(worked_out)}" if worked_out else "")
    given = listed(asked)
    if not isinstance(given, list):
        what_it_is = (
            "empty" if given == "" else f"the text {given!r}" if isinstance(given, str) else repr(given)
        )
        raise CorpusError(f"{what}s is {what_it_is}", accepted=f"a list of names: {accepted}")
    if not given:
        raise CorpusError(f"{what}s is empty", accepted=f"a list of names: {accepted}")
    for name in given:
        if not isinstance(name, str) or name not in {*there, *worked_out}:
            near = nearest(name, [*there, *worked_out]) if isinstance(name, str) else None
            raise CorpusError(
                f"no {what} {name!r}" + (f", did you mean {near!r}?" if near else ""), accepted=accepted
            )
    # Text of NumPy's is text of its own type.
    return tuple(str(name) for name in given)


def whole_number(name: str, value: object) -> int:
    """Return an option as a whole number; NumPy's are accepted, True is none.

    Raises:
        CorpusError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise CorpusError(f"{name} is {value!r}", accepted="a whole number")
    return int(value)


def counted(name: str, value: object) -> int:
    """Return a number of items.

    Raises:
        CorpusError: It is no whole number, or less than 1.
    """
    size = whole_number(name, value)
    if size < 1:
        raise CorpusError(f"a {name} of {size} items", accepted="1 or more")
    return size


def seed_number(value: object) -> int:
    """Return the seed of an order.

    Raises:
        CorpusError: It is no whole number, negative, or of more than 63 bits.
    """
    seed = whole_number("seed", value)
    if not 0 <= seed < 1 << 63:
        raise CorpusError(f"a seed of {seed}", accepted="0 to 2^63 − 1")
    return seed


def switches(**values: object) -> None:
    """Check options that are on or off.

    Raises:
        CorpusError: One is neither True nor False.
    """
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            raise CorpusError(f"{name} is {value!r}", accepted="True or False")
