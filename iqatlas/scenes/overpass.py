"""The one door to OSMnx: a place's outline and the map inside it, asked of Nominatim and Overpass."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import osmnx
import requests
import shapely
import urllib3

from iqatlas.errors import IqAtlasError, SceneError
from iqatlas.version import __version__

MAX_ANSWER_BYTES = 1 << 28
"""The largest JSON map that is read."""
BACK_OFF_S = 4.0
"""Wait before the second try; it doubles from try to try."""
LONGEST_WAIT_S = 120.0
Tags = dict[str, bool | str | list[str]]
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK_BYTES = 1 << 16
_SETTINGS_LOCK = threading.Lock()


@dataclass(frozen=True)
class Server:
    """A map server, and how patiently to ask it.

    Args:
        url: Base address, such as ``https://overpass-api.de/api``.
        timeout_s: How long an answer may take.
        attempts: How often to ask before giving up.
        where: What error messages name as the place of the fault.
    """

    url: str
    timeout_s: int
    attempts: int
    where: str


def wait(pause_s: float) -> None:
    """Wait between two tries."""
    time.sleep(pause_s)


def ask_outline(place: str, server: Server) -> bytes:
    """Return the outline of a place as GeoJSON (longitude and latitude).

    Args:
        place: A name that Nominatim knows, such as ``Kruununhaka, Helsinki``.
        server: A Nominatim server.

    Raises:
        SceneError: Nominatim can't be reached, knows no such place, or knows it as a point only.
    """

    def ask(_: _Gate) -> bytes:
        try:
            table = osmnx.geocode_to_gdf(place)
        except IqAtlasError:
            raise
        except TypeError as error:
            # OSMnx's way to say so.
            raise SceneError(
                f"{place!r} has no outline on the map, only a point",
                where=server.where,
                remedy="name a district, city or island, or give a bbox",
            ) from error
        except (ValueError, KeyError, AttributeError, IndexError) as error:
            raise SceneError(
                f"no place {place!r} is known to {server.url}",
                where=server.where,
                remedy="write it as on openstreetmap.org, such as Kruununhaka, Helsinki, or give a bbox",
            ) from error
        outline: str = shapely.to_geojson(shapely.normalize(table.union_all()), indent=1)
        return outline.encode() + b"\n"

    return _patiently(ask, server, {"nominatim_url": server.url})


def ask_map(polygon: shapely.Geometry, tags: Tags, server: Server, *, date: str | None) -> bytes:
    """Return Overpass's answer as it came: what carries one of some tags inside a polygon.

    Args:
        polygon: A valid polygon in longitude and latitude, small enough for one query of OSMnx.
        tags: Keys, with True for any value, one value, or several.
        server: An Overpass server.
        date: The moment of the map, such as ``2025-01-01T00:00:00Z``; without it, now.

    Raises:
        SceneError: Overpass can't be reached, stays busy, or answers with something else than a map.
    """

    def ask(gate: _Gate) -> bytes:
        try:
            osmnx.features_from_polygon(polygon, tags)
        except InterruptedError:
            # OSMnx's way to say that all answers are there (settings.cache_only_mode).
            if len(gate.answers) == 1:
                return gate.answers[0]
        raise SceneError(
            f"the area asked of {server.url} took {len(gate.answers)} answers",
            where=server.where,
            remedy="take a smaller area",
        )

    moment = "" if date is None else f'[date:"{date}"]'
    settings = {
        "overpass_url": server.url,
        "overpass_settings": "[out:json][timeout:{timeout}]{maxsize}" + moment,
    }
    return _patiently(ask, server, settings)


class _BusyError(Exception):
    """The server may answer later.

    Args:
        why: What it did.
        wait_s: How long it asks to wait; None if it doesn't say.
    """

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


def _patiently(ask: Callable[[_Gate], bytes], server: Server, settings: dict[str, Any]) -> bytes:
    pause_s = BACK_OFF_S
    for attempt in range(1, server.attempts + 1):
        gate = _Gate(server)
        try:
            with _osmnx_settings(server, gate, settings):
                return ask(gate)
        except IqAtlasError:
            raise
        except (_BusyError, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if attempt == server.attempts:
                raise SceneError(
                    f"{server.url} gave no map in {attempt} {'try' if attempt == 1 else 'tries'} "
                    f"({' '.join(str(error).split())[:200]})",
                    where=server.where,
                    remedy="try again later, name another endpoint, or download an extract and read it with "
                    "kind: osm_file",
                ) from error
            asked_s = error.wait_s if isinstance(error, _BusyError) else None
            wait(min(LONGEST_WAIT_S, pause_s if asked_s is None else max(asked_s, pause_s)))
            pause_s *= 2
    raise SceneError(f"{server.attempts} attempts", where=server.where, accepted="1 or more")


class _Gate:
    """What every answer goes through: read within bounds, kept as it came, or turned into an error.

    OSMnx itself waits for a busy server without end, and hands on no bytes.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.answers: list[bytes] = []

    def __call__(self, response: requests.Response, **_: Any) -> requests.Response | None:
        if response.is_redirect:
            return None
        status = response.status_code
        if status in _BUSY:
            raise _BusyError(
                f"HTTP {status} {response.reason}", _seconds(response.headers.get("Retry-After"))
            )
        if not response.ok:
            raise SceneError(
                f"{self._server.url} refuses the question (HTTP {status} {response.reason})",
                where=self._server.where,
                remedy="check the address, or name another endpoint",
            )
        content = self._content(response)
        self._check(content)
        self.answers.append(content)
        replayed = requests.Response()
        replayed.status_code, replayed.reason, replayed.url = status, response.reason, response.url
        replayed.request, replayed.encoding, replayed.raw = response.request, "utf-8", io.BytesIO(content)
        return replayed

    def _content(self, response: requests.Response) -> bytes:
        deadline = time.monotonic() + self._server.timeout_s
        pieces, size = [], 0
        # One look at the network at a time, so that a server that sends a byte a second is noticed.
        while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise SceneError(
                    f"{self._server.url} sends more than {MAX_ANSWER_BYTES >> 20} MiB",
                    where=self._server.where,
                    remedy="take a smaller area",
                )
            if time.monotonic() > deadline:
                raise _BusyError(f"the answer takes longer than {self._server.timeout_s} s")
        return b"".join(pieces)

    def _check(self, content: bytes) -> None:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            start = " ".join(content[:80].decode(errors="replace").split())
            raise _BusyError(f"an answer that is not JSON: {start}") from error
        # Overpass tells of time and memory that ran out in an answer that looks whole.
        remark = answer.get("remark") if isinstance(answer, dict) else None
        if isinstance(remark, str) and "error" in remark.lower():
            raise _BusyError(f"Overpass says: {remark}")
        is_map = isinstance(answer, dict) and isinstance(answer.get("elements"), list)
        if not (is_map or isinstance(answer, list)):
            raise _BusyError("an answer without a list of elements")


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.strip().isdigit() else None


@contextmanager
def _osmnx_settings(server: Server, gate: _Gate, settings: dict[str, Any]) -> Iterator[None]:
    """Set OSMnx for one question, and put back what was set, with the resolver that it replaces."""
    wanted = {
        "requests_timeout": server.timeout_s,
        "requests_kwargs": {"hooks": {"response": gate}},
        "use_cache": False,
        "cache_only_mode": True,
        # The gate counts and waits; OSMnx would ask for the server's status and wait without end.
        "overpass_rate_limit": False,
        "doh_url_template": None,
        "http_user_agent": f"iqatlas/{__version__}",
        "http_referer": f"iqatlas/{__version__}",
        **settings,
    }
    with _SETTINGS_LOCK:
        saved = {name: getattr(osmnx.settings, name) for name in wanted}
        resolver = socket.getaddrinfo
        try:
            for name, value in wanted.items():
                setattr(osmnx.settings, name, value)
            yield
        finally:
            for name, value in saved.items():
                setattr(osmnx.settings, name, value)
            socket.getaddrinfo = resolver
