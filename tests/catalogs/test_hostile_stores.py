"""Stores of strangers: one line before memory is asked for, code is run or another folder is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numcodecs import Zstd

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs._zarr_codecs import unpacked_bytes
from iqatlas.catalogs._zarr_limits import check_metadata
from iqatlas.catalogs.store_export import export_store
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError, IqAtlasError

GIGANTIC = 1 << 45


def array(corpus: Path, name: str, act: Callable[[dict[str, Any]], object]) -> None:
    """Change what the store says of an array."""
    path = corpus / "records.zarr/zarr.json"
    body = json.loads(path.read_bytes())
    act(body["consolidated_metadata"]["metadata"][name])
    path.write_text(json.dumps(body))


def inner(meta: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = meta["codecs"][0]["configuration"]
    return found


def _grid(meta: dict[str, Any], *lengths: Any) -> None:
    meta["chunk_grid"]["configuration"]["chunk_shape"] = list(lengths)


ZARR: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "a gigantic shape": ("subchannel", lambda m: m.update(shape=[GIGANTIC]), "an array of .* bytes"),
    "a length beyond counting": ("iq", lambda m: m.update(shape=[1 << 70, 1, 64]), "an axis of the length"),
    "a negative length": ("iq", lambda m: m.update(shape=[-1, 1, 64]), "an axis of the length -1"),
    "a length that is no number": (
        "iq",
        lambda m: m.update(shape=[True, 1, 64]),
        "an axis of the length True",
    ),
    "other records": ("iq", lambda m: m.update(shape=[10**6, 1, 64]), "can't be read|in place of"),
    "a thousand axes": ("iq", lambda m: m.update(shape=[1] * 1000), "up to 16 lengths"),
    "no shape": ("iq", lambda m: m.pop("shape"), "of no known form"),
    "a chunk of terabytes": (
        "subchannel_lower",
        lambda m: _grid(m, GIGANTIC),
        "chunks of .* bytes",
    ),
    "an inner chunk of terabytes": (
        "iq",
        lambda m: inner(m).update(chunk_shape=[GIGANTIC, 1, 64]),
        "chunks of .* bytes",
    ),
    "a chunk of nothing": (
        "iq",
        lambda m: inner(m).update(chunk_shape=[0, 1, 64]),
        "an axis of the length 0",
    ),
    "chunks of other axes": ("iq", lambda m: _grid(m, 8), "chunks of 1 axes in an array of 3"),
    "countless chunks": ("iq", lambda m: _grid(m, 1 << 40, 1, 64), "chunks in a shard"),
    "countless chunks of an array": (
        "iq",
        lambda m: m.update(shape=[GIGANTIC >> 8, 1, 64]),
        "chunks in an array",
    ),
    "shards within shards": (
        "iq",
        lambda m: inner(m).update(codecs=[json.loads(json.dumps(m["codecs"][0]))]),
        "shards within shards",
    ),
    "objects": ("iq", lambda m: m.update(data_type="variable_length_bytes"), "which no corpus holds"),
    "a type of its own": (
        "iq",
        lambda m: m.update(data_type={"name": "pickle"}),
        "'pickle', which no corpus",
    ),
    "another codec": (
        "iq",
        lambda m: inner(m)["codecs"].append({"name": "numcodecs.lzma"}),
        "the codec 'num",
    ),
    "gzip": (
        "iq",
        lambda m: inner(m)["codecs"].append({"name": "gzip"}),
        "the codec 'gzip'; accepted: bytes",
    ),
    "codecs that are text": ("iq", lambda m: m.update(codecs="zstd"), "of no known form"),
    "a grid of its own": (
        "iq",
        lambda m: m["chunk_grid"].update(name="wild"),
        "a chunk grid of the kind 'wild'",
    ),
    "transformers": ("iq", lambda m: m.update(storage_transformers=[{"name": "x"}]), "storage transformers"),
    "text that is not packed": (
        "split",
        lambda m: inner(m).update(codecs=[{"name": "vlen-utf8"}]),
        "text that is not packed",
    ),
}


@pytest.mark.parametrize("kind", ZARR)
def test_what_metadata_ask_for_is_seen_first(
    kind: str, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, act, words = ZARR[kind]
    array(mine, name, act)
    with pytest.raises(CorpusError, match=words) as caught:
        open_corpus(mine).dataset.load()
    assert "\n" not in str(caught.value)
    assert run(["info", str(mine)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"[]", b"\xff\xfe"])
def test_metadata_that_are_none_are_one_line(content: bytes, mine: Path) -> None:
    (mine / "records.zarr/zarr.json").write_bytes(content)
    with pytest.raises(IqAtlasError) as caught:
        _ = open_corpus(mine).dataset
    assert "\n" not in str(caught.value)


def test_metadata_without_end_are_not_read(mine: Path) -> None:
    path = mine / "records.zarr/zarr.json"
    with path.open("r+b") as file:
        file.truncate(1 << 36)  # a hole: 64 GiB on no disk
    with pytest.raises(CorpusError, match="array metadata of over 64 MiB"):
        _ = open_corpus(mine).dataset


def _bomb(blocks: int) -> bytes:
    """Return a Zstandard frame of blocks that repeat a zero: 128 KiB each, out of four bytes."""
    block = (128 << 10) << 3 | 1 << 1
    body = b"".join((block | (left == 0)).to_bytes(3, "little") + b"\0" for left in range(blocks - 1, -1, -1))
    return b"\x28\xb5\x2f\xfd" + bytes([0xE0]) + (blocks << 17).to_bytes(8, "little") + body


def test_a_chunk_that_unpacks_to_far_more_than_its_array_is_not_unpacked(mine: Path) -> None:
    frame = _bomb(1000)
    assert len(frame) < 5000
    assert len(Zstd().decode(frame)) == 1000 << 17  # a sound frame, of 131 MB
    (mine / "records.zarr/subchannel_lower/c/0").write_bytes(frame)
    with pytest.raises(CorpusError, match=r"a chunk unpacks to 1\.31e\+08 bytes"):
        open_corpus(mine).dataset["subchannel_lower"].load()


def test_a_chunk_of_billions_of_texts_is_not_unpacked(mine: Path) -> None:
    path = mine / "records.zarr/receiver/c/0"
    path.write_bytes(Zstd().encode((4_000_000_000).to_bytes(4, "little") + bytes(8)))
    with pytest.raises(CorpusError, match="a chunk of 4,000,000,000 texts in place of 1"):
        open_corpus(mine).dataset["receiver"].load()


@given(data=st.binary(max_size=3000), checksum=st.booleans(), level=st.integers(-3, 10))
def test_the_size_of_a_frame_is_that_of_its_content(data: bytes, checksum: bool, level: int) -> None:
    frame = bytes(Zstd(level=level, checksum=checksum).encode(data))
    assert unpacked_bytes(frame) == len(data)
    for wrong in (frame[:-1], frame + b"\0", frame + frame, b"x" + frame):
        with pytest.raises(CorpusError):
            unpacked_bytes(wrong)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["node_type", "shape", "data_type", "codecs", "name", "chunk_grid", "configuration", "consolidated_metadata", "metadata"]), inner, max_size=4), max_leaves=12))  # fmt: skip  # noqa: E501
def test_no_metadata_raise_anything_else(body: object) -> None:
    for tree in (body, {"node_type": "array", **(body if isinstance(body, dict) else {"shape": body})}):
        try:
            check_metadata(json.dumps(tree).encode(), "zarr.json")
        except CorpusError as failure:
            assert "\n" not in str(failure)


@pytest.fixture(scope="module")
def hdf5(tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny corpus in HDF5."""
    folder = tmp_path_factory.mktemp("hdf5") / "tiny"
    return export_store(tiny_corpus, folder, form="hdf5", progress=lambda done, total: None).path


