"""Pictures of a validation: detection against SNR with its theory, and operating characteristics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from iqatlas.plotting.colours import INK
from iqatlas.plotting.png import png_bytes

_COLOURS = (
    "#00798c", "#d1495b", "#edae49", "#30638e", "#6a994e", "#8e5ea2", "#bc6c25", "#3a3a3a", "#5fa8d3",
)  # fmt: skip
_MOST_CURVES = 12


def draw_detection(tables: dict[str, pd.DataFrame], *, title: str, false_alarm: float) -> bytes:
    """Return a PNG picture of P_D and P_FA against SNR.

    Above: each detector's P_D and P_FA at each SNR level with exact 99% intervals; what theory expects of
    energy as open rings. Below: P_D of energy against the SNR of the very sub-channel.

    Args:
        tables: Tables of :func:`iqatlas.detectors.report.tables`.
        title: Heading of the picture.
        false_alarm: P_FA that thresholds are set for.
    """
    with_theory = "energy_by_snr" in tables and len(tables["energy_by_snr"]) > 0
    figure = Figure(
        figsize=(13, 9.5 if with_theory else 5.5), dpi=110, facecolor="white", layout="constrained"
    )
    grid = figure.add_gridspec(2 if with_theory else 1, 2)
    levels = tables["by_level"]
    for column, (share, name) in enumerate(
        (("p_d", "P_D: occupied, found"), ("p_fa", "P_FA: vacant, taken"))
    ):
        axes = figure.add_subplot(grid[0, column])
        _draw_levels(axes, levels, share)
        if with_theory:
            _draw_expected(axes, tables["energy_theory"], occupied=share == "p_d")
        axes.axhline(false_alarm, color=INK, lw=0.8, ls=":", label=f"designed P_FA {false_alarm:g}")
        axes.set(xlabel="SNR level / dB", ylabel=share.upper(), ylim=(-0.02, 1.02))
        axes.set_title(f"{name}, 99% intervals", fontsize=11, color=INK)
        axes.grid(alpha=0.25)
        if column == 0:
            axes.legend(fontsize=8, framealpha=0.9)
    if with_theory:
        _draw_by_snr(figure.add_subplot(grid[1, :]), tables["energy_by_snr"])
    return _saved(figure, title)


def _draw_levels(axes: Any, levels: pd.DataFrame, share: str) -> None:
    for place, (name, rows) in enumerate(levels.groupby("detector", sort=False)):
        rows = rows[np.isfinite(rows[share])]
        if len(rows):
            around = np.abs(rows[[f"{share}_low", f"{share}_high"]].to_numpy().T - rows[share].to_numpy())
            axes.errorbar(
                rows["snr_level_db"], rows[share], yerr=around, label=str(name), marker="o", ms=3.5, lw=1.2,
                capsize=2, color=_COLOURS[place % len(_COLOURS)],
            )  # fmt: skip


def _draw_expected(axes: Any, theory: pd.DataFrame, *, occupied: bool) -> None:
    rows = theory[theory["occupied"] == occupied]
    if not len(rows):
        return
    weighed = (
        rows.assign(total=rows["expected"] * rows["cases"]).groupby("snr_level_db")[["total", "cases"]].sum()
    )
    axes.plot(
        weighed.index, weighed["total"] / weighed["cases"], ls="none", marker="o", ms=9, mfc="none",
        color=_COLOURS[0], label="energy, by theory",
    )  # fmt: skip


def _draw_by_snr(axes: Any, rows: pd.DataFrame) -> None:
    error = np.abs(rows[["p_d_low", "p_d_high"]].to_numpy().T - rows["p_d"].to_numpy())
    axes.errorbar(
        rows["snr_db"], rows["p_d"], yerr=error, ls="none", marker="o", ms=3.5, capsize=2,
        color=_COLOURS[0], label="energy, as found",
    )  # fmt: skip
    axes.plot(rows["snr_db"], rows["expected"], color=_COLOURS[1], lw=1.4, label="theory")
    axes.set(xlabel="SNR in the sub-channel of the record / dB", ylabel="P_D", ylim=(-0.02, 1.02))
    axes.set_title(
        "Energy detection against the SNR of each record's own sub-channels", fontsize=11, color=INK
    )
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)


def draw_operating(tables: dict[str, pd.DataFrame], *, title: str) -> bytes:
    """Return a PNG picture of operating characteristics, a panel a detector, a curve an SNR level.

    Args:
        tables: Tables of :func:`iqatlas.detectors.report.tables`.
        title: Heading of the picture.
    """
    operating = tables["operating"]
    names = list(dict.fromkeys(operating["detector"])) if len(operating) else []
    columns = min(3, max(1, len(names)))
    rows = max(1, -(-len(names) // columns))
    figure = Figure(figsize=(4.4 * columns, 4.2 * rows), dpi=110, facecolor="white", layout="constrained")
    for place, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, place + 1)
        own = operating[operating["detector"] == name]
        levels = np.unique(own["snr_level_db"])[-_MOST_CURVES:]
        for number, level in enumerate(levels):
            curve = own[own["snr_level_db"] == level].sort_values("p_fa")
            shade = number / max(1, len(levels) - 1)
            axes.plot(
                curve["p_fa"],
                curve["p_d"],
                color=(0.85 * (1 - shade), 0.25 + 0.25 * shade, 0.45 + 0.2 * shade),
                lw=1.2,
                label=f"{level:g} dB",
            )
        axes.plot([0, 1], [0, 1], color=INK, lw=0.7, ls=":")
        axes.set(xlabel="P_FA", ylabel="P_D", xlim=(0, 1), ylim=(0, 1.01))
        axes.set_title(name, fontsize=11, color=INK)
        axes.grid(alpha=0.25)
        if place == 0:
            axes.legend(fontsize=7, title="SNR level", title_fontsize=7)
    return _saved(figure, title)


def _saved(figure: Figure, title: str) -> bytes:
    figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    return png_bytes(figure)
