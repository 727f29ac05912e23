"""Streams whose encoding lacks a character: a plain one is said in its place, and nothing fails."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper

_PLAIN = {
    "✓": "+",
    "✗": "x",
    "–": "-",
    "—": "-",
    "×": "x",
    "·": ".",
    "…": "...",
    "µ": "u",
    "≥": ">=",
    "≤": "<=",
}
"""Marks and signs of ours that would all be the same question mark."""


def speak_plainly() -> None:
    """See that standard output and errors take any text, whatever the encoding of this process is.

    What the stream's own handler would refuse becomes a question mark; bytes of file names that stand for
    themselves, as in the C locale, go on doing so. A stream that something else has put there is left alone.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            usual = stream.errors or "strict"
            codecs.register_error(f"iqatlas-{usual}", partial(_plain, otherwise=codecs.lookup_error(usual)))
            stream.reconfigure(errors=f"iqatlas-{usual}")


def _plain(
    failure: UnicodeError, *, otherwise: Callable[[UnicodeError], tuple[str | bytes, int]]
) -> tuple[str | bytes, int]:
    if not isinstance(failure, UnicodeEncodeError):
        raise failure
    text, start = failure.object, failure.start
    if text[start] in _PLAIN:
        return _PLAIN[text[start]], start + 1
    try:
        return otherwise(UnicodeEncodeError(failure.encoding, text, start, start + 1, failure.reason))
    except UnicodeEncodeError:
        return "?", start + 1
