"""What the asked SNR means in records as they are made: one site, one receiver, free space."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from test_propagate import make_paths

from iqatlas.features.spec import SpectrogramSpec
from iqatlas.features.spectrogram import bin_frequency_hz, spectrogram
from iqatlas.generators.plan import Shard, plan
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.spec import CorpusSpec

SAMPLES, SLOTS, SNR_DB = 8192, 24, 10.0
SPECTROGRAM = SpectrogramSpec(nperseg=1024, hop=512, scale="mw_per_hz")


def make_records(
    *, control: bool, occupied: list[int], snr_db: float = SNR_DB
) -> tuple[Workshop, xr.Dataset]:
    """Make records in which the given sub-channels are always occupied and the others never."""
    always = [1.0 if n in occupied else 0.0 for n in range(16)]
    spec = CorpusSpec.from_tree(
        {
            "sites": {
                "kind": "list",
                "sites": [{"name": "a", "longitude_deg": 24.94, "latitude_deg": 60.17, "height_m": 30}],
            },
            "receivers": {"kind": "hover", "count": 1},
            "raytracing": {"kind": "free_space"},
            "waveform": {"control": control},
            "occupancy": {"p01": always, "p10": [1.0 - p for p in always]},
            "capture": {"samples": SAMPLES, "slots": SLOTS, "snr_db": snr_db},
            "features": {"spectrogram": None},
            "splits": {"train": 1.0, "validation": 0.0, "test": 0.0},
        }
    )
    gain = np.full((1, 1, 1, 1), 1e-5 * np.exp(0.7j))
    workshop = Workshop(
        Recipe(
            plan=plan(spec),
            paths=make_paths(gain, np.full(gain.shape, 2.2e-6)),
            cell_ids=(17,),
            site_power_dbm=(43.0,),
        )
    )
    return workshop, workshop.make_shard(Shard(0, 0, SLOTS))


def over_noise(workshop: Workshop, records: xr.Dataset) -> np.ndarray:
    """Return the density in each sub-channel over that of the noise, averaged over all records.

    Each is a mean over 36 bins, 15 frames and 24 records: 0.04 dB of scatter.
    """
    rate = workshop.plan.sample_rate_hz
    density = spectrogram(records["iq"].values, SPECTROGRAM, sample_rate_hz=rate).mean(axis=(0, 1, 2))
    frequency = bin_frequency_hz(SPECTROGRAM, sample_rate_hz=rate)
    edges = workshop.downlink.subchannel_edges_hz
    inside = (frequency >= edges[:, :1]) & (frequency < edges[:, 1:])
    noise = 10 ** (records["noise_power"].values.astype(np.float64).mean() / 10) / rate
    return (inside @ density.astype(np.float64)) / inside.sum(axis=1) / noise


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_a_full_downlink_is_above_the_noise_by_the_snr_asked_for(snr_db: float) -> None:
    workshop, records = make_records(control=True, occupied=list(range(16)), snr_db=snr_db)
    above = over_noise(workshop, records)
    # Signal and noise are independent: their densities add.
    assert 10 * np.log10(np.mean(above - 1)) == pytest.approx(snr_db, abs=0.1)
    # The two sub-channels in the middle share the empty subcarrier at DC and hold sync signals.
    np.testing.assert_allclose(10 * np.log10(above - 1), snr_db, atol=0.5)
    np.testing.assert_allclose(records["snr"].values.mean(), snr_db, atol=0.2)


def test_without_control_a_vacant_subchannel_is_at_the_noise_floor() -> None:
    workshop, records = make_records(control=False, occupied=[0, 8])
    above = over_noise(workshop, records)
    np.testing.assert_allclose(10 * np.log10(above[[0, 8]] - 1), SNR_DB, atol=0.5)
    # Neighbours of occupied ones get the sidelobes of OFDM; two sub-channels on they are gone.
    far = [3, 4, 5, 6, 11, 12, 13, 14, 15]
    np.testing.assert_allclose(10 * np.log10(above[far]), 0, atol=0.2)
    assert np.all(above[[1, 7, 9]] > 10**0.02)


def test_with_control_a_vacant_subchannel_is_not() -> None:
    workshop, records = make_records(control=True, occupied=[0], snr_db=20.0)
    above = over_noise(workshop, records)
    # Reference signals: two of twelve elements in two of seven symbols, 1/21 of full load.
    np.testing.assert_allclose(10 * np.log10(above[10:] - 1), 20 - 10 * np.log10(21), atol=0.5)


def test_without_occupancy_everything_is_noise() -> None:
    workshop, records = make_records(control=False, occupied=[])
    iq, noise_mw = records["iq"].values, 10 ** (records["noise_power"].values.astype(np.float64) / 10)
    # 24 records of 8192 samples: 0.23% of scatter, five sigma.
    assert np.mean(np.abs(iq) ** 2) / noise_mw.mean() == pytest.approx(1, abs=5 / np.sqrt(iq.size))
    np.testing.assert_allclose(10 * np.log10(over_noise(workshop, records)), 0, atol=0.2)
    assert not records["label"].values.any()
    assert np.all(np.isneginf(records["snr"].values))
    assert np.all(np.isneginf(records["signal_power"].values))


def test_signal_power_is_the_transmitted_power_less_the_path_loss() -> None:
    _, records = make_records(control=True, occupied=list(range(16)))
    # 43 dBm through 100 dB, less the two resource blocks of 50 that are left empty.
    level = 43 - 100 + 10 * np.log10(48 / 50)
    np.testing.assert_allclose(records["signal_power"].values.mean(), level, atol=0.1)
