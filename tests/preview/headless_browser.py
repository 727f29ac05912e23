"""A headless Chromium, spoken to over a pair of pipes in the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_LONGEST_WAIT_S = 60.0


def chromium() -> str | None:
    """Return the program of a Chromium, or None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._number, self._rest = 0, b""
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return what it gives."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        until = time.monotonic() + _LONGEST_WAIT_S
        while True:
            answer = self._next(until)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError("the browser doesn't answer")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise EOFError("the browser has gone")
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def size(
        self, width: int, height: int, *, dark: bool = False, phone: bool = False, scale: int = 1
    ) -> None:
        """Set the size of the window and the theme of the system."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=phone,
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[theme])

    def open(self, page: Path) -> None:
        """Open a page and wait until its script has run."""
        self.events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        until = time.monotonic() + _LONGEST_WAIT_S
        while self.value("document.readyState") != "complete" or self.value("location.href") == "about:blank":
            if time.monotonic() > until:
                raise TimeoutError("the page doesn't load")
            time.sleep(0.02)
        self.settle()

    def settle(self) -> None:
        """Wait for what is drawn in the next frames."""
        self.value(
            "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 30))))"
        )

    def value(self, expression: str) -> Any:
        """Return what an expression gives in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def key(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def troubles(self) -> list[str]:
        """Return errors and warnings of the console, refused content, and requests of the network."""
        found = []
        for event in self.events:
            told, method = event.get("params", {}), event.get("method")
            if method == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning", "assert"}:
                found.append(str(told["args"]))
            elif method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
                found.append(str(told["entry"]["text"]))
            elif method == "Network.requestWillBeSent" and not told["request"]["url"].startswith(
                ("file:", "data:")
            ):
                found.append(f"request of {told['request']['url']}")
        # What the software renderer says of its own speed is not the page's.
        return [line for line in found if "GPU stall" not in line and "software WebGL" not in line]

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """Write a PNG of what is seen, or of the whole page."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a headless Chromium that is ended afterwards.

    Args:
        profile: An empty folder for what the browser keeps.
    """
    program = chromium()
    if program is None:
        raise FileNotFoundError("no Chromium")
    read_by_browser, to_browser = os.pipe()
    from_browser, written_by_browser = os.pipe()

    def as_three_and_four() -> None:
        # The protocol's pipes are 3 and 4; both are moved out of the way first.
        high = os.dup2(read_by_browser, 40), os.dup2(written_by_browser, 41)
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    child = subprocess.Popen(
        [
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--disable-background-networking",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=as_three_and_four,
        close_fds=False,
    )
    os.close(read_by_browser)
    os.close(written_by_browser)
    try:
        one = Browser(to_browser, from_browser)
        target = one.call("Target.createTarget", url="about:blank")["targetId"]
        one.session = one.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            one.call(f"{domain}.enable")
        yield one
    finally:
        child.kill()
        child.wait()
        os.close(to_browser)
        os.close(from_browser)
