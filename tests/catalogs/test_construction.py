"""Nothing is lost: whatever breaks while a corpus is written, it is unfinished or whole, and resumes.

The disturbed corpora are compared with one that was made undisturbed, by every hash.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from disturbance import Disk, Killed, check_disturbed, hashes, interrupted, state

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.construction import Construction, tidy, write_file
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.errors import CorpusError, StorageError

pytestmark = pytest.mark.usefixtures("quick_parts")


def check_resumes(spec: CorpusSpec, folder: Path, wanted: Corpus) -> None:
    """Assert that the same call finishes, and gives every byte that an undisturbed run gives."""
    made = generate(spec, folder)
    assert hashes(made) == hashes(wanted)
    assert verify_corpus(folder).problems == ()


def calls_of_a_run(monkeypatch: pytest.MonkeyPatch, spec: CorpusSpec, folder: Path) -> list[str]:
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        generate(spec, folder)
        return disk.calls


def test_two_runs_give_the_same_bytes(tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path) -> None:
    check_resumes(tiny_spec, tmp_path / "again", tiny_corpus)
    assert len(tiny_corpus.manifest.shards) == 3


def _last_of_each(calls: list[str]) -> list[int]:
    return sorted(len(calls) - 1 - calls[::-1].index(name) for name in set(calls))


def _disturb(
    monkeypatch: pytest.MonkeyPatch,
    spec: CorpusSpec,
    wanted: Corpus,
    folder: Path,
    number: int,
    error: BaseException,
    after: bool,
) -> BaseException | None:
    caught: BaseException | None = None
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        disk.break_at(number, error, after=after)
        try:
            generate(spec, folder)
        except (Killed, StorageError) as failure:
            caught = failure
    check_disturbed(folder)
    check_resumes(spec, folder, wanted)
    shutil.rmtree(folder)
    return caught


def test_killed_at_a_change_of_the_disk_it_resumes(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of_a_run(monkeypatch, tiny_spec, tmp_path / "whole")
    assert {"fsync", "replace", "copyfile", "rmtree", "_put", "record"} <= set(calls)
    for number in _last_of_each(calls):
        _disturb(monkeypatch, tiny_spec, tiny_corpus, tmp_path / "cut", number, Killed(), False)


@pytest.mark.slow
def test_killed_at_any_change_of_the_disk_it_resumes(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole generation, here and there; each step of a small one is taken in test_crash_safety.py."""
    calls = calls_of_a_run(monkeypatch, tiny_spec, tmp_path / "whole")
    # A step that has no common divisor with what is done for each of the arrays.
    for turn, number in enumerate(range(0, len(calls), 197)):
        after = turn % 2 == 1
        _disturb(monkeypatch, tiny_spec, tiny_corpus, tmp_path / "cut", number, Killed(), after)


def test_a_full_disk_is_one_line_and_resumes(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of_a_run(monkeypatch, tiny_spec, tmp_path / "whole")
    taking_space = [n for n in _last_of_each(calls) if calls[n] in ("fsync", "_put")]
    for number in taking_space:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        caught = _disturb(monkeypatch, tiny_spec, tiny_corpus, tmp_path / "cut", number, full, False)
        assert isinstance(caught, StorageError), calls[number]
        assert str(caught).count("\n") == 0
        assert "No space left on device" in str(caught)
        assert "free some space and run the same command again: it resumes" in str(caught)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EDQUOT, "free some of your quota"),
        (errno.EACCES, "choose a folder that you may write to"),
        (errno.EROFS, "choose a folder that you may write to"),
        (errno.EPERM, "choose a folder that you may write to"),
        (errno.ENOENT, "nothing can be made there: choose another place with -o$"),
        (errno.ENOTDIR, "nothing can be made there: choose another place with -o$"),
        (errno.ENAMETOOLONG, "choose a shorter name with -o$"),
        (errno.EIO, "run the same command again: it resumes"),
    ],
)
def test_what_the_system_refuses_is_one_line_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    Disk(monkeypatch).break_at(0, OSError(number, os.strerror(number), "somewhere"), after=False)
    with pytest.raises(StorageError, match=remedy) as caught, Construction(tmp_path / "c", build_key="0"):
        pass
    assert str(caught.value).startswith("somewhere: can't write (")