def _replace(file: h5py.File, name: str, **new: Any) -> None:
    dims = [axis.label for axis in file[name].dims]
    attributes = dict(file[name].attrs)
    del file[name]
    made = file.create_dataset(name, **new)
    for axis, dim in zip(made.dims, dims, strict=False):
        axis.label = dim
    made.attrs.update({key: value for key, value in attributes.items() if key != "DIMENSION_LABELS"})


def _virtual(file: h5py.File, shape: tuple[int, ...]) -> None:
    layout = h5py.VirtualLayout(shape, "c8")
    layout[:1] = h5py.VirtualSource("records/00000.h5", "iq", (1, *shape[1:]), "c8")
    dims = [axis.label for axis in file["iq"].dims]
    del file["iq"]
    made = file.create_virtual_dataset("iq", layout)
    for axis, dim in zip(made.dims, dims, strict=True):
        axis.label = dim


def _linked(file: h5py.File) -> None:
    del file["subchannel_lower"]
    file["subchannel_lower"] = h5py.ExternalLink("/etc/hostname", "/")


def _objects(file: h5py.File) -> None:
    text = h5py.string_dtype()
    _replace(file, "receiver", data=np.array(["a"], object), dtype=text)


HDF5: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "an external link": (_linked, "is a link to elsewhere"),
    "a soft link": (
        lambda f: (f.move("subchannel_lower", "x"), f.__setitem__("subchannel_lower", h5py.SoftLink("/x"))),
        "is a link to elsewhere",
    ),
    "a gigantic shape": (
        lambda f: _replace(f, "subchannel_lower", shape=(1 << 40,), dtype="f8", chunks=(1 << 10,)),
        "not stored whole",
    ),
    "an array that was never written": (
        lambda f: _replace(f, "subchannel_lower", shape=(1 << 20,), dtype="f8"),
        "not stored whole",
    ),
    "packed": (
        lambda f: _replace(f, "subchannel_lower", data=np.zeros(1 << 16), compression="gzip"),
        "not stored whole",
    ),
    "objects": (_objects, "variable length|not stored whole"),
    "countless records": (
        lambda f: _virtual(f, (1 << 40, 1, 64)),
        "more than there are",
    ),
    "wide records": (lambda f: _virtual(f, (80, 1, 1 << 40)), "is complex64"),
    "files of samples elsewhere": (
        lambda f: _replace(
            f, "subchannel_lower", shape=(2,), dtype="f8", external=[("/etc/hostname", 0, 16)]
        ),
        "is no plain array",
    ),
    "chunks of no records": (
        lambda f: f.attrs.__setitem__("iqatlas_chunk_records", 0),
        "chunks of 0 records",
    ),
    "chunks that are text": (lambda f: f.attrs.__setitem__("iqatlas_shard_records", "x"), "can't be read"),
}


