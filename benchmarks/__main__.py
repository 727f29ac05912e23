"""``python -m benchmarks [NAME…]`` prints comparisons, each a ratio to a peer in the same run.

``python -m benchmarks scenes [MAP…]`` prints what scenes cost; ``… tracing --waypoints 300`` what a long
flight does; ``… memory --bytes 1e9 20e9`` the peak memory of generations of those sizes, and ``… memory
--captures 200000`` what is resident while so many go through the cyclic spectrum; ``… opening`` what
opening a million records costs.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from benchmarks.scene_cost import print_costs

MODULES = ("waveform", "records", "workers", "features", "cyclic", "ssca", "scenes", "tracing", "loaders")


def _compare(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--waypoints", type=int, help="tracing: a flight of so many, its memory and cache")
    parser.add_argument("--rays", type=int, default=100_000, help="tracing: rays of each site")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(MODULES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    for name in asked.names or MODULES:
        module = import_module(f"benchmarks.{name}")
        if name == "tracing" and asked.waypoints:
            for line in module.flight(waypoints=asked.waypoints, rays=asked.rays):
                print(line, flush=True)
            continue
        for comparison in module.run():
            print(comparison.line(), flush=True)


def _memory(arguments: list[str]) -> None:
    from benchmarks.memory import peaks
    from benchmarks.streaming import LEAST_CAPTURES, stream

    parser = argparse.ArgumentParser(prog="python -m benchmarks memory", description=peaks.__doc__)
    parser.add_argument("--bytes", type=float, nargs="+", default=[1e9, 20e9], help="sizes of the corpora")
    parser.add_argument(
        "--captures", type=int, help="captures through the cyclic spectrum, in place of corpora"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes of each generation")
    asked = parser.parse_args(arguments)
    if asked.captures is not None:
        if asked.captures < LEAST_CAPTURES:
            parser.error(f"--captures: a tenth of {asked.captures} is no stream; at least {LEAST_CAPTURES}")
        for line in stream(asked.captures):
            print(line, flush=True)
        return
    for line in peaks(asked.bytes, workers=asked.workers):
        print(line, flush=True)


if sys.argv[1:2] == ["memory"]:
    _memory(sys.argv[2:])
elif sys.argv[1:2] == ["opening"]:
    for opening in import_module("benchmarks.opening").openings():
        print(opening, flush=True)
elif sys.argv[1:2] == ["scenes"]:
    # A process starts with the memory of the one that starts it: the costs of scenes want a small one.
    print_costs(sys.argv[2:])
else:
    _compare(sys.argv[1:])
