"""``python -m benchmarks`` prints every comparison."""

from __future__ import annotations

from benchmarks import features, records, scenes, tracing, waveform

for module in (waveform, records, features, scenes, tracing):
    for comparison in module.run():
        print(comparison.line(), flush=True)
