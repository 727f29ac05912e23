"""Seconds and memory that it takes to open a corpus of a million records, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iqatlas import CorpusSpec, generate

_LEVELS = 9
_OPEN = """
import json, sys, time
from pathlib import Path
import iqatlas.catalogs.corpus
from iqatlas import open_corpus

def megabytes(entry):
    return int(Path("/proc/self/status").read_text().partition(entry + ":")[2].split()[0]) / 1e3

begun, imported = time.perf_counter(), megabytes("VmRSS")
corpus = open_corpus(sys.argv[1])
dataset = corpus.dataset
opened, peak = time.perf_counter(), megabytes("VmHWM")
begun_choosing = time.perf_counter()
train = dataset.sel(split="train").sizes["record"]
chosen = time.perf_counter()
print(json.dumps([dataset.sizes["record"], opened - begun, chosen - begun_choosing, peak, imported]))
"""


def openings(records: int = 1_000_000, *, rounds: int = 5) -> Iterator[str]:
    """Make a corpus of short captures, and give a line on opening it: the best of some processes.

    Args:
        records: How many, rounded up to whole slots.
        rounds: Processes that open it one after the other.
    """
    tree = {
        "raytracing": {"kind": "free_space"},
        "capture": {"samples": 32, "slots": -(-records // _LEVELS)},
        "features": {"spectrogram": None},
    }
    with tempfile.TemporaryDirectory(prefix="iqatlas-opening-", dir=Path.cwd()) as name:
        folder = Path(name) / "corpus"
        generate(CorpusSpec.from_tree(tree), folder)
        found = [
            json.loads(subprocess.run([sys.executable, "-c", _OPEN, folder], stdout=-1, check=True).stdout)
            for _ in range(rounds)
        ]
    held, opened, chosen, peak, imported = min(found, key=lambda one: one[1])
    yield (
        f"{held:,} records: opened in {opened:.2f} s, {peak:.0f} MB ({imported:.0f} MB of it libraries); "
        f"the training split chosen in {chosen:.2f} s"
    )
