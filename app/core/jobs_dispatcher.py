"""The dispatcher: decides which job goes next, as late as it can, and sends its id to the workers.

Per lane it sends as many ids as live workers have free slots, so that a job that is enqueued now
may still go first. Several dispatchers may run; a lock lets one at a time decide. It speaks to
PostgreSQL over one connection of its own and imports no feature and no model: it stays small, and
wakes only for words (NOTIFY) and for the next thing that is due.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import structlog

from app.core import jobs_carrier as carrier
from app.core.jobs_listen import CONNECTION_ERRORS

log = structlog.get_logger(__name__)

#: An id that was sent so long ago and that no worker claimed was lost with Redis, or with its
#: worker.
RESEND_SECONDS = 5
#: With nothing to do it looks this often regardless.
IDLE_SECONDS = 10.0
BACKOFF_SECONDS = 0.5
#: Looking for what was lost costs three statements, and is not done more often than this.
TIDY_SECONDS = 1.0
#: Whose turn it was is remembered for so many owners of a lane.
OWNERS_REMEMBERED = 1000
DECIDE_LOCK = 0x6A6F6273  # "jobs"

_LEASES = """
    WITH expired AS (
        SELECT id FROM job WHERE state = 'running' AND lease_until < now() FOR UPDATE SKIP LOCKED
    ) UPDATE job SET state = 'queued', worker = NULL, lease_until = NULL, sent_at = NULL,
        error = 'The worker fell silent.'
    FROM expired WHERE job.id = expired.id RETURNING job.id, job.kind
"""
_LOST = """
    WITH lost AS (
        SELECT id FROM job
        WHERE state = 'queued' AND sent_at < now() - $1 * interval '1 second' FOR UPDATE SKIP LOCKED
    ) UPDATE job SET sent_at = NULL FROM lost WHERE job.id = lost.id
"""
_SILENT_WORKERS = "DELETE FROM worker WHERE seen_at < now() - $1 * interval '10 seconds'"
#: Slots of live workers by lane, and what holds one: running there, or on its way.
_LOAD = """
    WITH live AS (
        SELECT id, lane, slots FROM worker WHERE seen_at > now() - $1 * interval '1 second'
    ), used AS (
        SELECT job.lane, coalesce(owner_id, 0) AS owner, priority < 0 AS extra, count(*) AS jobs
        FROM job LEFT JOIN live ON live.id = job.worker || '/' || job.lane
        WHERE (state = 'running' AND live.id IS NOT NULL)
            OR (state = 'queued' AND sent_at IS NOT NULL)
        GROUP BY 1, 2, 3
    ), lane AS (SELECT lane, sum(slots)::int AS slots FROM live GROUP BY lane)
    SELECT lane.lane, lane.slots, used.owner, used.extra, used.jobs
    FROM lane LEFT JOIN used USING (lane)
"""
#: The first ready jobs of each owner and priority, found by hops over the index, whatever the
#: backlog.
_READY = """
    WITH RECURSIVE head AS (
        (SELECT -priority AS rank, coalesce(owner_id, 0) AS owner FROM job
         WHERE lane = $1 AND state = 'queued' AND sent_at IS NULL
         ORDER BY -priority, coalesce(owner_id, 0) LIMIT 1)
        UNION ALL
        SELECT next.rank, next.owner FROM head CROSS JOIN LATERAL (
            SELECT -priority AS rank, coalesce(owner_id, 0) AS owner FROM job
            WHERE lane = $1 AND state = 'queued' AND sent_at IS NULL
                AND (-priority, coalesce(owner_id, 0)) > (head.rank, head.owner)
            ORDER BY -priority, coalesce(owner_id, 0) LIMIT 1) next
    )
    SELECT ready.id, -head.rank AS priority, head.owner, ready.owner_slots, ready.run_at
    FROM head CROSS JOIN LATERAL (
        SELECT id, owner_slots, run_at FROM job
        WHERE lane = $1 AND state = 'queued' AND sent_at IS NULL AND -priority = head.rank
            AND coalesce(owner_id, 0) = head.owner AND run_at <= now()
        ORDER BY run_at, id LIMIT $2) ready
    ORDER BY priority DESC, ready.run_at, ready.id
