"""``python -m benchmarks`` prints every comparison."""

from __future__ import annotations

from benchmarks import cyclic, features, records, scenes, tracing, waveform

for module in (waveform, records, features, cyclic, scenes, tracing):
    for comparison in module.run():
        print(comparison.line(), flush=True)
