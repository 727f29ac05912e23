"""One site's signal: pieces of one whole, the site's own occupancy and offsets."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.generators.site_picture import picture
from iqatlas.generators.site_signal import SiteSignal
from iqatlas.generators.spec import CorpusSpec
from iqatlas.occupancy.markov import MarkovChains
from iqatlas.occupancy.spec import MarkovOccupancy
from iqatlas.waveforms.lte.downlink import LteDownlink

LTE = {"waveform": {"bandwidth_mhz": 1.4, "subchannels": 6}}
VOICE = {
    "waveform": {"kind": "marine_vhf", "channels": [6, 16]},
    "occupancy": {"slot_s": 0.05},
    "capture": {"slots": 60},
}


def site_signal(
    tree: dict[str, object], *, site: int = 0, duration_s: float = 0.02, full_load: bool = True
) -> SiteSignal:
    spec = CorpusSpec.from_tree(tree)
    return SiteSignal(spec, site=site, duration_s=duration_s, cell_id=137, full_load=full_load)


def test_at_full_load_it_is_the_cells_downlink_from_frame_zero_on() -> None:
    made = site_signal(LTE)
    ideal = LteDownlink(made.spec.waveform, cell_ids=[137]).synthesise(
        start_sample=np.zeros(1, np.int64),
        samples=made.samples,
        occupancy=np.ones((1, 1, 1, 6), bool),
        first_slot=np.zeros(1, np.int64),
        slot_samples=1920,
        keys=made._keys,
    )
    assert made.samples == 38_400
    assert made.sample_rate_hz == 1.92e6
    np.testing.assert_array_equal(made.window(0, made.samples), ideal[0, 0])


@pytest.mark.parametrize("tree", [LTE, VOICE], ids=["lte", "voice"])
@pytest.mark.parametrize("transmitter", [{}, {"phase_noise": {}, "amplifier": {}, "carrier_offset_ppm": 0.1}])
def test_pieces_are_the_whole_cut_up(tree: dict[str, object], transmitter: dict[str, object]) -> None:
    made = site_signal({**tree, "transmitter": transmitter}, duration_s=0.4, full_load=False)
    pieces = list(made.pieces())
    assert sum(map(len, pieces)) == made.samples
    assert max(map(len, pieces)) <= 1 << 19
    joined = np.concatenate(pieces)
    cuts = (0, 1, 30_001, 100_000)
    for start in cuts:
        np.testing.assert_allclose(made.window(start, 3000), joined[start : start + 3000], atol=5e-6)


def test_as_the_spec_says_the_site_follows_its_chain_of_the_first_draw() -> None:
    made = site_signal(LTE, site=1, full_load=False)
    chain = MarkovChains(MarkovOccupancy(), sites=3, subchannels=6, slots=256, seed=7).draw(0, 256)
    np.testing.assert_array_equal(made.occupancy, chain[:20, 1])
    assert not np.array_equal(made.occupancy, chain[:20, 0])


def test_a_site_has_the_offsets_that_it_has_in_a_corpus() -> None:
    tree = {**LTE, "transmitter": {"frame_timing": "random", "carrier_offset_ppm": [-0.1, 0.1]}}
    late = [site_signal(tree, site=site).transmission.timing_samples for site in range(3)]
    assert [len(each) for each in late] == [1, 1, 1]
    assert len({int(each[0]) for each in late}) == 3


def test_sites_say_different_things() -> None:
    one, other = (site_signal(LTE, site=site).window(2000, 400) for site in (0, 1))
    # Same cell identity and control, other payload: 400 samples, 3/5 of them independent.
    assert abs(np.vdot(one, other)) < 0.9 * np.linalg.norm(one) * np.linalg.norm(other)


@pytest.mark.parametrize("tree", [LTE, VOICE], ids=["lte", "voice"])
def test_a_picture_can_be_drawn_of_short_and_late_signals(tree: dict[str, object]) -> None:
    assert picture(site_signal(tree, duration_s=1e-3))[1:4] == b"PNG"
    if tree is LTE:
        late = {**tree, "transmitter": {"frame_timing": "random"}}
        assert picture(site_signal(late, full_load=False))[1:4] == b"PNG"


def test_a_maritime_spec_needs_only_its_channels() -> None:
    made = site_signal(VOICE)
    assert made.carrier_hz == (156.3e6 + 156.8e6) / 2
    assert made.description == "Marine VHF voice, FM, 2 channels: site 0 of helsinki-demo"
    # The carrier is part of the spec as it is stored: given by hand, it is the same spec.
    explicit = CorpusSpec.from_tree({**VOICE, "carrier": {"frequency_hz": 156.55e6}})
    assert explicit.sha256() == made.spec.sha256()


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(SpecError, match="0 to 2") as caught:
        site_signal(LTE, site=3)
    assert caught.value.where == "--site"
    for duration_s in (0.0, -1.0, 1e6):
        with pytest.raises(SpecError) as caught:
            site_signal(LTE, duration_s=duration_s)
        assert caught.value.where == "--duration-ms"
    with pytest.raises(SpecError, match="leave carrier out"):
        site_signal({**VOICE, "carrier": {"earfcn": 1617}})
