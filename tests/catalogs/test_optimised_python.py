"""Python without assertions, under which Zarr can't read its own metadata."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from iqatlas.catalogs.corpus import Corpus

_CALLS = """
import json, sys
from iqatlas.cli.app import run
print([run(arguments) for arguments in json.loads(sys.argv[1])], flush=True)
"""


def test_zarr_is_refused_in_one_line_and_no_folder_is_made(small_corpus: Corpus, tmp_path: Path) -> None:
    made = [str(tmp_path / name) for name in ("corpus", "paths", "inner")]
    stored = ("--set", "raytracing.kind=stored", "--set", f"raytracing.path={small_corpus.path}")
    calls = [
        ["generate", "-o", made[0]],
        ["trace", "-o", made[1], *stored],
        ["export", str(small_corpus.path), "--to", "zarr", "-o", made[2]],
        ["info", str(small_corpus.path)],
        ["verify", str(small_corpus.path)],
    ]
    done = subprocess.run(
        [sys.executable, "-O", "-c", _CALLS, json.dumps(calls)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == str([2] * len(calls)), done.stderr
    line = "iqatlas: Zarr doesn't work under python -O; run Python without -O and PYTHONOPTIMIZE"
    assert [told for told in done.stderr.splitlines() if told.startswith("iqatlas")] == [line] * len(calls)
    assert list(tmp_path.iterdir()) == []
