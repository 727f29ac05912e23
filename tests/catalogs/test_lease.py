"""Leases: one of several writers gets one, a dead writer's is given on, and who has lost it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from iqatlas.catalogs import lease as leases
from iqatlas.catalogs.lease import Lease, check_claim
from iqatlas.errors import StorageError


class Shelf:
    """Leases in memory, created under a condition as an object store does."""

    def __init__(self) -> None:
        self.held: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def numbers(self) -> list[int]:
        with self._lock:
            return list(self.held)

    def read(self, number: int) -> bytes:
        try:
            return self.held[number]
        except KeyError:
            raise FileNotFoundError(number) from None

    def create(self, number: int, content: bytes) -> None:
        with self._lock:
            if number in self.held:
                raise FileExistsError(number)
            self.held[number] = content

    def write(self, number: int, content: bytes) -> None:
        with self._lock:
            self.held[number] = content

    def remove(self, number: int) -> None:
        with self._lock:
            self.held.pop(number, None)


def change(shelf: Shelf, number: int, **changes: object) -> None:
    body = json.loads(shelf.held[number])
    for key, value in changes.items():
        place = body["owner"] if key in body["owner"] else body
        place[key] = value
    shelf.held[number] = json.dumps(body).encode()


def test_a_second_writer_is_refused_with_the_name_of_the_first() -> None:
    shelf = Shelf()
    first = Lease(shelf, "s3://b/c")
    first.take()
    with pytest.raises(
        StorageError, match=rf"another process .*process {os.getpid()} on .*alive 0 s ago"
    ) as e:
        Lease(shelf, "s3://b/c").take()
    assert "\n" not in str(e.value)
    first.check()
    first.give_back()
    second = Lease(shelf, "s3://b/c")
    second.take()
    assert list(shelf.held) == [2]
    second.give_back()


def test_of_many_that_begin_at_once_one_gets_it() -> None:
    shelf = Shelf()
    contenders = [Lease(shelf, "c") for _ in range(8)]
    won: list[Lease] = []
    start = threading.Barrier(len(contenders))

    def contend(lease: Lease) -> None:
        start.wait()
        try:
            lease.take()
        except StorageError:
            return
        won.append(lease)

    threads = [threading.Thread(target=contend, args=(lease,)) for lease in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    won[0].give_back()


def test_a_lease_of_a_dead_process_of_this_machine_is_given_on_at_once() -> None:
    shelf = Shelf()
    killed = Lease(shelf, "c")
    killed.take()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    change(shelf, 1, pid=dead.pid)
    heir = Lease(shelf, "c")
    heir.take()
    with pytest.raises(StorageError, match="taken this corpus over"):
        killed.check()
    killed.give_back()
    heir.check()  # the other's end leaves it alone
    heir.give_back()


def test_on_another_machine_a_lease_ends_two_minutes_after_its_last_heartbeat() -> None:
    shelf = Shelf()
    other = Lease(shelf, "c")
    other.take()
    change(shelf, 1, machine="elsewhere", pid=1 << 22, heartbeat=time.time() - leases.STALE_S + 5)
    with pytest.raises(StorageError, match="given up after 120 s"):
        Lease(shelf, "c").take()
    change(shelf, 1, heartbeat=time.time() - leases.STALE_S - 1)
    heir = Lease(shelf, "c")
    heir.take()
    for lease in (other, heir):
        lease.give_back()


def test_the_heart_beats_until_the_lease_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.01)
    shelf = Shelf()
    lease = Lease(shelf, "c")
    lease.take()
    first = shelf.held[1]
    deadline = time.monotonic() + 10
    while shelf.held[1] == first and time.monotonic() < deadline:
        time.sleep(0.005)
    assert shelf.held[1] != first
    lease.give_back()
    last = shelf.held[1]
    assert json.loads(last)["released"]
    time.sleep(0.05)
    assert shelf.held[1] == last


def test_a_lower_number_that_became_free_is_not_taken_for_the_highest() -> None:
    """A slow process saw lease 1; meanwhile 2 was given on to 3, and 2 removed."""
    shelf = Shelf()
    fast = Lease(shelf, "c")
    fast.take()

    class Slow(Shelf):
        def __init__(self) -> None:
            super().__init__()
            self.held = shelf.held
            self.looks = 0

        def numbers(self) -> list[int]:
            self.looks += 1
            return [1] if self.looks == 1 else super().numbers()

    content = shelf.held.pop(1)
    shelf.held[3] = content
    with pytest.raises(StorageError, match="just begun"):
        Lease(Slow(), "c").take()
    assert list(shelf.held) == [3]
    fast.give_back(removed=True)


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"heartbeat": "x"}', b"[" * 100_000])
def test_a_lease_that_is_garbage_is_one_line(content: bytes) -> None:
    shelf = Shelf()
    shelf.held[7] = content
    with pytest.raises(StorageError, match=r"its lease can.t be read; remove its \.building"):
        Lease(shelf, "c").take()


def test_a_worker_sees_that_its_run_is_over() -> None:
    shelf = Shelf()
    lease = Lease(shelf, "c")
    lease.take()
    check_claim(shelf, lease.claim, "c")
    shelf.remove(1)
    with pytest.raises(StorageError, match="taken this corpus over"):
        check_claim(shelf, lease.claim, "c")
    lease.give_back(removed=True)
