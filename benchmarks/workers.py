"""Two workers against one, over corpora that take each some twenty seconds.

The other process has started, as it has in a run that built its scene meanwhile. One worker with a second
core hashes a shard there while it makes the next, so that two are not twice as fast: it is timed on one core.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.timing import Comparison, compare, one_core
from benchmarks.whole_corpora import write_corpus
from iqatlas.generators.calibrate import stand_in_recipe
from iqatlas.generators.plan import plan
from iqatlas.generators.shard import Workshop
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.workers import workforce_of

_SLOTS = 15_000
"""Of nine levels: 415 million samples, 3.3 GB."""


def run() -> list[Comparison]:
    """Compare captures of 3 receivers and 3 sites, 100 paths a link, without features."""
    made = plan(CorpusSpec.from_tree({"features": {"spectrogram": None}, "capture": {"slots": _SLOTS}}))
    workshop = Workshop(stand_in_recipe(made, paths_a_link=100))
    workshop.make_shard(made.shards[-1])  # tables are made, and code is compiled, on first use
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name, workforce_of(2, where=name) as two:
        folder = Path(name) / "corpus"

        def on_one_core() -> None:
            with one_core():
                write_corpus(folder, workshop)

        peers = {
            "one worker on one core": on_one_core,
            "one worker that hashes on the other core": lambda: write_corpus(folder, workshop),
        }
        return [
            compare(
                "records, two workers",
                work=made.samples / 1e6,
                unit="Msps",
                ours=lambda: write_corpus(folder, workshop, workforce=two),
                peer=peer,
                peer_name=name,
                rounds=1,
            )
            for name, peer in peers.items()
        ]
