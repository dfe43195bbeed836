"""What a worker process does with jobs: takes as many as it has slots, keeps their leases, stops
them.

The running jobs hang on nothing but PostgreSQL, and outlive its restarts that are shorter than a
lease; Redis may come and go. Many jobs share one heartbeat, one statement each third of a lease.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from uuid import UUID

import structlog

from app.config import settings
from app.core import jobs_carrier as carrier
from app.core.db import execute, fetch, fetchval
from app.core.jobs_attempt import (
    DATABASE_ERRORS,
    Claim,
    attempt,
    claim,
    give_back,
    let_go,
)
from app.core.jobs_kinds import Lane
from app.core.jobs_listen import listen
from app.core.models import JobState

log = structlog.get_logger(__name__)

#: A lane looks into Redis this often even when no word came that something is there.
LOOK_SECONDS = 2.0
REDIS_BACKOFF_SECONDS = 0.5
#: How long work that was cancelled may take to clean up before it is given back regardless.
CLEAN_UP_SECONDS = 6.0
LETTING_GO_SECONDS = 2.0

#: What is cancelled is kept, too, until its work has ended. A row that a finishing transaction of
#: ours holds is renewed next time: the dispatcher passes over it as well.
_RENEW = """
    WITH mine AS (
        SELECT id FROM job
        WHERE id = ANY ($3) AND worker = $1 AND state IN ('running', 'cancelled')
        FOR UPDATE SKIP LOCKED
    ) UPDATE job SET lease_until = now() + $2 * interval '1 second' FROM mine WHERE job.id = mine.id
"""
_STILL_MINE = """
    SELECT id, attempt, state FROM job WHERE id = ANY ($2) AND worker = $1 AND state <> 'queued'
"""
_SIGN_ON = """
    INSERT INTO worker (id, lane, slots, encoders, started_at, seen_at)
    VALUES ($1 || '/' || $2, $2, $3, $4::jsonb, now(), now())
    ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, seen_at = now()
