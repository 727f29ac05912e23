"""A server of this machine that speaks S3, and how tests reach it."""

from __future__ import annotations

import importlib
import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest


@contextmanager
def serving() -> Iterator[str]:
    """Give the address of a server that knows one bucket, ``corpora``."""
    moto_server = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    backends = importlib.import_module("moto.backends")
    # Of each request it would list a folder of 170 and write a line: a third of its time.
    modules = tuple(backends.list_of_moto_modules())
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "list_of_moto_modules", lambda: modules)
        with pytest.MonkeyPatch.context() as known:
            credentials(known, f"http://{host}:{port}")
            fsspec.filesystem("s3", use_listings_cache=False).mkdir("corpora")
        yield f"http://{host}:{port}"
    # Servers of one process share what they hold: the next begins with nothing.
    urllib.request.urlopen(
        urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")
    ).close()
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


def credentials(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Set what a client needs to reach the server."""
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", "tests")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
