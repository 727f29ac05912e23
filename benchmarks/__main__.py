"""``python -m benchmarks`` prints every comparison."""

from __future__ import annotations

from benchmarks import features, records, waveform

for module in (waveform, records, features):
    for comparison in module.run():
        print(comparison.line(), flush=True)
