"""What a plan says of stored features that won't show what they may be stored for."""

from __future__ import annotations

from collections.abc import Iterator

from iqatlas.features.cyclic_spec import MOST_CHANNELS
from iqatlas.generators.plan import Plan


def feature_notes(made: Plan) -> Iterator[str]:
    """Yield a line for each.

    Args:
        made: Plan of the corpus.
    """
    part, useful = made.spec.features.cyclic_spectrum, made.setting.useful_symbol_samples
    if part is None or useful is None or part.lags_below > useful:
        return
    needed = part.channels_beyond(useful)
    would = "features.cyclic_autocorrelation would"
    if needed <= MOST_CHANNELS:
        # Captures hold at least two blocks.
        longer = f" in captures of {2 * needed} samples" if made.setting.samples < 2 * needed else ""
        would = f"channels: {needed}{longer} would, or {would.removesuffix(' would')}"
    yield (
        f"features.cyclic_spectrum sees lags below {part.lags_below} samples, so not the cyclic prefix, "
        f"{useful} from what it repeats: {would}"
    )
