"""A local server that answers as Overpass and Nominatim do, in the order that a test scripts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import osmium


@dataclass
class Reply:
    """What the server sends: a status, headers and a body, whole, late, drop by drop or cut short."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    late_s: float = 0.0
    drop_s: float | None = None
    """Pause between two bytes; without it, the body comes at once."""
    cut: bool = False


class MapServer(ThreadingHTTPServer):
    """Gives one reply after the other, the last one for ever, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies = replies
        self.asked: list[str] = []
        """The queries, or the paths of requests that have none."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"


class _Handler(BaseHTTPRequestHandler):
    server: MapServer

    def _reply(self, question: str) -> None:
        replies = self.server.replies
        reply = replies[min(len(self.server.asked), len(replies) - 1)]
        self.server.asked.append(question)
        time.sleep(reply.late_s)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) + reply.cut))
        self.end_headers()
        try:
            if reply.drop_s is None:
                self.wfile.write(reply.body)
            for byte in reply.body if reply.drop_s is not None else b"":
                self.wfile.write(bytes([byte]))
                time.sleep(reply.drop_s or 0.0)
        except OSError:
            pass  # the client has given up, as it should

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._reply(parse_qs(body)["data"][0])

    def do_GET(self) -> None:
        self._reply(self.path)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def map_server(*replies: Reply) -> Iterator[MapServer]:
    server = MapServer(list(replies))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def overpass_answer(path: Path, *, form: str = "body") -> bytes:
    """Return a map file as Overpass answers: ``out body``, ``out geom`` or ``out skel``."""
    places: dict[int, dict[str, float]] = {}
    shapes: dict[int, list[dict[str, float] | None]] = {}
    elements: list[dict[str, Any]] = []
    for item in osmium.FileProcessor(path):
        element: dict[str, Any] = {"id": item.id}
        if form != "skel" and (tags := dict(item.tags)):
            element["tags"] = tags
        if item.is_node():
            places[item.id] = {"lat": item.location.lat, "lon": item.location.lon}
            element |= {"type": "node", **places[item.id]}
            if form == "geom" and "tags" not in element:
                continue
        elif item.is_way():
            element |= {"type": "way", "nodes": [node.ref for node in item.nodes]}
            shapes[item.id] = [places.get(node.ref) for node in item.nodes]
            if form == "geom":
                element["geometry"] = shapes[item.id]
        else:
            kinds = {"n": "node", "w": "way", "r": "relation"}
            element["type"] = "relation"
            element["members"] = [
                {"type": kinds[each.type], "ref": each.ref, "role": each.role}
                | ({"geometry": shapes[each.ref]} if form == "geom" and each.ref in shapes else {})
                for each in item.members
            ]
        elements.append(element)
    head = {
        "version": 0.6,
        "generator": "Overpass API",
        "osm3s": {"timestamp_osm_base": "2025-01-01T00:00:00Z"},
    }
    return json.dumps(head | {"elements": elements}).encode()
