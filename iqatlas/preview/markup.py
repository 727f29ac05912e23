"""HTML that is safe by construction: text is escaped unless this module made it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

_NAME = re.compile(r"[a-z][a-z0-9-]*", re.ASCII | re.IGNORECASE)
_VOID = frozenset({"br", "col", "hr", "input", "meta"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "srcdoc", "style"})
LONGEST_NAME = 60
"""Characters of a receiver's or site's name that are shown."""
_LONGEST_TEXT = 2000


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def plain(text: object, longest: int = _LONGEST_TEXT) -> str:
    """Return a text of the corpus on one line, cut where it is too long, without control characters.

    Args:
        text: Any text.
        longest: Characters that are kept.
    """
    # The cut comes first: a text of a gigabyte is not looked through. Half a surrogate pair has no UTF-8.
    cut = str(text)[: longest + 1].encode("utf-8", "replace").decode()
    words = cut if cut.isprintable() else "".join(mark if mark.isprintable() else " " for mark in cut)
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def markup(*parts: object) -> Markup:
    """Return parts one after the other; those that are not markup are escaped.

    Args:
        parts: Text or markup.
    """
    return Markup("".join(part if isinstance(part, Markup) else escape(plain(part)) for part in parts))


def element(name: str, *parts: object, **attributes: object) -> Markup:
    """Return an HTML or SVG element.

    Args:
        name: Its name.
        parts: What is in it: markup, or text, which is escaped.
        attributes: Its attributes; underscores stand for hyphens, ``class_`` for ``class``. True gives the
            name alone, False and None leave it out.

    Raises:
        ValueError: A name that is none, or an attribute that holds an address or a style.
    """
    words = [_checked(name)]
    for key, value in attributes.items():
        # viewBox is the one name in which case matters and no hyphen stands.
        attribute = _checked(key.rstrip("_").replace("_", "-"))
        within = attribute == "href" and re.fullmatch(r"#[A-Za-z][\w-]*", str(value), re.ASCII)
        if (attribute.lower() in _ADDRESSES or attribute.lower().startswith("on")) and not within:
            raise ValueError(f"the page takes no attribute {attribute}={value!r}")
        if value is None or value is False:
            continue
        words.append(attribute if value is True else f'{attribute}="{escape(plain(value, 1 << 20))}"')
    opening = f"<{' '.join(words)}>"
    return Markup(opening if name in _VOID else f"{opening}{markup(*parts)}</{name}>")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an element or attribute")
    return name


def table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    left: int = 1,
    identity: str | None = None,
) -> Markup:
    """Return a table that scrolls sideways where it doesn't fit, by keyboard too.

    Args:
        caption: What it holds.
        headings: Heading of each column.
        rows: What stands in each cell.
        left: How many columns, from the first on, hold words; the others hold numbers.
        identity: Its ``id``.
    """
    kinds = ["word" if place < left else "number" for place in range(len(headings))]
    head = [element("th", text, scope="col", class_=kind) for text, kind in zip(headings, kinds, strict=True)]
    body = [
        element(
            "tr",
            *(
                element("th" if place == 0 else "td", cell, scope="row" if place == 0 else None, class_=kind)
                for place, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            ),
        )
        for row in rows
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *body),
        id=identity,
    )
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def facts(rows: Iterable[tuple[str, object]], *, long: bool = False) -> Markup:
    """Return a list of names and what there is to say of them.

    Args:
        rows: Name and text of each row.
        long: Whether there is much to say, a row each.
    """
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", what)) for name, what in rows),
        class_="facts long" if long else "facts",
    )


def note(*parts: object) -> Markup:
    """Return a line that says what is left out, or what has to be known."""
    return element("p", *parts, class_="note")


def card(*parts: object) -> Markup:
    """Return a figure in a frame of its own."""
    return element("figure", *parts, class_="card")


def cards(*parts: object, layout: str = "") -> Markup:
    """Return cards side by side, as far as there is room.

    Args:
        parts: The cards.
        layout: How they share the width; alike without it.
    """
    return element("div", *parts, class_=f"cards {layout}".strip())


def drawing(identity: str) -> Markup:
    """Return a place that the script draws in."""
    return element("div", id=identity, class_="figure")


def legend(identity: str) -> Markup:
    """Return a place for what the colours of a drawing mean."""
    return element("ul", id=identity, class_="legend")


def readout(identity: str) -> Markup:
    """Return a place for the value that is pointed at."""
    return element("p", id=identity, class_="readout")
