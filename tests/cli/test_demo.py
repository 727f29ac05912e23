"""The demo as a newcomer runs it: ``iqatlas generate`` without a spec, then every command on what it made.

It is made, and validated, by processes of their own; the other commands run in this one.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from command_line import module_command, plain_environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return the demo's folder, and what was said while it was made with real ray tracing."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        module_command("generate"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=plain_environment(),
        cwd=folder,
        timeout=600,
        check=False,
    )
    return folder / "helsinki-demo", done


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = plain_environment()
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def fits(text: str) -> bool:
    return max(len(line.rstrip()) for line in text.splitlines()) <= 80 and "…" not in text


def test_it_is_made(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = demo
    assert done.returncode == 0, done.stderr
    assert re.match(r"helsinki-demo: 2,304 records, \d+\.\d MB, \d+ s\ncorpus   helsinki-demo\n", done.stdout)
    assert (folder / "scene" / "map.png").read_bytes().startswith(b"\x89PNG")
    records = xr.open_zarr(folder / "records.zarr")
    assert dict(records["iq"].sizes) == {"record": 2304, "receiver": 3, "sample": 1024}
    # Sites stand where OpenStreetMap says, and the tracer found far more than the line of sight.
    paths = xr.open_zarr(folder / "records.zarr", group="paths", consolidated=False)
    assert paths["valid"].sum(dim="path").values.min() >= 2
    assert "sionna" in paths.attrs["model"]


def test_info(demo: tuple[Path, Any], command: Callable[..., Any]) -> None:
    shown = command("info", demo[0])
    assert (shown.code, shown.err) == (0, "")
    assert fits(shown.out.replace(str(demo[0]), "helsinki-demo"))
    for words in ("2,304 in 5 shards", "3 receivers × 1,024 samples, 15.36 Msps", "1846.7 MHz", "complex64"):
        assert words in shown.out
    for name in ("iq", "occupancy", "label", "signal_power", "noise_power", "snr", "spectrogram"):
        assert re.search(rf"^ *{name} ", shown.out, re.MULTILINE)


def test_verify(demo: tuple[Path, Any], command: Callable[..., Any]) -> None:
    shown = command("verify", demo[0])
    assert (shown.code, shown.err) == (0, "")
    assert re.search(r"✓ .*: \d+ files, [\d.]+ MB, 2,304 records hold", shown.out)


def test_validate(demo: tuple[Path, Any], process: Callable[..., Any]) -> None:
    shown = process("validate", demo[0])
    assert (shown.code, shown.err) == (0, "")
    assert fits(shown.out.partition("tables ")[0])  # the folder is as long as the tests make it
    rows = re.findall(
        r"^ *(-?\d+) +(uav\d) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) ", shown.out, re.MULTILINE
    )
    assert len(rows) == 9 * 3
    assert [int(row[0]) for row in rows[::3]] == list(range(-20, 25, 5))
    detection = {(int(level), uav): float(p_d) for level, uav, p_d, *_ in rows}
    alarms = {(int(level), uav): float(p_fa) for level, uav, _, p_fa, *_ in rows}
    for uav in ("uav0", "uav1", "uav2"):
        # At -20 dB nothing but noise is heard: P_D and P_FA are the designed 0.1, of 1800 trials ± 0.035.
        assert detection[-20, uav] == pytest.approx(0.1, abs=0.035)
        assert alarms[-20, uav] == pytest.approx(0.1, abs=0.035)
        assert detection[20, uav] > 0.95
    for name in ("all ones", "all zeros", "prior"):
        assert re.search(rf"{name} +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+", shown.out)
    for heading in ("SNR dB", "P_D", "P_FA", "F1 hole", "occupied", "vacant"):
        assert heading in shown.out
    assert re.search(r"✓ P_FA on noise alone 0\.\d+, designed 0\.1, 99% interval", shown.out)
    assert "✓ P_D rises with the SNR at every receiver" in shown.out


def test_plan(command: Callable[..., Any]) -> None:
    shown = command("plan")
    assert (shown.code, shown.err) == (0, "")
    assert fits(shown.out)
    assert "2,304 = 1 draw × 256 slots × 9 SNR levels" in shown.out
    assert re.search(r"time +about [\d.]+ s on 1 worker", shown.out)
    assert "note" not in shown.out


def test_a_plan_says_that_fixed_payload_is_in_all_splits_by_draw(command: Callable[..., Any]) -> None:
    few = ["--set", "capture.slots=9", "--set", "capture.draws=3", "--set", "splits.by=draw"]
    shown = command("plan", "--set", "capture.payload=fixed", *few)
    assert (shown.code, shown.err) == (0, "")
    assert fits(shown.out)
    said = " ".join(shown.out.split())
    assert "note capture.payload: fixed sends the same payload in every draw" in said


def test_a_plan_says_which_prefix_cyclic_spectra_cannot_show(command: Callable[..., Any]) -> None:
    shown = command("plan", "--set", "features.cyclic_spectrum={}")
    assert (shown.code, shown.err) == (0, "")
    assert fits(shown.out)
    said = " ".join(shown.out.split())
    assert (
        "note features.cyclic_spectrum sees lags below 64 samples, so not the cyclic prefix, 1024 from"
        in said
    )
    assert "channels: 2048 in captures of 4096 samples would, or features.cyclic_autocorrelation" in said


def test_the_same_command_again_takes_no_time(
    demo: tuple[Path, Any], command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo[0].rglob("*")}
    monkeypatch.chdir(demo[0].parent)
    again = command("generate")
    assert again.code == 0
    assert again.err == ""
    assert {path: path.stat().st_mtime_ns for path in demo[0].rglob("*")} == before


def test_verify_names_the_file_in_which_a_byte_changed(
    demo: tuple[Path, Any], command: Callable[..., Any]
) -> None:
    chunk = max((demo[0] / "records.zarr" / "iq" / "c").rglob("*"), key=lambda p: p.stat().st_size)
    whole = chunk.read_bytes()
    try:
        with chunk.open("r+b") as file:
            file.seek(len(whole) // 2)
            file.write(bytes([whole[len(whole) // 2] ^ 1]))
        found = command("verify", demo[0])
    finally:
        chunk.write_bytes(whole)
    assert found.code == 1
    assert found.err == ""
    assert f"✗ {chunk.relative_to(demo[0]).as_posix()}: its SHA-256 is not the manifest's" in found.out
    assert found.out.splitlines()[-1].endswith("1 problem")
    assert command("verify", demo[0]).code == 0
