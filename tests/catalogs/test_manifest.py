"""The manifest: written once, read back the same, and refused in one line where it is not right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.errors import CorpusError, MissingFileError

Body = dict[str, Any]


@pytest.fixture
def body(small_corpus: Corpus) -> Body:
    """Return a manifest as plain values, free to be changed, without its own hash."""
    loaded: Body = json.loads((small_corpus.path / MANIFEST_NAME).read_bytes())
    del loaded["manifest_sha256"]
    return loaded


def _sealed(body: Body) -> bytes:
    """Return the bytes that a program which means it would write: the manifest's own hash is right."""
    sealed = {**body, "manifest_sha256": sha256_json(body)}
    return (json.dumps(sealed, indent=1, ensure_ascii=False) + "\n").encode()


def _write(folder: Path, content: bytes) -> Path:
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    (corpus / MANIFEST_NAME).write_bytes(content)
    return corpus


def test_a_manifest_reads_back_as_it_was_written(small_corpus: Corpus, body: Body, tmp_path: Path) -> None:
    raw = (small_corpus.path / MANIFEST_NAME).read_bytes()
    manifest = read_manifest(small_corpus.path)
    assert manifest.serialise() == raw
    assert read_manifest(_write(tmp_path, _sealed(body))) == manifest


def test_a_manifest_tells_what_a_stranger_needs(small_corpus: Corpus) -> None:
    manifest = small_corpus.manifest
    assert manifest.status == "complete"
    assert manifest.spec_sha256 == sha256_json(manifest.spec)
    assert sum(manifest.splits.values()) == manifest.records
    assert [(s.start, s.stop) for s in manifest.shards][-1][1] == manifest.records
    assert {"python", "iqatlas", "numpy", "zarr", "sionna-rt", "mitsuba", "drjit"} <= set(manifest.versions)
    assert [entry.role for entry in manifest.inputs] == ["buildings"]
    assert manifest.inputs[0].licence == "ODbL-1.0"


def _set(*keys: str | int, value: object) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        level: Any = body
        for key in keys[:-1]:
            level = level[key]
        level[keys[-1]] = value

    return change


def _deep(body: Body) -> None:
    nested: object = "core"
    for _ in range(800):
        nested = [nested]
    body["statistics"]["nested"] = nested


