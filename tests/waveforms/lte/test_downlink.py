"""The synthesised downlink demodulates to what was asked, and a window is a piece of its frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.seeds import Stage, key, sequence, sequence_words
from iqatlas.waveforms.lte import pbch
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.downlink import LteDownlink, check
from iqatlas.waveforms.lte.reference import reference_sequence, reference_subcarriers
from iqatlas.waveforms.lte.sync import pss, sss
from iqatlas.waveforms.spec import BANDWIDTHS_MHZ, LteWaveform

CELLS = (0, 151, 301)


def make(
    bandwidth_mhz: float = 1.4, subchannels: int = 3, control: bool = True, cells: tuple[int, ...] = CELLS
):
    spec = LteWaveform(bandwidth_mhz=bandwidth_mhz, subchannels=subchannels, control=control)
    return LteDownlink(spec, cell_ids=cells)


def keys_of(records: int, sites: int) -> np.ndarray:
    return np.array([[key(3, Stage.PAYLOAD, r, s) for s in range(sites)] for r in range(records)])


def transmit(
    downlink: LteDownlink,
    start: int = 0,
    samples: int | None = None,
    occupancy: np.ndarray | None = None,
    first_slot: int = 0,
    slot_samples: int | None = None,
) -> np.ndarray:
    """Return one record, by default a frame at full load, on [site, sample]."""
    sites = len(downlink.cell_ids)
    if occupancy is None:
        occupancy = np.ones((1, sites, downlink.subchannels.count), bool)
    return downlink.synthesise(
        start_sample=np.array([start]),
        samples=samples or downlink.samples_per_frame,
        occupancy=occupancy[None],
        first_slot=np.array([first_slot]),
        # Coded payload switches between subframes, which are two slots.
        slot_samples=slot_samples or downlink.samples_per_slot * (2 if downlink.coded_cells else 1),
        keys=keys_of(1, sites),
    )[0]


def demodulate(downlink: LteDownlink, frame: np.ndarray) -> np.ndarray:
    """Return the resource grid of whole frames, unit energy, on [site, symbol, subcarrier]."""
    size, frames = downlink.fft_size, frame.shape[-1] // downlink.samples_per_frame
    starts = downlink.symbol_start_samples
    body = np.append(starts[1:], downlink.samples_per_frame) - size
    body = (body + downlink.samples_per_frame * np.arange(frames)[:, None]).reshape(-1)
    bins = (downlink.subcarrier_hz / 15e3).astype(int) % size
    grid = np.fft.fft(frame[:, body[:, None] + np.arange(size)])[..., bins] / size
    return grid / np.sqrt(downlink.resource_element_power)


def slow_payload(downlink: LteDownlink, site: int, symbol: int) -> np.ndarray:
    """Return the payload of one symbol, by sub-channels, by arithmetic on Python integers."""
    places = downlink.subchannel_subcarriers.reshape(-1)
    bins = downlink.numerology.subcarrier_bins[places]
    # A byte to four bins, of which any holds payload: those from DC on first, then those below it.
    groups = sorted(set((bins // 4).tolist()))
    count = -(-len(groups) // 8)
    numbers = sequence_words(
        sequence(keys_of(1, site + 1)[0, site]), np.array(symbol * count), count
    ).tolist()
    byte = dict(zip(groups, np.array(numbers, "<u8").tobytes(), strict=False))
    bits = [byte[b // 4] >> 2 * (b % 4) & 3 for b in bins.tolist()]
    return np.array([(1 - 2 * (b & 1)) + 1j * (1 - 2 * (b >> 1)) for b in bits]) / np.sqrt(2)


def slow_grid(downlink: LteDownlink, site: int, occupancy: np.ndarray, symbols_a_slot: int) -> np.ndarray:
    """Return a frame's grid of one site, written out element by element from the conventions."""
    blocks, cell = downlink.resource_blocks, downlink.cell_ids[site]
    grid = np.zeros((140, 12 * blocks), complex)
    places = downlink.subchannel_subcarriers
    mask = pbch.elements(Cell(cell, blocks))
    frame_zero = pbch.symbols(Cell(cell, blocks))[0, 0]
    broadcast = iter(np.split(frame_zero, np.cumsum(mask.sum(axis=1))[:-1]))
    for n in range(140):
        occupied = occupancy[n // symbols_a_slot, site]
        payload = slow_payload(downlink, site, n).reshape(places.shape)
        grid[n, places[occupied]] = payload[occupied]
        slot, symbol = divmod(n, 7)
        if not downlink.spec.control:
            continue
        if slot == 1 and symbol < 4:
            grid[n, 6 * blocks - 36 : 6 * blocks + 36] = 0
            grid[n, pbch.elements(Cell(cell, blocks))[symbol]] = next(broadcast)
        if symbol in (0, 4):
            grid[n, reference_subcarriers(cell, symbol, blocks)] = reference_sequence(
                cell, slot, symbol, blocks
            )
        if slot in (0, 10) and symbol in (5, 6):
            sequence = pss(cell) if symbol == 6 else sss(cell, slot // 2)
            grid[n, 6 * blocks - 36 : 6 * blocks + 36] = np.concatenate([np.zeros(5), sequence, np.zeros(5)])
    return grid


@pytest.mark.parametrize("control", [True, False])
@pytest.mark.parametrize(
    ("bandwidth_mhz", "subchannels"), [(1.4, 3), (3.0, 4), (5.0, 5), (10.0, 16), (15.0, 7), (20.0, 100)]
)
def test_a_frame_demodulates_to_the_grid_of_the_conventions(
    bandwidth_mhz: float, subchannels: int, control: bool
) -> None:
    downlink = make(bandwidth_mhz, subchannels, control)
    occupancy = np.random.default_rng(5).random((10, len(CELLS), subchannels)) < 0.5
    frame = transmit(downlink, occupancy=occupancy, slot_samples=2 * downlink.samples_per_slot)
    heard = demodulate(downlink, frame)
    for site in range(len(CELLS)):
        error = heard[site] - slow_grid(downlink, site, occupancy, symbols_a_slot=14)
        # Required are 0.1% of a unit-energy symbol; complex64 leaves some 1e-6, on empty elements too.
        assert np.abs(error).max() < 1e-5


@pytest.mark.parametrize("bandwidth_mhz", BANDWIDTHS_MHZ)
def test_every_prefix_repeats_the_end_of_its_symbol(bandwidth_mhz: float) -> None:
    downlink = make(bandwidth_mhz, 6)
    frame, numbers = transmit(downlink), downlink.numerology
    for n, start in enumerate(downlink.symbol_start_samples):
        prefix = numbers.prefix_samples[n % 7]
        head = frame[:, start : start + prefix]
        np.testing.assert_array_equal(head, frame[:, start + downlink.fft_size :][:, :prefix])


WHOLE = make()
WHOLE_START = -WHOLE.samples_per_frame
WHOLE_OCCUPANCY = np.random.default_rng(6).random((44, len(CELLS), 3)) < 0.5
WHOLE_SLOT = 873  # no multiple of anything in LTE, so that symbols and occupancy slots interleave
WHOLE_SLOTS_FROM = WHOLE_START // WHOLE_SLOT


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    """Return two frames around time zero, synthesised at once."""
    return transmit(
        WHOLE, WHOLE_START, 2 * WHOLE.samples_per_frame, WHOLE_OCCUPANCY, WHOLE_SLOTS_FROM, WHOLE_SLOT
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_window_equals_the_same_samples_of_the_whole_bit_for_bit(
    data: st.DataObject, whole: np.ndarray
) -> None:
    samples = data.draw(st.integers(1, 3000))
    start = data.draw(st.integers(0, whole.shape[-1] - samples))
    window = transmit(WHOLE, WHOLE_START + start, samples, WHOLE_OCCUPANCY, WHOLE_SLOTS_FROM, WHOLE_SLOT)
    assert window.tobytes() == whole[:, start : start + samples].tobytes()


@pytest.mark.parametrize(("bandwidth_mhz", "samples"), [(10.0, 153_600), (15.0, 7000), (20.0, 600_000)])
def test_windows_cut_from_long_signals_agree_at_every_size_of_transform(
    bandwidth_mhz: float, samples: int
) -> None:
    # 600,000 samples of three sites are more than is worked on at once, so this one is made in parts.
    downlink = make(bandwidth_mhz, 16)
    long = transmit(downlink, 12345, samples)
    for offset, length in ((0, 1), (1, 128), (2201, 1024), (samples - 2500, 2500)):
        window = transmit(downlink, 12345 + offset, length)
        assert window.tobytes() == long[:, offset : offset + length].tobytes()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=40), st.integers(1, 700))
def test_a_record_is_the_same_alone_and_in_any_batch(starts: list[int], samples: int) -> None:
    records = len(starts)
    rng = np.random.default_rng(records)
    arguments = {
        "start_sample": np.array(starts),
        "occupancy": rng.random((records, 2, len(CELLS), 3)) < 0.5,
        "first_slot": np.array(starts) // 960,
        "keys": keys_of(records, len(CELLS)),
    }
    together = WHOLE.synthesise(samples=samples, slot_samples=960, **arguments)
    for record in range(records):
        alone = {name: value[record : record + 1] for name, value in arguments.items()}
        assert (
            WHOLE.synthesise(samples=samples, slot_samples=960, **alone).tobytes()
            == together[record].tobytes()
        )


def test_many_short_windows_are_the_same_as_in_smaller_batches() -> None:
    # Two thousand symbols of 1024 points are made in several chunks.
    downlink, records = make(10.0, 16), 700
    arguments = {
        "start_sample": np.random.default_rng(1).integers(0, 10**9, records),
        "occupancy": np.ones((records, 1, len(CELLS), 16), bool),
        "first_slot": np.zeros(records, np.int64),
        "keys": np.random.default_rng(2).integers(0, 2**63, (records, len(CELLS), 2)).astype(np.uint64),
    }
    together = downlink.synthesise(samples=128, slot_samples=15360, **arguments)
    for part in (slice(0, 1), slice(37, 211), slice(600, 700)):
        piece = {name: value[part] for name, value in arguments.items()}
        assert (
            downlink.synthesise(samples=128, slot_samples=15360, **piece).tobytes()
            == together[part].tobytes()
        )


def test_a_symbol_belongs_to_the_slot_that_its_prefix_begins_in() -> None:
    downlink = make(1.4, 1, control=False, cells=(0,))
    starts = downlink.symbol_start_samples
    # The boundary lies one sample after the start of symbol 9: symbol 9 is still of slot 0.
    boundary = int(starts[9]) + 1
    occupancy = np.array([True, False]).reshape(2, 1, 1)
    frame = transmit(downlink, 0, int(starts[12]), occupancy, 0, boundary)
    assert np.abs(frame[0, starts[9] : starts[10]]).min() > 0
    assert (frame[0, starts[10] :] == 0).all()
    # With the boundary at the start itself, symbol 9 is of slot 1 from its first sample on.
    frame = transmit(downlink, 0, int(starts[12]), occupancy, 0, int(starts[9]))
    assert (frame[0, starts[9] :] == 0).all()


def test_slots_beyond_the_given_ones_take_the_nearest() -> None:
    downlink = make(1.4, 2, control=False, cells=(0,))
    given_slots = np.array([[True, False], [False, True]]).reshape(2, 1, 2)
    padded = np.repeat(given_slots, [6, 14], axis=0)
    long = transmit(downlink, occupancy=padded)
    short = transmit(downlink, occupancy=given_slots, first_slot=5)
    np.testing.assert_array_equal(short, long)


def test_power_of_each_subchannel_is_its_share_of_time_occupied() -> None:
    downlink = make(10.0, 16, control=False)
    occupancy = np.random.default_rng(7).random((20, len(CELLS), 16)) < 0.4
    grid = demodulate(downlink, transmit(downlink, occupancy=occupancy))
    power = (np.abs(grid[..., downlink.subchannel_subcarriers]) ** 2).mean(axis=(1, 3))
    # Constant modulus leaves rounding only: far inside the 0.1 dB that a user may count on.
    np.testing.assert_allclose(10 * np.log10(power / occupancy.mean(axis=0)), 0, atol=1e-4)


def test_vacant_subchannels_radiate_nothing_in_any_symbol_with_control_off() -> None:
    downlink = make(10.0, 16, control=False)
    occupancy = np.random.default_rng(8).random((20, len(CELLS), 16)) < 0.5
    grid = demodulate(downlink, transmit(downlink, occupancy=occupancy))
    power = (np.abs(grid[..., downlink.subchannel_subcarriers]) ** 2).mean(axis=3)
    vacant = ~np.repeat(occupancy, 7, axis=0).transpose(1, 0, 2)
    # Required are -60 dB against an occupied one; rounding of complex64 is about -130 dB.
    assert power[vacant].max() < 1e-6


def test_left_over_blocks_carry_control_alone() -> None:
    for control in (True, False):
        grid = demodulate(make(10.0, 16, control), transmit(make(10.0, 16, control)))
        edge = np.abs(grid[..., [*range(12), *range(588, 600)]]) > 1e-3
        # Two blocks of two reference elements in 40 of 140 symbols, or nothing.
        assert edge.sum(axis=(1, 2)).tolist() == [160 * control] * 3


@pytest.mark.parametrize("control", [True, False])
@pytest.mark.parametrize(("bandwidth_mhz", "subchannels"), [(1.4, 6), (10.0, 16)])
def test_full_load_spectrum_is_the_frames_power(
    bandwidth_mhz: float, subchannels: int, control: bool
) -> None:
    downlink = make(bandwidth_mhz, subchannels, control)
    spectrum, frame = downlink.full_load_spectrum(), transmit(downlink)
    power = np.abs(demodulate(downlink, frame)) ** 2 * downlink.resource_element_power
    weight = np.diff(np.append(downlink.symbol_start_samples, downlink.samples_per_frame))
    wanted = (power * weight[:, None]).sum(axis=1) / downlink.samples_per_frame
    np.testing.assert_allclose(spectrum, wanted, atol=1e-6 * downlink.resource_element_power)
    # The prefix repeats a random piece of each symbol: over 140 of them a frame's mean power wavers
    # by 0.25% at 128 points and by 0.09% at 1024. Eight deviations are allowed.
    assert (np.abs(frame) ** 2).mean(axis=1) == pytest.approx(spectrum.sum(axis=1), rel=0.02)


def test_mean_power_is_1_mw_times_the_share_of_blocks_in_use() -> None:
    assert make(20.0, 100, control=False).full_load_spectrum().sum(axis=1) == pytest.approx(1.0)
    assert make(10.0, 16, control=False).full_load_spectrum().sum(axis=1) == pytest.approx(0.96)


def test_lines_of_the_prefix_correlation_are_those_of_unequal_prefixes() -> None:
    downlink, frames = make(1.4, 6, control=False, cells=(0,)), 100
    x = transmit(downlink, samples=frames * downlink.samples_per_frame + 128)[0]
    lag_product = x[128:] * x[:-128].conj()
    # A line every 2 kHz: the period is a slot. Folding by slots keeps exactly these lines.
    folded = lag_product.astype(complex).reshape(-1, 960).mean(axis=0)
    lines = np.fft.fft(folded) / 960
    prefix = downlink.numerology.prefix_samples
    in_prefix = np.concatenate([np.repeat([1.0, 0.0], [p, 128]) for p in prefix])
    theory = np.fft.fft(in_prefix) / 960
    # Unit power spread over 72 of 128 bins: products waver by √(128/72/n), n = 1.92e6 samples,
    # about 1e-3. The largest of 960 such lines stays below 5e-3 but for one run in 1e8.
    assert np.abs(lines - theory).max() < 5e-3
    # The values of the continuous formula, multiples of 14 kHz; prefixes of 10 and 9 samples
    # are exactly 160 and 144 at 30.72 Msps, the sum over so few samples is right to 1e-3.
    published = [0.0667, 0.0662, 0.0647, 0.0623, 0.0591, 0.0550, 0.0503]
    np.testing.assert_allclose(np.abs(theory[0:49:7]), published, atol=1e-3)


@pytest.mark.parametrize("cell_id", [0, 151, 301, 503])
def test_blind_search_finds_the_cell_and_its_timing(cell_id: int) -> None:
    downlink = make(1.4, 3, cells=(cell_id,))
    start = 4321
    vacant = np.zeros((1, 1, 3), bool)
    frame = transmit(downlink, start, downlink.samples_per_frame, vacant)[0].astype(complex)
    rng = np.random.default_rng(9)
    noisy = frame + 0.3 * (rng.standard_normal(frame.size) + 1j * rng.standard_normal(frame.size))
    bins = (downlink.subcarrier_hz[5:67] / 15e3).astype(int)
    peaks = []
    for within in range(3):
        grid = np.zeros(128, complex)
        grid[bins] = pss(within)
        score = np.abs(np.correlate(noisy, np.fft.ifft(grid)))
        peaks.append((score.max(), within, int(score.argmax())))
    _, within, at = max(peaks)
    symbols = np.fft.fft(np.stack([noisy[at - 137 : at - 9], noisy[at : at + 128]]))[:, bins]
    equalised = symbols[0] * symbols[1].conj() * pss(within)
    scores = {
        (3 * group + within, subframe): np.vdot(sss(3 * group + within, subframe), equalised).real
        for group in range(168)
        for subframe in (0, 5)
    }
    found, subframe = max(scores, key=scores.__getitem__)
    assert found == cell_id
    # Symbol 6 of slot 0 or 10, prefix passed, on the absolute axis.
    half = 0 if subframe == 0 else 9600
    assert (start + at) % 19200 == half + downlink.symbol_start_samples[6] + 9


def test_each_part_of_the_key_and_each_site_changes_the_payload() -> None:
    keys = np.array([[[1, 2], [1, 2], [1, 3]]], np.uint64)
    downlink = make(1.4, 1, control=False)
    frame = downlink.synthesise(
        start_sample=np.zeros(1, np.int64),
        samples=960,
        occupancy=np.ones((1, 1, 3, 1), bool),
        first_slot=np.zeros(1, np.int64),
        slot_samples=960,
        keys=keys,
    )[0]
    np.testing.assert_array_equal(frame[0], frame[1])
    # Independent payload: correlation of 960 samples of which 72/128 are independent is about 0.04.
    assert abs(np.vdot(frame[0], frame[2])) / 960 < 0.25


def test_no_record_gives_an_empty_result() -> None:
    none = np.zeros(0, np.int64)
    out = WHOLE.synthesise(
        start_sample=none,
        samples=10,
        occupancy=np.zeros((0, 1, 3, 3), bool),
        first_slot=none,
        slot_samples=960,
        keys=np.zeros((0, 3, 2), np.uint64),
    )
    assert out.shape == (0, 3, 10)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"occupancy": np.ones((1, 1, 3, 4), bool)}, "occupancy"),
        ({"occupancy": np.ones((1, 0, 3, 3), bool)}, "occupancy"),
        ({"keys": np.ones((1, 2, 2), np.uint64), "occupancy": np.ones((1, 1, 2, 3), bool)}, "keys"),
        ({"samples": 0}, "samples"),
        ({"slot_samples": 0}, "slot_samples"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, object], where: str) -> None:
    arguments: dict[str, object] = {
        "start_sample": np.zeros(1, np.int64),
        "samples": 100,
        "occupancy": np.ones((1, 1, 3, 3), bool),
        "first_slot": np.zeros(1, np.int64),
        "slot_samples": 960,
        "keys": np.ones((1, 3, 2), np.uint64),
    }
    with pytest.raises(SpecError) as caught:
        WHOLE.synthesise(**(arguments | change))
    assert caught.value.where == where


def test_more_subchannels_than_blocks_are_refused_before_anything_is_made() -> None:
    spec = LteWaveform(bandwidth_mhz=1.4, subchannels=7)
    for refuse in (check, lambda s: LteDownlink(s, cell_ids=[0])):
        with pytest.raises(SpecError, match="1 to 6") as caught:
            refuse(spec)
        assert caught.value.where == "waveform.subchannels"
    check(LteWaveform(bandwidth_mhz=1.4, subchannels=6))


def test_a_site_without_a_proper_cell_identity_is_refused() -> None:
    for control in (True, False):
        with pytest.raises(SpecError, match="504"):
            make(cells=(0, 504), control=control)
