"""Where a single record takes more memory than a worker is said to need, one line says so."""

from __future__ import annotations

import pytest

from iqatlas import CorpusSpec, plan
from iqatlas.cli.console import generation_bars
from iqatlas.generators.progress import Progress
from iqatlas.generators.worker_memory import memory_note, worker_bytes


def test_what_a_record_takes_is_told_where_it_is_more_than_a_gigabyte(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert memory_note(plan(CorpusSpec())) == ""
    long = {"capture": {"samples": 900_000}, "receivers": {"count": 100}, "occupancy": {"slot_s": 0.06}}
    made = plan(CorpusSpec.from_tree(long))
    note = memory_note(made)
    # 900,000 samples of 300 links, 36 bytes each, and 170 MB at rest.
    assert worker_bytes(made) == 9_890_000_000
    assert "100 receivers × 900,000 samples takes each worker about 9.9 GB of memory; lower" in note
    capsys.readouterr()
    with generation_bars() as listener:
        listener(Progress("building the scene", note=note))
    assert capsys.readouterr().err.splitlines() == [note]
