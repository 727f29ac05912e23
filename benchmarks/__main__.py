"""``python -m benchmarks`` prints every comparison, ``python -m benchmarks records`` those of a part."""

from __future__ import annotations

import sys

from benchmarks import features, records, scenes, tracing, waveform

PARTS = {"waveform": waveform, "records": records, "features": features, "scenes": scenes, "tracing": tracing}

for name, module in PARTS.items():
    if not sys.argv[1:] or name in sys.argv[1:]:
        for comparison in module.run():
            print(comparison.line(), flush=True)
