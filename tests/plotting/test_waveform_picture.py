"""The picture of a transmitted signal is drawn for both kinds of waveform, and for the shortest ones."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from iqatlas.plotting.waveform import TransmittedSignal, draw_waveform


def signal(samples: int, symbols: bool, channels: int = 3) -> TransmittedSignal:
    rng = np.random.default_rng(1)
    edges = np.linspace(-0.5e6, 0.5e6, 2 * channels).reshape(-1, 2)
    return TransmittedSignal(
        samples=(rng.standard_normal(samples) + 1j * rng.standard_normal(samples)).astype(np.complex64),
        sample_rate_hz=1.92e6,
        carrier_hz=1.8e9,
        occupancy=rng.random((max(1, samples // 1920), channels)) < 0.5,
        slot_s=1e-3,
        edges_hz=edges,
        symbol_starts=np.arange(9, samples - 128, 137) if symbols else None,
        fft_size=128 if symbols else None,
        subcarrier_hz=np.delete(np.arange(-36, 37), 36) * 15e3,
    )


def pixels(drawn: bytes) -> np.ndarray:
    return matplotlib.image.imread(io.BytesIO(drawn), format="png")


@pytest.mark.parametrize("symbols", [True, False])
@pytest.mark.parametrize("samples", [40, 19_200])
def test_a_picture_of_any_length_has_contrast(samples: int, symbols: bool) -> None:
    picture = pixels(draw_waveform(signal(samples, symbols), title="a cell"))
    assert picture.shape[0] > 500
    assert picture.shape[1] > 900
    assert picture[..., :3].std() > 0.05


def test_what_is_sent_decides_the_picture_and_nothing_else() -> None:
    one = draw_waveform(signal(400, False), title="a")
    assert draw_waveform(signal(400, False), title="a") == one
    assert draw_waveform(signal(400, False), title="b") != one


def test_silence_and_a_single_channel_can_be_drawn() -> None:
    quiet = signal(4000, False, channels=1)
    quiet.samples[:] = 0
    assert pixels(draw_waveform(quiet, title="nothing")).size > 0
