"""Two workers against one, over corpora that take each some ten seconds.

The other process has started, as it has in a run that built its scene meanwhile.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.timing import Comparison, compare
from benchmarks.whole_corpora import write_corpus
from iqatlas.generators.calibrate import stand_in_recipe
from iqatlas.generators.plan import plan
from iqatlas.generators.shard import Workshop
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.workers import workforce_of

_SLOTS = 5000
"""Of nine levels: 138 million samples, 1.1 GB."""


def run() -> list[Comparison]:
    """Compare captures of 3 receivers and 3 sites, 100 paths a link, without features."""
    made = plan(CorpusSpec.from_tree({"features": {"spectrogram": None}, "capture": {"slots": _SLOTS}}))
    workshop = Workshop(stand_in_recipe(made, paths_a_link=100))
    workshop.make_shard(made.shards[-1])  # tables are made, and code is compiled, on first use
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name, workforce_of(2, where=name) as two:
        folder = Path(name) / "corpus"
        return [
            compare(
                "records, two workers",
                work=made.samples / 1e6,
                unit="Msps",
                ours=lambda: write_corpus(folder, workshop, workforce=two),
                peer=lambda: write_corpus(folder, workshop),
                peer_name="one worker",
                rounds=3,
                warm=True,
            )
        ]
