"""The one door to dask.distributed: the workers of a cluster make shards."""

from __future__ import annotations

import logging
import secrets
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

from iqatlas.catalogs.staging import Desk, StagedShard
from iqatlas.errors import IqAtlasError, SetupError, StorageError
from iqatlas.generators.plan import Shard
from iqatlas.generators.processes import interrupts_held_back
from iqatlas.generators.provenance import DECISIVE, library_versions
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.workers import LOCAL, Crew, write_shard

_CONNECT_S = 10
_LOOK_S = 5.0
_NOBODY_S = 600.0
_AHEAD_A_WORKER = 2
_DECISIVE = ("iqatlas", *DECISIVE)


@dataclass(frozen=True, eq=False)
class Job:
    """What a worker needs for any shard.

    Args:
        token: Tells jobs apart.
        desk: Where shards are made.
        recipe: What the records follow from.
        versions: Versions of the decisive libraries where the job comes from, and its engines of features.
    """

    token: str
    desk: Desk
    recipe: Recipe
    versions: dict[str, str]


def _decisive_versions() -> dict[str, str]:
    versions = library_versions()
    return {name: versions[name] for name in _DECISIVE}


def _refuse_other_versions(worker: str, found: dict[str, str | None], wanted: dict[str, str]) -> None:
    for name, version in wanted.items():
        if found.get(name) != version:
            has = f"{name} {found[name]}" if found.get(name) else f"no {name}"
            raise SetupError(
                f"the worker {worker} has {has}",
                where="scheduler",
                accepted=f"{name} {version}, as here",
                remedy="install the same versions on the cluster",
            )


_HELD: dict[str, tuple[Desk, Workshop]] = {}
_ONE_AT_A_TIME = threading.Lock()
"""Zarr's settings are those of a process: threads that write at once would undo each other's."""


def _carry(job: Job) -> Job:
    """Return a job: as a result of a task it goes from worker to worker, and is made again if one is lost."""
    return job


