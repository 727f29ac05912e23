"""What a validation leaves behind: tables as Parquet, one for each question."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from iqatlas.detectors.assessment import SNR_BINS_DB, Assessment
from iqatlas.detectors.registry import DETECTORS, refuse_none
from iqatlas.detectors.scores import binomial_interval
from iqatlas.detectors.tallies import CONFIDENCE
from iqatlas.detectors.verdicts import Verdict

TABLES = (
    "scores", "trivial", "by_level", "by_receiver", "by_subchannel", "operating", "noise", "verdicts",
    "left_out", "energy_theory", "energy_by_snr",
)  # fmt: skip
"""Names of tables, beside one of the reliability of each detector that states probabilities."""
_LEARNED = ("cnn", "spectrogram-cnn", "boosted")
_NAMES = "|".join((*DETECTORS, *_LEARNED))


def tables(found: Assessment, judged: tuple[Verdict, ...]) -> dict[str, pd.DataFrame]:
    """Return all tables of a validation by name.

    Args:
        found: What detectors made of a corpus.
        judged: What was expected of it.

    Raises:
        SpecError: No detector could be run.
    """
    named = found.tallies
    # What looks for a cell is left out only once it is known that frames begin nowhere in particular.
    unaligned = dict.fromkeys(found.detectors, "frames begin at a random time (transmitter.frame_timing)")
    refuse_none(named, {**found.left_out, **unaligned})
    made = {
        "scores": found.scores(),
        "trivial": found.trivial,
        "by_level": pd.concat([tally.by_level(name) for name, tally in named.items()]),
        "by_receiver": pd.concat([tally.by_receiver(name) for name, tally in named.items()]),
        "by_subchannel": pd.concat([tally.by_subchannel(name) for name, tally in named.items()]),
        "operating": pd.concat(
            [tally.characteristic(name) for name, tally in named.items() if found.detectors[name].calibrated]
            or [pd.DataFrame()]
        ),
        "noise": pd.DataFrame(
            [
                {"detector": name, "false_alarms": hits, "trials": trials, "designed": found.false_alarm}
                for name, (hits, trials) in found.noise.items()
            ]
        ),
        "verdicts": pd.DataFrame(
            [{"name": v.name, "holds": v.holds, "binding": v.binding, "text": v.text} for v in judged]
        ),
        "left_out": pd.DataFrame(
            {"detector": list(found.left_out), "why": list(found.left_out.values())}, dtype="object"
        ),
    }
    if found.theory is not None:
        made["energy_theory"] = _theory_table(found)
        made["energy_by_snr"] = _by_snr(found)
    for name, reliability in found.reliability.items():
        made[f"reliability_{name}"] = reliability.table()
    return {name: table.reset_index(drop=True) for name, table in made.items()}


def _theory_table(found: Assessment) -> pd.DataFrame:
    """Return what energy found beside what it should have: a row a level, receiver and class."""
    tally, theory = found.tallies["energy"], found.theory
    rows = []
    if theory is not None:
        for (level, receiver, kind), cases in np.ndenumerate(theory.sums[..., 0]):
            if cases:
                _, hits, expected, variance = theory.sums[level, receiver, kind]
                rows.append(
                    {
                        "snr_level_db": float(tally.levels[level]),
                        "receiver": tally.receivers[receiver],
                        "occupied": bool(kind),
                        "cases": int(cases),
                        "found": hits / cases,
                        "expected": expected / cases,
                        "standard_error": float(np.sqrt(variance)) / cases,
                    }
                )
    return pd.DataFrame(rows)


def _by_snr(found: Assessment) -> pd.DataFrame:
    """Return P_D of energy in bins of 1 dB of the sub-channel's own SNR."""
    if found.theory is None:
        return pd.DataFrame()
    cases, hits, expected = found.theory.by_snr.T
    some = np.maximum(cases, 1)
    # Below the first edge and above the last one there is no middle.
    middle = np.concatenate([[-np.inf], (SNR_BINS_DB[:-1] + SNR_BINS_DB[1:]) / 2, [np.inf]])
    table = pd.DataFrame(
        {"snr_db": middle, "cases": cases.astype(np.int64), "p_d": hits / some, "expected": expected / some}
    )
    some_cases = table.loc[(cases > 0) & np.isfinite(middle)].reset_index(drop=True)
    ends = [
        binomial_interval(round(share * count), count, CONFIDENCE)
        for share, count in zip(some_cases["p_d"].tolist(), some_cases["cases"].tolist(), strict=True)
    ]
    return pd.DataFrame(some_cases.assign(p_d_low=[a for a, _ in ends], p_d_high=[b for _, b in ends]))


def parquet(table: pd.DataFrame, metadata: Mapping[bytes, bytes] | None = None) -> bytes:
    """Return a table as the bytes of a Parquet file.

    Args:
        table: The table.
        metadata: What the file tells of itself, beside its columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pa.Table.from_pandas(table, preserve_index=False)
    buffer = io.BytesIO()
    pq.write_table(rows.replace_schema_metadata({**(rows.schema.metadata or {}), **(metadata or {})}), buffer)
    return buffer.getvalue()


def is_table(name: str) -> bool:
    """Return whether a file has a name that only a validation gives.

    Args:
        name: Name of the file, without a folder.
    """
    return (
        re.fullmatch(rf"(?:{'|'.join(TABLES)}|reliability_(?:{_NAMES})(?:-\d{{1,4}})?)\.parquet", name)
        is not None
    )
