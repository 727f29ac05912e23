"""The right to write into an object store: numbered leases with a heartbeat, the highest of which holds.

An object store has no lock that goes with its process. A writer creates lease n + 1 on the condition
that there is none, which one of several writers succeeds in, and writes its heartbeat into it until
it gives the lease back. A lease without a heartbeat for two minutes, or whose process is known to be
dead, may be followed by the next. Whoever finds a higher lease than his own has lost the right.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from iqatlas.errors import StorageError

HEARTBEAT_S = 20.0
STALE_S = 120.0


@runtime_checkable
class LeaseFolder(Protocol):
    """Where leases lie: whole objects, which can be created on the condition that there is none."""

    def numbers(self) -> list[int]:
        """Return the numbers of the leases that are there."""

    def read(self, number: int) -> bytes:
        """Return a lease; FileNotFoundError where it is gone."""

    def create(self, number: int, content: bytes) -> None:
        """Write a lease that is not there; FileExistsError where it is."""

    def write(self, number: int, content: bytes) -> None:
        """Write a lease again."""

    def remove(self, number: int) -> None:
        """Remove a lease."""


@dataclass(frozen=True)
class LeaseClaim:
    """A lease as its workers know it, enough to see that it still holds.

    Args:
        number: Its number.
    """

    number: int


class Lease:
    """A lease of this process.

    Args:
        folder: Where leases lie.
        where: Name of the corpus, for messages.
    """

    def __init__(self, folder: LeaseFolder, where: str) -> None:
        self._folder = folder
        self._where = where
        self._number = 0
        self._token = secrets.token_hex(8)
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    @property
    def claim(self) -> LeaseClaim:
        """What workers are told of it."""
        return LeaseClaim(self._number)

    def take(self) -> None:
        """Take the lease after the highest that is there, and begin its heartbeat.

        Raises:
            StorageError: The highest is alive.
        """
        there = self._folder.numbers()
        highest = max(there, default=0)
        if highest:
            self._refuse_living(highest)
        number = highest + 1
        try:
            self._folder.create(number, self._content())
        except FileExistsError:
            raise _taken(self._where, "another process has just begun") from None
        if max(self._folder.numbers(), default=0) != number:
            # Meanwhile the lease was given on and given back, and an earlier number became free.
            self._folder.remove(number)
            raise _taken(self._where, "another process has just begun")
        self._number = number
        for old in there:
            self._folder.remove(old)
        self._stop.clear()
        self._heart = threading.Thread(target=self._beat, daemon=True, name="iqatlas lease")
        self._heart.start()

    def _refuse_living(self, number: int) -> None:
        try:
            body = json.loads(self._folder.read(number))
            alive_s = time.time() - float(body["heartbeat"])
            owner, released = body["owner"], bool(body["released"])
            same, pid = owner["machine"] == _machine(), int(owner["pid"])
            host = str(owner["host"])[:100]
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, RecursionError):
            raise StorageError(
                "its lease can't be read", where=self._where, remedy="remove its .building, and begin again"
            ) from None
        if released or alive_s > STALE_S or (same and body.get("token") != self._token and not _runs(pid)):
            return
        raise _taken(self._where, f"process {pid} on {host}, alive {max(0.0, alive_s):.0f} s ago")

    def _content(self, *, released: bool = False) -> bytes:
        owner = {"host": platform.node(), "pid": os.getpid(), "machine": _machine()}
        body: dict[str, Any] = {
            "owner": owner,
            "token": self._token,
            "heartbeat": time.time(),
            "released": released,
        }
        return json.dumps(body).encode()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            try:
                if max(self._folder.numbers(), default=0) == self._number:
                    self._folder.write(self._number, self._content())
            except OSError:
                continue  # a store that can't be reached for a while: the writer will see for itself

    def check(self) -> None:
        """See that the lease is still the highest.

        Raises:
            StorageError: Another process has taken over.
        """
        check_claim(self._folder, self.claim, self._where)

    def give_back(self, *, removed: bool = False) -> None:
        """End the heartbeat, and leave the lease to whoever comes next.

        Args:
            removed: Whether the folder of the leases is removed in any case.
        """
        if self._heart is None:
            return
        self._stop.set()
        self._heart.join()
        self._heart = None
        if not removed and max(self._folder.numbers(), default=0) == self._number:
            self._folder.write(self._number, self._content(released=True))


def check_claim(folder: LeaseFolder, claim: LeaseClaim, where: str) -> None:
    """See that a lease is still the highest.

    Raises:
        StorageError: Another process has taken over, or the run is over.
    """
    if max(folder.numbers(), default=0) != claim.number:
        raise StorageError(
            "another process has taken this corpus over", where=where, remedy="let one of the two write it"
        )


def _taken(where: str, who: str) -> StorageError:
    return StorageError(
        f"another process is writing this corpus ({who})",
        where=where,
        remedy=f"wait for it, or choose another place with -o; one that was killed is given up "
        f"after {STALE_S:.0f} s",
    )


def _machine() -> str:
    """Return what tells this machine and its process numbers from all others; empty where nothing does."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _runs(pid: int) -> bool:
    if not _machine():
        return True  # nobody can tell
    return Path(f"/proc/{pid}").exists()