"""
_SENT = """
    UPDATE job SET sent_at = now()
    WHERE id = ANY ($1) AND state = 'queued' AND sent_at IS NULL RETURNING id
"""
#: Seconds until something is due of itself: a delayed job; a resend or a lease.
_NEXT = """
    SELECT extract(epoch FROM (
        SELECT min(run_at) FROM job WHERE state = 'queued' AND sent_at IS NULL AND run_at > now()
    ) - now())::float8 AS job,
    extract(epoch FROM least(
        (SELECT min(sent_at) + $1 * interval '1 second' FROM job
         WHERE state = 'queued' AND sent_at IS NOT NULL),
        (SELECT min(lease_until) FROM job WHERE state = 'running')
    ) - now())::float8 AS tidying
"""

#: What else is due in the dispatcher's rhythm (the timetable): gives the seconds until its next
#: turn.
Chore = Callable[[asyncpg.Connection], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Ready:
    """A job that could be sent now."""

    id: UUID
    priority: int
    owner: int
    owner_slots: int | None


@dataclass(slots=True)
class Load:
    """A lane's slots, and who holds them."""

    slots: int
    #: slots by owner
    owners: Counter[int]
    #: slots of jobs that nobody waits for
    extra: int = 0
    #: when each owner was last served, by the dispatcher's count; never is 0
    served: Counter[int] = field(default_factory=Counter)

    @property
    def free(self) -> int:
        """Slots that nobody holds."""
        return self.slots - self.owners.total()

    @property
    def extra_slots(self) -> int:
        """Slots that jobs nobody waits for may hold: all but one, where there is more than one."""
        return max(1, self.slots - 1)


def choose(ready: Sequence[Ready], load: Load) -> list[Ready]:
    """The jobs that go next: by priority, then by how little their owner holds, then by how long
    ago it was served (so that a single slot goes round, too), then by age.

    `ready` comes ordered by priority and age. Extra jobs leave a slot for those that somebody waits
    for. Whose turn it was is noted in `load.served`.
    """
    chosen: list[Ready] = []
    owners, served, extra, waiting = load.owners.copy(), load.served, load.extra, list(ready)
    while waiting and len(chosen) < load.free:
        best = min(
            (each for each in waiting if each.priority == waiting[0].priority),
            key=lambda each: (owners[each.owner], served[each.owner]),
        )
        waiting.remove(best)
        if best.priority < 0 and extra >= load.extra_slots:
            continue
        if best.owner_slots is not None and owners[best.owner] >= best.owner_slots:
            continue
        chosen.append(best)
        owners[best.owner] += 1
        served[best.owner] = max(served.values(), default=0) + 1
        extra += best.priority < 0
    return chosen


