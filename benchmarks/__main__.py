"""``python -m benchmarks`` prints comparisons; ``python -m benchmarks scenes [MAP…]`` what scenes cost."""

from __future__ import annotations

import sys

from benchmarks.scene_cost import print_costs


def _compare() -> None:
    # A process starts with the memory of the one that starts it: the costs of scenes want a small one.
    from benchmarks import features, records, scenes, tracing, waveform

    for module in (waveform, records, features, scenes, tracing):
        for comparison in module.run():
            print(comparison.line(), flush=True)


if sys.argv[1:2] == ["scenes"]:
    print_costs(sys.argv[2:])
else:
    _compare()
