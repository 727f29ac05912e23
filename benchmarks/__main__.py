"""``python -m benchmarks`` prints every comparison, ``… tracing --waypoints 300`` a long flight's."""

from __future__ import annotations

import argparse

from benchmarks import features, records, scenes, tracing, waveform

MODULES = {
    "waveform": waveform,
    "records": records,
    "features": features,
    "scenes": scenes,
    "tracing": tracing,
}

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("modules", nargs="*", choices=[*MODULES, []], metavar="NAME", help=", ".join(MODULES))
parser.add_argument("--waypoints", type=int, help="tracing alone: a flight of so many, its memory and cache")
parser.add_argument("--rays", type=int, default=100_000, help="tracing alone: rays of each site")
asked = parser.parse_args()

for name in asked.modules or MODULES:
    if name == "tracing" and asked.waypoints:
        for line in tracing.flight(waypoints=asked.waypoints, rays=asked.rays):
            print(line, flush=True)
        continue
    for comparison in MODULES[name].run():
        print(comparison.line(), flush=True)
