"""Three ways to set the noise.

The same city, the same signals, asked for 0 dB at full load. With a common floor UAVs differ as the
power differs that reaches them; with a floor of each its own they don't; thermal noise gives what the
link budget gives.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

import iqatlas

MAPS = ()
MODES = {"common_floor": "#00798c", "per_receiver": "#b86f00", "thermal": "#7a4fa3"}


def draw(picture: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly from fewer slots. Gives the spread of the UAVs' mean SNRs in dB by mode."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    spread = {}
    for axes, (mode, colour) in zip(figure.subplots(1, 3, sharey=True), MODES.items(), strict=True):
        capture = {"samples": 256, "slots": 60 if quick else 1000, "noise": mode}
        spec = iqatlas.CorpusSpec.from_tree(
            {
                "name": mode,
                "raytracing": {"kind": "free_space"},
                "receivers": {"count": 5, "separation_m": 60},
                "capture": capture if mode == "thermal" else {**capture, "snr_db": [0]},
                "features": {"spectrogram": None},
            }
        )
        with tempfile.TemporaryDirectory() as folder:
            snr = iqatlas.generate(spec, Path(folder) / mode, workers=1).dataset["snr"].load()
        parts = axes.violinplot(snr.values, showmeans=True, showextrema=False)
        for body in parts["bodies"]:
            body.set_facecolor(colour)
        axes.set_xticks(range(1, 6), [str(name) for name in snr["receiver"].values])
        axes.set_title(f"noise: {mode}")
        means = snr.mean("record").values
        spread[mode] = float(means.max() - means.min())
        axes.axhline(0, color="grey", linestyle=":", linewidth=1)
    figure.axes[0].set_ylabel("SNR of captures, as realised, dB")
    figure.savefig(picture, dpi=110)
    return spread


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
