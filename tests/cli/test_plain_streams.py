"""Whatever the encoding of a terminal, what a command found decides its exit code."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.cli import main
from iqatlas.cli.plain_streams import speak_plainly


def said(
    monkeypatch: pytest.MonkeyPatch, *arguments: str | Path, encoding: str, errors: str = "strict"
) -> tuple[int, bytes]:
    """Run the program with a standard output of this encoding; return its code and what it wrote."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "argv", ["iqatlas", *map(str, arguments)])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, errors=errors))
    with pytest.raises(SystemExit) as leaving:
        main()
    sys.stdout.flush()
    return int(leaving.value.code or 0), written.getvalue()


def test_the_verdict_is_that_of_the_corpus_and_its_mark_can_be_told(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = said(monkeypatch, "verify", "--quick", small_corpus.path, encoding="latin-1")
    assert (code, text[:2]) == (0, b"+ ")
    damaged = Path(shutil.copytree(small_corpus.path, tmp_path / "damaged"))
    (damaged / "README.md").write_bytes(b"")
    code, text = said(monkeypatch, "verify", "--quick", damaged, encoding="latin-1")
    assert (code, text[:2]) == (1, b"x ")


def test_tables_are_said_in_ascii(small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = said(monkeypatch, "info", small_corpus.path, encoding="ascii", errors="surrogateescape")
    assert code == 0
    assert b" receivers x " in text


@pytest.mark.parametrize(
    ("errors", "written"),
    [
        ("strict", b"+ caf? ?"),
        ("surrogateescape", b"+ caf? \xe9"),  # a byte of a file's name in the C locale
        ("backslashreplace", b"+ caf\\xe9 \\udce9"),  # what Python gives standard error
    ],
)
def test_a_stream_refuses_nothing_and_else_does_as_it_did(
    errors: str, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = io.BytesIO()
    stream = io.TextIOWrapper(inner, encoding="ascii", errors=errors)
    monkeypatch.setattr(sys, "stdout", stream)
    speak_plainly()
    stream.write("✓ caf\u00e9 \udce9")
    stream.flush()
    assert inner.getvalue() == written


def test_a_stream_of_something_else_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", None)  # as where it is closed
    speak_plainly()
    stream.write("✓")
    assert stream.getvalue() == "✓"