"""
_SIGN_OFF = "DELETE FROM worker WHERE starts_with(id, $1 || '/')"
_WAKE_DISPATCHER = "SELECT pg_notify('job_ready', '')"


class End(Enum):
    """Why running work was cut off."""

    STOPPING = auto()
    CANCELLED = auto()
    LOST = auto()


@dataclass(slots=True)
class Running:
    """A slot in use."""

    lane: Lane
    task: "asyncio.Task[None]"
    claim: Claim | None = None
    end: End | None = None


@dataclass
class Runner:
    """The jobs that this process runs, in the slots of its lanes."""

    name: str
    slots: Mapping[Lane, int]
    #: encoder profiles that were tried on this host: None for each that works, else why not
    encoders: Mapping[str, str | None] = field(default_factory=dict)
    running: dict[UUID, Running] = field(default_factory=dict)
    _words: dict[Lane, asyncio.Event] = field(default_factory=dict)
    _stopping: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Take and run jobs until `stop` is set; then give back what runs."""
        self._words = {lane: asyncio.Event() for lane in self.slots}
        channels = {"job_sent": self._hear_sent, "job_cancelled": self._hear_cancelled}
        database = settings().database.url.get_secret_value()
        background: list[Awaitable[None]] = [
            listen(database, channels, connected=self._connected),
            self._keep_leases(),
            *(self._receive(lane) for lane in self.slots),
        ]
        tasks = [_start(each) for each in background]
        try:
            waiting = _start(stop.wait())
            done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            for task in done - {waiting}:
                task.result()
        finally:
            self._stopping = True
            await _cut_off(tasks, seconds=LETTING_GO_SECONDS)
            await self._give_back()

    def free(self, lane: Lane) -> int:
        """Slots of a lane that hold no job."""
        used = Counter(each.lane for each in self.running.values())
        return self.slots[lane] - used[lane]

    # Words from the database ------------------------------------------------------------------

    def _hear_sent(self, lane: str) -> None:
        for mine, word in self._words.items():
            if mine == lane:
                word.set()

    def _hear_cancelled(self, job_id: str) -> None:
        self._end(UUID(job_id), End.CANCELLED)

    async def _connected(self) -> None:
        """Nothing was heard for a while: tell the dispatcher of our slots, and look ourselves."""
        await self._sign_on()
        await fetchval(_WAKE_DISPATCHER)
        for word in self._words.values():
            word.set()

    def _end(self, job_id: UUID, end: End) -> None:
        running = self.running.get(job_id)
        if running is None:
            return
        running.end = running.end or end
        if running.claim is not None:
            running.claim.context.cancelled = True
        running.task.cancel()

    # Ids from Redis ---------------------------------------------------------------------------

    async def _receive(self, lane: Lane) -> None:
        """Take ids while there are free slots; whenever Redis is away, ask again a little later."""
        while not self._stopping:
            redis = carrier.connect(settings().redis.url.get_secret_value())
            try:
                receiver = carrier.Receiver(
                    redis, lane=lane, deliver=lambda job_id: self._accept(lane, job_id)
                )
                while not self._stopping:
                    self._words[lane].clear()
                    if free := self.free(lane):
                        await receiver.take(free)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await self._words[lane].wait()
            except carrier.CARRIER_ERRORS as error:
                log.warning("no connection to Redis", lane=lane, error=str(error))
                await asyncio.sleep(REDIS_BACKOFF_SECONDS)
            finally:
                with contextlib.suppress(*carrier.CARRIER_ERRORS):
                    await carrier.disconnect(redis)

    def _accept(self, lane: Lane, job_id: UUID) -> None:
        """Use a slot for an id that came; the same id again is a second delivery."""
        log.debug("delivered", lane=lane, job_id=str(job_id))
        if not self._stopping and job_id not in self.running:
            self.running[job_id] = Running(lane, _start(self._work(job_id)))

    # Work -------------------------------------------------------------------------------------

    async def _work(self, job_id: UUID) -> None:
        """Claim, run, and free the slot."""
        running = self.running[job_id]
        try:
            running.claim = await claim(job_id, worker=self.name)
            if running.claim is not None:
                await attempt(running.claim)
        except asyncio.CancelledError:
            await self._ended(running)
        except DATABASE_ERRORS as error:
            # An unclaimed id is sent again; a claimed job's lease runs out.
            log.warning("no word from the database about a job", id=str(job_id), error=str(error))
        finally:
            del self.running[job_id]
            self._words[running.lane].set()

    async def _ended(self, running: Running) -> None:
        """After running work was cut off: nobody is at it any more."""
        log.info("job was cut off", end=running.end and running.end.name.lower())
        if running.claim is not None and running.end is End.CANCELLED:
            with contextlib.suppress(*DATABASE_ERRORS):
                await let_go(running.claim.context)

    # Leases -----------------------------------------------------------------------------------

    async def _keep_leases(self) -> None:
        """Say every third of a lease that this worker lives, and drop what it no longer owns."""
        lease = settings().workers.lease_seconds
        while True:
            try:
                await self._beat(lease)
            except DATABASE_ERRORS as error:
                log.warning("no heartbeat", error=str(error))
                await asyncio.sleep(REDIS_BACKOFF_SECONDS)
            else:
                await asyncio.sleep(lease / 3)

    async def _sign_on(self) -> None:
        for lane, slots in self.slots.items():
            await execute(_SIGN_ON, self.name, lane, slots, json.dumps(dict(self.encoders)))

    async def _beat(self, lease: int) -> None:
        await self._sign_on()
        asked = {
            job_id: running.claim.context.attempt
            for job_id, running in self.running.items()
            if running.claim is not None
        }
        if not asked:
            return
        await execute(_RENEW, self.name, lease, list(asked))
        mine = {row["id"]: row for row in await fetch(_STILL_MINE, self.name, list(asked))}
        for job_id, number in asked.items():
            row = mine.get(job_id)
            if row is None or row["attempt"] != number:
                self._end(job_id, End.LOST)
            elif row["state"] == JobState.CANCELLED:
                self._end(job_id, End.CANCELLED)

    # Ends -------------------------------------------------------------------------------------

    async def _give_back(self) -> None:
        """Cut off what runs and queue it again, so that another worker takes it at once."""
        ending = [running.task for running in self.running.values()]
        for job_id in list(self.running):
            self._end(job_id, End.STOPPING)
        await _cut_off(ending, seconds=CLEAN_UP_SECONDS)
        try:
            await execute(_SIGN_OFF, self.name)
            given = await give_back(self.name)
            await fetchval(_WAKE_DISPATCHER)
        except DATABASE_ERRORS as error:
            log.warning("could not give jobs back; their leases run out", error=str(error))
        else:
            log.info("worker stopped", given_back=given)


async def _cut_off(tasks: Iterable["asyncio.Task[None]"], *, seconds: float) -> None:
    """End tasks; each has so long to clean up, and is told a second time in between.

    Python 3.11's `wait_for`, which redis-py uses, may swallow a cancel.
    """
    pending = {task for task in tasks if not task.done()}
    for _ in range(2):
        for task in pending:
            task.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=seconds / 2)


def _start(work: Awaitable[object]) -> "asyncio.Task[None]":
    """A task of the worker itself, outside every transaction."""

    async def run() -> None:
        await work

    return asyncio.get_running_loop().create_task(run())
