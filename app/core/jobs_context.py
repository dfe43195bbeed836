"""What a job's function is given: who it is, how far it got, and the transaction that ends it."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from app.core.db import fetchval, transaction
from app.core.jobs_kinds import LostLease, Priority

PROGRESS_SECONDS = 0.5

#: Nobody else may end this attempt while the caller's transaction is open.
_HOLD = """
    SELECT true FROM job
    WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running' FOR UPDATE
"""
#: The slot is free again, which the dispatcher hears with the commit.
_DONE = """
    WITH done AS (
        UPDATE job SET state = 'done', progress = 1, error = NULL, finished_at = now(),
            lease_until = NULL
        WHERE id = $1 RETURNING lane
    ) SELECT pg_notify('job_ready', lane) FROM done
"""
_PROGRESS = """
    UPDATE job SET progress = $4
    WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running' RETURNING true
"""


#: Hears the subject of a job that got further, once that is committed. It must not fail.
Hearer = Callable[[str], Awaitable[None]]
_hearers: list[Hearer] = []


def on_progress(hear: Hearer) -> None:
    """Call this whenever a job of this process got further or is done."""
    _hearers.append(hear)


@dataclass(slots=True)
class JobContext:
    """One attempt at a job."""

    id: UUID
    kind: str
    attempt: int
    max_attempts: int
    priority: Priority
    subject: str | None
    owner_id: int | None
    #: the process that claimed it
    worker: str
    #: set when somebody cancelled the job, or the worker stops, or the lease was lost
    cancelled: bool = False
    finished: bool = field(default=False, init=False)
    _told_at: float = field(default=0, init=False)

    @property
    def nice(self) -> int:
        """The niceness of child processes that do this work."""
        return self.priority.nice

    @property
    def last_attempt(self) -> bool:
        """Whether the job is dead when this attempt fails."""
        return self.attempt >= self.max_attempts

    async def progress(self, fraction: float) -> None:
        """Tell how much is done, 0 to 1; what comes sooner than half a second after the last is
        dropped.

        Raises LostLease when this attempt no longer owns the job.
        """
        now = time.monotonic()
        if now - self._told_at < PROGRESS_SECONDS:
            return
        self._told_at = now
        done = min(1.0, max(0.0, fraction))
        if not await fetchval(_PROGRESS, self.id, self.worker, self.attempt, done):
            raise LostLease(f"{self.kind} {self.id}")
        await self._tell()

    @contextlib.asynccontextmanager
    async def finish(self) -> AsyncIterator[None]:
        """The transaction that holds the job's effects and marks it done: both commit, or neither.

        Raises LostLease, before anything is done, when this attempt no longer owns the job.
        """
        async with transaction():
            if not await fetchval(_HOLD, self.id, self.worker, self.attempt):
                raise LostLease(f"{self.kind} {self.id}")
            yield
            await fetchval(_DONE, self.id)
        self.finished = True
        await self._tell()

    async def _tell(self) -> None:
        if self.subject is not None:
            for hear in _hearers:
                await hear(self.subject)