WRONG = {
    "unknown key": _set("extra", value=1),
    "missing key": lambda body: body.pop("records"),
    "records as text": _set("records", value="160"),
    "records as float": _set("records", value=160.5),
    "records negative": _set("records", value=-1),
    "records gigantic": _set("records", value=10**30),
    "records null": _set("records", value=None),
    "files a mapping": _set("files", value={"a": 1}),
    "files a word": _set("files", value="README.md"),
    "a file null": _set("files", 0, value=None),
    "bytes gigantic": _set("files", 0, "bytes", value=1 << 61),
    "hash in capitals": _set("files", 0, "sha256", value="A" * 64),
    "hash too short": _set("files", 0, "sha256", value="a" * 63),
    "hash with a newline": _set("files", 0, "sha256", value="a" * 64 + "\n"),
    "splits a list": _set("splits", value=[1]),
    "splits that don't add up": _set("splits", "train", value=1),
    "shard out of order": _set("shards", 0, "index", value=1),
    "shard overlapping": _set("shards", 1, "start", value=0),
    "shard beyond the records": _set("shards", -1, "stop", value=161),
    "shard empty": _set("shards", 0, "stop", value=0),
    "no shards": _set("shards", value=[]),
    "a file twice": lambda body: body["files"].append(body["files"][0]),
    "itself among the files": _set("files", 0, "path", value=MANIFEST_NAME),
    "status unfinished": _set("status", value="building"),
    "another format": _set("format", value="zip"),
}
PATHS = [
    "../outside",
    "scene/../../outside",
    "/etc/passwd",
    "C:/Windows/win.ini",
    "C:outside",
    "..\\outside",
    "\\\\server\\share",
    "scene//map.png",
    "./README.md",
    "scene/.",
    "scene/",
    "..",
    ".",
    "",
    "a\nb",
    "a\0b",
    "\u202egnp.exe",
    "x" * 1025,
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_manifest_is_one_line(body: Body, tmp_path: Path, wrong: str) -> None:
    WRONG[wrong](body)
    _check_refused(_write(tmp_path, _sealed(body)), tmp_path)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_may_leave_the_corpus_is_refused(body: Body, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_bytes(b"precious")
    body["files"][0]["path"] = path
    _check_refused(_write(tmp_path, _sealed(body)), tmp_path)
    with pytest.raises(ValidationError):
        FileEntry(path=path, bytes=0, sha256="0" * 64)


@given(parts=st.lists(st.text("ab.-_ é", min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_path_is_accepted_exactly_where_it_stays_inside(parts: list[str]) -> None:
    path = "/".join(parts)
    base = Path("/base")
    inside = (base / path).as_posix() == f"/base/{path}" and ".." not in parts
    if inside:
        assert FileEntry(path=path, bytes=0, sha256="0" * 64).path == path
    else:
        with pytest.raises(ValidationError):
            FileEntry(path=path, bytes=0, sha256="0" * 64)


NOT_JSON = {
    "nothing": b"",
    "half": b'{"format": "iqatlas-corpus",',
    "a list": b"[]",
    "a number": b"3",
    "null": b"null",
    "invalid UTF-8": b'{"format": "\xff\xfe"}',
    "half a surrogate pair": b'{"format": "iqatlas-corpus", "format_version": 1, "name": "\\ud800"}',
    "UTF-16": '{"format": "iqatlas-corpus"}'.encode("utf-16"),
    "deeper than any program goes": b"[" * 200_000,
    "a deep mapping": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number of many digits": b'{"records": ' + b"9" * 5000 + b"}",
    "infinity": b'{"records": 1e999}',
    "NaN": b'{"records": NaN}',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", NOT_JSON)
def test_what_is_no_manifest_is_one_line(tmp_path: Path, content: str) -> None:
    _check_refused(_write(tmp_path, NOT_JSON[content]), tmp_path)


@pytest.mark.parametrize("value", ["1e999", "NaN", "-Infinity", "9" * 5000, '"\\ud800"'])
@pytest.mark.parametrize("key", ["spec", "statistics"])
def test_free_places_take_no_value_that_has_no_spelling(
    body: Body, tmp_path: Path, key: str, value: str
) -> None:
    # These parts of a manifest are free of types, so that only the canonical spelling can refuse.
    body[key]["odd"] = "HERE"
    _check_refused(_write(tmp_path, _sealed(body).replace(b'"HERE"', value.encode())), tmp_path)


def test_a_deeply_nested_value_is_one_line(body: Body, tmp_path: Path) -> None:
    _deep(body)
    content = json.dumps({**body, "manifest_sha256": "0" * 64}).encode()
    _check_refused(_write(tmp_path, content), tmp_path)


def _check_refused(corpus: Path, around: Path) -> None:
    before = {p: p.read_bytes() for p in around.rglob("*") if p.is_file()}
    for read in (read_manifest, open_corpus):
        with pytest.raises(CorpusError) as caught:
            read(corpus)
        line = str(caught.value)
        assert line.startswith(str(corpus))
        assert "\n" not in line
        assert len(line) < 1000
    found = verify_corpus(corpus)
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"{MANIFEST_NAME}: ")
    assert {p: p.read_bytes() for p in around.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, 10**40])
def test_an_unknown_version_says_which_is_known(body: Body, tmp_path: Path, version: object) -> None:
    body["format_version"] = version
    with pytest.raises(CorpusError, match=r"format version .* is not known here.*version 1.*update iqatlas"):
        read_manifest(_write(tmp_path, _sealed(body)))


def test_an_unknown_version_is_named_before_anything_else_of_it(tmp_path: Path) -> None:
    # A later version may have other keys: those are not what is wrong with it.
    content = json.dumps({"format": "iqatlas-corpus", "format_version": 2, "chapters": []}).encode()
    with pytest.raises(CorpusError, match="format version 2"):
        read_manifest(_write(tmp_path, content))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("records as float", "records: Input should be a valid integer"),
        ("unknown key", "extra: Extra inputs are not permitted"),
        ("hash too short", "files.0.sha256: String should match pattern"),
        ("splits that don't add up", "the splits don't add up to the records"),
        ("shard overlapping", "the shards don't follow each other"),
        ("a file twice", "a file is named twice"),
    ],
)
def test_the_line_says_where_and_what(body: Body, tmp_path: Path, wrong: str, said: str) -> None:
    WRONG[wrong](body)
    with pytest.raises(CorpusError) as caught:
        read_manifest(_write(tmp_path, _sealed(body)))
    assert said in str(caught.value)
    assert str(caught.value).endswith("get the corpus again")


def test_a_changed_value_is_found_by_the_manifests_own_hash(body: Body, tmp_path: Path) -> None:
    content = _sealed(body).replace(b'"name": "small"', b'"name": "large"', 1)
    with pytest.raises(CorpusError, match="the manifest was changed after it was written"):
        read_manifest(_write(tmp_path, content))


def test_a_gigantic_manifest_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = _write(tmp_path, b"{}")
    with (corpus / MANIFEST_NAME).open("ab") as file:
        file.truncate((256 << 20) + 1)  # sparse: takes no space
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it was read"))
    with pytest.raises(CorpusError, match="larger than 256 MiB"):
        read_manifest(corpus)


def test_folders_without_a_manifest_say_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such corpus folder"):
        read_manifest(tmp_path / "nothing")
    with pytest.raises(CorpusError, match=r"no manifest\.json in this folder, so it is no corpus"):
        read_manifest(tmp_path)
    (tmp_path / ".building").mkdir()
    with pytest.raises(CorpusError, match=r"unfinished.*run the same `iqatlas generate` again"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST_NAME).mkdir()
    with pytest.raises(CorpusError, match="unfinished"):
        read_manifest(tmp_path)


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_no_bytes_get_through(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    corpus = _write(tmp_path_factory.getbasetemp(), content)
    with pytest.raises(CorpusError):
        read_manifest(corpus)


def test_values_are_frozen(small_corpus: Corpus) -> None:
    with pytest.raises(ValidationError):
        small_corpus.manifest.records = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Manifest.model_validate({"name": "x"})
