"""A stranger's catalogue: one line for whatever is wrong with it, and nothing written outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.catalogue import Catalogue, blob_path
from iqatlas.catalogs.publish import publish
from iqatlas.catalogs.pull import pull
from iqatlas.catalogs.release import Release
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError, IqAtlasError, MissingFileError


def _with_release(catalog: Path, **changes: object) -> None:
    """Replace the release by one that is sealed in order, and says something else."""
    old = Catalogue(catalog).release("tiny")
    path = catalog / "tiny/1.0.0.json"
    path.write_bytes(Release.model_construct(**{**dict(old), **changes}).serialise())


def _renamed(catalog: Path, path: str) -> None:
    files = Catalogue(catalog).release("tiny").files
    first = next(file for file in files if file.path == "README.md")
    _with_release(
        catalog, files=tuple(f.model_copy(update={"path": path}) if f is first else f for f in files)
    )


def _first_blob(catalog: Path) -> Path:
    files = Catalogue(catalog).release("tiny").files
    return catalog / blob_path(next(file for file in files if file.path == "README.md").sha256)


def _link_blob(catalog: Path) -> None:
    blob = _first_blob(catalog)
    blob.unlink()
    blob.symlink_to("/etc/hostname")


def _flip_blob(catalog: Path) -> None:
    blob = _first_blob(catalog)
    blob.write_bytes(bytes(blob.stat().st_size))


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a path that climbs": (lambda c: _renamed(c, "../../evil"), "not a plain path inside the corpus"),
    "an absolute path": (lambda c: _renamed(c, "/tmp/evil"), "not a plain path inside the corpus"),
    "a path of its own kind": (lambda c: _renamed(c, ".pulling/lock"), "name different files"),
    "a file more": (lambda c: _renamed(c, "evil"), "name different files"),
    "a linked blob": (_link_blob, "a symbolic link in place of a file"),
    "a changed blob": (_flip_blob, "its SHA-256 differs"),
    "a cut blob": (lambda c: _first_blob(c).write_bytes(b"x"), r"README\.md is of 1 bytes"),
    "a lost blob": (lambda c: _first_blob(c).unlink(), r"README\.md is missing"),
    "no JSON": (lambda c: (c / "tiny/1.0.0.json").write_bytes(b"{"), "the release can't be read"),
    "deep JSON": (
        lambda c: (c / "tiny/1.0.0.json").write_bytes(b"[" * 100_000),
        "the release can't be read",
    ),
    "YAML with a tag": (
        lambda c: (c / "tiny/1.0.0.json").write_bytes(b"!!python/object/apply:os.system [touch evil]"),
        "the release can't be read",
    ),
    "a release cut short": (
        lambda c: (c / "tiny/1.0.0.json").write_bytes((c / "tiny/1.0.0.json").read_bytes()[:-9]),
        "the release can't be read",
    ),
    "a changed release": (
        lambda c: (c / "tiny/1.0.0.json").write_text(
            (c / "tiny/1.0.0.json").read_text().replace('"records": 80', '"records": 81')
        ),
        "the release was changed after it was published",
    ),
    "a gigantic count": (
        lambda c: _with_release(c, records=1 << 80),
        "records: Input should be less than or equal to",
    ),
    "another version's release": (
        lambda c: (c / "tiny/1.0.0.json").replace(c / "tiny/3.0.0.json"),
        r"this is the release of tiny@1\.0\.0",
    ),
    "a later format": (lambda c: _with_release(c, format_version=2), "format version 2 is not known here"),
    "no mark": (lambda c: (c / "catalogue.json").unlink(), "so it is no catalogue"),
    "a wrong mark": (lambda c: (c / "catalogue.json").write_text("[]"), "so it is no catalogue"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_catalogue_is_one_line_and_writes_nothing(kind: str, catalog: Path, tmp_path: Path) -> None:
    act, words = HOSTILE[kind]
    act(catalog)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(IqAtlasError, match=words) as caught:
        pull(catalog, "tiny", dest=tmp_path / "got")
    assert "\n" not in str(caught.value)
    with pytest.raises(IqAtlasError):
        open_corpus(tmp_path / "got")
    outside = [path for path in sorted(tmp_path.rglob("*")) if tmp_path / "got" not in (path, *path.parents)]
    assert outside == before


WRONG = [
    (["list", "{c}/none"], "no such catalogue"),
    (["list", "{c}/tiny"], "so it is no catalogue"),
    (["show", "{c}", "tiny@9.9.9"], "tiny has no version 9.9.9; accepted: 1.0.0"),
    (["show", "{c}", "tny"], "did you mean 'tiny'?"),
    (["show", "{c}", "tiny@latest"], "'latest' is no version; accepted: MAJOR.MINOR.PATCH"),
    (["show", "{c}", "../tiny@1.0.0"], "is no name of a corpus"),
    (["show", "{c}", "blobs"], "is no name of a corpus"),
    (["pull", "{c}", "tiny@01.0.0"], "'01.0.0' is no version"),
    (["pull", "{c}", "tiny", "-o", "{c}"], "which is not of"),
    (["publish", "{c}/tiny@1.0.0", "{c}", "--version", "1.0"], "'1.0' is no version"),
    (["publish", "{c}/tiny@1.0.0", "{c}/tiny", "--version", "2.0.0"], "something that is no catalogue"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(w[0][:3]) for w in WRONG])
def test_a_wrong_command_is_one_line(
    arguments: list[str], words: str, catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["catalog", *(argument.format(c=catalog) for argument in arguments)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_an_unknown_version_does_not_open(catalog: Path) -> None:
    with pytest.raises(CorpusError, match=r"tiny has no version 1\.0\.1"):
        open_corpus(f"{catalog}/tiny@1.0.1")
    with pytest.raises(MissingFileError, match="no such catalogue"):
        open_corpus(f"{catalog}/none/tiny@1.0.0")


@pytest.mark.parametrize("kind", ["folder with a file", "linked folder"])
def test_a_pull_stays_out_of_what_is_not_its_own(kind: str, catalog: Path, tmp_path: Path) -> None:
    (tmp_path / "got").mkdir()
    (tmp_path / "elsewhere").mkdir()
    if kind == "linked folder":
        (tmp_path / "got/scene").symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "got/thesis.tex").write_text("three years of work")
    with pytest.raises(CorpusError, match="this folder holds"):
        pull(catalog, "tiny", dest=tmp_path / "got")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(list((tmp_path / "got").iterdir())) == 1


@pytest.mark.parametrize("place", ["folder", "store"])
def test_a_wrong_blob_of_the_right_size_is_replaced_and_not_shared(
    place: str, tiny_corpus: Corpus, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(tmp_path / "catalog") if place == "folder" else str(request.getfixturevalue("store"))
    publish(tiny_corpus.path, url, version="1.0.0")
    catalogue = Catalogue(url)
    shard = next(f for f in tiny_corpus.manifest.files if f.path == "records.zarr/iq/c/1/0/0")
    made = tmp_path / "wrong"
    made.write_bytes(bytes(shard.bytes))
    catalogue.place.take(blob_path(shard.sha256), made)
    assert [p.partition(":")[0] for p in verify_corpus(f"{url}/tiny@1.0.0").problems] == [shard.path]
    published = publish(tiny_corpus.path, url, version="1.0.1")
    assert published.uploaded_files >= 1
    # The version before shares the blob, and is whole again with it.
    for version in ("1.0.0", "1.0.1"):
        assert verify_corpus(f"{url}/tiny@{version}").problems == ()


def test_a_publish_does_not_write_through_a_linked_folder(
    catalog: Path, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (catalog / "blobs").rename(tmp_path / "blobs")
    (catalog / "blobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorpusError, match="a symbolic link in place of a file"):
        publish(tiny_corpus.path, catalog, version="2.0.0")
    assert list((tmp_path / "elsewhere").iterdir()) == []