def _work(job: Job, shard: Shard) -> StagedShard:
    with _ONE_AT_A_TIME:
        if job.token not in _HELD:
            found = {**_decisive_versions(), **job.recipe.plan.engines()}
            _refuse_other_versions("that joined", dict(found), job.versions)
            _HELD.clear()
            _HELD[job.token] = (job.desk.at_worker(), Workshop(job.recipe))
        return write_shard(*_HELD[job.token], shard)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Give a client of a scheduler that runs, quietly: what a cluster has to say ends in one line of ours."""
    distributed = _library()
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        try:
            client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, ImportError) as failure:
            raise SetupError(
                f"no Dask scheduler answers at {address} ({str(failure).partition(chr(10))[0][:150]})",
                where="scheduler",
                accepted="local, or tcp://host:port of a running scheduler",
                remedy="start one with `dask scheduler`",
            ) from None
        with client:
            wanted = _decisive_versions()
            there = client.get_versions(packages=list(_DECISIVE))["workers"]
            for worker, versions in there.items():
                _refuse_other_versions(worker, versions["packages"], wanted)
            yield client
    finally:
        logger.setLevel(before)


def _library() -> Any:
    try:
        import distributed
    except ImportError:
        raise SetupError(
            "dask.distributed is not installed", where="scheduler", remedy="pip install 'iqatlas[dask]'"
        ) from None
    return distributed


def require_cluster(address: str) -> None:
    """See, before any work, that a scheduler answers and that its workers are like this machine.

    Args:
        address: Of the scheduler, or ``local``.

    Raises:
        SetupError: Dask is not installed, no scheduler answers, or versions differ.
    """
    if address == LOCAL:
        _library()
        return
    with _connected(address):
        pass


@contextmanager
def cluster_crew(address: str, desk: Desk, recipe: Recipe, *, workers: int, where: str) -> Iterator[Crew]:
    """Give a crew of a Dask cluster's workers.

    Args:
        address: Of the scheduler, ``tcp://host:port``; or ``local`` for a cluster on this machine.
        desk: Where shards are made.
        recipe: What the records follow from.
        workers: Processes of a local cluster.
        where: Name of the corpus, for messages.

    Raises:
        SetupError: Dask is not installed, no scheduler answers, or versions differ.
        StorageError: The cluster is lost.
    """
    distributed = _library()
    with ExitStack() as opened:
        if address == LOCAL:
            with interrupts_held_back():
                cluster = opened.enter_context(
                    distributed.LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        processes=True,
                        memory_limit=0,
                        dashboard_address=None,
                        silence_logs=logging.CRITICAL,
                    )
                )
            address = cluster.scheduler_address
        client = opened.enter_context(_connected(address))
        versions = {**_decisive_versions(), **recipe.plan.engines()}
        job = Job(secrets.token_hex(8), desk, recipe, versions)
        crew = _Cluster(client, job, where)
        opened.callback(crew.dismiss)
        yield crew


class _Cluster:
    """The workers of a scheduler; those that are lost cost the shards that they had under way."""

    def __init__(self, client: Any, job: Job, where: str) -> None:
        self._client = client
        self._where = where
        self._running: dict[Any, Shard] = {}
        with warnings.catch_warnings():
            # Paths of a long flight are large, and have to be sent.
            warnings.filterwarnings("ignore", message="Sending large graph")
            self._job = client.submit(_carry, job, key=f"iqatlas-job-{job.token}")
        self._token = job.token

    def room(self) -> int:
        threads = self._threads() if self._alive() else 0
        # A worker that was lost leaves more under way than the others are given.
        return max(0, _AHEAD_A_WORKER * max(1, threads) - len(self._running))

    def submit(self, shard: Shard) -> None:
        key = f"iqatlas-{shard.step}-{self._token}"
        self._running[self._client.submit(_work, self._job, shard, key=key)] = shard

    def finished(self) -> list[tuple[Shard, StagedShard]]:
        nobody_since: float | None = None
        while self._running:
            done = self._done()
            if done:
                return done
            if not self._alive():
                raise self._lost("the Dask scheduler is gone")
            if self._threads():
                nobody_since = None
                continue
            nobody_since = nobody_since or time.monotonic()
            if time.monotonic() - nobody_since > _NOBODY_S:
                raise self._lost("the cluster has had no workers for ten minutes")
        return []

    def _done(self) -> list[tuple[Shard, StagedShard]]:
        """Wait a little, and return what is staged."""
        distributed = _library()
        try:
            with self._client.as_current():
                try:
                    done = distributed.wait(
                        list(self._running), timeout=_LOOK_S, return_when="FIRST_COMPLETED"
                    ).done
                except TimeoutError:
                    return []
            return [(self._running.pop(future), self._result(future)) for future in done]
        except distributed.KilledWorker:
            raise self._lost("workers die of one shard again and again, for want of memory perhaps") from None
        except (CancelledError, distributed.comm.CommClosedError):
            raise self._lost("the Dask scheduler is gone") from None

    def _result(self, future: Any) -> StagedShard:
        failure = future.exception()
        if failure is None:
            return cast(StagedShard, future.result())
        known = (IqAtlasError, _library().KilledWorker, CancelledError)
        if isinstance(failure, known):
            raise failure
        raise self._lost(f"a worker failed ({type(failure).__name__}: {str(failure)[:150]})") from None

    def _threads(self) -> int:
        """Return the number of threads; the scheduler may be gone since it was last heard of."""
        try:
            return sum(self._client.nthreads().values())
        except OSError:
            raise self._lost("the Dask scheduler is gone") from None

    def _alive(self) -> bool:
        return bool(self._client.status == "running")

    def _lost(self, what: str) -> StorageError:
        return StorageError(
            what, where=self._where, remedy="see to the cluster and run the same command again: it resumes"
        )

    def dismiss(self) -> None:
        """Take back what is not done."""
        if self._alive():
            self._client.cancel([*self._running, self._job], force=True)
        self._running.clear()
