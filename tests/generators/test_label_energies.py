"""A hundred thousand labels against what is on the air: no sub-channel has power that its label denies."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.signal
from test_shard import HERE, listed, recipe

from iqatlas.generators.shard import Workshop

SAMPLES, SUBCHANNELS, SLOTS = 1024, 5, 20_000


def test_labels_never_disagree_with_the_energies() -> None:
    """Without control channels and before the noise, energy above a threshold is the label: 0 of 10⁵ differ.

    Two sites send at about the same strength. In the middle of a vacant sub-channel, nine or more
    subcarriers from the next occupied one, symbols' edges leave about 1% of a busy one's power; a busy
    one is seen in 67 independent numbers, so that it falls 6 dB below its mean once in e^30. The
    threshold lies there, and captures of 1,024 samples are 3.7 symbols long.
    """
    made = recipe(
        {
            "sites": listed({}, {}),
            "receivers": HERE,
            "waveform": {"control": False, "subchannels": SUBCHANNELS, "bandwidth_mhz": 3},
            "occupancy": {"p01": 0.15, "p10": 0.35},
            "capture": {"samples": SAMPLES, "slots": SLOTS, "snr_db": 0},
            "features": {"spectrogram": None},
            "storage": {"components": True},
        }
    )
    workshop = Workshop(made)
    window = scipy.signal.windows.blackmanharris(SAMPLES).astype(np.float32)
    frequency = scipy.fft.fftfreq(SAMPLES, 1 / made.plan.sample_rate_hz)
    middle = workshop.downlink.subchannel_edges_hz.mean(axis=1)
    inner = np.abs(frequency - middle[:, None]) < 9 * 15e3
    energies, labels, alone = [], [], []
    for shard in made.plan.shards:
        records = workshop.make_shard(shard)
        spectrum = np.abs(scipy.fft.fft(records["signal"].values[:, 0] * window)) ** 2
        energies.append(np.stack([spectrum[:, bins].mean(axis=1) for bins in inner], axis=1))
        labels.append(records["label"].values)
        occupancy = records["occupancy"].values
        alone.append(occupancy & (occupancy.sum(axis=1, keepdims=True) == 1))
    energy, label, by_one = (np.concatenate(parts) for parts in (energies, labels, alone))
    assert label.size == 100_000
    assert 0.4 < label.mean() < 0.6
    weaker = min(energy[by_one[:, site]].mean() for site in range(2))
    assert np.count_nonzero((energy > weaker / 4) != label) == 0
