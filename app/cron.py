"""The timetable: what is done again and again, as one list; the dispatcher turns what is due into
jobs.

The last tick of each entry is a row, so that a tick that was missed (no dispatcher ran) happens
once, late, and two dispatchers make one job. An entry that is new here starts with its next tick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from app.core.ids import new_uuid
from app.core.jobs_kinds import Lane

log = structlog.get_logger(__name__)

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of job, without payload, due each `every`, counted from Monday 00:00 UTC plus `at`."""

    kind: str
    every: timedelta
    at: timedelta = timedelta(0)
    lane: Lane = Lane.DEFAULT

    def last_due(self, now: datetime) -> datetime:
        """The latest tick that is not after `now`."""
        first = EPOCH + self.at
        return first + (now - first) // self.every * self.every


TIMETABLE: tuple[Entry, ...] = (
    Entry("jobs.forget", every=timedelta(hours=1), at=timedelta(minutes=20)),
    Entry("sessions.sweep", every=timedelta(hours=1), at=timedelta(minutes=35)),
    Entry("uploads.remove_stale", every=timedelta(hours=1), at=timedelta(minutes=50)),
    Entry("videos.count_views", every=timedelta(minutes=1)),
    Entry("videos.refresh_trending", every=timedelta(minutes=10), at=timedelta(seconds=30)),
)

_SEEN = "INSERT INTO tick (name, due_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true"
_TICK = "UPDATE tick SET due_at = $2 WHERE name = $1 AND due_at < $2 RETURNING true"
#: While the job of the tick before is still live there is no second one.
_OWE = """
    WITH new AS (
        INSERT INTO job (id, kind, lane, payload, priority, state, attempt, max_attempts, run_at,
            progress, unique_key, created_at)
        VALUES ($1, $2, $3, '{}', 0, 'queued', 0, 5, now(), 0, $4, now())
        ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND state IN ('queued', 'running')
        DO NOTHING RETURNING id, lane
    ) SELECT id, pg_notify('job_ready', lane) FROM new
"""


class Timetable:
    """Keeps the entries; a chore of the dispatcher."""

    def __init__(self, entries: Sequence[Entry] = TIMETABLE) -> None:
        self.entries = entries
        self._told: dict[str, datetime] = {}

    async def __call__(self, database: asyncpg.Connection) -> float:
        """Owe the jobs of all ticks that are due; gives the seconds until the next one."""
        now = datetime.now(UTC)
        pauses = []
        for entry in self.entries:
            due = entry.last_due(now)
            if self._told.get(entry.kind) != due:
                await self._tick(database, entry, due)
                self._told[entry.kind] = due
            pauses.append((due + entry.every - now).total_seconds())
        return min(pauses, default=float("inf"))

    async def _tick(self, database: asyncpg.Connection, entry: Entry, due: datetime) -> None:
        async with database.transaction():
            if await database.fetchval(_SEEN, entry.kind, due):
                return
            if await database.fetchval(_TICK, entry.kind, due):
                key = f"timetable:{entry.kind}"
                await database.fetch(_OWE, new_uuid(), entry.kind, entry.lane, key)
                log.info("due by the timetable", kind=entry.kind)