@dataclass
class Dispatcher:
    """One dispatcher process."""

    database_url: str
    redis_url: str
    lease_seconds: int
    chores: Sequence[Chore] = ()
    _tidied_at: float = -TIDY_SECONDS
    _served: dict[str, Counter[int]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Dispatch until `stop` is set, through restarts of PostgreSQL and Redis."""
        wake, stopping = asyncio.Event(), asyncio.get_running_loop().create_task(_set(stop))
        stopping.add_done_callback(lambda _: wake.set())
        redis = carrier.connect(self.redis_url)
        try:
            while not stop.is_set():
                try:
                    await self._connected(redis, wake, stop)
                except CONNECTION_ERRORS as error:
                    log.warning("the database is away", error=f"{type(error).__name__}: {error}")
                    await asyncio.sleep(BACKOFF_SECONDS)
        finally:
            stopping.cancel()
            await carrier.disconnect(redis)

    async def _connected(
        self, redis: carrier.Redis, wake: asyncio.Event, stop: asyncio.Event
    ) -> None:
        database = await asyncpg.connect(
            self.database_url,
            timeout=10,
            command_timeout=30,
            server_settings={"application_name": "kinora-dispatcher"},
        )
        # Workers that the database was away from have time to renew before anything is taken from
        # them.
        patient_until = time.monotonic() + self.lease_seconds / 2
        try:
            database.add_termination_listener(lambda _: wake.set())
            await database.add_listener("job_ready", lambda *_: wake.set())
            while not stop.is_set():
                wake.clear()
                patient = time.monotonic() < patient_until
                pause = await self._turn(database, redis, patient=patient)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await wake.wait()
        finally:
            if not database.is_closed():
                await database.close(timeout=2)

    async def _turn(
        self, database: asyncpg.Connection, redis: carrier.Redis, *, patient: bool
    ) -> float:
        """Do all that is due; gives the seconds until something is due next."""
        pauses = [await self._done(chore, database) for chore in self.chores]
        try:
            async with database.transaction():
                if await database.fetchval("SELECT pg_try_advisory_xact_lock($1)", DECIDE_LOCK):
                    await self._tidy(database, patient=patient)
                    await self._send(database, redis)
        except carrier.CARRIER_ERRORS as error:
            if database.is_closed():
                raise
            log.warning("no connection to Redis", error=str(error))
            return BACKOFF_SECONDS
        due = await database.fetchrow(_NEXT, RESEND_SECONDS)
        if due["job"] is not None:
            pauses.append(due["job"])
        if due["tidying"] is not None:
            pauses.append(max(due["tidying"], TIDY_SECONDS))
        # A little late rather than a little early, which would be a turn for nothing.
        return min([IDLE_SECONDS, *(max(pause, 0) + 0.005 for pause in pauses)])

    async def _done(self, chore: Chore, database: asyncpg.Connection) -> float:
        """Do a chore; one that fails does not keep jobs from being sent."""
        try:
            return await chore(database)
        except Exception:
            if database.is_closed():
                raise
            log.exception("a chore failed")
            return IDLE_SECONDS

    async def _tidy(self, database: asyncpg.Connection, *, patient: bool) -> None:
        """Take back what silent workers hold, and what was sent and never arrived."""
        if time.monotonic() - self._tidied_at < TIDY_SECONDS:
            return
        self._tidied_at = time.monotonic()
        await database.execute(_LOST, RESEND_SECONDS)
        if patient:
            return
        for row in await database.fetch(_LEASES):
            log.warning("a lease ran out", job_id=str(row["id"]), kind=row["kind"])
        await database.execute(_SILENT_WORKERS, self.lease_seconds)

    async def _send(self, database: asyncpg.Connection, redis: carrier.Redis) -> None:
        """Send what goes next; the rows are marked only when Redis has all of it."""
        for lane, load in (await self._loads(database)).items():
            if load.free <= 0:
                continue
            rows = await database.fetch(_READY, lane, load.free)
            ready = [
                Ready(row["id"], row["priority"], row["owner"], row["owner_slots"]) for row in rows
            ]
            chosen = choose(ready, load)
            self._served[lane] = Counter(dict(load.served.most_common(OWNERS_REMEMBERED)))
            if not chosen:
                continue
            sent = await database.fetch(_SENT, [each.id for each in chosen])
            marked = {row["id"] for row in sent}
            job_ids = [each.id for each in chosen if each.id in marked]
            await carrier.send(redis, lane=lane, job_ids=job_ids)
            await database.execute("SELECT pg_notify('job_sent', $1)", lane)
            log.debug("sent", lane=lane, jobs=len(job_ids))

    async def _loads(self, database: asyncpg.Connection) -> dict[str, Load]:
        loads: dict[str, Load] = {}
        for row in await database.fetch(_LOAD, self.lease_seconds):
            lane = row["lane"]
            served = self._served.setdefault(lane, Counter())
            load = loads.setdefault(lane, Load(row["slots"], Counter(), served=served))
            if row["jobs"]:
                load.owners[row["owner"]] += row["jobs"]
                load.extra += row["jobs"] if row["extra"] else 0
        return loads


async def _set(event: asyncio.Event) -> None:
    await event.wait()