@pytest.mark.parametrize("kind", HDF5)
def test_hostile_hdf5_is_one_line(
    kind: str, hdf5: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    act, words = HDF5[kind]
    mine = Path(shutil.copytree(hdf5, tmp_path / "mine"))
    with h5py.File(mine / "records.h5", "r+") as file:
        act(file)
    with pytest.raises(IqAtlasError, match=words) as caught:
        open_corpus(mine).dataset.load()
    assert "\n" not in str(caught.value)
    assert run(["info", str(mine)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_more_records_than_bytes_are_refused(
    mine: Path, monkeypatch: pytest.MonkeyPatch, reseal: Callable[..., None]
) -> None:
    monkeypatch.setattr("iqatlas.catalogs.corpus._MANY_RECORDS", 10)
    assert open_corpus(mine).dataset.sizes["record"] == 80
    for path in mine.glob("records.zarr/*/c/**/*"):
        if path.is_file():
            path.unlink()
    for path in mine.glob("records.zarr/**/zarr.json"):
        if path.parent.name != "records.zarr":
            path.unlink()
    body = json.loads((mine / "records.zarr/zarr.json").read_bytes())
    arrays = body["consolidated_metadata"]["metadata"]
    for meta in arrays.values():
        if meta.get("dimension_names", [None])[:1] == ["record"]:
            meta["shape"][0] = 10**6
    (mine / "records.zarr/zarr.json").write_text(json.dumps(body))
    old = open_corpus(mine).manifest
    shard = old.shards[-1].model_copy(update={"stop": 10**6})
    splits = {**old.splits, "train": old.splits["train"] + 10**6 - 80}
    reseal(mine, records=10**6, shards=[*old.shards[:-1], shard], splits=splits)
    with pytest.raises(CorpusError, match="1000000 records in"):
        _ = open_corpus(mine).dataset
