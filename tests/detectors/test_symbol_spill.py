"""What OFDM symbols spill, against the project's own downlink."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.detectors.symbol_spill import SymbolSpill, is_known
from iqatlas.features.subchannel_energy import subchannel_bins
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

SENT = 5
SYMBOL = 1096


def measured(
    spec: LteWaveform, begin: int, samples: int, drawn: int
) -> tuple[np.ndarray, np.ndarray, SymbolSpill]:
    """Return the mean power in each sub-channel, one of them occupied, and the same by the closed form."""
    downlink = LteDownlink(spec, cell_ids=[3])
    channels = len(downlink.subchannel_edges_hz)
    occupancy = np.zeros((drawn, 3, 1, channels), bool)
    occupancy[..., SENT] = True
    sent = downlink.synthesise(
        start_sample=np.full(drawn, begin),
        samples=samples,
        occupancy=occupancy,
        first_slot=np.zeros(drawn, np.int64),
        slot_samples=2 * downlink.samples_per_slot,
        keys=np.random.default_rng(8).integers(0, 1 << 63, (drawn, 1, 2), dtype=np.uint64),
    )[:, 0]
    bins = subchannel_bins(
        samples, edges_hz=downlink.subchannel_edges_hz, sample_rate_hz=downlink.sample_rate_hz
    )
    power = np.square(np.abs(np.fft.fft(sent, axis=-1))).mean(axis=0) / samples**2
    spill = SymbolSpill(spec.model_dump(), bins)
    each = np.zeros((1, channels))
    each[0, SENT] = downlink.subchannel_subcarriers.shape[1] * downlink.resource_element_power
    own, others = spill.of(each, np.array([begin]))
    assert np.all((own > 0) == (each > 0))
    return bins @ power, (own + others)[0], spill


@pytest.mark.parametrize(
    ("begin", "samples", "drawn"),
    [
        (700, 32, 4000),
        (2000, 256, 4000),
        (2500, 1000, 3000),
        (900, 1024, 3000),
        (77, 4096, 1000),
        (0, 15_360, 300),
    ],
)
def test_power_in_every_subchannel(begin: int, samples: int, drawn: int) -> None:
    """Within five sigma of a mean of powers that have a degree of freedom or more for each part of a symbol.

    1,000 samples put the edges of sub-channels anywhere between bins. 1e-9 is float32's rounding of 1 mW.
    """
    found, expected, spill = measured(LteWaveform(control=False), begin, samples, drawn)
    parts = int(spill.parts(np.array([begin]))[0])
    five_sigma = 5 / np.sqrt(drawn * parts)
    np.testing.assert_allclose(found, expected, rtol=five_sigma, atol=1e-9)
    beside, far = found[SENT + 1], found[SENT + 8]
    assert beside > 2 * far > 0


@pytest.mark.parametrize("payload", ["symbols", "coded"])
@pytest.mark.parametrize("modulation", ["qpsk", "64qam"])
def test_of_either_payload(payload: str, modulation: str) -> None:
    """In symbols 5 and 6 of slot 2 nothing but payload is sent, whatever control there is elsewhere."""
    begin = 2 * 7680 + 1104 + 4 * SYMBOL + 500
    spec = LteWaveform.model_validate({"payload": payload, "modulation": modulation})
    found, expected, _ = measured(spec, begin, 1024, 300)
    np.testing.assert_allclose(found, expected, rtol=5 / np.sqrt(2 * 300), atol=1e-9)


@pytest.mark.parametrize("prefix", ["normal", "extended"])
def test_other_sizes(prefix: str) -> None:
    spec = LteWaveform.model_validate(
        {"bandwidth_mhz": 3, "subchannels": 15, "control": False, "cyclic_prefix": prefix}
    )
    found, expected, _ = measured(spec, 111, 1100, 1500)
    np.testing.assert_allclose(found, expected, rtol=5 / np.sqrt(1500 * 4), atol=1e-9)


def test_a_transform_within_a_symbol_spills_nothing() -> None:
    """A whole transform of one symbol is orthogonal; two symbols in it spill, most where each has half."""
    edges_hz = LteDownlink(LteWaveform(), cell_ids=[0]).subchannel_edges_hz
    bins = subchannel_bins(1024, edges_hz=edges_hz, sample_rate_hz=15.36e6)
    spill = SymbolSpill({}, bins)
    begin = 1104 + np.array([0, 40, 72, 72 + 100, 72 + 512])
    power = np.zeros((5, 16))
    power[:, 4] = 1
    _, spilt = spill.of(power, begin)
    assert np.all(np.abs(spilt[:3]) < 1e-6)  # float32 of sums over 1,096 lags
    assert np.all(spilt[4, 3:6:2] > spilt[3, 3:6:2]) and np.all(spilt[3, [3, 5]] > 1e-3)
    assert spill.parts(begin).tolist() == [1, 1, 1, 2, 2]
    # A frame later, and before time 0, all is the same.
    for frames in (-3, 5):
        np.testing.assert_array_equal(spill.of(power, begin + frames * 153_600)[1], spilt)


def test_what_it_is_known_of() -> None:
    assert is_known({"kind": "lte"}, subchannels=16, sample_rate_hz=15.36e6)
    assert is_known({"bandwidth_mhz": 3, "subchannels": 15}, subchannels=15, sample_rate_hz=3.84e6)
    assert not is_known({"kind": "lte"}, subchannels=8, sample_rate_hz=15.36e6)
    assert not is_known({"kind": "lte"}, subchannels=16, sample_rate_hz=7.68e6)
    assert not is_known({"kind": "marine_vhf"}, subchannels=8, sample_rate_hz=1.6e6)
    assert not is_known({}, subchannels=16, sample_rate_hz=15.36e6)
