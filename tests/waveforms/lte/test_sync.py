"""Synchronisation signals against the definitions of TS 36.211, section 6.11, written out slowly."""

from __future__ import annotations

import cmath

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte.sync import pss, sss, sss_shifts, sync_subcarriers


@pytest.mark.parametrize(("cell_id", "root"), [(0, 25), (1, 29), (2, 34), (301, 29), (503, 34)])
def test_pss_is_the_zadoff_chu_sequence_of_its_root(cell_id: int, root: int) -> None:
    wanted = [cmath.exp(-1j * cmath.pi * root * n * (n + 1) / 63) for n in range(31)]
    wanted += [cmath.exp(-1j * cmath.pi * root * (n + 1) * (n + 2) / 63) for n in range(31, 62)]
    # Rounding of phases up to some 6000 rad in double precision.
    np.testing.assert_allclose(pss(cell_id), wanted, atol=1e-11)


@pytest.mark.parametrize("cell_id", [0, 1, 2])
def test_pss_completed_at_dc_has_constant_amplitude_and_a_flat_transform(cell_id: int) -> None:
    # The value that falls on DC is n = 31 of the Zadoff-Chu sequence of length 63.
    root = (25, 29, 34)[cell_id]
    middle = cmath.exp(-1j * cmath.pi * root * 31 * 32 / 63)
    whole = np.insert(pss(cell_id), 31, middle)
    np.testing.assert_allclose(np.abs(whole), 1, atol=1e-12)
    # Sequences of zero autocorrelation have a flat transform: √63 everywhere, to rounding.
    np.testing.assert_allclose(np.abs(np.fft.fft(whole)), np.sqrt(63), atol=1e-9)


def test_pss_of_roots_29_and_34_are_conjugates() -> None:
    # 29 + 34 = 63: the property that lets a receiver correlate for both at once.
    np.testing.assert_allclose(pss(1), pss(2).conj(), atol=1e-11)


def slow_m_sequence(taps: tuple[int, ...]) -> list[int]:
    x = [0, 0, 0, 0, 1]
    while len(x) < 31:
        x.append(sum(x[len(x) - 5 + tap] for tap in taps) % 2)
    return [1 - 2 * value for value in x]


def slow_sss(group: int, within: int, subframe: int) -> list[int]:
    q_prime = group // 30
    q = (group + q_prime * (q_prime + 1) // 2) // 30
    m_prime = group + q * (q + 1) // 2
    m0 = m_prime % 31
    m1 = (m0 + m_prime // 31 + 1) % 31
    s, c, z = slow_m_sequence((2, 0)), slow_m_sequence((3, 0)), slow_m_sequence((4, 2, 1, 0))
    d = []
    for n in range(31):
        c0, c1 = c[(n + within) % 31], c[(n + within + 3) % 31]
        z1_m0, z1_m1 = z[(n + m0 % 8) % 31], z[(n + m1 % 8) % 31]
        s0, s1 = s[(n + m0) % 31], s[(n + m1) % 31]
        d += [s0 * c0, s1 * c1 * z1_m0] if subframe == 0 else [s1 * c0, s0 * c1 * z1_m1]
    return d


@pytest.mark.parametrize("subframe", [0, 5])
def test_sss_equals_the_equations_for_every_cell(subframe: int) -> None:
    for cell_id in range(504):
        assert sss(cell_id, subframe).tolist() == slow_sss(cell_id // 3, cell_id % 3, subframe)


@pytest.mark.parametrize(("group", "shifts"), [(0, (0, 1)), (29, (29, 30)), (30, (0, 2)), (167, (2, 9))])
def test_shifts_of_the_groups_are_those_of_the_table(group: int, shifts: tuple[int, int]) -> None:
    assert sss_shifts(group) == shifts


def test_all_sss_differ_between_cells_and_half_frames() -> None:
    sequences = {tuple(sss(cell, subframe)) for cell in range(504) for subframe in (0, 5)}
    assert len(sequences) == 2 * 504


@pytest.mark.parametrize("resource_blocks", [6, 15, 25, 50, 75, 100])
def test_72_subcarriers_around_dc_are_reserved(resource_blocks: int) -> None:
    subcarriers = sync_subcarriers(resource_blocks)
    assert (subcarriers - 6 * resource_blocks).tolist() == list(range(-36, 36))


@pytest.mark.parametrize("cell_id", [-1, 504])
def test_what_is_no_cell_identity_is_refused(cell_id: int) -> None:
    for signal in (pss, lambda cell: sss(cell, 0)):
        with pytest.raises(SpecError, match="0 to 503"):
            signal(cell_id)


def test_sss_stands_in_subframes_0_and_5_only() -> None:
    with pytest.raises(SpecError, match="subframe 3"):
        sss(0, 3)
