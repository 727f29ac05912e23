"""The page in a headless Chromium: it runs without a word in the console, and its parts answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from headless_browser import Browser, browser, chromium

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium on this machine (apt install chromium)"
)

CANVAS = "document.querySelector('#solids canvas')"
COLOURS_SEEN = f"""(() => {{
  const gl = {CANVAS}.getContext('webgl'), w = gl.drawingBufferWidth, h = gl.drawingBufferHeight;
  const pixels = new Uint8Array(4 * w * h);
  gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  const seen = new Set();
  for (let i = 0; i < pixels.length; i += 4) {{
    seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
  }}
  return seen.size;
}})()"""
CORNER = f"""(() => {{
  const gl = {CANVAS}.getContext('webgl'), pixel = new Uint8Array(4);
  gl.readPixels(1, 1, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return [...pixel];
}})()"""
PICTURES = "[...document.querySelectorAll('.figure canvas')].map(c => c.toDataURL())"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def file(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("page") / "page.html"
    written.write_text(page, encoding="utf-8")
    return written


def test_the_page_runs_and_its_parts_answer(window: Browser, file: Path) -> None:
    window.size(1280, 900)
    window.open(file)
    assert window.value("document.documentElement.dataset.ready") == "true"
    assert window.troubles() == []
    # Sky, ground, walls in many lights, rays: a blank canvas has one colour.
    assert window.value(COLOURS_SEEN) > 100
    assert window.value("document.querySelectorAll('#labels span').length") == 6
    assert window.value("document.querySelectorAll('#map-rays path').length") == 9

    window.value(f"{CANVAS}.focus()")
    yaw, pitch, distance = (
        float(window.value(f"{CANVAS}.dataset.{n}")) for n in ("yaw", "pitch", "distance")
    )
    for key, code in (("ArrowLeft", 37), ("ArrowUp", 38), ("+", 187)):
        window.key(key, code)
    window.settle()
    assert float(window.value(f"{CANVAS}.dataset.yaw")) < yaw
    assert float(window.value(f"{CANVAS}.dataset.pitch")) > pitch
    assert float(window.value(f"{CANVAS}.dataset.distance")) < distance
    window.value("document.querySelector('[data-move=reset]').click()")
    window.settle()
    assert float(window.value(f"{CANVAS}.dataset.yaw")) == yaw

    def choose(identity: str, value: str) -> None:
        window.value(
            f"(() => {{ const p = document.getElementById('{identity}'); p.value = '{value}';"
            " p.dispatchEvent(new Event('change')); })()"
        )
        window.settle()

    before = window.value(PICTURES)
    assert len(before) == 4 and len(set(before)) == 4
    for identity, same in (("capture-record", {0, 1}), ("capture-level", {1}), ("capture-receiver", {1})):
        choose(identity, "0" if identity == "capture-level" else "1")
        after = window.value(PICTURES)
        kept = {index for index in range(4) if after[index] == before[index]}
        # Who sends what is the same at every receiver, and slots are at every level.
        assert kept == same, identity
        before = after
    assert window.value("document.getElementById('delay-receiver').value") == "1"
    assert "at uav1" in window.value("document.getElementById('record-told').textContent")
    assert "at uav1" in window.value("document.querySelector('#delays svg').getAttribute('aria-label')")
    choose("map-receiver", "2")
    assert window.value("document.querySelectorAll('#map-rays path').length") == 3
    assert window.value("document.getElementById('map-every').checked") is False
    assert window.troubles() == []


def test_light_and_dark_by_system_and_by_switch(window: Browser, file: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    found = []
    for dark in (False, True):
        window.size(1280, 900, dark=dark)
        window.open(file)
        own = window.value(ground)
        seen = window.value(CORNER)
        window.value("document.getElementById('theme').click()")
        window.settle()
        found.append((own, window.value(ground), seen, window.value(CORNER)))
    assert found[0][0] == found[1][1] and found[0][1] == found[1][0] and found[0][0] != found[0][1]
    # The 3-D view follows.
    assert found[0][2] == found[1][3] and found[0][2] != found[0][3]


def test_a_phone_shows_all_of_it(window: Browser, file: Path) -> None:
    window.size(390, 844, phone=True)
    window.open(file)
    assert window.troubles() == []
    assert window.value("document.documentElement.scrollWidth") == 390
    assert window.value(COLOURS_SEEN) > 100
    # Whatever is touched is large enough, and pictures keep inside their cards.
    small = window.value(
        "[...document.querySelectorAll('button, select')]"
        ".filter(b => b.getBoundingClientRect().height < 32).length"
    )
    wide = window.value(
        "[...document.querySelectorAll('.figure svg')]"
        ".filter(s => s.getBoundingClientRect().right > 390).length"
    )
    assert (small, wide) == (0, 0)


def test_everything_is_reached_by_keyboard_in_the_order_that_it_is_seen(window: Browser, file: Path) -> None:
    window.size(1280, 900)
    window.open(file)
    reached = []
    for _ in range(22):
        window.key("Tab", 9)
        reached.append(
            window.value("(a => a.id || a.hash || a.dataset.move || a.tagName)(document.activeElement)")
        )
    assert reached[:2] == ["#main", "theme"]
    assert reached[10:13] == ["map-every", "map-receiver", "CANVAS"]
    assert reached[13:21] == ["left", "right", "up", "down", "nearer", "farther", "reset", "turning"]
    assert reached[21] == "delay-receiver"


def test_nothing_but_the_pages_own_script_runs(window: Browser, page: str, tmp_path: Path) -> None:
    other = "<script>window.pwned = 1</script><p onclick='window.pwned = 1' id='p'>x</p><img src='https://example.org/x'>"
    changed = tmp_path / "changed.html"
    changed.write_text(page.replace("<main ", f"{other}<main ", 1), encoding="utf-8")
    window.open(changed)
    window.value("document.getElementById('p').click()")
    assert window.value("typeof window.pwned") == "undefined"
    assert window.value("document.documentElement.dataset.ready") == "true"
    refused = [line for line in window.troubles() if "Content Security Policy" in line]
    assert len(refused) >= 3