def test_a_half_line_in_the_ledger_is_made_again(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, ledger = tmp_path / "cut", tmp_path / "cut" / ".building" / "ledger.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr(Construction, "finish", _raise_killed)
        with pytest.raises(Killed):
            generate(tiny_spec, folder)
    whole = ledger.read_bytes()
    steps = whole.count(b"\n")
    assert steps == 2 + 3  # paths, store, three shards
    for cut in (1, 60, len(whole.splitlines()[-1]) // 2):
        ledger.write_bytes(whole[:-cut])
        with monkeypatch.context() as patch:
            patch.setattr(Construction, "finish", _raise_killed)
            with pytest.raises(Killed):
                generate(tiny_spec, folder)
        # A line that lacks nothing but its newline is whole; any other is written anew after it.
        lines = ledger.read_bytes().splitlines()
        assert len(lines) == (steps if cut == 1 else steps + 1)
    ledger.write_bytes(b'\xff\xfe{"step": 3}\n[[\n' + b"[" * 100_000 + b"\n" + ledger.read_bytes())
    check_resumes(tiny_spec, folder, tiny_corpus)


def _raise_killed(*args: object) -> None:
    raise Killed


def _made_steps(
    monkeypatch: pytest.MonkeyPatch, spec: CorpusSpec, folder: Path, **options: bool
) -> list[str]:
    steps, record = [], Construction.record

    def note(self: Construction, step: str, files: tuple[FileEntry, ...]) -> None:
        steps.append(step)
        record(self, step, files)

    with monkeypatch.context() as patch:
        patch.setattr(Construction, "record", note)
        generate(spec, folder, **options)
    return steps


def test_a_resumed_run_makes_only_what_is_missing(
    tiny_spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted(tiny_spec, tmp_path / "cut", monkeypatch, shards=2)
    assert _made_steps(monkeypatch, tiny_spec, folder) == ["shard-00002"]


def test_overwrite_resumes_what_it_began(
    tiny_spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "Run the same command again" has to hold for a command with --overwrite, too.
    folder = interrupted(tiny_spec, tmp_path / "cut", monkeypatch, shards=2)
    assert _made_steps(monkeypatch, tiny_spec, folder, overwrite=True) == ["shard-00002"]


@pytest.mark.parametrize("damage", ["changed", "deleted", "emptied"])
def test_a_shard_damaged_before_the_end_is_made_again(
    tiny_spec: CorpusSpec,
    tiny_corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    # As a power failure leaves it: the ledger's line is there, a file's blocks are not.
    folder = interrupted(tiny_spec, tmp_path / "cut", monkeypatch, shards=2)
    path = folder / "records.zarr/iq/c/1/0/0"
    content = path.read_bytes()
    path.unlink()
    if damage != "deleted":
        path.write_bytes(bytes(len(content)) if damage == "changed" else b"")
    check_resumes(tiny_spec, folder, tiny_corpus)


@pytest.mark.parametrize("content", [b'{"attributes"', None])
def test_a_torn_root_of_the_store_starts_over(
    tiny_spec: CorpusSpec,
    tiny_corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes | None,
) -> None:
    folder = interrupted(tiny_spec, tmp_path / "cut", monkeypatch, shards=2)
    root = folder / "records.zarr" / "zarr.json"
    root.unlink() if content is None else root.write_bytes(content)
    check_resumes(tiny_spec, folder, tiny_corpus)


def test_half_written_files_of_an_earlier_try_are_not_published(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted(tiny_spec, tmp_path / "cut", monkeypatch, shards=2)
    (folder / "scene").mkdir()
    for stray in (
        "records.zarr/zarr.0123.partial",
        "records.zarr/iq/c/2.partial",
        "scene/.sites.parquet.writing",
        ".README.md.writing",
    ):
        (folder / stray).write_bytes(b"half")
    check_resumes(tiny_spec, folder, tiny_corpus)


def test_a_finished_corpus_of_the_same_spec_is_returned_as_it_is(
    tiny_spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tiny_spec, tmp_path / "c")
    before = state(tmp_path / "c")
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        generate(tiny_spec, tmp_path / "c")
        assert disk.calls == []
    assert state(tmp_path / "c") == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [("gone", "is gone"), ("cut", "has 5 bytes"), ("longer", r"has \d+ bytes"), ("folder", "is gone")],
)
def test_a_finished_corpus_that_lacks_files_is_not_returned(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, damage: str, said: str
) -> None:
    """Zarr reads zeros where a file of samples is gone, so that nothing else would tell."""
    folder = tmp_path / "c"
    shutil.copytree(tiny_corpus.path, folder)
    path = folder / "records.zarr/iq/c/1/0/0"
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "gone":
        path.write_bytes(content[:5] if damage == "cut" else content + b"0")
    before = state(folder)
    with pytest.raises(
        CorpusError, match=rf"records\.zarr/iq/c/1/0/0 {said}.*iqatlas verify.*--overwrite"
    ) as caught:
        generate(tiny_spec, folder)
    assert "\n" not in str(caught.value)
    assert state(folder) == before
    shutil.rmtree(folder / "records.zarr/iq/c")
    with pytest.raises(CorpusError, match=r"iq/c/0/0/0 is gone, and 2 more files are damaged"):
        generate(tiny_spec, folder)


HOLDER = """
import sys
from pathlib import Path
from iqatlas.catalogs.construction import Construction
with Construction(Path(sys.argv[1]), build_key="0" * 64):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_writer_is_refused(tiny_spec: CorpusSpec, tmp_path: Path, overwrite: bool) -> None:
    folder = tmp_path / "c"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        before = state(folder)
        refused = StorageError if overwrite else CorpusError  # without, it is another spec's to begin with
        with pytest.raises(refused) as caught:
            generate(tiny_spec, folder, overwrite=overwrite)
        assert "\n" not in str(caught.value)
        with pytest.raises(StorageError, match=r"another process is writing this corpus.*wait for it"):
            Construction(folder, build_key="0" * 64).__enter__()
        assert state(folder) == before
        holder.communicate("")
    generate(tiny_spec, folder, overwrite=True)  # the lock goes with its process


def test_tidying_leaves_a_folder_that_is_being_written_alone(tmp_path: Path) -> None:
    construction = Construction(tmp_path / "c", build_key="0" * 64)
    with construction:
        tidy(tmp_path / "c")
        assert (construction.bench / ".building" / "key").is_file()
    tidy(tmp_path / "c")
    assert not (tmp_path / "c" / ".building").exists()
    tidy(tmp_path / "c")


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "file"
    write_file(path, b"first")
    calls = len(_calls_of(monkeypatch, lambda: write_file(path, b"first")))
    for number in range(calls):
        with monkeypatch.context() as patch:
            Disk(patch).break_at(number, Killed(), after=False)
            with pytest.raises(Killed):
                write_file(path, b"second")
        assert path.read_bytes() == b"first"
    write_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def _calls_of(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> list[str]:
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        action()
        return disk.calls


def test_a_file_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _calls_of(monkeypatch, lambda: write_file(tmp_path / "file", b""))
    assert calls == ["mkdir", "fsync", "replace"]


def test_the_manifest_is_the_last_file_that_appears(
    tiny_spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    finish = Construction.finish

    def look(self: Construction, manifest: Manifest) -> None:
        seen.append(set(state(self.bench)))
        finish(self, manifest)

    monkeypatch.setattr(Construction, "finish", look)
    made = generate(tiny_spec, tmp_path / "c")
    assert MANIFEST_NAME not in seen[0]
    assert {file.path for file in made.manifest.files} <= seen[0]
    assert not (tmp_path / "c" / ".building").exists()


GENERATE = textwrap.dedent(
    """
    import sys, json
    from iqatlas import CorpusSpec, generate
    from iqatlas.generators import plan
    plan._BLOCK_SAMPLES = 1 << 11
    if __name__ == "__main__":
        generate(CorpusSpec.from_tree(json.loads(sys.argv[2])), sys.argv[1], workers=int(sys.argv[3]))
    """
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "workers"),
    [
        # One process is killed at random moments in tests/cli/test_killing.py.
        (".building/staging", 2),
        ("records.zarr/iq/c/1", 2),
        (MANIFEST_NAME, 1),
    ],
)
def test_a_killed_process_resumes(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, moment: str, workers: int
) -> None:
    folder = tmp_path / "c"
    script = tmp_path / "make.py"
    script.write_text(GENERATE)
    arguments = [str(folder), tiny_spec.model_dump_json(), str(workers)]
    with subprocess.Popen([sys.executable, str(script), *arguments]) as process:
        while process.poll() is None and not (folder / moment).exists():
            time.sleep(0.0005)
        process.kill()
    check_disturbed(folder)
    made = generate(tiny_spec, folder)
    assert {s.sha256 for s in made.manifest.shards} == {s.sha256 for s in tiny_corpus.manifest.shards}
    assert verify_corpus(folder).problems == ()
